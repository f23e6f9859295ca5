"""Whether what the tables hold is as new as a job's interval promises.

Dagster's freshness policies speak of an asset, over all its partitions: one site that is read every
minute would hide another that has not been read for a week. This speaks of a job of a partition.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa

from jira_assets.warehouse.issue_projects import known_until, project_is
from jira_assets.warehouse.job_settings import JOB_TYPES
from jira_assets.warehouse.jobs import Job, list_jobs
from jira_assets.warehouse.tables import (
    OPEN_STATES,
    applied_extractions,
    etl_job_queue,
    issue_watermarks,
    projects,
    raw_extractions,
)

ISSUES: Final = "issues"


class Freshness(StrEnum):
    """What can be said of a job's data."""

    FRESH = "fresh"
    """The last run that succeeded is younger than an interval and a retry."""
    LATE = "late"
    """It is older; a run was missed, or failed."""
    STALE = "stale"
    """It is older than two intervals and a retry, or none has ever succeeded."""
    UNWATCHED = "unwatched"
    """The job is switched off, or its integration is disabled: nobody promised anything."""


WORST_FIRST: Final = (Freshness.STALE, Freshness.LATE, Freshness.FRESH)


def freshness(job: Job, read_at: datetime | None, now: datetime) -> Freshness:
    """Say how fresh the data of a job are.

    Args:
        job: the job as its row says.
        read_at: when the newest data that landed began to be read; None: never.
        now: the moment of asking, by the same clock.
    """
    if not (job.enabled and job.active):
        return Freshness.UNWATCHED
    if read_at is None:
        return Freshness.STALE
    interval = timedelta(minutes=job.schedule_interval_minutes)
    grace = timedelta(minutes=job.retry_interval_minutes)
    age = now - read_at
    if age <= interval + grace:
        return Freshness.FRESH
    return Freshness.LATE if age <= 2 * interval + grace else Freshness.STALE


@dataclass(frozen=True)
class JobOverview:
    """A job, how old its data are, and whether that is as promised."""

    job: Job
    read_at: datetime | None
    """When the oldest of what the tables hold of it began to be read; None: some never was."""
    freshness: Freshness

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values; times in ISO 8601, intervals in minutes."""
        job = self.job
        return {
            "job": job.job_name,
            "enabled": job.enabled,
            "schedule_interval_minutes": job.schedule_interval_minutes,
            "status": job.status,
            "attempt": job.attempt,
            "progress_percentage": job.progress_percentage,
            "progress": job.progress,
            "run_id": job.run_id,
            "error": job.error_message,
            "last_run_started_at": iso(job.last_run_started_at),
            "last_run_finished_at": iso(job.last_run_finished_at),
            "next_run_at": iso(job.next_run_at) if job.enabled and job.active else None,
            "data_read_at": iso(self.read_at),
            "freshness": str(self.freshness),
        }


def iso(moment: datetime | None) -> str | None:
    """Return a moment in ISO 8601."""
    return None if moment is None else moment.isoformat()


def read_job_overviews(connection: sa.Connection) -> dict[int, list[JobOverview]]:
    """Read the jobs of every integration that is not removed, by the integration's id."""
    now: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    applied = _applied(connection)
    overviews: dict[int, list[JobOverview]] = {}
    for job in list_jobs(connection):
        read_at = _oldest(job, applied)
        overview = JobOverview(job, read_at, freshness(job, read_at, now))
        overviews.setdefault(job.integration_id, []).append(overview)
    return overviews


def _applied(connection: sa.Connection) -> dict[tuple[int, str], datetime]:
    """Return when what the tables hold of each integration's entity began to be read."""
    columns = applied_extractions.c
    oldest = sa.select(columns.integration_id, columns.entity, sa.func.min(columns.started_at))
    grouped = oldest.group_by(columns.integration_id, columns.entity)
    applied = {(row[0], row[1]): row[2] for row in connection.execute(grouped)}
    # An idle project's last landing may be old, though it is looked at each time.
    read_until, waits_since = _issues_read(connection), _issues_not_applied(connection)
    for integration, until in read_until.items():
        if (integration, ISSUES) in applied:
            applied[integration, ISSUES] = min(until, waits_since.get(integration, until))
    return applied


def _issues_read(connection: sa.Connection) -> dict[int, datetime]:
    """Return until when each integration's issues were read: of living projects that can be."""
    marks = issue_watermarks.c
    read = sa.select(marks.integration_id, sa.func.min(known_until())).where(
        marks.unreadable.is_(None), marks.read_until.is_not(None)
    )
    living = project_is(
        projects.c.deleted_at.is_(None),
        projects.c.archived.is_not(True),  # What cannot be searched stays where it was.
    )
    grouped = read.where(living).group_by(marks.integration_id)
    return {row[0]: row[1] for row in connection.execute(grouped)}


def _issues_not_applied(connection: sa.Connection) -> dict[int, datetime]:
    """Return when the oldest landing of issues began that no table holds yet, by integration."""
    queue, marker = etl_job_queue.c, raw_extractions.c
    same = (queue.extraction_id == marker.extraction_id) & (queue.entity == marker.entity)
    query = (
        sa.select(queue.integration_id, sa.func.min(marker.started_at))
        .select_from(etl_job_queue.join(raw_extractions, same & (queue.scope == marker.scope)))
        .where(queue.entity == ISSUES, queue.state.in_((*OPEN_STATES, "failed")))
        .group_by(queue.integration_id)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def _oldest(job: Job, applied: Mapping[tuple[int, str], datetime]) -> datetime | None:
    # A newer release may have added a job of a type that this one does not know.
    moments = [applied.get((job.integration_id, each)) for each in JOB_TYPES.get(job.job_type, ())]
    known = [moment for moment in moments if moment is not None]
    return min(known, default=None) if len(known) == len(moments) else None
