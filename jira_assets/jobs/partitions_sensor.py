"""Keeps Dagster's partitions equal to the active integrations.

Decisions this module embodies:

* A failed read of the integrations changes nothing: it is not an empty list.
* Deleting a partition does not stop a run on it, which then dies storing its output. A key with a
  run in flight is deleted once that run is over.
* Every key of our partitions definition is ours, those of purged integrations included: whatever is
  not an active integration is deleted. Another code location that uses the definition shares the
  warehouse with us.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import dagster as dg
import sqlalchemy as sa

from jira_assets.partitions import PARTITIONS_NAME, partitions_definition
from jira_assets.queue.runs import partitions_in_flight
from jira_assets.warehouse.connect import WarehouseUnavailableError
from jira_assets.warehouse.integrations import list_integrations
from jira_assets.warehouse.resource import WarehouseResource

SENSOR_NAME: Final = "keep_partitions_equal_to_integrations"
INTERVAL_SECONDS: Final = 10


@dataclass(frozen=True)
class PartitionChanges:
    """Keys to add, to delete, and to delete later. Each sorted."""

    add: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()
    deferred: tuple[str, ...] = ()
    """Have a run in flight."""

    def words(self) -> str:
        """Say it for people; empty where there is nothing to say."""
        parts = [
            f"{what}: {', '.join(keys)}"
            for what, keys in (
                ("added", self.add),
                ("deleted", self.delete),
                ("to be deleted once their runs are over", self.deferred),
            )
            if keys
        ]
        return "; ".join(parts)


def partition_changes(
    active: Collection[str], existing: Collection[str], in_flight: Collection[str]
) -> PartitionChanges:
    """Return what makes ``existing`` equal to ``active``.

    Args:
        active: partition keys of the active integrations.
        existing: the partitions that Dagster has.
        in_flight: partition keys that a run is on, or waits to be.
    """
    gone = set(existing) - set(active)
    return PartitionChanges(
        add=tuple(sorted(set(active) - set(existing))),
        delete=tuple(sorted(gone - set(in_flight))),
        deferred=tuple(sorted(gone & set(in_flight))),
    )


def find_changes(instance: dg.DagsterInstance, engine: sa.Engine) -> PartitionChanges:
    """Compare Dagster's partitions with the integrations.

    Raises:
        WarehouseUnavailableError: the integrations cannot be read, so nothing may be changed.
    """
    integrations = list_integrations(engine, active_only=True)
    active = {integration.partition_key for integration in integrations}
    existing = instance.get_dynamic_partitions(PARTITIONS_NAME)
    gone = set(existing) - active
    return partition_changes(active, existing, partitions_in_flight(instance) if gone else ())


def sync_partitions(instance: dg.DagsterInstance, engine: sa.Engine) -> PartitionChanges:
    """Make Dagster's partitions equal to the active integrations, now; return what was changed.

    Raises:
        WarehouseUnavailableError: the integrations cannot be read; nothing was changed.
    """
    changes = find_changes(instance, engine)
    if changes.add:
        instance.add_dynamic_partitions(PARTITIONS_NAME, list(changes.add))
    for key in changes.delete:
        instance.delete_dynamic_partition(PARTITIONS_NAME, key)
    return changes


def build_partitions_sensor(
    *, default_status: dg.DefaultSensorStatus = dg.DefaultSensorStatus.RUNNING
) -> dg.SensorDefinition:
    """Build the sensor that adds and deletes partitions."""

    @dg.sensor(
        name=SENSOR_NAME,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=default_status,
        description="Gives every active integration a partition, and takes those of others away.",
    )
    def keep_partitions_equal_to_integrations(
        context: dg.SensorEvaluationContext, warehouse: WarehouseResource
    ) -> dg.SensorResult | dg.SkipReason:
        try:
            changes = find_changes(
                context.instance,
                warehouse.everything("every active integration of any tenant has a partition"),
            )
        except WarehouseUnavailableError as error:
            return dg.SkipReason(f"Nothing was changed. {error}")
        words = changes.words()
        if not (changes.add or changes.delete):
            return dg.SkipReason(words or "The partitions equal the active integrations.")
        context.log.info(words)
        return dg.SensorResult(skip_reason=words, dynamic_partitions_requests=_requests(changes))

    return keep_partitions_equal_to_integrations


def _requests(
    changes: PartitionChanges,
) -> list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest]:
    definition = partitions_definition()
    requests: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = []
    if changes.add:
        requests.append(definition.build_add_request(list(changes.add)))
    if changes.delete:
        requests.append(definition.build_delete_request(list(changes.delete)))
    return requests
