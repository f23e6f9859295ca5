"""One run at a time reads an integration (``reading_leases``); sites behind a private CA."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

SCHEMA = "jira"


def upgrade() -> None:
    """Create the table of leases, and add the path of a CA's certificates to the integrations."""
    op.create_table(
        "reading_leases",
        sa.Column("integration_id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column(
            "since",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.text("clock_timestamp()"),
        ),
        sa.PrimaryKeyConstraint("integration_id", name="pk_reading_leases"),
        schema=SCHEMA,
    )
    op.add_column("integrations", sa.Column("ca_bundle", sa.Text(), nullable=True), schema=SCHEMA)
