"""The tables of schema ``jira``, as SQLAlchemy metadata. ``docs/tables.md`` is made from here.

What they have in common is in ``schema``, what issues bring is in ``issue_tables``.
"""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from jira_assets.warehouse.issue_tables import (
    issue_changelogs,
    issue_watermarks,
    issues,
    projects_custom_fields,
)
from jira_assets.warehouse.role_tables import database_roles
from jira_assets.warehouse.schema import (
    SCHEMA,
    data_table,
    metadata,
    now,
    one_of,
    owner_columns,
    timestamp,
)

# --------------------------------------------------------------------------- who is served

tenants = sa.Table(
    "tenants",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True, comment="ours"),
    sa.Column("slug", sa.Text, nullable=False, unique=True, comment="immutable; left of the slash"),
    now("created_at", "when the tenant was added"),
    comment="A tenant is a customer.",
)

integrations = sa.Table(
    "integrations",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True, comment="ours"),
    sa.Column(
        "tenant_id",
        sa.BigInteger,
        sa.ForeignKey(tenants.c.id),
        nullable=False,
        comment="tenants.id",
    ),
    sa.Column("slug", sa.Text, nullable=False, comment="immutable; right of the slash"),
    sa.Column("base_url", sa.Text, nullable=False, comment="the site, with its context path"),
    sa.Column(
        "deployment",
        sa.Text,
        nullable=False,
        server_default="auto",
        comment="auto: found out by /serverInfo; cloud; data_center",
    ),
    sa.Column(
        "auth", sa.Text, nullable=False, server_default="basic", comment="basic, bearer or none"
    ),
    sa.Column("username", sa.Text, comment="e-mail or user name for basic auth"),
    sa.Column("secret_ref", sa.Text, comment="where the secret is: env:NAME or file:/path"),
    sa.Column(
        "custom_field_mappings",
        JSONB,
        nullable=False,
        server_default="{}",
        comment="custom_field_01 to customfield_10110, and so on",
    ),
    sa.Column(
        "max_concurrency",
        sa.Integer,
        nullable=False,
        server_default="10",
        comment="calls at once, at most",
    ),
    sa.Column("requests_per_second", sa.Double, comment="null: no limit of our own"),
    sa.Column(
        "included_projects",
        ARRAY(sa.Text),
        nullable=False,
        server_default="{}",
        comment="project keys; empty: all",
    ),
    sa.Column(
        "excluded_projects",
        ARRAY(sa.Text),
        nullable=False,
        server_default="{}",
        comment="project keys",
    ),
    sa.Column(
        "active",
        sa.Boolean,
        nullable=False,
        server_default=sa.true(),
        comment="whether it has a partition",
    ),
    timestamp("removed_at", "set by `integration remove`; the rows stay until --purge"),
    now("created_at", "when the integration was added"),
    now("updated_at", "when its settings last changed"),
    sa.Column(
        "ca_bundle",
        sa.Text,
        comment="path of a PEM file, on the machine that reads Jira, of a private CA",
    ),
    sa.UniqueConstraint("tenant_id", "slug"),
    one_of("deployment", "auto", "cloud", "data_center"),
    one_of("auth", "basic", "bearer", "none"),
    sa.CheckConstraint("max_concurrency >= 1", name="max_concurrency"),
    sa.CheckConstraint("requests_per_second > 0", name="requests_per_second"),
    comment="An integration is one Jira site of one tenant.",
)

# --------------------------------------------------------------------------- what was read

raw_extraction_data = sa.Table(
    "raw_extraction_data",
    metadata,
    sa.Column(
        "extraction_id",
        UUID(as_uuid=True),
        primary_key=True,
        comment="the extraction: the same UUID when a step is retried",
    ),
    sa.Column("entity", sa.Text, primary_key=True, comment="what was extracted"),
    sa.Column("scope", sa.Text, primary_key=True, comment="the part that is read as a whole: site"),
    sa.Column(
        "page",
        sa.Integer,
        primary_key=True,
        autoincrement=False,
        comment="number of the answer, from 0",
    ),
    *owner_columns(),
    sa.Column(
        "request",
        JSONB,
        nullable=False,
        comment="what was asked: path, params; project_id and project_key where it was about one",
    ),
    sa.Column("http_status", sa.SmallInteger, nullable=False, comment="404 or 403: unreadable"),
    sa.Column(
        "payload",
        JSONB(none_as_null=True),
        comment="Jira's answer as it came, less U+0000, which Postgres refuses",
    ),
    now("extracted_at", "when its batch was begun; of the first page: when the reading began"),
    comment="Every answer of Jira, as it came. Counts once its marker is in raw_extractions.",
)

