"""The table assets as Dagster runs them, on a real warehouse."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import dagster as dg
import pytest
import sqlalchemy as sa

from jira_assets.partitions import PARTITIONS_NAME, PartitionKey
from jira_assets.transform.assets import build_transform_assets
from jira_assets.transform.runs import answered, common_tags
from jira_assets.transform.snapshots import TRANSFORM_VERSION, TRANSFORMS
from jira_assets.warehouse.integrations import Integration, get_integration, set_active
from jira_assets.warehouse.staging import staged_columns
from jira_assets.warehouse.tables import (
    DATA_TABLES,
    SOURCES,
    etl_job_queue,
    projects_statuses,
    statuses,
)
from jira_assets_tests.scenario import CLOUD, DATA_CENTER, SITES
from jira_assets_tests.site_scenario import Row, answer, listing
from jira_assets_tests.transform.conftest import TABLES, Transforms

RANGE = (CLOUD.partition_key, DATA_CENTER.partition_key)


def living(transforms: Transforms, table: str, partition_key: str) -> set[Row]:
    """Return an integration's living rows as the scenario writes them."""
    data = DATA_TABLES[table]
    keys = [c.name for c in data.primary_key if c.name != "integration_id"]
    columns = [*keys, *(name for name in staged_columns(data) if name not in keys)]
    owner = transforms.owners[partition_key]
    query = sa.select(*(data.c[name] for name in columns)).where(
        data.c.integration_id == owner.integration_id, data.c.deleted_at.is_(None)
    )
    return {tuple(row) for row in transforms.all(query)}


def failure(result: dg.ExecuteInProcessResult, step: str) -> dg.Failure:
    """Return what a step failed with, having checked that it was not tried again."""
    assert not result.success
    assert not result.get_step_success_events()
    retries = [e for e in result.events_for_node(step) if e.event_type_value == "STEP_UP_FOR_RETRY"]
    assert retries == []
    [event] = [e for e in result.get_step_failure_events() if e.step_key == step]
    data = event.step_failure_data.user_failure_data
    assert data is not None
    return dg.Failure(data.description, allow_retries=False)


def config(extraction: str, *tables: str) -> dict[str, Any]:
    return {"ops": {table: {"config": {"extraction": extraction}} for table in tables}}


def states(transforms: Transforms) -> Mapping[str, str]:
    query = sa.select(etl_job_queue.c.entity, etl_job_queue.c.state)
    return {row.entity: row.state for row in transforms.all(query)}


def receive_all(transforms: Transforms) -> None:
    with transforms.engine.begin() as connection:
        connection.execute(sa.update(etl_job_queue).values(state="received"))


def test_one_run_fills_every_table_of_many_partitions(transforms: Transforms) -> None:
    for site in SITES:
        transforms.land(site)
    result = transforms.run(RANGE)
    assert result.success
    for site in SITES:
        for table, rows in site.rows.items():
            assert living(transforms, table, site.partition_key) == set(rows), table
    for table in TABLES:
        key = dg.AssetKey(table)
        assert transforms.instance.get_materialized_partitions(key) == set(RANGE)


def test_a_second_run_changes_nothing(transforms: Transforms) -> None:
    transforms.land(CLOUD)
    transforms.run(CLOUD.partition_key, ["statuses"])
    before = transforms.all(sa.select(statuses).order_by(statuses.c.jira_id))
    assert transforms.run(CLOUD.partition_key, ["statuses"]).success
    assert transforms.all(sa.select(statuses).order_by(statuses.c.jira_id)) == before


def test_a_project_that_turns_unreadable_keeps_what_only_it_named(transforms: Transforms) -> None:
    transforms.land(CLOUD)
    transforms.run(CLOUD.partition_key, ["statuses", "projects_statuses"])
    later = [answer(0, "10000", "DEV", []), answer(1, "10001", "OPS", None, 403)]
    transforms.land(CLOUD.changed("project_statuses", later), "project_statuses")
    assert transforms.run(CLOUD.partition_key, ["statuses", "projects_statuses"]).success
    relations = living(transforms, "projects_statuses", CLOUD.partition_key)
    assert relations == {("10001", "10202"), ("10001", "10209")}
    names = {row[0] for row in living(transforms, "statuses", CLOUD.partition_key)}
    assert "10209" in names


