"""A state for messages that a person dropped: not failed any more, and not in the tables."""

from alembic import op

revision = "0008"
down_revision = "0007"

STATES = (
    "'pending', 'published', 'received', 'launched', 'completed', 'superseded', 'failed', 'dropped'"
)


def upgrade() -> None:
    """Allow the state."""
    name = op.f("ck_etl_job_queue_state")
    op.drop_constraint(name, "etl_job_queue", schema="jira")
    op.create_check_constraint(name, "etl_job_queue", f"state IN ({STATES})", schema="jira")
