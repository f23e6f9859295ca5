"""Until when nothing had changed in a project: apart from until when it was read."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the moment; what an earlier program wrote counts as read."""
    op.add_column(
        "issue_watermarks", sa.Column("idle_until", sa.DateTime(timezone=True)), schema="jira"
    )
