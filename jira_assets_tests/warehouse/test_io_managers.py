from collections.abc import Iterable, Iterator
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
import sqlalchemy as sa

from jira_assets.partitions import partitions_definition
from jira_assets.warehouse.contracts import (
    LandedEntity,
    Landing,
    LeftBehind,
    Owner,
    PartitionFailure,
    RawPage,
    Snapshot,
    Snapshots,
)
from jira_assets.warehouse.failure_reasons import may_pass, reason_of_failure
from jira_assets.warehouse.io_managers import (
    ForeignPartitionError,
    RawIOManager,
    TableIOManager,
)
from jira_assets.warehouse.resource import WarehouseResource
from jira_assets.warehouse.tables import DATA_TABLES, etl_job_queue
from jira_assets_tests.warehouse.data import (
    add_owner,
    alive,
    mark,
    page,
    reading,
    snapshot,
    status,
)

KEYS = ("acme/cloud", "acme/old", "globex/cloud")
ALL = (KEYS[0], KEYS[-1])
Item = Snapshot | PartitionFailure


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(str(partitions_definition().name), list(KEYS))
        yield instance


@pytest.fixture
def owners(warehouse: sa.Engine) -> dict[str, Owner]:
    return {key: add_owner(warehouse, key) for key in KEYS}


@pytest.fixture
def resources(runtime_url: str) -> dict[str, Any]:
    resource = WarehouseResource(database_url=runtime_url)
    return {
        "raw_io_manager": RawIOManager(warehouse=resource),
        "table_io_manager": TableIOManager(warehouse=resource, deployed_tables=["statuses"]),
    }


def asset_of(
    name: str, value: Any, retry_policy: dg.RetryPolicy | None = None
) -> dg.AssetsDefinition:
    """Make an asset that hands ``value`` to its IO manager."""
    manager = "raw_io_manager" if name.startswith("raw_") else "table_io_manager"

    @dg.asset(
        name=name,
        key_prefix=["some", "prefix"],
        io_manager_key=manager,
        partitions_def=partitions_definition(),
        retry_policy=retry_policy,
    )
    def made() -> Any:
        return value

    return made


def table_asset(
    items: Iterable[Item], retry_policy: dg.RetryPolicy | None = None
) -> dg.AssetsDefinition:
    return asset_of("statuses", Snapshots("statuses", lambda: iter(items)), retry_policy)


def run(
    asset: dg.AssetsDefinition,
    instance: dg.DagsterInstance,
    resources: dict[str, Any],
    partition: str | tuple[str, str] = KEYS[0],
    **more: Any,
) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [asset],
        instance=instance,
        resources=resources,
        raise_on_error=False,
        **on(partition),
        **more,
    )


def on(partition: str | tuple[str, str]) -> dict[str, Any]:
    """Return the arguments of ``materialize`` for one partition, or for a range of them."""
    if isinstance(partition, str):
        return {"partition_key": partition}
    names = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
    return {"tags": dict(zip(names, partition, strict=True))}


def materialized(instance: dg.DagsterInstance, name: str) -> dict[str, dict[str, Any]]:
    """Return the metadata of what the instance has as materialized, by partition."""
    key = dg.AssetKey(["some", "prefix", name])
    records = instance.fetch_materializations(key, limit=100).records
    events = [record.asset_materialization for record in records]
    partitions = [str(event.partition) for event in events if event]
    assert len(partitions) == len(set(partitions))
    return {
        str(event.partition): {name: value.value for name, value in event.metadata.items()}
        for event in events
        if event
    }


def failure_of(result: dg.ExecuteInProcessResult) -> tuple[str, Any]:
    (event,) = [event for event in result.all_events if event.is_step_failure]
    user = event.step_failure_data.user_failure_data
    assert user is not None
    return str(user.description), {name: value.value for name, value in user.metadata.items()}


def statuses_of(engine: sa.Engine, owner: Owner, *ids: str, **more: Any) -> Snapshot:
    source = mark(engine, owner, "statuses")
    rows = [status(each, "a|b\nc") for each in ids]
    return snapshot(owner, "statuses", rows, [source], **more)


# --------------------------------------------------------------------------- raw


