"""What each reading took of Jira, for those who watch how a site is treated."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column; null on what landed before."""
    took = sa.Column("took", JSONB, nullable=True)
    op.add_column("raw_extractions", took, schema="jira")