raw_extractions = sa.Table(
    "raw_extractions",
    metadata,
    sa.Column(
        "extraction_id",
        UUID(as_uuid=True),
        primary_key=True,
        comment="the extraction: the same UUID when a step is retried",
    ),
    sa.Column("entity", sa.Text, primary_key=True, comment="what was extracted"),
    sa.Column("scope", sa.Text, primary_key=True, comment="the part that is read as a whole: site"),
    sa.Column(
        "sequence",
        sa.BigInteger,
        sa.Identity(always=True),
        nullable=False,
        comment="breaks a tie of started_at",
    ),
    *owner_columns(),
    sa.Column("pages", sa.Integer, nullable=False, comment="pages that landed"),
    sa.Column("items", sa.BigInteger, nullable=False, comment="objects on those pages"),
    sa.Column(
        "complete_for",
        JSONB,
        nullable=False,
        comment="included and excluded project keys; unreadable: project id to its reason; "
        "window: which of a project's issues were asked for",
    ),
    sa.Column("run_id", sa.Text, comment="the Dagster run that landed it"),
    timestamp("started_at", "when its reading began; orders extractions", nullable=False),
    now("landed_at", "when the marker was written"),
    sa.Column(
        "took",
        JSONB(none_as_null=True),
        comment="what its reading took: calls, retries, answers_429, … (of the last attempt)",
    ),
    sa.Column(
        "is_full",
        sa.Boolean,
        nullable=False,
        server_default=sa.true(),
        comment="holds all of its scope; false: what has changed since the one before it",
    ),
    sa.Index(None, "integration_id", "entity", "scope", sa.text("started_at DESC")),
    comment="The marker: this entity (and scope) of this extraction has landed whole.",
)

# --------------------------------------------------------------------------- the hop

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

# --------------------------------------------------------------------------- when things run

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

# --------------------------------------------------------------------------- who may ask

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("key_id", sa.Text, primary_key=True, comment="the part of the key that is no secret"),
    sa.Column(
        "tenant_id",
        sa.BigInteger,
        sa.ForeignKey(tenants.c.id),
        comment="tenants.id: all that it may see; null for an admin's key",
    ),
    sa.Column("name", sa.Text, nullable=False, comment="whose it is, or what for"),
    sa.Column("secret_hash", sa.LargeBinary, nullable=False, comment="SHA-256 of the secret part"),
    now("created_at", "when it was made"),
    timestamp("revoked_at", "from then on it opens nothing"),
    comment="Bearer keys of the HTTP service. The secret itself is shown once and kept nowhere.",
)

# --------------------------------------------------------------------------- Jira's own tables


projects = data_table(
    "projects",
    ["jira_id"],
    sa.Column("key", sa.Text, nullable=False, comment="may change: the id is the key to it"),
    sa.Column("name", sa.Text, nullable=False, comment="as it came, leading spaces included"),
    sa.Column("description", sa.Text, comment="null where there is none"),
    sa.Column("project_type_key", sa.Text, comment="software, service_desk, business, …"),
    sa.Column("style", sa.Text, comment="classic or next-gen (team-managed); Cloud only"),
    sa.Column("is_private", sa.Boolean, comment="Cloud only"),
    sa.Column("archived", sa.Boolean, comment="null where the site does not say"),
    sa.Column("category_jira_id", sa.Text, comment="projectCategory.id"),
    sa.Column("category_name", sa.Text, comment="projectCategory.name"),
    sa.Column("lead_jira_id", sa.Text, comment="accountId on Cloud, user key on Data Center"),
    sa.Column("lead_name", sa.Text, comment="display name"),
    comment="Jira's projects.",
)

issue_types = data_table(
    "issue_types",
    ["jira_id"],
    sa.Column("name", sa.Text, nullable=False, comment="in the language of the reading account"),
    sa.Column("untranslated_name", sa.Text, comment="Cloud only"),
    sa.Column("description", sa.Text, comment="null where there is none"),
    sa.Column("subtask", sa.Boolean, nullable=False, comment="whether it is a sub-task type"),
    sa.Column("hierarchy_level", sa.Integer, comment="1 epic, 0 standard, -1 sub-task; Cloud only"),
    sa.Column("project_jira_id", sa.Text, comment="the scope of a team-managed type"),
    comment="Jira's issue types.",
)

statuses = data_table(
    "statuses",
    ["jira_id"],
    sa.Column("name", sa.Text, nullable=False, comment="repeats under different ids: the id is it"),
    sa.Column("untranslated_name", sa.Text, comment="Cloud only"),
    sa.Column("description", sa.Text, comment="null where there is none"),
    sa.Column(
        "category",
        sa.Text,
        nullable=False,
        comment="the category's key: new, indeterminate, done, undefined",
    ),
    sa.Column("category_name", sa.Text, comment="in the language of the reading account"),
    sa.Column("project_jira_id", sa.Text, comment="the scope of a team-managed status"),
    comment="Jira's statuses.",
)

