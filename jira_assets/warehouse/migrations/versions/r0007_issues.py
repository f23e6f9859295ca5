"""Issues, their changelogs, the custom fields that projects use, and how far each was read."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0007"
down_revision = "0006"

SCHEMA = "jira"
COMPRESSED = (
    ("raw_extraction_data", "payload"),
    ("issues", "description"),
    ("issues", "description_document"),
    ("issues", "custom_fields"),
)


def _moment(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)


def _now(name: str) -> sa.Column[Any]:
    now = sa.text("clock_timestamp()")
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=now)


def _owned(table: str, keys: list[str], *columns: sa.Column[Any], more_key: str = "") -> None:
    key = ["integration_id", *keys, *([more_key] if more_key else [])]
    op.create_table(
        table,
        sa.Column("integration_id", sa.BigInteger, nullable=False, autoincrement=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in keys),
        sa.Column("tenant_id", sa.BigInteger, nullable=False),
        *columns,
        sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{table}")),
        schema=SCHEMA,
    )


def _data_table(table: str, keys: list[str], *columns: sa.Column[Any], more_key: str = "") -> None:
    times = (_now("first_seen_at"), _now("updated_at"), _moment("deleted_at"))
    _owned(table, keys, *columns, *times, more_key=more_key)


def _texts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text, nullable=True) for name in names]


def upgrade() -> None:
    """Add the tables of issues, and what landings and rejected records say of them."""
    full = sa.Column("is_full", sa.Boolean, nullable=False, server_default=sa.true())
    op.add_column("raw_extractions", full, schema=SCHEMA)
    op.add_column("rejected_records", sa.Column("jira_id", sa.Text), schema=SCHEMA)
    _data_table(
        "projects_custom_fields",
        ["project_jira_id", "custom_field_jira_id"],
        sa.Column("filled", sa.Integer, nullable=False),
        sa.Column("sampled", sa.Integer, nullable=False),
    )
    _issues()
    _issue_changelogs()
    _owned(
        "issue_watermarks",
        ["project_jira_id"],
        sa.Column("project_key", sa.Text, nullable=False),
        _moment("read_until"),
        _moment("full_read_at"),
        sa.Column("mapped", JSONB, nullable=False, server_default="{}"),
        sa.Column("unreadable", sa.Text, nullable=True),
        sa.Column("withheld_deletions", sa.Integer, nullable=False, server_default="0"),
        _now("updated_at"),
    )
    _compress()


def _issues() -> None:
    _data_table(
        "issues",
        ["jira_id"],
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("earlier_keys", ARRAY(sa.Text), nullable=False, server_default="{}"),
        sa.Column("project_jira_id", sa.Text, nullable=False),
        *_texts("issue_type_jira_id", "status_jira_id", "summary", "description"),
        sa.Column("description_document", JSONB, nullable=True),
        *_texts("assignee_jira_id", "assignee_name", "reporter_jira_id", "reporter_name"),
        *_texts("priority_jira_id", "priority_name", "resolution_jira_id", "resolution_name"),
        *_texts("parent_jira_id"),
        sa.Column("labels", ARRAY(sa.Text), nullable=False, server_default="{}"),
        sa.Column("components", JSONB, nullable=False, server_default="[]"),
        sa.Column("versions", JSONB, nullable=False, server_default="[]"),
        sa.Column("fix_versions", JSONB, nullable=False, server_default="[]"),
        _moment("jira_created_at"),
        _moment("jira_updated_at"),
        _moment("resolved_at"),
        *_texts(*(f"custom_field_{number:02}" for number in range(1, 21))),
        sa.Column("custom_fields", JSONB, nullable=False, server_default="{}"),
        sa.Column("mistyped_fields", ARRAY(sa.Text), nullable=True),
    )
    op.create_index(
        op.f("ix_issues_integration_id_project_jira_id"),
        "issues",
        ["integration_id", "project_jira_id"],
        schema=SCHEMA,
    )
    op.create_index(
        "ix_issues_mistyped",
        "issues",
        ["integration_id"],
        schema=SCHEMA,
        postgresql_where=sa.text("mistyped_fields IS NOT NULL"),
    )


def _issue_changelogs() -> None:
    _data_table(
        "issue_changelogs",
        ["history_jira_id"],
        sa.Column("item", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("issue_jira_id", sa.Text, nullable=False),
        _moment("changed_at"),
        *_texts("author_jira_id", "author_name", "field", "field_id", "field_type"),
        *_texts("from_value", "from_string", "to_value", "to_string"),
        more_key="item",
    )
    op.create_index(
        op.f("ix_issue_changelogs_integration_id_issue_jira_id"),
        "issue_changelogs",
        ["integration_id", "issue_jira_id"],
        schema=SCHEMA,
    )


def _compress() -> None:
    """Let large values be compressed by lz4, several times as fast as pglz, where it is there.

    Where it is not, raw pages are stored as they are: pglz is about half of the time in which a
    page of issues lands.
    """
    known = sa.text(
        "SELECT 'lz4' = ANY(enumvals) FROM pg_settings WHERE name = 'default_toast_compression'"
    )
    if op.get_bind().scalar(known):
        for table, column in COMPRESSED:
            op.execute(f"ALTER TABLE {SCHEMA}.{table} ALTER COLUMN {column} SET COMPRESSION lz4")
    else:
        op.execute(f"ALTER TABLE {SCHEMA}.raw_extraction_data ALTER payload SET STORAGE EXTERNAL")
