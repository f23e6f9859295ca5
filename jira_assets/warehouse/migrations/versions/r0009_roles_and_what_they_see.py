"""Which roles may see what: read by the policies, which `migrate` writes after every upgrade."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Create the table of roles."""
    op.create_table(
        "database_roles",
        sa.Column("role_name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("tenant_ids", postgresql.ARRAY(sa.BigInteger)),
        sa.Column(
            "registered_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.text("clock_timestamp()"),
        ),
        sa.PrimaryKeyConstraint("role_name", name="pk_database_roles"),
        sa.CheckConstraint(
            "kind IN ('runtime', 'api', 'reader')", name=op.f("ck_database_roles_kind")
        ),
        schema="jira",
    )
