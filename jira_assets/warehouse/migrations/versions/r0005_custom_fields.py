"""Jira's custom fields."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

SCHEMA = "jira"


def _now(name: str) -> sa.Column[Any]:
    now = sa.text("clock_timestamp()")
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=now)


def upgrade() -> None:
    """Add the table that the entity ``fields`` feeds."""
    op.create_table(
        "custom_fields",
        sa.Column("integration_id", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("jira_id", sa.Text, nullable=False),
        sa.Column("tenant_id", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("untranslated_name", sa.Text, nullable=True),
        sa.Column("type", sa.Text, nullable=True),
        sa.Column("item_type", sa.Text, nullable=True),
        sa.Column("custom_type", sa.Text, nullable=True),
        sa.Column("project_jira_id", sa.Text, nullable=True),
        _now("first_seen_at"),
        _now("updated_at"),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("integration_id", "jira_id", name=op.f("pk_custom_fields")),
        schema=SCHEMA,
    )
