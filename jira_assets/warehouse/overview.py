"""What stands where: one row an integration, for ``jira-assets status``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from jira_assets.warehouse.figures import count_rows
from jira_assets.warehouse.freshness import (
    WORST_FIRST,
    Freshness,
    JobOverview,
    iso,
    read_job_overviews,
)
from jira_assets.warehouse.issue_projects import is_in_no_sweep, known_until, project_is
from jira_assets.warehouse.tables import (
    DATA_TABLES,
    OPEN_STATES,
    applied_extractions,
    etl_job_queue,
    integrations,
    issue_watermarks,
    projects,
    raw_extractions,
    rejected_records,
    tenants,
)


@dataclass(frozen=True)
class IssueReading:
    """How the issues of an integration's living projects have been read."""

    read_until: datetime | None = None
    """Of the project that is furthest behind, by Jira's clock; None: none was ever read."""
    unreadable_projects: int = 0
    """Projects whose issues could not be read the last time."""
    withheld_deletions: int = 0
    """Issues that the last sweep did not find, and kept: half of their project, or more."""


@dataclass(frozen=True)
class IntegrationOverview:
    """One integration: what landed last, what its tables hold, what is on its way, what failed."""

    partition_key: str
    base_url: str
    active: bool
    last_landed_at: datetime | None
    last_applied_at: datetime | None
    unreadable_projects: int
    rejected_records: int
    rows: Mapping[str, int] = field(default_factory=dict)
    """Table name to living rows."""
    queue: Mapping[str, int] = field(default_factory=dict)
    """State to messages, of those that are open or failed."""
    failures: tuple[str, ...] = ()
    """Why messages failed, newest first; five at most."""
    jobs: tuple[JobOverview, ...] = ()
    issues: IssueReading = IssueReading()

    @property
    def freshness(self) -> Freshness:
        """The worst of its jobs; those that nobody promised anything of do not count."""
        watched = [job.freshness for job in self.jobs if job.freshness in WORST_FIRST]
        return min(watched, key=WORST_FIRST.index, default=Freshness.UNWATCHED)

    def as_json(self) -> dict[str, Any]:
        """Return the overview as JSON values; times in ISO 8601."""
        return {
            "integration": self.partition_key,
            "base_url": self.base_url,
            "active": self.active,
            "last_landed_at": iso(self.last_landed_at),
            "last_applied_at": iso(self.last_applied_at),
            "unreadable_projects": self.unreadable_projects,
            "rejected_records": self.rejected_records,
            "issues_read_until": iso(self.issues.read_until),
            "unreadable_issue_projects": self.issues.unreadable_projects,
            "withheld_deletions": self.issues.withheld_deletions,
            "rows": dict(self.rows),
            "queue": dict(self.queue),
            "failures": list(self.failures),
            "freshness": str(self.freshness),
            "jobs": [job.as_json() for job in self.jobs],
        }


def read_overview(connection: sa.Connection) -> list[IntegrationOverview]:
    """Read one overview an integration that is not removed, by partition key."""
    found = connection.execute(_integrations()).all()
    rows = _rows(connection)
    queue = _queue(connection)
    failures = _failures(connection)
    jobs = read_job_overviews(connection)
    issues = _issue_readings(connection)
    unreadable = _counts(connection, _unreadable())
    rejected = _counts(connection, _rejected())
    return [
        IntegrationOverview(
            partition_key=f"{row.tenant}/{row.slug}",
            base_url=row.base_url,
            active=row.active,
            last_landed_at=row.last_landed_at,
            last_applied_at=row.last_applied_at,
            unreadable_projects=unreadable.get(row.id, 0),
            rejected_records=rejected.get(row.id, 0),
            rows=rows.get(f"{row.tenant}/{row.slug}", _none()),
            queue=queue.get(row.id, {}),
            failures=tuple(failures.get(row.id, ())),
            jobs=tuple(jobs.get(row.id, ())),
            issues=issues.get(row.id, IssueReading()),
        )
        for row in found
    ]


