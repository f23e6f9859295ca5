"""All tables of schema ``jira``, and what feeds them. ``docs/tables.md`` is made from here.

What they have in common is in ``schema``; each subject has its own module beside this one, and code
imports from here.
"""

from typing import Final

import sqlalchemy as sa

from jira_assets.warehouse.issue_tables import (
    issue_changelogs,
    issue_watermarks,
    issues,
    projects_custom_fields,
)
from jira_assets.warehouse.job_tables import (
    JOB_STATUSES,
    REQUEST_STATES,
    etl_jobs,
    failure_reports,
    job_requests,
)
from jira_assets.warehouse.project_tables import (
    custom_fields,
    issue_types,
    projects,
    projects_issue_types,
    projects_issue_types_statuses,
    projects_statuses,
    statuses,
)
from jira_assets.warehouse.queue_tables import (
    OPEN_STATES,
    QUEUE_STATES,
    applied_extractions,
    etl_job_queue,
    reading_leases,
    rejected_records,
    run_heartbeats,
)
from jira_assets.warehouse.raw_tables import raw_extraction_data, raw_extractions
from jira_assets.warehouse.role_tables import database_roles
from jira_assets.warehouse.schema import SCHEMA, metadata
from jira_assets.warehouse.tenant_tables import api_keys, integrations, tenants

DATA_TABLES: Final[dict[str, sa.Table]] = {
    table.name: table
    for table in (
        projects,
        issue_types,
        statuses,
        projects_issue_types,
        projects_statuses,
        projects_issue_types_statuses,
        custom_fields,
        projects_custom_fields,
        issues,
        issue_changelogs,
    )
}
"""The tables that transforms merge into, by name."""

BOOKKEEPING_COLUMNS: Final = frozenset({"first_seen_at", "updated_at", "deleted_at"})
"""Columns of a data table that the merge writes itself; a snapshot has all the others."""

ENTITIES: Final = (
    "projects",
    "issue_types",
    "statuses",
    "project_statuses",
    "fields",
    "issue_samples",
    "issue_ids",
    "issues",
)
"""What is extracted, in the order in which it is read.

``issue_samples``: of each project, its newest issues with all their fields; ``issue_ids``: the ids
of all issues of each project. They come before ``issues``, which are read with the fields that the
samples show to be used, and after the sweep, so that whatever moved meanwhile is read again.
"""

INCREMENTAL: Final = frozenset({"issues"})
"""Entities of which a landing holds what changed in one scope, and not the whole of it: the tables
are made of all of them in turn, not of the newest."""

SOURCES: Final[dict[str, tuple[str, ...]]] = {
    "projects": ("projects",),
    "issue_types": ("issue_types", "project_statuses"),
    "statuses": ("statuses", "project_statuses"),
    "projects_issue_types": ("project_statuses",),
    "projects_statuses": ("project_statuses",),
    "projects_issue_types_statuses": ("project_statuses",),
    "custom_fields": ("fields",),
    "projects_custom_fields": ("issue_samples",),
    "issues": ("issues", "issue_ids"),
    "issue_changelogs": ("issues", "issue_ids"),
}
"""Which landed entities each data table is made of. The first one is its own."""


def tables_fed_by(entity: str) -> tuple[str, ...]:
    """Return the names of the data tables that a landed ``entity`` changes."""
    return tuple(table for table, entities in SOURCES.items() if entity in entities)


__all__ = [
    "BOOKKEEPING_COLUMNS",
    "DATA_TABLES",
    "ENTITIES",
    "INCREMENTAL",
    "JOB_STATUSES",
    "OPEN_STATES",
    "QUEUE_STATES",
    "REQUEST_STATES",
    "SCHEMA",
    "SOURCES",
    "api_keys",
    "applied_extractions",
    "custom_fields",
    "database_roles",
    "etl_job_queue",
    "etl_jobs",
    "failure_reports",
    "integrations",
    "issue_changelogs",
    "issue_types",
    "issue_watermarks",
    "issues",
    "job_requests",
    "metadata",
    "projects",
    "projects_custom_fields",
    "projects_issue_types",
    "projects_issue_types_statuses",
    "projects_statuses",
    "raw_extraction_data",
    "raw_extractions",
    "reading_leases",
    "rejected_records",
    "run_heartbeats",
    "statuses",
    "tables_fed_by",
    "tenants",
]
