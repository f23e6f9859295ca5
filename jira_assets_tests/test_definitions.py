"""What Dagster loads: every asset described, every job and sensor named, and each part optional."""

import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import dagster as dg
import pytest

from jira_assets.definitions import (
    DELETIONS_JOB,
    DISCOVER_JOB,
    EXTRACT_JOB,
    ISSUES_JOB,
    SITE_JOB,
    TRANSFORM_JOB,
    UnknownEntityError,
    UnknownScheduleError,
    build_definitions,
    defs,
    tables_of,
)
from jira_assets.extract.pool import SITES_POOL
from jira_assets.jobs.reconciler import OUR_JOBS
from jira_assets.jobs.retention import PRUNE_JOB
from jira_assets.warehouse.resource import WarehouseResource
from jira_assets.warehouse.tables import DATA_TABLES, ENTITIES, SCHEMA, SOURCES
from jira_assets.warehouse.views import STATUS_HISTORY

VIEW = STATUS_HISTORY.name
RAW = {f"raw_{entity}" for entity in ENTITIES}


def nodes(definitions: dg.Definitions = defs) -> Mapping[str, Any]:
    graph = definitions.resolve_asset_graph()
    return {key.to_user_string(): graph.get(key) for key in graph.get_all_asset_keys()}


def sensors(definitions: dg.Definitions = defs) -> dict[str, dg.SensorDefinition]:
    return {each.name: each for each in definitions.get_repository_def().sensor_defs}


def materializable(definitions: dg.Definitions = defs) -> Mapping[str, Any]:
    """Return the nodes less the views, which the database keeps and no run makes."""
    return {name: node for name, node in nodes(definitions).items() if node.is_materializable}


def test_there_is_an_asset_for_each_entity_and_each_table() -> None:
    assert set(materializable()) == RAW | set(DATA_TABLES)
    assert set(nodes()) - set(materializable()) == {VIEW}


def test_the_lineage_goes_on_to_the_view() -> None:
    view = nodes()[VIEW]
    parents = {key.to_user_string() for key in view.parent_keys}
    assert parents == {"issues", "issue_changelogs", "statuses"}
    assert view.metadata["dagster/table_name"] == "jira.status_history"
    assert [column.name for column in view.metadata["dagster/column_schema"].columns] == list(
        STATUS_HISTORY.columns
    )


@pytest.mark.parametrize("name", sorted(RAW | set(DATA_TABLES)))
def test_every_asset_says_what_it_is_and_whose(name: str) -> None:
    node = nodes()[name]
    assert len(node.description or "") > 20
    assert node.group_name == ("jira_raw" if name in RAW else "jira")
    assert "postgres" in node.kinds
    assert node.owners
    assert node.partitions_def is not None
    table = "raw_extraction_data" if name in RAW else name
    assert node.metadata["dagster/table_name"] == f"{SCHEMA}.{table}"


@pytest.mark.parametrize("name", sorted(RAW | set(DATA_TABLES)))
def test_every_asset_says_when_it_runs_and_how_old_it_may_be(name: str) -> None:
    node = nodes()[name]
    said = node.metadata["runs_when"].value
    assert "`jira.etl_jobs`" in said
    assert "`jira-assets job list TENANT/INTEGRATION`" in said
    hourly = name == "raw_issues"
    assert node.freshness_policy == dg.FreshnessPolicy.time_window(
        fail_window=timedelta(hours=2) if hourly else timedelta(days=2),
        warn_window=timedelta(minutes=75) if hourly else timedelta(hours=25),
    )


@pytest.mark.parametrize("table", sorted(DATA_TABLES))
def test_every_column_of_a_table_is_described(table: str) -> None:
    schema = nodes()[table].metadata["dagster/column_schema"]
    assert isinstance(schema, dg.TableSchema)
    assert [column.name for column in schema.columns] == [c.name for c in DATA_TABLES[table].c]
    assert all(column.description and column.type for column in schema.columns)


@pytest.mark.parametrize("table", sorted(DATA_TABLES))
def test_the_lineage_leads_from_the_raw_assets_to_each_table(table: str) -> None:
    parents = {key.to_user_string() for key in nodes()[table].parent_keys}
    assert parents == {f"raw_{entity}" for entity in SOURCES[table]}


