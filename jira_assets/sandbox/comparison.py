"""Holds the tables of one integration against the truth of its site, for the demo and the tests."""

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
"""Table to the columns that a site's truth tells of it."""


def living_rows(engine: "Engine", partition_key: str) -> Truth:
    """Read the living rows of every table of one integration, in the shape of a site's truth."""
    tenant, _, slug = partition_key.partition("/")
    found: Truth = {}
    with engine.connect() as connection:
        for table, columns in COLUMNS.items():
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
    found = living_rows(engine, partition_key)
    said = []
    for table, rows in truth.items():
        missing, extra = rows - found[table], found[table] - rows
        if missing:
            said.append(f"{table} lacks {len(missing)} rows, e.g. {next(iter(missing))}")
        if extra:
            said.append(f"{table} has {len(extra)} rows too many, e.g. {next(iter(extra))}")
    return said
