"""The step of issues as Dagster runs it: what it hands to the IO manager, and for whom."""

import gc
from collections.abc import Collection
from dataclasses import replace
from typing import Any
from uuid import UUID

import dagster as dg
import pytest
import sqlalchemy as sa

from jira_assets.partitions import PartitionKey
from jira_assets.transform.assets import build_transform_assets
from jira_assets.transform.issue_assets import (
    DESCRIPTIONS,
    IssueIncrements,
    build_view_specs,
    issue_step_name,
    step_of,
)
from jira_assets.transform.runs import PartitionsOfRun
from jira_assets.transform.snapshots import TRANSFORM_VERSION
from jira_assets.warehouse.contracts import (
    Changes,
    Increments,
    LandedEntity,
    Owner,
    PartitionFailure,
    SharedIncrements,
    Sweep,
)
from jira_assets.warehouse.tables import etl_job_queue
from jira_assets_tests.scenario import CLOUD, DATA_CENTER
from jira_assets_tests.site_scenario import landed
from jira_assets_tests.transform.conftest import JOB, Transforms
from jira_assets_tests.transform.issue_scenario import OWNER, found, issue, landing_of, page

RANGE = (CLOUD.partition_key, DATA_CENTER.partition_key)
ISSUES = landing_of(page(found(issue("1"))))
IDS = landed("issue_ids", [page(found({"id": "1"}), project_id="10")], OWNER)


def test_what_a_landing_changes() -> None:
    changes, sweep = step_of(ISSUES), step_of(IDS)
    assert isinstance(changes, Changes)
    assert isinstance(sweep, Sweep)
    [piece] = changes.pieces()
    assert list(piece.rows["issues"].columns["jira_id"]) == ["1"]
    [swept] = sweep.pages()
    assert (swept.project_jira_id, list(swept.issue_jira_ids)) == ("10", ["1"])


def test_increments_are_in_order_and_a_partition_fails_alone(transforms: Transforms) -> None:
    def landings(_engine: sa.Engine, owner: Owner) -> list[LandedEntity]:
        if owner.partition_key == CLOUD.partition_key:
            raise LookupError("nothing has landed")
        return [IDS, ISSUES]

    making = IssueIncrements(tuple(DESCRIPTIONS), transforms.engine, landings)
    keys = [PartitionKey.parse(key) for key in (*RANGE, "no/body")]
    failed, made, nobody = PartitionsOfRun(transforms.engine, "run").each(keys, making.increments)
    assert isinstance(failed, PartitionFailure)
    assert isinstance(nobody, PartitionFailure)
    assert (failed.partition_key, str(failed.error)) == (*RANGE[:1], "nothing has landed")
    assert isinstance(made, Increments)
    assert made.owner == transforms.owners[DATA_CENTER.partition_key]
    assert made.transform_version == TRANSFORM_VERSION
    for _ in range(2):
        assert [type(step) for step in made.steps()] == [Sweep, Changes]
    assert gc.get_freeze_count() == 0


class Seen(dg.IOManager):
    """Stands for the IO manager of the tables: keeps what it is handed."""

    def __init__(self, *, force: bool = False) -> None:
        self.force = force
        self.outputs: dict[str, Any] = {}

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        self.outputs[context.asset_key.path[-1]] = obj
        if isinstance(obj, SharedIncrements) and obj.merged is None:
            self.made = list(obj.make())
            obj.merged = []

    def load_input(self, context: dg.InputContext) -> None:
        raise NotImplementedError