def test_what_turns_bad_is_not_gone(transforms: Transforms) -> None:
    def names_after(*payloads: Any) -> set[str]:
        later = listing(*payloads)
        transforms.land(CLOUD.changed("statuses", later), "statuses")
        assert transforms.run(CLOUD.partition_key, ["statuses"]).success
        return {row[1] for row in living(transforms, "statuses", CLOUD.partition_key)}

    whole = [{"id": each, "name": each} for each in ("1", "2", "3", "4")]
    assert names_after(whole) == {"1", "2", "3", "4"}
    assert names_after([{"id": "1", "name": None}, *whole[1:3]]) == {"1", "2", "3"}
    assert names_after([*whole[1:2], {"id": "9", "name": "9"}], "no list") == {"1", "2", "3", "9"}
    assert names_after(whole[1:2]) == {"2"}


def test_a_run_on_one_partition_is_tagged_and_answers_its_messages(transforms: Transforms) -> None:
    transforms.land(CLOUD)
    receive_all(transforms)
    result = transforms.run(CLOUD.partition_key)
    run = transforms.instance.get_run_by_id(result.run_id)
    assert run is not None
    assert {name: run.tags.get(name) for name in ("tenant", "integration")} == {
        "tenant": "acme",
        "integration": "cloud",
    }
    assert set(states(transforms).values()) == {"completed"}
    claimed = transforms.all(sa.select(etl_job_queue.c.run_id).distinct())
    assert [row.run_id for row in claimed] == [result.run_id]


def test_one_table_by_hand_leaves_messages_about_more_tables_alone(transforms: Transforms) -> None:
    transforms.land(CLOUD, "statuses", "project_statuses")
    receive_all(transforms)
    assert transforms.run(CLOUD.partition_key, ["statuses"]).success
    assert states(transforms) == {"statuses": "completed", "project_statuses": "received"}
    query = sa.select(etl_job_queue.c.run_id).where(etl_job_queue.c.state == "received")
    assert [row.run_id for row in transforms.all(query)] == [None]


def test_which_entities_a_run_answers() -> None:
    every = list(SOURCES)
    assert answered("statuses", every, every) == ["statuses", "project_statuses"]
    assert answered("statuses", every, ["statuses"]) == ["statuses"]
    assert answered("projects_statuses", every, every[1:]) == ["project_statuses"]
    assert answered("projects_statuses", ["projects_statuses"], ["projects_statuses"]) == [
        "project_statuses"
    ]


def test_tags_that_a_run_s_partitions_share() -> None:
    cloud, old = PartitionKey("acme", "cloud"), PartitionKey("acme", "old")
    assert common_tags([cloud]) == {"tenant": "acme", "integration": "cloud"}
    assert common_tags([cloud, old]) == {"tenant": "acme"}
    assert common_tags([cloud, PartitionKey("globex", "jira")]) == {}


def test_a_disabled_integration_fails_alone(transforms: Transforms) -> None:
    for site in SITES:
        transforms.land(site, "projects")
    set_active(transforms.engine, PartitionKey("acme", "cloud"), active=False)
    result = transforms.run(RANGE, ["projects"])
    assert "acme/cloud is disabled" in str(failure(result, "projects").description)
    done = transforms.instance.get_materialized_partitions(dg.AssetKey("projects"))
    assert done == {DATA_CENTER.partition_key}


@pytest.mark.parametrize(
    ("partition", "sentence"),
    [
        ("acme/clout", "There is no integration acme/clout: `jira-assets integration list`"),
        ("acme", "'acme' is no partition key"),
        (CLOUD.partition_key, "materialize raw_statuses or raw_project_statuses for acme/cloud"),
    ],
)
def test_refused_partitions(transforms: Transforms, partition: str, sentence: str) -> None:
    transforms.instance.add_dynamic_partitions(PARTITIONS_NAME, [partition])
    result = transforms.run(partition, ["statuses"])
    assert sentence in str(failure(result, "statuses").description)