projects_issue_types = data_table(
    "projects_issue_types",
    ["project_jira_id", "issue_type_jira_id"],
    comment="Which issue types a project has.",
)

projects_statuses = data_table(
    "projects_statuses",
    ["project_jira_id", "status_jira_id"],
    comment="Which statuses a project uses, in any of its issue types.",
)

projects_issue_types_statuses = data_table(
    "projects_issue_types_statuses",
    ["project_jira_id", "issue_type_jira_id", "status_jira_id"],
    comment="Which statuses each issue type of a project uses: Jira's full answer.",
)

custom_fields = data_table(
    "custom_fields",
    ["jira_id"],
    sa.Column("name", sa.Text, nullable=False, comment="repeats under different ids: the id is it"),
    sa.Column("untranslated_name", sa.Text, comment="Cloud only"),
    sa.Column("type", sa.Text, comment="schema.type: string, number, array, option, any, …"),
    sa.Column("item_type", sa.Text, comment="schema.items: of an array, the type of what it holds"),
    sa.Column("custom_type", sa.Text, comment="schema.custom: the key of the kind of field"),
    sa.Column("project_jira_id", sa.Text, comment="the scope of a team-managed field"),
    comment="Jira's custom fields. Its system fields, the same everywhere, are in raw only.",
)

DATA_TABLES: Final[dict[str, sa.Table]] = {
    table.name: table
    for table in (
        projects,
        issue_types,
        statuses,
        projects_issue_types,
        projects_statuses,
        projects_issue_types_statuses,
        custom_fields,
        projects_custom_fields,
        issues,
        issue_changelogs,
    )
}
"""The tables that transforms merge into, by name."""

BOOKKEEPING_COLUMNS: Final = frozenset({"first_seen_at", "updated_at", "deleted_at"})
"""Columns of a data table that the merge writes itself; a snapshot has all the others."""

ENTITIES: Final = (
    "projects",
    "issue_types",
    "statuses",
    "project_statuses",
    "fields",
    "issue_samples",
    "issue_ids",
    "issues",
)
"""What is extracted, in the order in which it is read.

``issue_samples``: of each project, its newest issues with all their fields; ``issue_ids``: the ids
of all issues of each project. They come before ``issues``, which are read with the fields that the
samples show to be used, and after the sweep, so that whatever moved meanwhile is read again.
"""

INCREMENTAL: Final = frozenset({"issues"})
"""Entities of which a landing holds what changed in one scope, and not the whole of it: the tables
are made of all of them in turn, not of the newest."""

SOURCES: Final[dict[str, tuple[str, ...]]] = {
    "projects": ("projects",),
    "issue_types": ("issue_types", "project_statuses"),
    "statuses": ("statuses", "project_statuses"),
    "projects_issue_types": ("project_statuses",),
    "projects_statuses": ("project_statuses",),
    "projects_issue_types_statuses": ("project_statuses",),
    "custom_fields": ("fields",),
    "projects_custom_fields": ("issue_samples",),
    "issues": ("issues", "issue_ids"),
    "issue_changelogs": ("issues", "issue_ids"),
}
"""Which landed entities each data table is made of. The first one is its own."""


def tables_fed_by(entity: str) -> tuple[str, ...]:
    """Return the names of the data tables that a landed ``entity`` changes."""
    return tuple(table for table, entities in SOURCES.items() if entity in entities)


__all__ = [
    "BOOKKEEPING_COLUMNS",
    "DATA_TABLES",
    "ENTITIES",
    "INCREMENTAL",
    "JOB_STATUSES",
    "OPEN_STATES",
    "QUEUE_STATES",
    "REQUEST_STATES",
    "SCHEMA",
    "SOURCES",
    "api_keys",
    "applied_extractions",
    "custom_fields",
    "database_roles",
    "etl_job_queue",
    "etl_jobs",
    "failure_reports",
    "integrations",
    "issue_changelogs",
    "issue_types",
    "issue_watermarks",
    "issues",
    "job_requests",
    "metadata",
    "projects",
    "projects_custom_fields",
    "projects_issue_types",
    "projects_issue_types_statuses",
    "projects_statuses",
    "raw_extraction_data",
    "raw_extractions",
    "reading_leases",
    "rejected_records",
    "run_heartbeats",
    "statuses",
    "tables_fed_by",
    "tenants",
]