def run(transforms: Transforms, seen: Seen, **config: Any) -> dg.ExecuteInProcessResult:
    assets = build_transform_assets(tables=["issues", "issue_changelogs"], key_prefix=["crm"])
    definitions = dg.Definitions(
        assets=assets,
        jobs=[dg.define_asset_job(JOB, selection=dg.AssetSelection.assets(*assets))],
        resources={**transforms.resources, "table_io_manager": seen},
        executor=dg.in_process_executor,
    )
    run_config = {"ops": {issue_step_name(["crm"]): {"config": config}}} if config else None
    return definitions.resolve_job_def(JOB).execute_in_process(
        instance=transforms.instance,
        partition_key=CLOUD.partition_key,
        run_config=run_config,
        raise_on_error=False,
    )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the step asks of the landings, which are one sweep and one of issues."""
    calls: list[dict[str, Any]] = []

    def landings(
        _engine: sa.Engine,
        owner: Owner,
        *,
        tables: Collection[str],
        transform_version: str,
        **given: Any,
    ) -> list[LandedEntity]:
        assert (tuple(tables), transform_version) == (tuple(DESCRIPTIONS), TRANSFORM_VERSION)
        calls.append(given)
        return [replace(each, landing=replace(each.landing, owner=owner)) for each in (IDS, ISSUES)]

    monkeypatch.setattr("jira_assets.transform.issue_assets.changes_to_apply", landings)
    return calls


def receive(transforms: Transforms, *entities: str) -> None:
    owner = transforms.owners[CLOUD.partition_key]
    with transforms.engine.begin() as connection:
        for number, entity in enumerate(entities, start=1):
            connection.execute(
                sa.insert(etl_job_queue).values(
                    message_id=UUID(int=number),
                    extraction_id=UUID(int=9),
                    entity=entity,
                    scope="site",
                    tenant_id=owner.tenant_id,
                    integration_id=owner.integration_id,
                    partition_key=owner.partition_key,
                    state="received",
                )
            )


def claimed(transforms: Transforms) -> dict[str, str | None]:
    query = sa.select(etl_job_queue.c.entity, etl_job_queue.c.run_id)
    return {row.entity: row.run_id for row in transforms.all(query)}


def test_both_tables_are_handed_the_same_increments(
    transforms: Transforms, asked: list[dict[str, Any]]
) -> None:
    receive(transforms, "issues", "issue_ids", "statuses")
    seen = Seen()
    result = run(transforms, seen)
    assert result.success
    assert seen.outputs["issues"] is seen.outputs["issue_changelogs"]
    [made] = seen.made
    assert isinstance(made, Increments)
    assert made.owner == transforms.owners[CLOUD.partition_key]
    assert asked == [{"force": False, "extraction": None}]
    assert claimed(transforms) == {
        "issues": result.run_id,
        "issue_ids": result.run_id,
        "statuses": None,
    }
    tags = transforms.instance.get_run_by_id(result.run_id)
    assert tags is not None
    assert (tags.tags["tenant"], tags.tags["integration"]) == ("acme", "cloud")


def test_a_replay_is_forced_where_the_io_manager_says_so(
    transforms: Transforms, asked: list[dict[str, Any]]
) -> None:
    receive(transforms, "issues")
    extraction = str(UUID(int=5))
    assert run(transforms, Seen(force=True), extraction=extraction).success
    assert asked == [{"force": True, "extraction": UUID(int=5)}]
    assert claimed(transforms) == {"issues": None}
    assert not run(transforms, Seen(), extraction="yesterday's").success


def test_one_step_makes_the_tables_of_issues_that_are_deployed() -> None:
    [step] = build_transform_assets(tables=["issues"], entities=["issues"], key_prefix=["crm"])
    assert step.keys == {dg.AssetKey(["crm", "issues"])}
    assert {dep.asset_key.path[-1] for dep in next(iter(step.specs)).deps} == {"raw_issues"}
    [both] = build_transform_assets(tables=list(DESCRIPTIONS))
    assert not both.can_subset


def test_the_lineage_goes_on_to_the_view() -> None:
    [spec] = build_view_specs(key_prefix=["crm"])
    assert spec.key == dg.AssetKey(["crm", "status_history"])
    assert {dep.asset_key.path[-1] for dep in spec.deps} == {*DESCRIPTIONS, "statuses"}
    assert spec.kinds == {"postgres", "view"}
    [without] = build_view_specs(tables=["issues", "issue_changelogs"])
    assert {dep.asset_key.path[-1] for dep in without.deps} == set(DESCRIPTIONS)
    assert build_view_specs(tables=["issues", "statuses"]) == []


def test_the_view_is_described_as_it_is(warehouse: sa.Engine) -> None:
    [spec] = build_view_specs()
    query = sa.text(
        "SELECT column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = 'jira' AND table_name = 'status_history'"
    )
    with warehouse.connect() as connection:
        columns = {row.column_name: row.data_type for row in connection.execute(query)}
    schema = spec.metadata["dagster/column_schema"]
    assert {column.name: column.type for column in schema.columns} == columns
