"""When things run: jobs, requests for them, and which failures were told."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from jira_assets.warehouse.schema import metadata, now, one_of, owner_columns, timestamp
from jira_assets.warehouse.tenant_tables import integrations, tenants

JOB_STATUSES: Final = ("READY", "RUNNING", "COMPLETED", "FAILED")
REQUEST_STATES: Final = ("queued", "running", "landed", "failed")

etl_jobs = sa.Table(
    "etl_jobs",
    metadata,
    sa.Column(
        "integration_id",
        sa.BigInteger,
        sa.ForeignKey(integrations.c.id),
        primary_key=True,
        comment="integrations.id",
    ),
    sa.Column("job_name", sa.Text, primary_key=True, comment="the job, unique in an integration"),
    sa.Column(
        "tenant_id",
        sa.BigInteger,
        sa.ForeignKey(tenants.c.id),
        nullable=False,
        comment="tenants.id",
    ),
    sa.Column(
        "enabled",
        sa.Boolean,
        nullable=False,
        server_default=sa.true(),
        comment="whether it runs by itself",
    ),
    sa.Column("description", sa.Text, comment="what it does"),
    sa.Column("job_type", sa.Text, nullable=False, comment="what kind of work it is"),
    sa.Column(
        "schedule_interval_minutes", sa.Integer, nullable=False, comment="from one run to the next"
    ),
    sa.Column(
        "retry_interval_minutes",
        sa.Integer,
        nullable=False,
        comment="from a failed run to the next attempt",
    ),
    sa.Column("priority", sa.Integer, nullable=False, comment="1 runs first"),
    sa.Column("max_retries", sa.Integer, nullable=False, comment="attempts after a failed one"),
    sa.Column(
        "attempt", sa.Integer, nullable=False, server_default="0", comment="retries made so far"
    ),
    sa.Column("depends_on", sa.Text, comment="job_name of the same integration"),
    sa.Column(
        "status",
        sa.Text,
        nullable=False,
        server_default="READY",
        comment="READY, RUNNING, COMPLETED or FAILED",
    ),
    sa.Column("run_id", sa.Text, comment="the Dagster run"),
    timestamp("heartbeat_at", "sign of life of the running job"),
    sa.Column(
        "progress_percentage", sa.Double, nullable=False, server_default="0", comment="0 to 100"
    ),
    sa.Column("error_message", sa.Text, comment="why the last run failed"),
    timestamp("last_run_started_at", "the last run's start"),
    timestamp("last_run_finished_at", "the last run's end"),
    timestamp("next_run_at", "it runs from this moment on: when due, or when tried again"),
    now("due_at", "when its interval makes it due; retries do not move that"),
    sa.Column(
        "progress",
        JSONB(none_as_null=True),
        comment="while it runs: entity, done and total calls, per_second, seconds_left of it",
    ),
    one_of("status", *JOB_STATUSES),
    sa.CheckConstraint("schedule_interval_minutes > 0", name="schedule_interval_minutes"),
    sa.CheckConstraint("retry_interval_minutes > 0", name="retry_interval_minutes"),
    sa.CheckConstraint("priority > 0", name="priority"),
    sa.CheckConstraint("max_retries >= 0", name="max_retries"),
    sa.CheckConstraint("depends_on <> job_name", name="depends_on"),
    sa.Index(None, "next_run_at", postgresql_where=sa.text("enabled")),
    sa.Index(None, "run_id"),
    comment="When each job of each integration runs, and how its last run went.",
)

job_requests = sa.Table(
    "job_requests",
    metadata,
    sa.Column("request_id", UUID(as_uuid=True), primary_key=True, comment="given to who asked"),
    *owner_columns(),
    sa.Column("job_name", sa.Text, nullable=False, comment="etl_jobs.job_name"),
    sa.Column("requested_by", sa.Text, comment="who asked"),
    sa.Column("idempotency_key", sa.Text, comment="a repeat with the same key is the same request"),
    sa.Column(
        "state",
        sa.Text,
        nullable=False,
        server_default="queued",
        comment="queued, running, landed (its tables follow over the queue) or failed",
    ),
    sa.Column("run_id", sa.Text, comment="the Dagster run that serves it"),
    sa.Column("error", sa.Text, comment="why it failed"),
    now("created_at", "when it was asked for"),
    timestamp("finished_at", "landed or failed"),
    timestamp("started_at", "when its run began"),
    one_of("state", *REQUEST_STATES),
    sa.UniqueConstraint("tenant_id", "idempotency_key"),
    sa.Index(None, "integration_id", "job_name", postgresql_where=sa.text("state = 'queued'")),
    sa.Index(None, "run_id"),
    comment="Requests from outside to run a job.",
)

failure_reports = sa.Table(
    "failure_reports",
    metadata,
    sa.Column("partition_key", sa.Text, primary_key=True, comment="tenant/integration"),
    sa.Column("kind", sa.Text, primary_key=True, comment="what kind of failure it is"),
    sa.Column("message", sa.Text, nullable=False, comment="what the last of them says"),
    sa.Column("must_act", sa.Text, nullable=False, comment="who must act"),
    sa.Column("run_id", sa.Text, nullable=False, comment="the last Dagster run that failed so"),
    sa.Column("failures", sa.Integer, nullable=False, comment="runs that failed so, in a row"),
    sa.Column(
        "final",
        sa.Boolean,
        nullable=False,
        comment="for good: somebody must act, or the retries are used up; only then it is told",
    ),
    now("first_failed_at", "the first of them"),
    now("last_failed_at", "the last of them"),
    timestamp("told_at", "when the webhook took the message; null: it has not yet"),
    timestamp("recovered_at", "when a run succeeded; the row goes once that was told"),
    comment="Failures that last: one message each, and one when it is over. No row: all is well.",
)