@pytest.mark.parametrize(
    ("extraction", "sentence"),
    [
        ("yesterday's", "is no extraction: its id is a UUID"),
        (str(UUID(int=1)), "has landed for acme/cloud"),
    ],
)
def test_refused_extractions(transforms: Transforms, extraction: str, sentence: str) -> None:
    transforms.land(CLOUD, "projects")
    result = transforms.run(
        CLOUD.partition_key, ["projects"], run_config=config(extraction, "projects")
    )
    assert sentence in str(failure(result, "projects").description)


def test_replaying_an_older_extraction(transforms: Transforms) -> None:
    first = transforms.land(CLOUD, "statuses")
    older = living_after(transforms)
    later = listing([{"id": "1", "name": "Renamed"}])
    transforms.land(CLOUD.changed("statuses", later), "statuses")
    assert living_after(transforms) != older
    receive_all(transforms)
    result = transforms.run(
        CLOUD.partition_key,
        ["statuses"],
        transforms.definitions(force=True),
        run_config=config(str(first), "statuses"),
    )
    assert result.success
    assert living(transforms, "statuses", CLOUD.partition_key) == older
    query = sa.select(etl_job_queue.c.run_id).distinct()
    assert [row.run_id for row in transforms.all(query)] == [None]


def living_after(transforms: Transforms) -> set[Row]:
    assert transforms.run(CLOUD.partition_key, ["statuses"]).success
    return living(transforms, "statuses", CLOUD.partition_key)


def test_postgres_trouble_is_tried_again(
    transforms: Transforms, monkeypatch: pytest.MonkeyPatch
) -> None:
    transforms.land(CLOUD, "projects")
    trouble = [sa.exc.OperationalError("SELECT 1", {}, Exception("the server went away"))]

    def flaky(*given: Any) -> Integration:
        if trouble:
            raise trouble.pop()
        return get_integration(*given)

    monkeypatch.setattr("jira_assets.transform.runs.get_integration", flaky)
    monkeypatch.setattr("jira_assets.transform.assets.RETRY_POLICY", dg.RetryPolicy(max_retries=1))
    assert transforms.run(CLOUD.partition_key, ["projects"]).success
    assert trouble == []


def test_a_few_tables_under_a_prefix(transforms: Transforms) -> None:
    transforms.land(CLOUD, "project_statuses")
    definitions = transforms.definitions(
        tables=["statuses", "projects_statuses"],
        entities=["project_statuses"],
        key_prefix=["crm", "jira"],
    )
    keys = {
        key.to_user_string() for key in definitions.resolve_asset_graph().materializable_asset_keys
    }
    assert keys == {"crm/jira/statuses", "crm/jira/projects_statuses"}
    assert transforms.run(CLOUD.partition_key, definitions=definitions).success
    assert projects_statuses_of(transforms) == set(CLOUD.rows["projects_statuses"])


def projects_statuses_of(transforms: Transforms) -> set[Row]:
    columns = projects_statuses.c
    query = sa.select(columns.project_jira_id, columns.status_jira_id)
    return {tuple(row) for row in transforms.all(query)}


SPECS = {
    spec.key.path[-1]: (asset, spec) for asset in build_transform_assets() for spec in asset.specs
}


@pytest.mark.parametrize("table", SOURCES)
def test_assets_say_what_they_are(table: str) -> None:
    asset, spec = SPECS[table]
    assert spec.description
    assert spec.group_name == "jira"
    assert spec.code_version == TRANSFORM_VERSION
    assert list(spec.owners) == ["team:data-platform"]
    assert spec.kinds == {"postgres"} | ({"pandas"} if table in TRANSFORMS else set())
    assert spec.metadata["dagster/table_name"] == f"jira.{table}"
    assert all(column.description for column in spec.metadata["dagster/column_schema"].columns)
    assert {dep.asset_key.path[-1] for dep in spec.deps} == {f"raw_{e}" for e in SOURCES[table]}
    assert asset.backfill_policy == dg.BackfillPolicy.single_run()
    assert asset.partitions_def == dg.DynamicPartitionsDefinition(name=PARTITIONS_NAME)


def test_only_raw_assets_that_there_are_are_depended_on() -> None:
    [asset] = build_transform_assets(tables=["statuses"], entities=["statuses"])
    assert {dep.asset_key.path[-1] for dep in asset.get_asset_spec().deps} == {"raw_statuses"}