def test_a_backfill_is_one_run_a_partition_to_extract_and_few_to_transform() -> None:
    one, few = dg.BackfillPolicy.multi_run(1), dg.BackfillPolicy.single_run()
    for name, node in materializable().items():
        assert node.backfill_policy == (one if name in RAW else few)


def test_what_reads_a_site_and_nothing_else_is_in_the_pool_of_sites() -> None:
    for name, node in materializable().items():
        assert node.pools == ({SITES_POOL} if name in RAW else set())


def test_a_run_that_reads_a_site_takes_a_slot_of_the_pool() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        jobs = (EXTRACT_JOB, DISCOVER_JOB, ISSUES_JOB, DELETIONS_JOB, SITE_JOB, TRANSFORM_JOB)
        for job in jobs:
            pools = set() if job == TRANSFORM_JOB else {SITES_POOL}
            run = instance.create_run_for_job(defs.resolve_job_def(job))
            concurrency = run.run_op_concurrency
            assert (concurrency.all_pools if concurrency else set()) == pools


def test_the_jobs_hold_what_their_names_say() -> None:
    held = {
        EXTRACT_JOB: {"raw_projects", "raw_issue_types", "raw_statuses", "raw_project_statuses"},
        DISCOVER_JOB: {"raw_fields", "raw_issue_samples"},
        ISSUES_JOB: {"raw_issues"},
        DELETIONS_JOB: {"raw_issue_ids"},
        SITE_JOB: RAW,
        TRANSFORM_JOB: set(DATA_TABLES),
    }
    for job, assets in held.items():
        layer = defs.resolve_job_def(job).asset_layer
        assert {key.to_user_string() for key in layer.executable_asset_keys} == assets
        assert defs.resolve_job_def(job).description


def test_the_reconciler_knows_every_job_of_ours() -> None:
    names = {job.name for job in defs.get_repository_def().get_all_jobs()}
    assert {name for name in names if not name.startswith("__")} == set(OUR_JOBS)
    assert defs.resolve_job_def(PRUNE_JOB).executor_def is dg.in_process_executor


@pytest.mark.parametrize(
    ("entities", "job", "reads"),
    [
        (["fields"], DISCOVER_JOB, {"raw_fields"}),
        (["statuses", "projects"], EXTRACT_JOB, {"raw_statuses", "raw_projects"}),
    ],
)
def test_a_job_reads_what_is_deployed_of_it_and_one_that_would_read_nothing_is_left_out(
    entities: list[str], job: str, reads: set[str]
) -> None:
    built = build_definitions(entities=entities, key_prefix="crm")
    names = {each.name for each in built.get_repository_def().get_all_jobs()}
    assert {name for name in names if not name.startswith("__")} == {
        job,
        SITE_JOB,
        TRANSFORM_JOB,
        PRUNE_JOB,
    }
    keys = built.resolve_job_def(job).asset_layer.executable_asset_keys
    assert {key.to_user_string() for key in keys} == {f"crm/{name}" for name in reads}
    launching = sensors(built)["launch_due_jobs"]
    assert [each.job_name for each in launching.targets] == [job]


def test_runs_that_the_ui_starts_use_one_process() -> None:
    everything = defs.get_repository_def().get_implicit_global_asset_job_def()
    assert everything.executor_def is dg.in_process_executor


def test_sensors_run_by_default_and_may_be_off() -> None:
    assert len(sensors()) == 5
    for switched, status in (
        (True, dg.DefaultSensorStatus.RUNNING),
        (False, dg.DefaultSensorStatus.STOPPED),
    ):
        for sensor in sensors(build_definitions(sensors=switched)).values():
            assert sensor.default_status is status
            assert sensor.description


@pytest.mark.parametrize("switched", [True, False])
def test_schedules_are_off_until_somebody_switches_them_on(*, switched: bool) -> None:
    schedules = build_definitions(sensors=switched).get_repository_def().schedule_defs
    found = {each.name: (each.job_name, each.cron_schedule) for each in schedules}
    assert found == {
        "nightly_full_refresh": (SITE_JOB, "0 2 * * *"),
        "retention_of_raw": (PRUNE_JOB, "30 3 * * *"),
    }
    for each in schedules:
        assert each.default_status is dg.DefaultScheduleStatus.STOPPED
        assert each.execution_timezone == "UTC"
        assert each.description


