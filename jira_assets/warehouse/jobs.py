"""The rows of ``etl_jobs``: which jobs an integration has, and when each of them runs.

Decisions this module embodies:

* ``due_at`` is the grid of the interval: it moves on when a run of the job ends, to the first
  moment that is still to come, so a day of silence is one run and not a day's worth of them.
  ``next_run_at`` is when it may really start: then, or earlier where it is tried again.
* A job that is changed keeps its grid; one whose interval is shortened is due by the new one.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Unpack

import sqlalchemy as sa

from jira_assets.partitions import PartitionKey, nearest
from jira_assets.warehouse.due_jobs import oldest_request
from jira_assets.warehouse.integrations import find_integration
from jira_assets.warehouse.job_settings import JobSettings, check_dependencies, check_settings
from jira_assets.warehouse.tables import etl_jobs, integrations, job_requests, tenants

_jobs: Final = etl_jobs.c
_now: Final = sa.func.clock_timestamp


class UnknownJobError(LookupError):
    """The integration has no such job."""


@dataclass(frozen=True)
class Job:
    """One job of one integration, as its row says. Intervals in minutes, progress in percent."""

    integration_id: int
    tenant_id: int
    tenant: str
    integration: str
    active: bool
    """Whether its integration is."""
    job_name: str
    job_type: str
    enabled: bool
    description: str | None
    schedule_interval_minutes: int
    retry_interval_minutes: int
    priority: int
    max_retries: int
    attempt: int
    depends_on: str | None
    status: str
    run_id: str | None
    heartbeat_at: datetime | None
    progress_percentage: float
    progress: dict[str, Any] | None
    """Of the entity that is being read: see ``job_runs.report_progress``."""
    error_message: str | None
    last_run_started_at: datetime | None
    last_run_finished_at: datetime | None
    next_run_at: datetime | None
    due_at: datetime
    awaited_status: str | None
    """The status of the job that it depends on."""
    awaited_enabled: bool | None
    """Whether that one runs by itself."""
    asked_for_at: datetime | None
    """Since when the oldest request for it waits; None: none waits."""

    @property
    def partition_key(self) -> str:
        """The integration's partition key."""
        return f"{self.tenant}/{self.integration}"

    @property
    def waits(self) -> bool:
        """Whether it waits for the job that it depends on, whose last run has not succeeded."""
        return self.depends_on is not None and self.awaited_status != "COMPLETED"

    @property
    def is_held_up(self) -> bool:
        """Whether it waits for one that does not run by itself: until somebody does something."""
        return self.enabled and self.active and self.waits and not self.awaited_enabled


def list_jobs(connection: sa.Connection, key: PartitionKey | None = None) -> list[Job]:
    """Return the jobs of one integration, or of all that are not removed, by partition key.

    Raises:
        UnknownIntegrationError: there is none under ``key``.
    """
    query = _select().where(integrations.c.removed_at.is_(None))
    if key is not None:
        query = query.where(integrations.c.id == find_integration(connection, key).id)
    rows = connection.execute(query.order_by(tenants.c.slug, integrations.c.slug, _jobs.job_name))
    return [Job(**row._asdict()) for row in rows]


def get_job(connection: sa.Connection, key: PartitionKey, job_name: str) -> Job:
    """Return one job; raises ``UnknownJobError``, which names those nearest to it."""
    jobs = {job.job_name: job for job in list_jobs(connection, key)}
    if job_name not in jobs:
        near = nearest(job_name, jobs)
        known = f"Near to it: {', '.join(near)}" if near else f"It has {', '.join(sorted(jobs))}"
        raise UnknownJobError(f"{key} has no job {job_name}. {known}.")
    return jobs[job_name]


def update_job(
    engine: sa.Engine, key: PartitionKey, job_name: str, **settings: Unpack[JobSettings]
) -> Job:
    """Change what is given, keep the rest.

    Raises:
        UnknownJobError: there is no such job.
        InvalidJobError: a value cannot be, or jobs would wait for each other.
    """
    check_settings(settings)
    with engine.begin() as connection:
        job = get_job(connection, key, job_name)
        _lock(connection, job.integration_id)
        if "depends_on" in settings:
            others = {each.job_name: each.depends_on for each in list_jobs(connection, key)}
            check_dependencies({**others, job_name: settings["depends_on"]})
        connection.execute(_change(job, settings))
        return get_job(connection, key, job_name)


def _change(job: Job, settings: JobSettings) -> sa.Update:
    values: dict[str, Any] = dict(settings)
    if "schedule_interval_minutes" in settings:
        soonest = _now() + sa.func.make_interval(0, 0, 0, 0, 0, values["schedule_interval_minutes"])
        values["due_at"] = sa.func.least(_jobs.due_at, soonest)
        values["next_run_at"] = sa.func.least(_jobs.next_run_at, soonest)
    mine = sa.and_(_jobs.integration_id == job.integration_id, _jobs.job_name == job.job_name)
    return sa.update(etl_jobs).where(mine).values(values)


def _lock(connection: sa.Connection, integration_id: int) -> None:
    """Hold the jobs of an integration: two changes of dependencies must not make a circle."""
    rows = sa.select(_jobs.job_name).where(_jobs.integration_id == integration_id)
    connection.execute(rows.order_by(_jobs.job_name).with_for_update())


def _select() -> sa.Select[Any]:
    awaited = etl_jobs.alias("awaited")
    return (
        sa.select(
            *(column for column in etl_jobs.c),
            tenants.c.slug.label("tenant"),
            integrations.c.slug.label("integration"),
            integrations.c.active,
            awaited.c.status.label("awaited_status"),
            awaited.c.enabled.label("awaited_enabled"),
            oldest_request(job_requests.c.created_at).label("asked_for_at"),
        )
        .join(integrations, integrations.c.id == _jobs.integration_id)
        .join(tenants, tenants.c.id == integrations.c.tenant_id)
        .outerjoin(
            awaited,
            sa.and_(
                awaited.c.integration_id == _jobs.integration_id,
                awaited.c.job_name == _jobs.depends_on,
            ),
        )
    )