def test_a_reading_is_landed_and_described(
    warehouse: sa.Engine,
    owners: dict[str, Owner],
    instance: dg.DagsterInstance,
    resources: dict[str, Any],
) -> None:
    gone = page(1, {"errorMessages": ["No | project"]}, status=404, project="11")
    new = reading(owners[KEYS[0]], [page(0, [1, 2], project="10"), gone], entity="project_statuses")

    result = run(asset_of("raw_project_statuses", new), instance, resources)

    assert result.success
    metadata = materialized(instance, "raw_project_statuses")[KEYS[0]]
    assert metadata.pop("seconds") >= 0
    assert metadata == {
        "extraction": str(new.extraction_id),
        "pages": 2,
        "items": 2,
        "dagster/partition_row_count": 2,
        "unreadable_projects": 1,
        "unreadable": ("| project id | reason |\n| --- | --- |\n| 11 | 404: No \\| project |"),
    }
    with warehouse.connect() as connection:
        (message,) = connection.execute(sa.select(etl_job_queue)).all()
    assert (message.extraction_run_id, message.state) == (result.run_id, "pending")


def test_what_a_reading_notes_is_asked_for_when_it_has_landed(
    warehouse: sa.Engine,
    owners: dict[str, Owner],
    instance: dg.DagsterInstance,
    resources: dict[str, Any],
) -> None:
    def notes() -> dict[str, int | float | str]:
        with warehouse.connect() as connection:
            landed = connection.scalar(sa.select(sa.func.count()).select_from(etl_job_queue))
        return {"markers": int(landed or 0), "seconds_waited": 0.5, "by": "the reader"}

    new = reading(owners[KEYS[0]], [page(0, [])], notes=notes)
    assert run(asset_of("raw_statuses", new), instance, resources).success
    metadata = materialized(instance, "raw_statuses")[KEYS[0]]
    noted = {name: metadata[name] for name in ("markers", "seconds_waited", "by")}
    assert noted == {"markers": 1, "seconds_waited": 0.5, "by": "the reader"}


def test_what_a_reading_raises_reaches_dagster(
    owners: dict[str, Owner], instance: dg.DagsterInstance, resources: dict[str, Any]
) -> None:
    def refused(_left: LeftBehind) -> Iterator[RawPage]:
        yield page(0, [])
        raise dg.Failure("Jira refused the token.", allow_retries=False)

    retried = asset_of(
        "raw_statuses",
        reading(owners[KEYS[0]], refused),
        retry_policy=dg.RetryPolicy(max_retries=1),
    )
    result = run(retried, instance, resources)
    assert failure_of(result) == ("Jira refused the token.", {})
    assert not [event for event in result.all_events if event.is_step_up_for_retry]
    assert materialized(instance, "raw_statuses") == {}


@pytest.mark.parametrize("name", ["raw_statuses", "statuses"])
def test_an_output_of_another_type_is_refused(
    name: str, owners: dict[str, Owner], instance: dg.DagsterInstance, resources: dict[str, Any]
) -> None:
    result = run(asset_of(name, [1, 2]), instance, resources)
    (event,) = [event for event in result.all_events if event.is_step_failure]
    assert "not list" in event.step_failure_data.error_display_string


def test_a_foreign_reading_is_refused(
    warehouse: sa.Engine,
    owners: dict[str, Owner],
    instance: dg.DagsterInstance,
    resources: dict[str, Any],
) -> None:
    foreign = reading(owners[KEYS[1]], [page(0, [])])
    result = run(asset_of("raw_statuses", foreign), instance, resources)
    (event,) = [event for event in result.all_events if event.is_step_failure]
    assert ForeignPartitionError.__name__ in event.step_failure_data.error_display_string
    with warehouse.connect() as connection:
        assert connection.execute(sa.select(etl_job_queue)).all() == []


def loaded(
    upstream: str, instance: dg.DagsterInstance, resources: dict[str, Any], partition: Any
) -> tuple[dg.ExecuteInProcessResult, Any]:
    """Let an asset of somebody's own read ``upstream``; return what it was given."""
    given: list[Any] = []
    manager = "raw_io_manager" if upstream.startswith("raw_") else "table_io_manager"
    source = dg.AssetSpec(
        ["some", "prefix", upstream], partitions_def=partitions_definition()
    ).with_io_manager_key(manager)

    @dg.asset(
        ins={"value": dg.AssetIn(["some", "prefix", upstream])},
        partitions_def=partitions_definition(),
        io_manager_key="mem_io_manager",
    )
    def own(value: Any) -> None:
        given.append(value)

    result = dg.materialize(
        [own, source],
        selection=[own],
        instance=instance,
        resources=resources | {"mem_io_manager": dg.mem_io_manager},
        raise_on_error=False,
        **on(partition),
    )
    return result, given[0] if given else None


