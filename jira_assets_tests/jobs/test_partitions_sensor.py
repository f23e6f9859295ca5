"""Dagster's partitions follow the active integrations, and nothing else."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from jira_assets.jobs.partitions_sensor import (
    PartitionChanges,
    build_partitions_sensor,
    partition_changes,
    sync_partitions,
)
from jira_assets.partitions import PARTITIONS_NAME, PartitionKey
from jira_assets.warehouse.connect import WarehouseUnavailableError, engine_for
from jira_assets.warehouse.integrations import remove_integration, set_active
from jira_assets.warehouse.resource import WarehouseResource
from jira_assets_tests.conftest import AddIntegration

NO_WAREHOUSE = "postgresql://user:s3cret@127.0.0.1:1/warehouse"
ACME = PartitionKey("acme", "cloud")
_KEYS = st.frozensets(st.sampled_from("abcdef"))


@given(_KEYS, _KEYS, _KEYS)
def test_what_is_not_deferred_equals_the_active_integrations(
    active: frozenset[str], existing: frozenset[str], in_flight: frozenset[str]
) -> None:
    changes = partition_changes(active, existing, in_flight)
    after = (existing | set(changes.add)) - set(changes.delete)
    assert after == active | set(changes.deferred)
    assert set(changes.deferred) <= existing & in_flight
    assert not set(changes.deferred) & active
    assert not set(changes.delete) & in_flight


def test_changes_in_words() -> None:
    changes = PartitionChanges(add=("a/b", "a/c"), delete=("d/e",), deferred=("f/g",))
    assert changes.words() == (
        "added: a/b, a/c; deleted: d/e; to be deleted once their runs are over: f/g"
    )
    assert PartitionChanges().words() == ""


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def keys(instance: dg.DagsterInstance) -> list[str]:
    return sorted(instance.get_dynamic_partitions(PARTITIONS_NAME))


def add_run(instance: dg.DagsterInstance, **tags: str) -> dg.DagsterRun:
    named = {f"dagster/{name}": value for name, value in tags.items()}
    run = dg.DagsterRun(
        job_name="any", run_id=str(uuid4()), status=dg.DagsterRunStatus.STARTED, tags=named
    )
    return instance.add_run(run)


def test_partitions_follow_the_integrations(
    instance: dg.DagsterInstance, warehouse: sa.Engine, integration: AddIntegration
) -> None:
    integration("acme/cloud")
    integration("beta/dc")
    assert sync_partitions(instance, warehouse).add == ("acme/cloud", "beta/dc")
    assert keys(instance) == ["acme/cloud", "beta/dc"]
    assert sync_partitions(instance, warehouse) == PartitionChanges()
    set_active(warehouse, ACME, active=False)
    assert sync_partitions(instance, warehouse).delete == ("acme/cloud",)
    set_active(warehouse, ACME, active=True)
    sync_partitions(instance, warehouse)
    remove_integration(warehouse, ACME)
    remove_integration(warehouse, PartitionKey("beta", "dc"), purge=True)
    assert sync_partitions(instance, warehouse).delete == ("acme/cloud", "beta/dc")
    assert keys(instance) == []


def test_a_key_with_a_run_in_flight_is_deleted_later(
    instance: dg.DagsterInstance, warehouse: sa.Engine
) -> None:
    instance.add_dynamic_partitions(PARTITIONS_NAME, ["acme/cloud", "acme/idle"])
    run = add_run(instance, partition="acme/cloud")
    changes = sync_partitions(instance, warehouse)
    assert changes == PartitionChanges(delete=("acme/idle",), deferred=("acme/cloud",))
    assert keys(instance) == ["acme/cloud"]
    instance.report_run_failed(run)
    sync_partitions(instance, warehouse)
    assert keys(instance) == []


def test_a_run_over_a_range_may_be_on_any_key(
    instance: dg.DagsterInstance, warehouse: sa.Engine
) -> None:
    instance.add_dynamic_partitions(PARTITIONS_NAME, ["a/one", "a/two", "a/three"])
    add_run(instance, asset_partition_range_start="a/one", asset_partition_range_end="a/three")
    assert sync_partitions(instance, warehouse).delete == ()


def test_a_failed_read_changes_nothing(instance: dg.DagsterInstance) -> None:
    instance.add_dynamic_partitions(PARTITIONS_NAME, ["acme/cloud"])
    with pytest.raises(WarehouseUnavailableError):
        sync_partitions(instance, engine_for(NO_WAREHOUSE))
    assert keys(instance) == ["acme/cloud"]


# ------------------------------------------------------------------------------------ the sensor


def evaluate(instance: dg.DagsterInstance, database_url: str) -> Any:
    sensor = build_partitions_sensor()
    context = dg.build_sensor_context(
        instance=instance, resources={"warehouse": WarehouseResource(database_url=database_url)}
    )
    return sensor.evaluate_tick(context)


def test_the_sensor_adds_and_deletes(
    instance: dg.DagsterInstance, runtime_url: str, integration: AddIntegration
) -> None:
    integration("acme/cloud")
    instance.add_dynamic_partitions(PARTITIONS_NAME, ["acme/gone"])
    added, deleted = evaluate(instance, runtime_url).dynamic_partitions_requests
    assert (added.partitions_def_name, added.partition_keys) == (PARTITIONS_NAME, ["acme/cloud"])
    assert deleted.partition_keys == ["acme/gone"]


def test_the_sensor_says_that_there_is_nothing_to_do(
    instance: dg.DagsterInstance, runtime_url: str
) -> None:
    data = evaluate(instance, runtime_url)
    assert data.skip_message == "The partitions equal the active integrations."


def test_the_sensor_says_what_it_defers(instance: dg.DagsterInstance, runtime_url: str) -> None:
    instance.add_dynamic_partitions(PARTITIONS_NAME, ["acme/gone"])
    add_run(instance, partition="acme/gone")
    data = evaluate(instance, runtime_url)
    assert data.skip_message == "to be deleted once their runs are over: acme/gone"


def test_the_sensor_survives_a_failed_read(instance: dg.DagsterInstance) -> None:
    instance.add_dynamic_partitions(PARTITIONS_NAME, ["acme/cloud"])
    data = evaluate(instance, NO_WAREHOUSE)
    assert data.skip_message.startswith("Nothing was changed. Postgres is not available")
    assert "s3cret" not in data.skip_message
    assert not data.dynamic_partitions_requests
