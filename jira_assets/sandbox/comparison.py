"""Holds the tables of one integration against the truth of its site, for the demo and the tests."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from jira_assets.sandbox.truth import Truth

if TYPE_CHECKING:
    from sqlalchemy import Engine

COLUMNS: Final = {
    "projects": ("jira_id", "key", "name"),
    "issue_types": ("jira_id", "name", "subtask"),
    "statuses": ("jira_id", "name", "category"),
    "projects_issue_types": ("project_jira_id", "issue_type_jira_id"),
    "projects_statuses": ("project_jira_id", "status_jira_id"),
    "projects_issue_types_statuses": (
        "project_jira_id",
        "issue_type_jira_id",
        "status_jira_id",
    ),
    "custom_fields": (
        "jira_id",
        "name",
        "type",
        "item_type",
        "custom_type",
        "project_jira_id",
    ),
}
"""Table to the columns that any site's truth tells of it."""

ISSUE_COLUMNS: Final = {
    "issues": ("jira_id", "key", "project_jira_id", "status_jira_id"),
    "issue_changelogs": ("history_jira_id", "item", "issue_jira_id"),
    "projects_custom_fields": ("project_jira_id", "custom_field_jira_id"),
}
"""The same, of the tables that a site with issues has, too."""


def living_rows(engine: "Engine", partition_key: str, tables: Iterable[str]) -> Truth:
    """Read the living rows of tables of one integration, in the shape of a site's truth."""
    tenant, _, slug = partition_key.partition("/")
    found: Truth = {}
    with engine.connect() as connection:
        for table in tables:
            columns = {**COLUMNS, **ISSUE_COLUMNS}[table]
            rows = connection.execute(_living(table, columns), {"tenant": tenant, "slug": slug})
            found[table] = {tuple(row) for row in rows}
    return found


def _living(table: str, columns: tuple[str, ...]) -> sa.TextClause:
    listed = ", ".join(f"d.{column}" for column in columns)
    # Table and column names are the constants above; values are bound.
    return sa.text(
        f"SELECT {listed} FROM jira.{table} d "  # noqa: S608  # constants only
        "JOIN jira.integrations i ON i.id = d.integration_id "
        "JOIN jira.tenants t ON t.id = i.tenant_id "
        "WHERE t.slug = :tenant AND i.slug = :slug AND d.deleted_at IS NULL"
    )


def compare(engine: "Engine", partition_key: str, truth: Truth) -> list[str]:
    """Say in words how the tables differ from ``truth``; an empty list: not at all."""
    found = living_rows(engine, partition_key, truth)
    said = []
    for table, rows in truth.items():
        missing, extra = rows - found[table], found[table] - rows
        if missing:
            said.append(f"{table} lacks {len(missing)} rows, e.g. {next(iter(missing))}")
        if extra:
            said.append(f"{table} has {len(extra)} rows too many, e.g. {next(iter(extra))}")
    return said
