"""What Dagster loads: one call of ``build_definitions``.

Somebody with a Dagster workspace of their own adds this as one more code location, or calls
``build_definitions`` with a key prefix, resources of their own, only some entities, or the sensors
off. Nothing here reads the network, a database or a file: resources connect when they are used.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import dagster as dg

from jira_assets.extract.assets import build_raw_assets
from jira_assets.extract.job_run import end_job_failed, end_job_landed
from jira_assets.extract.resource import JiraResource
from jira_assets.jobs.failure_sensor import build_failure_sensor
from jira_assets.jobs.partitions_sensor import build_partitions_sensor
from jira_assets.jobs.reconciler import build_reconciler_sensor
from jira_assets.jobs.sensor import build_jobs_sensor
from jira_assets.local_resources import LocalBroker, LocalWarehouse
from jira_assets.queue.sensor import build_transform_sensor
from jira_assets.transform.assets import build_transform_assets
from jira_assets.transform.checks import build_checks
from jira_assets.warehouse.io_managers import RawIOManager, TableIOManager
from jira_assets.warehouse.resource import RunHeartbeat
from jira_assets.warehouse.tables import ENTITIES, SOURCES

EXTRACT_JOB: Final = "extract_jira_metadata"
TRANSFORM_JOB: Final = "transform_jira_metadata"


class UnknownEntityError(ValueError):
    """``build_definitions`` was asked for an entity that there is none of."""


def tables_of(entities: Sequence[str]) -> list[str]:
    """Return the tables that ``entities`` feed: a relation brings the statuses that it names."""
    return [table for table, sources in SOURCES.items() if set(sources) & set(entities)]


def build_definitions(
    *,
    key_prefix: str | Sequence[str] = (),
    entities: Sequence[str] = ENTITIES,
    resources: Mapping[str, Any] | None = None,
    sensors: bool = True,
) -> dg.Definitions:
    """Build the code location.

    Args:
        key_prefix: put before every asset key; none by default.
        entities: which of ``projects``, ``issue_types``, ``statuses``, ``project_statuses`` to
            extract; the tables that none of them feeds are left out.
        resources: replaces those of the same key (``jira``, ``warehouse``, ``broker``,
            ``heartbeat``, ``raw_io_manager``, ``table_io_manager``).
        sensors: whether the sensors start switched on. Off, somebody switches them on in the UI.

    Raises:
        UnknownEntityError: an entity that is none of those.
    """
    unknown = sorted(set(entities) - set(ENTITIES))
    if unknown:
        raise UnknownEntityError(f"{', '.join(unknown)}: choose from {', '.join(ENTITIES)}.")
    prefix = [key_prefix] if isinstance(key_prefix, str) else list(key_prefix)
    tables = tables_of(entities)
    raw = build_raw_assets(entities, prefix)
    transforms = build_transform_assets(tables=tables, entities=entities, key_prefix=prefix)
    extract_job, transform_job = _extract_job(raw), _transform_job(transforms)
    status = dg.DefaultSensorStatus.RUNNING if sensors else dg.DefaultSensorStatus.STOPPED
    return dg.Definitions(
        assets=[raw, *transforms],
        asset_checks=build_checks(tables=tables, key_prefix=prefix),
        jobs=[extract_job, transform_job],
        sensors=[
            build_partitions_sensor(default_status=status),
            build_transform_sensor(
                job=transform_job, tables=tables, key_prefix=prefix, default_status=status
            ),
            build_jobs_sensor(
                jobs={"metadata": extract_job},
                not_reading=[TRANSFORM_JOB],
                # It calls other people's servers by itself: somebody says when that begins.
                default_status=dg.DefaultSensorStatus.STOPPED,
            ),
            build_reconciler_sensor(default_status=status),
            build_failure_sensor(
                jobs={
                    EXTRACT_JOB: raw.keys,
                    TRANSFORM_JOB: [key for each in transforms for key in each.keys],
                },
                default_status=status,
            ),
        ],
        # UI runs use it too; every further step process would cost three seconds.
        executor=dg.in_process_executor,
        resources=_resources(tables, dict(resources or {})),
    )


def _extract_job(raw: dg.AssetsDefinition) -> Any:
    return dg.define_asset_job(
        EXTRACT_JOB,
        selection=dg.AssetSelection.assets(raw),
        description="Read a site and land what it answers. Its tables follow over the queue.",
        hooks={end_job_landed, end_job_failed},
    )


def _transform_job(transforms: Sequence[dg.AssetsDefinition]) -> Any:
    return dg.define_asset_job(
        TRANSFORM_JOB,
        selection=dg.AssetSelection.assets(*transforms),
        description="Shape what has landed and merge it into the tables. Asked for by the sensor.",
    )


def _resources(tables: Sequence[str], given: Mapping[str, Any]) -> dict[str, Any]:
    """Complete the resources; those that need the warehouse get the one that was given."""
    warehouse = given.get("warehouse") or LocalWarehouse()
    return {
        "warehouse": warehouse,
        "broker": LocalBroker(),
        "jira": JiraResource(warehouse=warehouse),
        "heartbeat": RunHeartbeat(warehouse=warehouse),
        "raw_io_manager": RawIOManager(warehouse=warehouse),
        "table_io_manager": TableIOManager(warehouse=warehouse, deployed_tables=list(tables)),
        **given,
    }


defs = build_definitions()
