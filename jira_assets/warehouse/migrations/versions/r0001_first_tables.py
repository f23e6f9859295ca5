"""The tables of Jira's metadata: who is served, what was read, the hop, when jobs run, the data."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.schema import SchemaItem

revision = "0001"
down_revision = None

SCHEMA = "jira"
BIGINT, INTEGER, SMALLINT = sa.BigInteger(), sa.Integer(), sa.SmallInteger()
DOUBLE: sa.Double[float] = sa.Double()
TEXT, BOOLEAN, UUID, KEYS = sa.Text(), sa.Boolean(), sa.UUID(), ARRAY(sa.Text())
JSON, MOMENT = JSONB(), sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create every table."""
    _who_is_served()
    _what_was_read()
    _the_hop()
    _what_was_applied()
    _when_jobs_run()
    _what_jira_has()


def _who_is_served() -> None:
    _table(
        "tenants",
        _id(),
        _required("slug", TEXT),
        _now("created_at"),
        _primary("tenants", "id"),
        _unique("tenants", "slug"),
    )
    _table(
        "integrations",
        _id(),
        _required("tenant_id", BIGINT),
        _required("slug", TEXT),
        _required("base_url", TEXT),
        _required("deployment", TEXT, "auto"),
        _required("auth", TEXT, "basic"),
        _optional("username", TEXT),
        _optional("secret_ref", TEXT),
        _required("custom_field_mappings", JSON, "{}"),
        _required("max_concurrency", INTEGER, "10"),
        _optional("requests_per_second", DOUBLE),
        _required("included_projects", KEYS, "{}"),
        _required("excluded_projects", KEYS, "{}"),
        _required("active", BOOLEAN, sa.true()),
        _optional("removed_at", MOMENT),
        _now("created_at"),
        _now("updated_at"),
        _primary("integrations", "id"),
        _unique("integrations", "tenant_id", "slug"),
        _points_to("integrations", "tenant_id", "tenants"),
        _check("integrations", "deployment", "deployment IN ('auto', 'cloud', 'data_center')"),
        _check("integrations", "auth", "auth IN ('basic', 'bearer', 'none')"),
        _check("integrations", "max_concurrency", "max_concurrency >= 1"),
        _check("integrations", "requests_per_second", "requests_per_second > 0"),
    )


def _what_was_read() -> None:
    _table(
        "raw_extraction_data",
        _required("extraction_id", UUID),
        _required("entity", TEXT),
        _required("scope", TEXT),
        _required("page", INTEGER),
        *_owner(),
        _required("request", JSON),
        _required("http_status", SMALLINT),
        _optional("payload", JSON),
        _now("extracted_at"),
        _primary("raw_extraction_data", "extraction_id", "entity", "scope", "page"),
    )
    _table(
        "raw_extractions",
        _required("extraction_id", UUID),
        _required("entity", TEXT),
        _required("scope", TEXT),
        sa.Column("sequence", BIGINT, sa.Identity(always=True), nullable=False),
        *_owner(),
        _required("pages", INTEGER),
        _required("items", BIGINT),
        _required("complete_for", JSON),
        _optional("run_id", TEXT),
        _required("started_at", MOMENT),
        _now("landed_at"),
        _primary("raw_extractions", "extraction_id", "entity", "scope"),
    )
    op.create_index(
        "ix_raw_extractions_integration_id_entity_scope",
        "raw_extractions",
        ["integration_id", "entity", "scope", sa.text("started_at DESC")],
        schema=SCHEMA,
    )


def _the_hop() -> None:
    states = "'pending', 'published', 'received', 'launched'"
    _table(
        "etl_job_queue",
        _required("message_id", UUID),
        *_owner(),
        _required("partition_key", TEXT),
        _required("extraction_id", UUID),
        _required("entity", TEXT),
        _required("scope", TEXT),
        _optional("extraction_run_id", TEXT),
        _required("state", TEXT, "pending"),
        _required("attempt", INTEGER, "1"),
        _optional("run_id", TEXT),
        _optional("error", TEXT),
        _optional("not_before", MOMENT),
        _now("created_at"),
        _optional("published_at", MOMENT),
        _required("publications", INTEGER, "0"),
        _optional("received_at", MOMENT),
        _optional("launched_at", MOMENT),
        _optional("finished_at", MOMENT),
        _now("updated_at"),
        _primary("etl_job_queue", "message_id"),
        _unique("etl_job_queue", "extraction_id", "entity", "scope"),
        _check(
            "etl_job_queue", "state", f"state IN ({states}, 'completed', 'superseded', 'failed')"
        ),
    )
    op.create_index(
        "ix_etl_job_queue_open",
        "etl_job_queue",
        ["state", "created_at"],
        schema=SCHEMA,
        postgresql_where=sa.text(f"state IN ({states})"),
    )
    _index("etl_job_queue", "integration_id", "created_at")


def _what_was_applied() -> None:
    keys = ("integration_id", "table_name", "entity", "scope")
    _table(
        "applied_extractions",
        _required("integration_id", BIGINT),
        _required("table_name", TEXT),
        _required("entity", TEXT),
        _required("scope", TEXT),
        _required("tenant_id", BIGINT),
        _required("extraction_id", UUID),
        _required("started_at", MOMENT),
        _required("sequence", BIGINT),
        _required("transform_version", TEXT),
        _optional("run_id", TEXT),
        _required("rows_before", BIGINT, "0"),
        _required("rows_deleted", BIGINT, "0"),
        _now("applied_at"),
        _primary("applied_extractions", *keys),
    )
    _table(
        "rejected_records",
        _id(),
        *_owner(),
        _required("extraction_id", UUID),
        _required("entity", TEXT),
        _required("table_name", TEXT),
        _optional("payload", JSON),
        _required("reason", TEXT),
        _now("created_at"),
        _primary("rejected_records", "id"),
    )
    _index("rejected_records", "integration_id", "table_name")


