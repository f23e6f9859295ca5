"""Runs of the extraction step on acme/cloud: in this process, or (``main``) in one of their own."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import dagster as dg

from jira_assets.extract.assets import build_raw_assets, raw_asset_key
from jira_assets.extract.resource import JiraResource
from jira_assets.partitions import PARTITIONS_NAME, PartitionKey
from jira_assets.queue.resource import BrokerResource
from jira_assets.warehouse.io_managers import RawIOManager
from jira_assets.warehouse.resource import RunHeartbeat, WarehouseResource
from jira_assets.warehouse.tables import ENTITIES

KEY: Final = PartitionKey("acme", "cloud")


@contextmanager
def ephemeral_instance() -> Iterator[dg.DagsterInstance]:
    """An instance that knows the partition."""
    with dg.DagsterInstance.ephemeral() as made:
        made.add_dynamic_partitions(PARTITIONS_NAME, [str(KEY)])
        yield made


def resources(runtime_url: str, folder: Path) -> dict[str, Any]:
    """The resources of the step; the broker is a folder."""
    warehouse = WarehouseResource(database_url=runtime_url)
    return {
        "warehouse": warehouse,
        "jira": JiraResource(warehouse=warehouse),
        "heartbeat": RunHeartbeat(warehouse=warehouse),
        "broker": BrokerResource(broker_url=f"filesystem://{folder}/broker"),
        "raw_io_manager": RawIOManager(warehouse=warehouse),
    }


def materialize(
    instance: dg.DagsterInstance,
    given: dict[str, Any],
    entities: Sequence[str] = ENTITIES,
    run_config: Mapping[str, Any] | None = None,
) -> dg.ExecuteInProcessResult:
    """Run the step, whatever becomes of it."""
    return dg.materialize(
        [build_raw_assets()],
        selection=[raw_asset_key(entity) for entity in entities],
        partition_key=str(KEY),
        instance=instance,
        resources=given,
        run_config=run_config,
        raise_on_error=False,
    )


def main(runtime_url: str, folder: str) -> None:
    """Run the step in this process; exits 1 if it failed."""
    with ephemeral_instance() as instance:
        sys.exit(not materialize(instance, resources(runtime_url, Path(folder))).success)


if __name__ == "__main__":
    main(*sys.argv[1:])
