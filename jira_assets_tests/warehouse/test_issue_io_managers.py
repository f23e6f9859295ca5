"""Scoped readings and shared increments, as Dagster hands them to the IO managers."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from jira_assets.partitions import partitions_definition
from jira_assets.warehouse.contracts import (
    Increments,
    Owner,
    PartitionFailure,
    ScopeEnd,
    SharedIncrements,
)
from jira_assets.warehouse.increments import changes_to_apply
from jira_assets.warehouse.io_managers import RawIOManager, TableIOManager
from jira_assets.warehouse.resource import WarehouseResource
from jira_assets_tests.warehouse.data import add_owner, alive
from jira_assets_tests.warehouse.issues_data import (
    TABLES,
    apply,
    change,
    increments,
    issue,
    put,
    put_sweep,
    scoped,
    whole,
    window,
)

KEYS = ("acme/cloud", "globex/cloud")


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(str(partitions_definition().name), list(KEYS))
        yield instance


@pytest.fixture
def owners(warehouse: sa.Engine) -> dict[str, Owner]:
    return {key: add_owner(warehouse, key) for key in KEYS}


def managers(url: str, **more: Any) -> dict[str, Any]:
    resource = WarehouseResource(database_url=url)
    return {
        "raw_io_manager": RawIOManager(warehouse=resource),
        "table_io_manager": TableIOManager(warehouse=resource, **more),
    }


def raw_asset(value: Any) -> dg.AssetsDefinition:
    @dg.asset(
        name="raw_issues", io_manager_key="raw_io_manager", partitions_def=partitions_definition()
    )
    def made() -> Any:
        return value

    return made


def tables_asset(items: Sequence[Increments | PartitionFailure]) -> dg.AssetsDefinition:
    outs = {table: dg.AssetOut(io_manager_key="table_io_manager") for table in TABLES}

    @dg.multi_asset(name="issues_step", outs=outs, partitions_def=partitions_definition())
    def made() -> tuple[Any, Any]:
        shared = SharedIncrements(TABLES, lambda: iter(items))
        return shared, shared

    return made


def run(
    asset: dg.AssetsDefinition, instance: dg.DagsterInstance, resources: Any, **more: Any
) -> dg.ExecuteInProcessResult:
    where = more or {"partition_key": KEYS[0]}
    return dg.materialize(
        [asset], instance=instance, resources=resources, raise_on_error=False, **where
    )


def metadata_of(instance: dg.DagsterInstance, name: str) -> dict[str, dict[str, Any]]:
    records = instance.fetch_materializations(dg.AssetKey([name]), limit=10).records
    events = [record.asset_materialization for record in records]
    return {
        str(event.partition): {name: value.value for name, value in event.metadata.items()}
        for event in events
        if event
    }


def due(engine: sa.Engine, owner: Owner) -> Increments:
    return increments(owner, changes_to_apply(engine, owner, TABLES, "1"))


def test_a_scoped_reading_is_landed_and_described(
    owners: dict[str, Owner], instance: dg.DagsterInstance, runtime_url: str
) -> None:
    unread = ScopeEnd("30", window(), unreadable="403: no")
    pieces = [*whole("10", issue("1"), issue("2")), *whole("20", since=1), unread]
    new = scoped(owners[KEYS[0]], pieces, notes=lambda: {"calls": 7})

    assert run(raw_asset(new), instance, managers(runtime_url)).success

    told = metadata_of(instance, "raw_issues")[KEYS[0]]
    assert told.pop("seconds") >= 0
    assert told == {
        "calls": 7,
        "extraction": str(new.extraction_id),
        "projects_read": 1,
        "idle_projects": 1,
        "pages": 1,
        "items": 2,
        "dagster/partition_row_count": 2,
        "unreadable_projects": 1,
        "unreadable": "| project id | reason |\n| --- | --- |\n| 30 | 403: no |",
    }


def test_both_tables_are_merged_once_and_each_is_described(
    warehouse: sa.Engine, owners: dict[str, Owner], instance: dg.DagsterInstance, runtime_url: str
) -> None:
    owner = owners[KEYS[0]]
    changes = [change("7"), change("8")]
    put(warehouse, owner, *whole("10", issue("1", summary="one", changes=changes)))

    result = run(tables_asset([due(warehouse, owner)]), instance, managers(runtime_url))

    assert result.success
    told = {table: metadata_of(instance, table)[KEYS[0]] for table in TABLES}
    assert {table: each["rows_inserted"] for table, each in told.items()} == {
        "issues": 1,
        "issue_changelogs": 2,
    }
    assert told["issues"]["outcome"] == told["issue_changelogs"]["outcome"] == "applied"
    assert "| one |" in told["issues"]["preview"]
    assert list(told["issues"]["extractions"]) == ["issues"]


def test_one_partition_fails_alone(
    warehouse: sa.Engine, owners: dict[str, Owner], instance: dg.DagsterInstance, runtime_url: str
) -> None:
    owner = owners[KEYS[0]]
    put(warehouse, owner, *whole("10", issue("1")))
    failed = PartitionFailure(KEYS[1], ValueError("no issues"))
    names = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
    tags = dict(zip(names, KEYS, strict=True))

    result = run(
        tables_asset([due(warehouse, owner), failed]), instance, managers(runtime_url), tags=tags
    )

    assert not result.success
    assert list(metadata_of(instance, "issues")) == [KEYS[0]]
    assert alive(warehouse, "issues", owner) == {("1",)}


def test_a_foreign_partition_is_refused(
    warehouse: sa.Engine, owners: dict[str, Owner], instance: dg.DagsterInstance, runtime_url: str
) -> None:
    other = owners[KEYS[1]]
    put(warehouse, other, *whole("10", issue("1")))
    assert not run(tables_asset([due(warehouse, other)]), instance, managers(runtime_url)).success
    assert alive(warehouse, "issues", other) == set()


@pytest.mark.parametrize("accept", [False, True])
def test_who_accepts_deletions_says_so_in_the_config(
    warehouse: sa.Engine,
    owners: dict[str, Owner],
    instance: dg.DagsterInstance,
    runtime_url: str,
    accept: bool,
) -> None:
    owner = owners[KEYS[0]]
    put(warehouse, owner, *whole("10", issue("1")))
    apply(warehouse, owner)
    put_sweep(warehouse, owner, {"10": []})
    resources = managers(runtime_url, accept_deletions=accept)
    assert run(tables_asset([due(warehouse, owner)]), instance, resources).success
    assert alive(warehouse, "issues", owner) == (set() if accept else {("1",)})


def test_issues_are_not_loaded_as_one_landing(
    warehouse: sa.Engine, owners: dict[str, Owner], runtime_url: str
) -> None:
    put(warehouse, owners[KEYS[0]], *whole("10", issue("1")))
    context = dg.build_input_context(asset_key=dg.AssetKey("raw_issues"), partition_key=KEYS[0])
    with pytest.raises(TypeError, match="changes_to_apply"):
        managers(runtime_url)["raw_io_manager"].load_input(context)
