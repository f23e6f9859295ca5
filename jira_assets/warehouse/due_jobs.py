"""Which jobs are due, or asked for, as the jobs sensor's tick reads them.

Decisions this module embodies:

* The database decides what is due, by its clock and an index: a tick over thousands of jobs reads
  those that it may have to do something about.
* Where a run of an integration is going on, nothing of it is due: one run at a time.
* A job waits until the last run of the one that it depends on has succeeded, also of one that is
  switched off: its order was asked for. An overdue job goes by what that one has ever landed. If
  that is nothing, it may wait for ever, and the tick says so.
* Priority decides who goes first while all can be served. A job that is late by its whole interval
  goes before all that are not, the most stretched one first: else those of a low priority would
  never run where there is more to do than time. So intervals are stretched, all alike.
* No job is further away than its interval. One that is was written while the database's clock stood
  in the future, and would wait in silence for years; it is brought back before anything is read.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from jira_assets.warehouse.job_settings import JOB_TYPES
from jira_assets.warehouse.tables import (
    etl_jobs,
    integrations,
    job_requests,
    raw_extractions,
    tenants,
)

_jobs: Final = etl_jobs.c
_requests: Final = job_requests.c
_now: Final = sa.func.clock_timestamp
_FOR_A_REQUEST: Final = "request:"


@dataclass(frozen=True)
class DueJob:
    """A job that may run now: because it is due, or because somebody asked for it."""

    integration_id: int
    partition_key: str
    job_name: str
    job_type: str
    priority: int
    attempt: int
    next_run_at: datetime
    depends_on: str | None = None
    max_retries: int = 0
    request_id: UUID | None = None
    """The oldest request for it that waits."""
    overdue: bool = False
    """Whether it is late by its interval, or was asked for a minute ago."""
    enabled: bool = True
    """Whether it runs by itself, so that a failure is tried again."""

    @property
    def run_key(self) -> str:
        """Dagster never runs the same key twice, so each request and each attempt has its own."""
        if self.request_id is not None:
            return f"{_FOR_A_REQUEST}{self.request_id}"
        when = self.next_run_at.isoformat()
        return f"{self.integration_id}:{self.job_name}:{when}:{self.attempt}"


def request_of(run_key: str) -> UUID | None:
    """Return the request that a run of this key was launched for; None if it was for none."""
    text = run_key.removeprefix(_FOR_A_REQUEST)
    return None if text == run_key else UUID(text)


def due_jobs(
    connection: sa.Connection, *, limit: int, job_types: Collection[str] = tuple(JOB_TYPES)
) -> list[DueJob]:
    """Return at most ``limit`` jobs that may run now: overdue ones, then by priority.

    Of types that are not among ``job_types``, which nobody runs here, only what was asked for: they
    would be late without end, and take the places of all others.
    """
    oldest = oldest_request(_requests.request_id)
    stretch = _stretch().label("stretch")
    query = (
        sa.select(
            _jobs.integration_id,
            sa.func.concat(tenants.c.slug, "/", integrations.c.slug).label("partition_key"),
            _jobs.job_name,
            _jobs.job_type,
            _jobs.priority,
            _jobs.attempt,
            _jobs.next_run_at,
            _jobs.depends_on,
            _jobs.max_retries,
            oldest.label("request_id"),
            (stretch >= 1).label("overdue"),
            _jobs.enabled,
        )
        .join(integrations, integrations.c.id == _jobs.integration_id)
        .join(tenants, tenants.c.id == integrations.c.tenant_id)
        .where(integrations.c.active, _may_run(job_types), ~_is_at_work())
        .order_by(
            sa.case((stretch >= 1, -stretch), else_=_jobs.priority),
            _jobs.priority,
            _jobs.next_run_at,
            _jobs.integration_id,
            _jobs.job_name,
        )
        .limit(limit)
    )
    return [DueJob(**row._asdict()) for row in connection.execute(query)]


def _may_run(job_types: Collection[str]) -> sa.ColumnElement[bool]:
    """Whether a job is due, or was asked for."""
    asked = sa.select(_requests.integration_id, _requests.job_name).where(
        _requests.state == "queued"
    )
    is_due = sa.and_(
        _jobs.enabled,
        _jobs.job_type.in_(job_types),
        _jobs.next_run_at <= _now(),
        _dependency_lets_go(job_types),
    )
    return sa.or_(is_due, sa.tuple_(_jobs.integration_id, _jobs.job_name).in_(asked))


def oldest_request(column: sa.Column[Any]) -> sa.ScalarSelect[Any]:
    """Return a column of the oldest request for a job that waits."""
    mine = sa.select(column).where(
        _requests.integration_id == _jobs.integration_id,
        _requests.job_name == _jobs.job_name,
        _requests.state == "queued",
    )
    in_order = mine.order_by(_requests.created_at, _requests.request_id)
    return in_order.limit(1).scalar_subquery()


def _stretch() -> sa.ColumnElement[float]:
    """Return by how many of its intervals a job is late; of a request, by how many minutes."""
    late = sa.extract("epoch", sa.func.statement_timestamp() - _jobs.next_run_at) / 60
    waited = sa.extract(
        "epoch", sa.func.statement_timestamp() - oldest_request(_requests.created_at)
    )
    by_itself = sa.case((_jobs.enabled, late / _jobs.schedule_interval_minutes), else_=0.0)
    return sa.func.greatest(by_itself, waited / 60)


def bring_back(connection: sa.Connection) -> int:
    """Let every job be due within its interval from now; return how many were further away."""
    minutes = sa.func.make_interval(0, 0, 0, 0, 0, _jobs.schedule_interval_minutes)
    latest = _now() + minutes
    slack = sa.text("interval '1 minute'")
    too_far = sa.or_(_jobs.due_at > latest + slack, _jobs.next_run_at > latest + slack)
    nearer = {
        "due_at": sa.func.least(_jobs.due_at, latest),
        "next_run_at": sa.func.least(_jobs.next_run_at, latest),
    }
    return connection.execute(sa.update(etl_jobs).where(too_far).values(nearer)).rowcount


def held_up_jobs(
    connection: sa.Connection, *, limit: int, job_types: Collection[str] = tuple(JOB_TYPES)
) -> list[tuple[str, str, str]]:
    """Return at most ``limit`` due jobs that wait for one that does not run by itself.

    Each as the partition key, its name, and the name of the job that it waits for.
    """
    awaited = etl_jobs.alias("awaited")
    waits_for_it = sa.and_(
        awaited.c.integration_id == _jobs.integration_id, awaited.c.job_name == _jobs.depends_on
    )
    query = (
        sa.select(
            sa.func.concat(tenants.c.slug, "/", integrations.c.slug).label("partition_key"),
            _jobs.job_name,
            _jobs.depends_on,
        )
        .join(integrations, integrations.c.id == _jobs.integration_id)
        .join(tenants, tenants.c.id == integrations.c.tenant_id)
        .join(awaited, waits_for_it)
        .where(
            integrations.c.active,
            _jobs.enabled,
            _jobs.next_run_at <= _now(),
            ~awaited.c.enabled,
            awaited.c.status.not_in(["COMPLETED", "RUNNING"]),
            _jobs.job_type.in_(job_types),
            ~_dependency_lets_go(job_types),
        )
        .order_by(tenants.c.slug, integrations.c.slug, _jobs.job_name)
        .limit(limit)
    )
    return [(row.partition_key, row.job_name, row.depends_on) for row in connection.execute(query)]


def _dependency_lets_go(job_types: Collection[str]) -> sa.ColumnElement[bool]:
    """Whether the job that it depends on has succeeded: the last time, or for an overdue one ever.

    One of a type that nobody runs here is not waited for.

    What that job has landed once tells more than nothing, and issues that stand still for a day
    because fields could not be read are worse than issues with yesterday's fields.
    """
    awaited = etl_jobs.alias("awaited")
    last_of_it = sa.case(
        {kind: entities[-1] for kind, entities in JOB_TYPES.items()}, value=awaited.c.job_type
    )
    has_ever = sa.exists().where(
        raw_extractions.c.integration_id == awaited.c.integration_id,
        raw_extractions.c.entity == last_of_it,
    )
    lets_go = sa.exists().where(
        awaited.c.integration_id == _jobs.integration_id,
        awaited.c.job_name == _jobs.depends_on,
        sa.or_(
            awaited.c.job_type.not_in(job_types),
            awaited.c.status == "COMPLETED",
            sa.and_(_stretch() >= 1, has_ever),
        ),
    )
    return sa.or_(_jobs.depends_on.is_(None), lets_go)


def _is_at_work() -> sa.ColumnElement[bool]:
    other = etl_jobs.alias("other")
    return sa.exists().where(
        other.c.integration_id == _jobs.integration_id, other.c.status == "RUNNING"
    )
