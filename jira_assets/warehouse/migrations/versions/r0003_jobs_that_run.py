"""Jobs that run: when they are due, what may stand in their rows, and how far requests are."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

SCHEMA = "jira"


def upgrade() -> None:
    """Add what the jobs sensor reads. No revision before wrote rows of these tables."""
    op.add_column(
        "etl_jobs",
        sa.Column(
            "due_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.text("clock_timestamp()"),
        ),
        schema=SCHEMA,
    )
    for name, condition in (
        ("priority", "priority > 0"),
        ("max_retries", "max_retries >= 0"),
        ("depends_on", "depends_on <> job_name"),
    ):
        op.create_check_constraint(
            op.f(f"ck_etl_jobs_{name}"), "etl_jobs", condition, schema=SCHEMA
        )
    op.create_index(
        "ix_etl_jobs_next_run_at",
        "etl_jobs",
        ["next_run_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("enabled"),
    )
    op.create_index("ix_etl_jobs_run_id", "etl_jobs", ["run_id"], schema=SCHEMA)
    op.add_column(
        "job_requests",
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        schema=SCHEMA,
    )
    op.create_check_constraint(
        op.f("ck_job_requests_state"),
        "job_requests",
        "state IN ('queued', 'running', 'landed', 'failed')",
        schema=SCHEMA,
    )
    op.create_index(
        "ix_job_requests_integration_id_job_name",
        "job_requests",
        ["integration_id", "job_name"],
        schema=SCHEMA,
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index("ix_job_requests_run_id", "job_requests", ["run_id"], schema=SCHEMA)
