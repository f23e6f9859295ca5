"""Keys of the HTTP service, and which failures somebody was told of."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

SCHEMA = "jira"


def _timestamp(name: str, *, nullable: bool = True) -> sa.Column[Any]:
    default = None if nullable else sa.text("clock_timestamp()")
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, server_default=default)


def upgrade() -> None:
    """Add the tables that the HTTP service and the failure reports keep."""
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("tenant_id", sa.BigInteger, nullable=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("secret_hash", sa.LargeBinary, nullable=False),
        _timestamp("created_at", nullable=False),
        _timestamp("revoked_at"),
        sa.PrimaryKeyConstraint("key_id", name="pk_api_keys"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], [f"{SCHEMA}.tenants.id"], name="fk_api_keys_tenant_id"
        ),
        schema=SCHEMA,
    )
    op.create_table(
        "failure_reports",
        sa.Column("partition_key", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        _timestamp("first_failed_at", nullable=False),
        _timestamp("last_failed_at", nullable=False),
        _timestamp("told_at"),
        sa.PrimaryKeyConstraint("partition_key", "kind", name="pk_failure_reports"),
        schema=SCHEMA,
    )