def test_the_newest_landing_is_loaded_by_partition(
    warehouse: sa.Engine,
    owners: dict[str, Owner],
    instance: dg.DagsterInstance,
    resources: dict[str, Any],
) -> None:
    landings: dict[str, Landing] = {}
    for key in KEYS:
        mark(warehouse, owners[key], "statuses")
        landings[key] = mark(warehouse, owners[key], "statuses", uuid4())
    for wanted in (KEYS[1:2], KEYS):
        partition = wanted[0] if len(wanted) == 1 else ALL
        result, value = loaded("raw_statuses", instance, resources, partition)
        assert result.success
        assert all(isinstance(each, LandedEntity) for each in value.values())
        newest = {key: landings[key] for key in wanted}
        assert {key: each.landing for key, each in value.items()} == newest


def test_loading_what_never_landed_says_so(
    owners: dict[str, Owner], instance: dg.DagsterInstance, resources: dict[str, Any]
) -> None:
    result, _ = loaded("raw_statuses", instance, resources, KEYS[0])
    (event,) = [event for event in result.all_events if event.is_step_failure]
    assert "nothing has landed for acme/cloud" in event.step_failure_data.error_display_string


# --------------------------------------------------------------------------- tables


def test_a_snapshot_is_merged_and_described(
    warehouse: sa.Engine,
    owners: dict[str, Owner],
    instance: dg.DagsterInstance,
    resources: dict[str, Any],
) -> None:
    made = statuses_of(warehouse, owners[KEYS[0]], *"1234567")

    assert run(table_asset([made]), instance, resources).success

    metadata = materialized(instance, "statuses")[KEYS[0]]
    header, _, *rows = metadata.pop("preview").splitlines()
    assert header.startswith("| jira_id | name |")
    assert [row.split(" | ")[:2] for row in rows] == [[f"| {n}", "a\\|b c"] for n in range(1, 6)]
    assert metadata == {
        "outcome": "applied",
        "rows_inserted": 7,
        "rows_updated": 0,
        "rows_unchanged": 0,
        "rows_deleted": 0,
        "rows_rejected": 0,
        "rows_before": 0,
        "dagster/partition_row_count": 7,
        "extractions": {"statuses": str(made.sources[0].extraction_id)},
    }
    with warehouse.connect() as connection:
        assert connection.scalars(sa.select(etl_job_queue.c.state)).all() == ["completed"]


def test_force_in_the_run_config_applies_the_same_again(
    warehouse: sa.Engine,
    owners: dict[str, Owner],
    instance: dg.DagsterInstance,
    resources: dict[str, Any],
) -> None:
    made = statuses_of(warehouse, owners[KEYS[0]], "1")
    config = {"resources": {"table_io_manager": {"config": {"force": True}}}}
    outcomes = []
    for run_config in ({}, {}, config):
        result = run(table_asset([made]), instance, resources, run_config=run_config)
        (event,) = result.asset_materializations_for_node("some__prefix__statuses")
        outcomes.append(event.metadata["outcome"].value)
    assert outcomes == ["applied", "same", "applied"]


def test_every_partition_of_a_run_has_its_own_metadata(
    warehouse: sa.Engine,
    owners: dict[str, Owner],
    instance: dg.DagsterInstance,
    resources: dict[str, Any],
) -> None:
    items = [
        statuses_of(warehouse, owners[key], *"123"[: count + 1]) for count, key in enumerate(KEYS)
    ]
    assert run(table_asset(items), instance, resources, ALL).success
    counted = {
        key: metadata["dagster/partition_row_count"]
        for key, metadata in materialized(instance, "statuses").items()
    }
    assert counted == {KEYS[0]: 1, KEYS[1]: 2, KEYS[2]: 3}