def _integrations() -> sa.Select[Any]:
    landed = (
        sa.select(sa.func.max(raw_extractions.c.landed_at))
        .where(raw_extractions.c.integration_id == integrations.c.id)
        .scalar_subquery()
    )
    applied = (
        sa.select(sa.func.max(applied_extractions.c.applied_at))
        .where(applied_extractions.c.integration_id == integrations.c.id)
        .scalar_subquery()
    )
    return (
        sa.select(
            integrations.c.id,
            tenants.c.slug.label("tenant"),
            integrations.c.slug,
            integrations.c.base_url,
            integrations.c.active,
            landed.label("last_landed_at"),
            applied.label("last_applied_at"),
        )
        .join(tenants, tenants.c.id == integrations.c.tenant_id)
        .where(integrations.c.removed_at.is_(None))
        .order_by(tenants.c.slug, integrations.c.slug)
    )


def _rejected() -> sa.Select[Any]:
    by = rejected_records.c.integration_id
    return sa.select(by, sa.func.count()).group_by(by)


def _counts(connection: sa.Connection, by_integration: sa.Select[Any]) -> dict[int, int]:
    return {row[0]: row[1] for row in connection.execute(by_integration)}


def _none() -> dict[str, int]:
    return {str(name): 0 for name in DATA_TABLES}


def _rows(connection: sa.Connection) -> dict[str, dict[str, int]]:
    """Return the living rows of each table, by partition key."""
    rows: dict[str, dict[str, int]] = {}
    for table, partition_key, count in count_rows(connection):
        rows.setdefault(partition_key, _none())[table] = count
    return rows


def _queue(connection: sa.Connection) -> dict[int, dict[str, int]]:
    states = sa.select(
        etl_job_queue.c.integration_id, etl_job_queue.c.state, sa.func.count()
    ).where(etl_job_queue.c.state.in_([*OPEN_STATES, "failed"]))
    queue: dict[int, dict[str, int]] = {}
    grouped = states.group_by(etl_job_queue.c.integration_id, etl_job_queue.c.state)
    for integration_id, state, count in connection.execute(grouped):
        queue.setdefault(integration_id, {})[state] = count
    return queue


def _failures(connection: sa.Connection, limit: int = 5) -> dict[int, list[str]]:
    failed = (
        sa.select(etl_job_queue.c.integration_id, etl_job_queue.c.entity, etl_job_queue.c.error)
        .where(etl_job_queue.c.state == "failed")
        .order_by(etl_job_queue.c.finished_at.desc())
    )
    failures: dict[int, list[str]] = {}
    for integration_id, entity, error in connection.execute(failed):
        listed = failures.setdefault(integration_id, [])
        if len(listed) < limit:
            listed.append(f"{entity}: {error}")
    return failures


def _issue_readings(connection: sa.Connection) -> dict[int, IssueReading]:
    """Read by integration; of projects that are deleted or archived, nothing.

    One that is not known counts.
    """
    marks = issue_watermarks.c
    is_gone = project_is(sa.or_(projects.c.deleted_at.is_not(None), projects.c.archived.is_(True)))
    read = sa.select(
        marks.integration_id,
        sa.func.min(known_until()).filter(~is_gone),
        sa.func.count(marks.unreadable).filter(~is_gone),
        # Those of a project that is gone wait for somebody's word all the same.
        sa.func.coalesce(sa.func.sum(marks.withheld_deletions).filter(~is_in_no_sweep()), 0),
    ).group_by(marks.integration_id)
    return {row[0]: IssueReading(row[1], row[2], row[3]) for row in connection.execute(read)}


def _unreadable() -> sa.Select[Any]:
    """Count the unreadable projects of the extraction that `projects_statuses` holds."""
    keys = sa.func.jsonb_object_keys(raw_extractions.c.complete_for["unreadable"])
    projects = (
        sa.select(applied_extractions.c.integration_id, keys.label("project"))
        .join(
            raw_extractions,
            sa.and_(
                raw_extractions.c.extraction_id == applied_extractions.c.extraction_id,
                raw_extractions.c.entity == applied_extractions.c.entity,
                raw_extractions.c.scope == applied_extractions.c.scope,
            ),
        )
        .where(applied_extractions.c.table_name == "projects_statuses")
        .subquery()
    )
    return sa.select(projects.c.integration_id, sa.func.count()).group_by(projects.c.integration_id)
