"""What Dagster loads: one call of ``build_definitions``.

Somebody with a Dagster workspace of their own adds this as one more code location, or calls
``build_definitions`` with a key prefix, resources of their own, only some entities, or the sensors
off. Nothing here reads the network, a database or a file: resources connect when they are used.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import dagster as dg

from jira_assets.extract.assets import READ_STEP, build_raw_assets, raw_asset_key
from jira_assets.extract.job_run import end_job_failed, end_job_landed
from jira_assets.extract.resource import JiraResource
from jira_assets.jobs.failure_sensor import build_failure_sensor
from jira_assets.jobs.partitions_sensor import build_partitions_sensor
from jira_assets.jobs.reconciler import build_reconciler_sensor
from jira_assets.jobs.retention import PRUNE_JOB, prune_raw_extractions
from jira_assets.jobs.schedules import (
    CRONS,
    NIGHTLY,
    RETENTION,
    build_nightly_schedule,
    build_retention_schedule,
)
from jira_assets.jobs.sensor import build_jobs_sensor
from jira_assets.local_resources import LocalBroker, LocalWarehouse
from jira_assets.queue.sensor import build_transform_sensor
from jira_assets.transform.assets import build_transform_assets
from jira_assets.transform.checks import build_checks
from jira_assets.transform.issue_assets import build_view_specs
from jira_assets.warehouse.io_managers import RawIOManager, TableIOManager
from jira_assets.warehouse.job_settings import JOB_TYPES
from jira_assets.warehouse.resource import RunHeartbeat
from jira_assets.warehouse.tables import ENTITIES, SOURCES

EXTRACT_JOB: Final = "extract_jira_metadata"
DISCOVER_JOB: Final = "discover_jira_fields"
ISSUES_JOB: Final = "extract_jira_issues"
DELETIONS_JOB: Final = "find_deleted_jira_issues"
SITE_JOB: Final = "extract_jira_site"
"""Reads all that there is, or any part of it: ``sync`` runs it, and no job of ``etl_jobs`` does."""
TRANSFORM_JOB: Final = "transform_jira_metadata"


_EXTRACT_JOBS: Final = {
    "metadata": (
        EXTRACT_JOB,
        "Read a site's projects, issue types and statuses, and land them. Tables follow by queue.",
    ),
    "discovery": (
        DISCOVER_JOB,
        "Read a site's fields, and which project uses which. Tables follow by queue.",
    ),
    "issues": (
        ISSUES_JOB,
        "Read the issues that changed, with their changelogs. Tables follow by queue.",
    ),
    "deletions": (
        DELETIONS_JOB,
        "Read the ids of all issues; those that are gone are marked as deleted, by queue.",
    ),
}
"""Type of job to the name of its Dagster job, and what it does."""


class UnknownEntityError(ValueError):
    """``build_definitions`` was asked for an entity that there is none of."""


class UnknownScheduleError(ValueError):
    """``build_definitions`` was given the time of a schedule that there is none of."""


def tables_of(entities: Sequence[str]) -> list[str]:
    """Return the tables that ``entities`` feed: a relation brings the statuses that it names."""
    return [table for table, sources in SOURCES.items() if set(sources) & set(entities)]


def build_definitions(
    *,
    key_prefix: str | Sequence[str] = (),
    entities: Sequence[str] = ENTITIES,
    resources: Mapping[str, Any] | None = None,
    sensors: bool = True,
    crons: Mapping[str, str] = CRONS,
) -> dg.Definitions:
    """Build the code location.

    Args:
        key_prefix: put before every asset key; none by default.
        entities: which of ``projects``, ``issue_types``, ``statuses``, ``project_statuses``,
            ``fields``, ``issue_samples``, ``issue_ids``, ``issues`` to extract; the tables that
            none of them feeds are left out, and the jobs that read none of them.
        resources: replaces those of the same key (``jira``, ``warehouse``, ``broker``,
            ``heartbeat``, ``raw_io_manager``, ``table_io_manager``).
        sensors: whether the sensors start switched on. Off, somebody switches them on in the UI.
        crons: when the schedules ``nightly_full_refresh`` and ``retention_of_raw`` tick, in UTC;
            one that is not named keeps its time. Both are off until somebody switches them on.

    Raises:
        UnknownEntityError: an entity that is none of those.
        UnknownScheduleError: a schedule that is none of those.
    """
    times = _times(crons)
    _require_known(entities)
    prefix = [key_prefix] if isinstance(key_prefix, str) else list(key_prefix)
    tables = tables_of(entities)
    raw = build_raw_assets(entities, prefix)
    transforms = build_transform_assets(tables=tables, entities=entities, key_prefix=prefix)
    jobs = _Jobs(
        extract=_extract_jobs(entities, prefix),
        site=_site_job(raw),
        transform=_transform_job(transforms),
        makes={
            **_keys_read(entities, prefix),
            SITE_JOB: raw.keys,
            TRANSFORM_JOB: [key for each in transforms for key in each.keys],
            PRUNE_JOB: [],
        },
    )
    status = dg.DefaultSensorStatus.RUNNING if sensors else dg.DefaultSensorStatus.STOPPED
    return dg.Definitions(
        assets=[raw, *transforms, *build_view_specs(tables, prefix)],
        asset_checks=build_checks(tables=tables, key_prefix=prefix),
        jobs=[*jobs.extract.values(), jobs.site, jobs.transform, prune_raw_extractions],
        schedules=_schedules(jobs, times),
        sensors=_sensors(jobs, tables, prefix, status),
        # UI runs use it too; every further step process would cost three seconds.
        executor=dg.in_process_executor,
        resources=_resources(tables, dict(resources or {})),
    )


@dataclass(frozen=True)
class _Jobs:
    """The jobs of the code location, as Dagster takes them."""

    extract: Mapping[str, Any]
    """By type of job."""
    site: Any
    transform: Any
    makes: Mapping[str, Iterable[dg.AssetKey]]
    """Name to the assets that a run of it makes; a run by hand counts as one of the first that
    makes the same."""


def _schedules(jobs: _Jobs, times: Mapping[str, str]) -> list[dg.ScheduleDefinition]:
    """Build the schedules; off, whatever the sensors are: one calls Jira, the other deletes."""
    nightly = build_nightly_schedule(
        jobs.site, read_step=READ_STEP, cron=times[NIGHTLY], not_reading=[TRANSFORM_JOB]
    )
    return [nightly, build_retention_schedule(prune_raw_extractions, cron=times[RETENTION])]


def _sensors(
    jobs: _Jobs, tables: Sequence[str], prefix: Sequence[str], status: dg.DefaultSensorStatus
) -> list[dg.SensorDefinition]:
    return [
        build_partitions_sensor(default_status=status),
        build_transform_sensor(
            job=jobs.transform, tables=tables, key_prefix=prefix, default_status=status
        ),
        build_jobs_sensor(jobs=jobs.extract, not_reading=[TRANSFORM_JOB], default_status=status),
        build_reconciler_sensor(default_status=status),
        build_failure_sensor(jobs=jobs.makes, default_status=status),
    ]


def _require_known(entities: Sequence[str]) -> None:
    unknown = sorted(set(entities) - set(ENTITIES))
    if unknown:
        raise UnknownEntityError(f"{', '.join(unknown)}: choose from {', '.join(ENTITIES)}.")


def _times(given: Mapping[str, str]) -> dict[str, str]:
    unknown = sorted(set(given) - set(CRONS))
    if unknown:
        raise UnknownScheduleError(f"{', '.join(unknown)}: choose from {', '.join(CRONS)}.")
    return {**CRONS, **given}


def _extract_jobs(entities: Sequence[str], prefix: Sequence[str]) -> dict[str, Any]:
    """Build the job of each type of job that reads something of ``entities``, by type."""
    return {
        job_type: dg.define_asset_job(
            name,
            selection=dg.AssetSelection.assets(*read),
            description=description,
            hooks={end_job_landed, end_job_failed},
        )
        for job_type, (name, description) in _EXTRACT_JOBS.items()
        if (read := _read(job_type, entities, prefix))
    }


def _keys_read(entities: Sequence[str], prefix: Sequence[str]) -> dict[str, list[dg.AssetKey]]:
    """Return the assets of each of the jobs of ``_extract_jobs``, by the job's name."""
    keys = {
        name: _read(job_type, entities, prefix) for job_type, (name, _) in _EXTRACT_JOBS.items()
    }
    return {name: read for name, read in keys.items() if read}


def _read(job_type: str, entities: Sequence[str], prefix: Sequence[str]) -> list[dg.AssetKey]:
    """Return the raw assets that a job of a type makes of ``entities``."""
    return [raw_asset_key(each, prefix) for each in JOB_TYPES[job_type] if each in entities]


def _site_job(raw: dg.AssetsDefinition) -> Any:
    return dg.define_asset_job(
        SITE_JOB,
        selection=dg.AssetSelection.assets(raw),
        description="Read all that a site answers, and land it. Its tables follow over the queue.",
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