def _when_jobs_run() -> None:
    _table(
        "run_heartbeats",
        _required("run_id", TEXT),
        _optional("partition_key", TEXT),
        _now("started_at"),
        _now("heartbeat_at"),
        _optional("finished_at", MOMENT),
        _primary("run_heartbeats", "run_id"),
    )
    _table(
        "etl_jobs",
        _required("integration_id", BIGINT),
        _required("job_name", TEXT),
        _required("tenant_id", BIGINT),
        _required("enabled", BOOLEAN, sa.true()),
        _optional("description", TEXT),
        _required("job_type", TEXT),
        _required("schedule_interval_minutes", INTEGER),
        _required("retry_interval_minutes", INTEGER),
        _required("priority", INTEGER),
        _required("max_retries", INTEGER),
        _required("attempt", INTEGER, "0"),
        _optional("depends_on", TEXT),
        _required("status", TEXT, "READY"),
        _optional("run_id", TEXT),
        _optional("heartbeat_at", MOMENT),
        _required("progress_percentage", DOUBLE, "0"),
        _optional("error_message", TEXT),
        _optional("last_run_started_at", MOMENT),
        _optional("last_run_finished_at", MOMENT),
        _optional("next_run_at", MOMENT),
        _primary("etl_jobs", "integration_id", "job_name"),
        _points_to("etl_jobs", "integration_id", "integrations"),
        _points_to("etl_jobs", "tenant_id", "tenants"),
        _check("etl_jobs", "status", "status IN ('READY', 'RUNNING', 'COMPLETED', 'FAILED')"),
        _check("etl_jobs", "schedule_interval_minutes", "schedule_interval_minutes > 0"),
        _check("etl_jobs", "retry_interval_minutes", "retry_interval_minutes > 0"),
    )
    _table(
        "job_requests",
        _required("request_id", UUID),
        *_owner(),
        _required("job_name", TEXT),
        _optional("requested_by", TEXT),
        _optional("idempotency_key", TEXT),
        _required("state", TEXT, "queued"),
        _optional("run_id", TEXT),
        _optional("error", TEXT),
        _now("created_at"),
        _optional("finished_at", MOMENT),
        _primary("job_requests", "request_id"),
        _unique("job_requests", "tenant_id", "idempotency_key"),
    )


def _what_jira_has() -> None:
    _data_table(
        "projects",
        ["jira_id"],
        _required("key", TEXT),
        _required("name", TEXT),
        _optional("description", TEXT),
        _optional("project_type_key", TEXT),
        _optional("style", TEXT),
        _optional("is_private", BOOLEAN),
        _optional("archived", BOOLEAN),
        _optional("category_jira_id", TEXT),
        _optional("category_name", TEXT),
        _optional("lead_jira_id", TEXT),
        _optional("lead_name", TEXT),
    )
    _data_table(
        "issue_types",
        ["jira_id"],
        _required("name", TEXT),
        _optional("untranslated_name", TEXT),
        _optional("description", TEXT),
        _required("subtask", BOOLEAN),
        _optional("hierarchy_level", INTEGER),
        _optional("project_jira_id", TEXT),
    )
    _data_table(
        "statuses",
        ["jira_id"],
        _required("name", TEXT),
        _optional("untranslated_name", TEXT),
        _optional("description", TEXT),
        _required("category", TEXT),
        _optional("category_name", TEXT),
        _optional("project_jira_id", TEXT),
    )
    project, issue_type, status = "project_jira_id", "issue_type_jira_id", "status_jira_id"
    _data_table("projects_issue_types", [project, issue_type])
    _data_table("projects_statuses", [project, status])
    _data_table("projects_issue_types_statuses", [project, issue_type, status])


def _data_table(name: str, keys: list[str], *columns: sa.Column[Any]) -> None:
    _table(
        name,
        _required("integration_id", BIGINT),
        *(_required(key, TEXT) for key in keys),
        _required("tenant_id", BIGINT),
        *columns,
        _now("first_seen_at"),
        _now("updated_at"),
        _optional("deleted_at", MOMENT),
        _primary(name, "integration_id", *keys),
    )


def _table(name: str, *items: SchemaItem) -> None:
    op.create_table(name, *items, schema=SCHEMA)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns), schema=SCHEMA)


def _id() -> sa.Column[Any]:
    return sa.Column("id", BIGINT, sa.Identity(always=True), nullable=False)


def _owner() -> list[sa.Column[Any]]:
    return [_required("tenant_id", BIGINT), _required("integration_id", BIGINT)]


def _required(name: str, kind: Any, default: Any = None) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, server_default=default, autoincrement=False)


def _optional(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True)


def _now(name: str) -> sa.Column[Any]:
    return _required(name, MOMENT, sa.text("clock_timestamp()"))


def _primary(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=f"pk_{table}")


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=f"uq_{table}_{'_'.join(columns)}")


def _points_to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{SCHEMA}.{other}.id"], name=f"fk_{table}_{column}")


def _check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))