def test_a_schedule_ticks_when_somebody_says() -> None:
    built = build_definitions(crons={"nightly_full_refresh": "0 4 * * *"})
    found = {each.name: each.cron_schedule for each in built.get_repository_def().schedule_defs}
    assert found == {"nightly_full_refresh": "0 4 * * *", "retention_of_raw": "30 3 * * *"}
    with pytest.raises(UnknownScheduleError, match=r"^nightly: choose from nightly_full_refresh, "):
        build_definitions(crons={"nightly": "0 4 * * *"})


@pytest.mark.parametrize("prefix", ["platform", ["platform", "jira"]])
def test_a_key_prefix_stands_before_every_asset_and_check(prefix: str | list[str]) -> None:
    parts = [prefix] if isinstance(prefix, str) else prefix
    built = build_definitions(key_prefix=prefix)
    dg.Definitions.validate_loadable(built)
    names = set(nodes(built))
    assert names == {"/".join([*parts, name]) for name in RAW | set(DATA_TABLES) | {VIEW}}
    checked = {key.asset_key for key in built.resolve_asset_graph().asset_check_keys}
    assert checked
    assert all(list(key.path[:-1]) == parts for key in checked)
    parents = nodes(built)["/".join([*parts, "statuses"])].parent_keys
    assert all(list(key.path[:-1]) == parts for key in parents)


@pytest.mark.parametrize(
    ("entities", "tables"),
    [
        (["statuses"], {"statuses"}),
        (["projects"], {"projects"}),
        (["issue_types", "statuses"], {"issue_types", "statuses"}),
        (
            ["project_statuses"],
            {
                "issue_types",
                "statuses",
                "projects_issue_types",
                "projects_statuses",
                "projects_issue_types_statuses",
            },
        ),
        (["fields"], {"custom_fields"}),
        (["issue_samples"], {"projects_custom_fields"}),
        (["issues"], {"issues", "issue_changelogs"}),
    ],
)
def test_only_some_entities_bring_the_tables_that_they_feed(
    entities: list[str], tables: set[str]
) -> None:
    built = build_definitions(entities=entities)
    dg.Definitions.validate_loadable(built)
    assert set(materializable(built)) == {f"raw_{entity}" for entity in entities} | tables
    assert set(tables_of(entities)) == tables
    for table in tables:
        parents = {key.to_user_string() for key in nodes(built)[table].parent_keys}
        assert parents == {f"raw_{e}" for e in SOURCES[table] if e in entities}


def test_an_unknown_entity_is_refused() -> None:
    with pytest.raises(UnknownEntityError, match="worklogs: choose from projects, issue_types"):
        build_definitions(entities=["statuses", "worklogs"])


def test_a_warehouse_of_their_own_is_the_one_that_all_resources_use() -> None:
    warehouse = WarehouseResource(database_url="postgresql://theirs@db.example/jira")
    resources = build_definitions(resources={"warehouse": warehouse}).resources or {}
    assert resources["warehouse"] is warehouse
    for name in ("jira", "heartbeat", "raw_io_manager", "table_io_manager"):
        assert resources[name].warehouse is warehouse


def test_any_resource_can_be_replaced() -> None:
    given = {
        name: dg.mem_io_manager
        if name.endswith("io_manager")
        else dg.ResourceDefinition.none_resource()
        for name in defs.resources or {}
    }
    built = build_definitions(resources=given)
    dg.Definitions.validate_loadable(built)
    assert built.resources == given


def test_it_loads_without_a_warning_a_server_or_a_file(tmp_path: object) -> None:
    program = (
        "import dagster, jira_assets.definitions as loaded\n"
        "dagster.Definitions.validate_loadable(loaded.defs)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        check=False,
        capture_output=True,
        text=True,
        cwd=str(tmp_path),
        env={"JIRA_ASSETS_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"},
    )
    assert (done.returncode, done.stderr) == (0, "")
