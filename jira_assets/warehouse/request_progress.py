"""How far a request is, over its whole way: from the asking to the rows in the tables.

Decisions this module embodies:

* Nothing is kept for it. It is read off what the runs write anyway (the request, its job's row, the
  messages of what its run landed), for any number of requests in one statement.
* A request is done when the tables hold what its run landed, or newer: the state of the messages,
  which merges settle, says so. A message that was given up fails the request; a later merge that
  makes it good makes the request good, too. One that a person dropped leaves it failed.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from jira_assets.warehouse.tables import OPEN_STATES

FINAL_STATES: Final = frozenset({"done", "failed"})
STATES: Final = ("queued", "extracting", "landed", "transforming", "done", "failed")
_STATE_BEFORE_LANDING: Final = {"queued": "queued", "running": "extracting", "failed": "failed"}
_FAILED: Final = ("failed", "dropped")
"""Of ``etl_job_queue``: the tables do not hold it, and nothing tries to change that."""
_LEAST_PERCENTAGE: Final = 1.0
"""Below it, a rate would be a guess."""

# The messages of a run were born between its start and its end: an index leads to those.
_QUERY: Final = sa.text(
    """
    SELECT r.request_id, r.tenant_id, r.integration_id, t.slug AS tenant, i.slug AS integration,
        r.job_name, r.requested_by, r.state, r.run_id, r.error,
        r.created_at, r.started_at, r.finished_at, clock_timestamp() AS now,
        CASE WHEN j.run_id = r.run_id THEN j.progress_percentage END AS percentage,
        CASE WHEN j.run_id = r.run_id THEN j.progress END AS entity_progress,
        CASE WHEN r.state <> 'queued' THEN NULL
            WHEN NOT i.active THEN 'the integration is disabled'
            WHEN EXISTS (
                SELECT FROM jira.etl_jobs o
                WHERE o.integration_id = r.integration_id AND o.status = 'RUNNING'
            ) THEN 'another run of the integration is at work'
        END AS waits_for,
        landed.messages
    FROM jira.job_requests r
    JOIN jira.integrations i ON i.id = r.integration_id
    JOIN jira.tenants t ON t.id = r.tenant_id
    LEFT JOIN jira.etl_jobs j
        ON j.integration_id = r.integration_id AND j.job_name = r.job_name
    LEFT JOIN LATERAL (
        SELECT jsonb_agg(to_jsonb(one)) AS messages FROM (
            SELECT q.entity, q.state, q.run_id, count(*) AS messages, max(q.attempt) AS attempt,
                sum(m.pages) AS pages, sum(m.items) AS items, max(q.error) AS error,
                max(q.created_at) AS landed_at, max(q.finished_at) AS finished_at
            FROM jira.etl_job_queue q
            JOIN jira.raw_extractions m USING (extraction_id, entity, scope)
            WHERE q.integration_id = r.integration_id AND q.extraction_run_id = r.run_id
            AND q.created_at >= r.started_at
            AND q.created_at <= coalesce(r.finished_at, 'infinity')
            GROUP BY q.entity, q.state, q.run_id
        ) AS one
    ) AS landed ON r.run_id IS NOT NULL
    WHERE r.request_id = ANY(:request_ids)
    """
)


@dataclass(frozen=True)
class LandedPart:
    """Messages of one entity that are equally far, as counts."""

    entity: str
    state: str
    """Of ``etl_job_queue``."""
    run_id: str | None
    """The Dagster run that transforms it."""
    messages: int
    attempt: int
    pages: int
    items: int
    error: str | None
    landed_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True)
class RequestProgress:
    """A request, and everything that tells how far it is."""

    request_id: UUID
    tenant_id: int
    integration_id: int
    partition_key: str
    job_name: str
    requested_by: str | None
    run_id: str | None
    """The Dagster run that reads Jira for it."""
    created_at: datetime
    started_at: datetime | None
    extracted_at: datetime | None
    """When its run ended."""
    now: datetime
    """The database's clock when this was read."""
    asked_state: str
    """Of ``job_requests``."""
    asked_error: str | None
    percentage: float | None
    """Of the reading; None where it is not known (any more)."""
    entity_progress: Mapping[str, Any] | None
    """Of the entity that is being read: see ``job_runs.report_progress``."""
    waits_for: str | None
    landed: tuple[LandedPart, ...] = ()

    @property
    def state(self) -> str:
        """One of ``STATES``."""
        if self.asked_state != "landed":
            return _STATE_BEFORE_LANDING[self.asked_state]
        if any(part.state in OPEN_STATES for part in self.landed):
            return "transforming" if any(map(_was_begun, self.landed)) else "landed"
        # Nothing kept of what landed means that nothing can still come of it.
        return "failed" if any(part.state in _FAILED for part in self.landed) else "done"

    @property
    def error(self) -> str | None:
        """Why it failed; None where it did not."""
        if self.asked_state == "failed":
            return self.asked_error or "the run failed and does not say why"
        if self.state != "failed":
            return None
        failed = [part for part in self.landed if part.state in _FAILED]
        return "; ".join(f"{part.entity}: {part.error or 'no reason'}" for part in failed)

    @property
    def finished_at(self) -> datetime | None:
        """When it was done, or failed; None while something may still come."""
        if self.state not in FINAL_STATES:
            return None
        ends = [part.finished_at for part in self.landed if part.finished_at is not None]
        return max(ends) if ends and self.asked_state == "landed" else self.extracted_at

    @property
    def transform_runs(self) -> tuple[str, ...]:
        """The Dagster runs that bring it into the tables, as far as they have begun."""
        return tuple(sorted({part.run_id for part in self.landed if part.run_id is not None}))

    @property
    def percent_per_second(self) -> float | None:
        """The rate of the reading so far; None where that would be a guess."""
        if self.percentage is None or self.started_at is None:
            return None
        seconds = (self.now - self.started_at).total_seconds()
        if self.percentage < _LEAST_PERCENTAGE or seconds <= 0:
            return None
        return self.percentage / seconds


def read_progress(
    connection: sa.Connection, request_ids: Collection[UUID]
) -> dict[UUID, RequestProgress]:
    """Return how far each of these requests is, those that there are, by their id."""
    rows = connection.execute(_QUERY, {"request_ids": list(request_ids)})
    return {row.request_id: _progress(row) for row in rows}


def _progress(row: sa.Row[Any]) -> RequestProgress:
    return RequestProgress(
        request_id=row.request_id,
        tenant_id=row.tenant_id,
        integration_id=row.integration_id,
        partition_key=f"{row.tenant}/{row.integration}",
        job_name=row.job_name,
        requested_by=row.requested_by,
        run_id=row.run_id,
        created_at=row.created_at,
        started_at=row.started_at,
        extracted_at=row.finished_at,
        now=row.now,
        asked_state=row.state,
        asked_error=row.error,
        percentage=row.percentage,
        entity_progress=row.entity_progress,
        waits_for=row.waits_for,
        landed=tuple(map(_part, row.messages or ())),
    )


def _part(values: Mapping[str, Any]) -> LandedPart:
    finished = values["finished_at"]
    return LandedPart(
        **{
            **values,
            "landed_at": datetime.fromisoformat(values["landed_at"]),
            "finished_at": None if finished is None else datetime.fromisoformat(finished),
        }
    )


def _was_begun(part: LandedPart) -> bool:
    return part.state not in {"pending", "published", "received"} or part.attempt > 1
