"""When a partition is read: what assets say of it by definition, and each landing by itself.

Decisions this module embodies:

* The interval is a partition's own, a row of ``etl_jobs``; an asset's definition can only say where
  that is. What it really is, and when it runs next, is metadata of each landing.
* Dagster's freshness is an asset's, not a partition's: the newest materialization of any partition
  counts. It therefore says when nothing at all was read any more, by the intervals that jobs come
  with; one partition that stands still hides behind the others.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import dagster as dg
import sqlalchemy as sa

from jira_assets.partitions import PartitionKey
from jira_assets.warehouse.contracts import Note
from jira_assets.warehouse.job_settings import JOB_TYPES, TEMPLATES
from jira_assets.warehouse.jobs import Job, list_jobs

RUNS_WHEN: Final = (
    "Each partition has an interval of its own: the row of its job in `jira.etl_jobs`. "
    "`jira-assets job list TENANT/INTEGRATION` shows it with the last and the next run, "
    "`jira-assets job update` changes it; the sensor `launch_due_jobs` launches what is due. Each "
    "materialization of a raw asset says `interval_minutes` and `next_run_at`. The schedule "
    "`nightly_full_refresh`, where it is switched on, reads every partition besides."
)


def definition_metadata() -> dict[str, Any]:
    """Return what every asset says about when it runs."""
    return {"runs_when": dg.MetadataValue.md(RUNS_WHEN)}


def freshness(entities: Collection[str]) -> dg.FreshnessPolicy | None:
    """Return the policy of an asset made of ``entities``, by the intervals that jobs come with.

    A warning once the longest of their intervals and a retry are over, a failure after two of them.
    None where no job reads any of them.
    """
    template = max(
        (each for each in TEMPLATES if set(JOB_TYPES[each.job_type]) & set(entities)),
        key=lambda each: each.schedule_interval_minutes,
        default=None,
    )
    if template is None:
        return None
    interval = timedelta(minutes=template.schedule_interval_minutes)
    retry = timedelta(minutes=template.retry_interval_minutes)
    return dg.FreshnessPolicy.time_window(fail_window=2 * interval, warn_window=interval + retry)


def timing_notes(
    engine: sa.Engine, key: PartitionKey, entity: str, run_id: str
) -> Mapping[str, Note]:
    """Return which job reads ``entity``, how often, and when next; nothing where no job does.

    Args:
        engine: the warehouse's.
        key: the integration.
        entity: what landed.
        run_id: the run that asks.
    """
    with engine.connect() as connection:
        now = connection.scalar(sa.select(sa.func.clock_timestamp()))
        jobs = list_jobs(connection, key)
    reading = [job for job in jobs if entity in JOB_TYPES.get(job.job_type, ())]
    if not reading or now is None:
        return {}
    job = min(reading, key=lambda each: (not each.enabled, each.schedule_interval_minutes))
    return {
        "job": job.job_name,
        "interval_minutes": job.schedule_interval_minutes,
        "next_run_at": next_run(job, run_id, now),
    }


def next_run(job: Job, run_id: str, now: datetime) -> str:
    """Say when a job runs next, as seen from a run that is going on."""
    if not job.enabled or job.next_run_at is None:
        return "when asked for"
    if job.status == "RUNNING" and job.run_id == run_id:
        return _utc(_next_due(job, now))
    if job.next_run_at <= now:
        return "as soon as no other run is on the integration"
    return _utc(job.next_run_at)


def _next_due(job: Job, now: datetime) -> datetime:
    """Return the first moment of the grid that is still to come: when this run has succeeded."""
    if job.due_at > now:
        return job.due_at
    interval = timedelta(minutes=job.schedule_interval_minutes)
    return job.due_at + interval * ((now - job.due_at) // interval + 1)


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