def test_one_partition_that_fails_does_not_stop_the_others(
    warehouse: sa.Engine,
    owners: dict[str, Owner],
    instance: dg.DagsterInstance,
    resources: dict[str, Any],
) -> None:
    twice = statuses_of(warehouse, owners[KEYS[1]], "1", "1")
    items: list[Item] = [
        PartitionFailure(KEYS[0], ValueError("no category at all")),
        twice,
        statuses_of(warehouse, owners[KEYS[2]], "1"),
    ]
    retried = table_asset(items, retry_policy=dg.RetryPolicy(max_retries=1))

    result = run(retried, instance, resources, ALL)

    said, metadata = failure_of(result)
    assert said.startswith("statuses could not be brought up to date for 2 of 3 partitions.")
    assert "acme/cloud: no category at all; acme/old: duplicate key" in said
    assert "INSERT" not in said
    assert metadata["finished"] == 1
    assert "| acme/cloud | no category at all |" in metadata["failed"]
    assert not [event for event in result.all_events if event.is_step_up_for_retry]
    done = materialized(instance, "statuses")
    assert done.keys() == {KEYS[2]}
    assert done[KEYS[2]]["rows_inserted"] == 1
    assert alive(warehouse, "statuses", owners[KEYS[2]]) == {("1",)}


def test_a_failure_that_may_pass_is_tried_again(
    warehouse: sa.Engine,
    owners: dict[str, Owner],
    instance: dg.DagsterInstance,
    resources: dict[str, Any],
) -> None:
    items: list[Item] = [
        statuses_of(warehouse, owners[KEYS[0]], "1"),
        PartitionFailure(KEYS[1], ValueError("bad input")),
        PartitionFailure(KEYS[2], ConnectionError("Postgres went away")),
    ]
    retried = table_asset(items, retry_policy=dg.RetryPolicy(max_retries=1))
    result = run(retried, instance, resources, ALL)
    assert len([event for event in result.all_events if event.is_step_up_for_retry]) == 1


def test_a_partition_without_a_snapshot_has_failed(
    warehouse: sa.Engine,
    owners: dict[str, Owner],
    instance: dg.DagsterInstance,
    resources: dict[str, Any],
) -> None:
    only = statuses_of(warehouse, owners[KEYS[1]], "1")
    said, _ = failure_of(run(table_asset([only]), instance, resources, ALL))
    assert "acme/cloud: the asset made no snapshot of it; globex/cloud:" in said
    assert materialized(instance, "statuses").keys() == {KEYS[1]}


def test_a_snapshot_of_another_partition_is_not_merged(
    warehouse: sa.Engine,
    owners: dict[str, Owner],
    instance: dg.DagsterInstance,
    resources: dict[str, Any],
) -> None:
    items = [statuses_of(warehouse, owners[key], "1") for key in KEYS[:2]]
    said, _ = failure_of(run(table_asset(items), instance, resources, KEYS[0]))
    assert "acme/old: acme/old is no partition of this run" in said
    assert alive(warehouse, "statuses", owners[KEYS[1]]) == set()


def test_living_rows_of_the_wanted_partitions_are_loaded(
    warehouse: sa.Engine,
    owners: dict[str, Owner],
    instance: dg.DagsterInstance,
    resources: dict[str, Any],
) -> None:
    for ids in ("12", "2"):
        items = [statuses_of(warehouse, owners[key], *ids) for key in KEYS]
        assert run(table_asset(items), instance, resources, ALL).success

    columns = set(DATA_TABLES["statuses"].columns.keys()) - {"deleted_at"}
    for partition, wanted in ((KEYS[0], KEYS[:1]), (ALL, KEYS)):
        result, frame = loaded("statuses", instance, resources, partition)
        assert result.success
        assert frame["jira_id"].tolist() == ["2"] * len(wanted)
        assert set(frame["integration_id"]) == {owners[key].integration_id for key in wanted}
        assert set(frame.columns) == columns


@pytest.mark.parametrize(
    ("error", "passes", "said"),
    [
        (dg.Failure("wait", allow_retries=True), True, "wait"),
        (dg.Failure("never", allow_retries=False), False, "never"),
        (dg.Failure(), True, "failed without a reason"),
        (TimeoutError(), True, "TimeoutError"),
        (sa.exc.OperationalError("SELECT 1", {}, Exception("deadlock\n detected")), True, None),
        (sa.exc.IntegrityError("SELECT 1", {}, Exception("duplicate key")), False, None),
        (KeyError("x" * 1000), False, "'" + "x" * 499),
    ],
)
def test_failures_are_told_apart(error: Exception, passes: bool, said: str | None) -> None:
    assert may_pass(error) is passes
    reason = reason_of_failure(error)
    assert reason == said if said else "SELECT" not in reason
