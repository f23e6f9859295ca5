"""The hop from landing to tables: messages, what was applied, signs of life, what was set aside."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from jira_assets.warehouse.schema import metadata, now, one_of, owner_columns, timestamp

QUEUE_STATES: Final = (
    "pending",
    "published",
    "received",
    "launched",
    "completed",
    "superseded",
    "failed",
    "dropped",
)
OPEN_STATES: Final = ("pending", "published", "received", "launched")

etl_job_queue = sa.Table(
    "etl_job_queue",
    metadata,
    sa.Column(
        "message_id",
        UUID(as_uuid=True),
        primary_key=True,
        comment="made of extraction, entity and scope",
    ),
    *owner_columns(),
    sa.Column("partition_key", sa.Text, nullable=False, comment="tenant/integration"),
    sa.Column(
        "extraction_id", UUID(as_uuid=True), nullable=False, comment="raw_extractions.extraction_id"
    ),
    sa.Column("entity", sa.Text, nullable=False, comment="what was extracted"),
    sa.Column("scope", sa.Text, nullable=False, comment="the part that is read as a whole"),
    sa.Column("extraction_run_id", sa.Text, comment="the Dagster run that landed it"),
    sa.Column(
        "state",
        sa.Text,
        nullable=False,
        server_default="pending",
        comment="how far the message is; see docs/queue.md",
    ),
    sa.Column(
        "attempt",
        sa.Integer,
        nullable=False,
        server_default="1",
        comment="which transform run of it this is",
    ),
    sa.Column("run_id", sa.Text, comment="the Dagster run that transforms it"),
    sa.Column("error", sa.Text, comment="why the last attempt ended without the tables"),
    timestamp("not_before", "the next attempt is not asked for before this"),
    now("created_at", "born with the marker"),
    timestamp("published_at", "last confirmed by the broker"),
    sa.Column(
        "publications",
        sa.Integer,
        nullable=False,
        server_default="0",
        comment="how often the broker confirmed it",
    ),
    timestamp("received_at", "drained from the broker"),
    timestamp("launched_at", "its run began"),
    timestamp("finished_at", "completed, superseded, failed or dropped"),
    now("updated_at", "last change of this row"),
    one_of("state", *QUEUE_STATES),
    sa.UniqueConstraint("extraction_id", "entity", "scope"),
    sa.Index(
        "ix_etl_job_queue_open",
        "state",
        "created_at",
        postgresql_where=sa.text("state IN ('pending', 'published', 'received', 'launched')"),
    ),
    sa.Index(None, "integration_id", "created_at"),
    sa.Index(
        "ix_etl_job_queue_failed",
        "partition_key",
        "finished_at",
        postgresql_where=sa.text("state = 'failed'"),
    ),
    comment="Outbox and inbox of the queue jira.transform: one row a landed entity and scope.",
)

applied_extractions = sa.Table(
    "applied_extractions",
    metadata,
    sa.Column(
        "integration_id",
        sa.BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="integrations.id",
    ),
    sa.Column("table_name", sa.Text, primary_key=True, comment="the data table"),
    sa.Column("entity", sa.Text, primary_key=True, comment="what was extracted"),
    sa.Column("scope", sa.Text, primary_key=True, comment="the part that is read as a whole: site"),
    sa.Column("tenant_id", sa.BigInteger, nullable=False, comment="tenants.id"),
    sa.Column(
        "extraction_id", UUID(as_uuid=True), nullable=False, comment="raw_extractions.extraction_id"
    ),
    timestamp("started_at", "raw_extractions.started_at", nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False, comment="raw_extractions.sequence"),
    sa.Column(
        "transform_version", sa.Text, nullable=False, comment="the code version that made the rows"
    ),
    sa.Column("run_id", sa.Text, comment="the Dagster run that merged it"),
    sa.Column(
        "rows_before",
        sa.BigInteger,
        nullable=False,
        server_default="0",
        comment="living rows when the merge began",
    ),
    sa.Column(
        "rows_deleted",
        sa.BigInteger,
        nullable=False,
        server_default="0",
        comment="rows that the merge marked deleted",
    ),
    now("applied_at", "when the merge committed"),
    comment="What each table holds, from which extraction.",
)

run_heartbeats = sa.Table(
    "run_heartbeats",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True, comment="the Dagster run"),
    sa.Column("partition_key", sa.Text, comment="tenant/integration, where it is on one"),
    now("started_at", "first beat"),
    now("heartbeat_at", "last beat"),
    timestamp("finished_at", "a clean end; null and an old beat: killed"),
    comment="Signs of life of Dagster runs: a killed run stays STARTED in Dagster for ever.",
)

reading_leases = sa.Table(
    "reading_leases",
    metadata,
    sa.Column(
        "integration_id",
        sa.BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="integrations.id",
    ),
    sa.Column("tenant_id", sa.BigInteger, nullable=False, comment="tenants.id"),
    sa.Column("run_id", sa.Text, nullable=False, comment="the Dagster run that reads its Jira"),
    now("since", "when that run's present attempt took it"),
    comment="Which run reads the Jira of an integration: one at a time. No row: none does.",
)

rejected_records = sa.Table(
    "rejected_records",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True, comment="ours"),
    *owner_columns(),
    sa.Column(
        "extraction_id", UUID(as_uuid=True), nullable=False, comment="raw_extractions.extraction_id"
    ),
    sa.Column("entity", sa.Text, nullable=False, comment="what was extracted"),
    sa.Column("table_name", sa.Text, nullable=False, comment="the table it would have gone to"),
    sa.Column("payload", JSONB(none_as_null=True), comment="the object as it came"),
    sa.Column("reason", sa.Text, nullable=False, comment="what is wrong with it"),
    now("created_at", "when it was set aside"),
    sa.Column("jira_id", sa.Text, comment="the object's own id; null where that is not known"),
    sa.Index(None, "integration_id", "table_name"),
    comment="Objects that could not be transformed, set aside with the reason.",
)
