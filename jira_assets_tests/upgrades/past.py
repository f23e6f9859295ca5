"""Databases as earlier versions left them: every revision, with rows in every table of its time.

The statements are text, with the columns that the programs of that revision named: they stay as
they are, whatever the tables become. Each writes other rows for another ``n``, so they also serve
as what an older program does after the upgrade.
"""

from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from alembic import command

from jira_assets.sandbox.postgres import RUNTIME_ROLE
from jira_assets.warehouse.connect import engine_for
from jira_assets.warehouse.grants import grant_use
from jira_assets.warehouse.migrate import HEAD, alembic_config
from jira_assets.warehouse.migrations import versions
from jira_assets.warehouse.tables import SCHEMA
from jira_assets_tests.conftest import Database

STATES: Final = (
    "pending",
    "published",
    "received",
    "launched",
    "completed",
    "superseded",
    "failed",
)
_OWNER: Final = "SELECT id, tenant_id FROM jira.integrations WHERE slug = 'cloud-' || :n"
_DATA: Final = "INSERT INTO jira.{table} (integration_id, tenant_id, {columns}) {select}"
_EXTRACTION: Final = "md5('extraction' || :n)::uuid"


def _data(table: str, columns: str, values: str) -> str:
    """Return the statement for a row of a data table, or for several by a set in ``values``."""
    select = f"SELECT id, tenant_id, {values} FROM ({_OWNER}) AS owner"
    return _DATA.format(table=table, columns=columns, select=select)


_FIRST: Final = (
    "INSERT INTO jira.tenants (slug) VALUES ('acme-' || :n)",
    """
    INSERT INTO jira.integrations (tenant_id, slug, base_url, deployment, auth, secret_ref,
        included_projects)
    SELECT id, 'cloud-' || :n, 'https://acme.example', 'cloud', 'bearer', 'env:TOKEN', '{A,B}'
    FROM jira.tenants WHERE slug = 'acme-' || :n
    """,
    _data(
        "raw_extraction_data",
        "extraction_id, entity, scope, page, request, http_status, payload",
        f"""{_EXTRACTION}, 'statuses', 'site', generate_series(0, 49), '{{"path": "/status"}}',
        200, '{{"id": "1", "name": "In Arbeit \\u2713"}}'::jsonb""",
    ),
    _data(
        "raw_extractions",
        "extraction_id, entity, scope, pages, items, complete_for, run_id, started_at",
        f"{_EXTRACTION}, 'statuses', 'site', 50, 50, '{{\"all\": true}}', 'run-' || :n, now()",
    ),
    _data(
        "etl_job_queue",
        "message_id, partition_key, extraction_id, entity, scope, state, attempt, error",
        f"""md5(state || :n)::uuid, 'acme/cloud', {_EXTRACTION}, state, 'site', state, 2,
        CASE state WHEN 'failed' THEN 'no disk' END""",
    ).replace(") AS owner", f") AS owner, unnest(ARRAY{list(STATES)!r}) AS state"),
    _data(
        "applied_extractions",
        "table_name, entity, scope, extraction_id, started_at, sequence, transform_version",
        f"'statuses', 'statuses', 'site', {_EXTRACTION}, now(), 1, '1'",
    ),
    _data(
        "rejected_records",
        "extraction_id, entity, table_name, payload, reason",
        f"{_EXTRACTION}, 'statuses', 'statuses', '{{\"id\": null}}', 'it has no id'",
    ),
    """
    INSERT INTO jira.run_heartbeats (run_id, partition_key, finished_at)
    VALUES ('run-' || :n, 'acme/cloud', now()), ('runs-' || :n, NULL, NULL)
    """,
    _data(
        "etl_jobs",
        """job_name, job_type, schedule_interval_minutes, retry_interval_minutes, priority,
        max_retries, status, run_id, progress_percentage""",
        """'jira_' || lower(status), 'metadata', 60, 5, 2, 3, status, 'run-' || :n, 50""",
    ).replace(
        ") AS owner",
        ") AS owner, unnest(ARRAY['READY', 'RUNNING', 'COMPLETED', 'FAILED']) AS status",
    ),
    _data(
        "job_requests",
        "request_id, job_name, requested_by, idempotency_key, state",
        "md5('request' || state || :n)::uuid, 'jira_ready', 'someone', state || :n, state",
    ).replace(
        ") AS owner", ") AS owner, unnest(ARRAY['queued', 'running', 'landed', 'failed']) AS state"
    ),
    _data("projects", "jira_id, key, name", "generate_series(1, 200), 'P', 'Project'"),
    _data("issue_types", "jira_id, name, subtask", "generate_series(1, 20), 'Bug', false"),
    _data(
        "statuses",
        "jira_id, name, category, deleted_at",
        "number, 'Open', 'new', CASE WHEN number % 5 = 0 THEN now() END",
    ).replace(") AS owner", ") AS owner, generate_series(1, 200) AS number"),
    _data("projects_issue_types", "project_jira_id, issue_type_jira_id", "'1', '1'"),
    _data("projects_statuses", "project_jira_id, status_jira_id", "'1', generate_series(1, 9)"),
    _data(
        "projects_issue_types_statuses",
        "project_jira_id, issue_type_jira_id, status_jira_id",
        "'1', '1', generate_series(1, 9)",
    ),
)
_KEY: Final = """
    INSERT INTO jira.api_keys (key_id, tenant_id, name, secret_hash)
    SELECT 'key-' || :n, id, 'platform', '\\x00ff' FROM jira.tenants WHERE slug = 'acme-' || :n
"""
_REPORT: Final = """
    INSERT INTO jira.failure_reports (partition_key, kind, message, must_act, run_id, failures,
        final)
    VALUES ('acme/cloud-' || :n, 'extract: JiraError', 'down', 'the admin', 'run-' || :n, 2, true)
"""
ROWS: Final[dict[str, tuple[str, ...]]] = {
    "0001": _FIRST,
    "0002": (_data("reading_leases", "run_id", "'run-' || :n"),),
    "0004": (_KEY, _REPORT),
    "0005": (_data("custom_fields", "jira_id, name", "'customfield_1', 'Points'"),),
    "0007": (
        _data(
            "projects_custom_fields",
            "project_jira_id, custom_field_jira_id, filled, sampled",
            "'1', 'customfield_1', 40, 100",
        ),
        _data(
            "issues",
            "jira_id, key, project_jira_id, summary, labels, custom_fields",
            """generate_series(1, 200), 'P-1', '1', 'Broken', '{a,b}', '{"customfield_1": 3}'""",
        ),
        _data(
            "issue_changelogs",
            "history_jira_id, item, issue_jira_id, field, from_value, to_value",
            "generate_series(1, 200), 0, '1', 'status', '1', '2'",
        ),
        _data(
            "issue_watermarks",
            "project_jira_id, project_key, read_until, full_read_at",
            "'1', 'P', now(), now()",
        ),
    ),
    "0009": (
        "INSERT INTO jira.database_roles (role_name, kind) VALUES ('reader-' || :n, 'reader')",
    ),
}
"""By the revision that brought the tables or columns that they name."""


def revisions() -> list[str]:
    """Return every revision, the oldest first."""
    return sorted(path.name[1:5] for path in Path(versions.__path__[0]).glob("r[0-9]*.py"))


PAST: Final = [revision for revision in revisions() if revision < HEAD]


def upgrade_to(database: Database, revision: str) -> None:
    """Make an empty database one of that revision, as ``migrate`` did then, and fill it."""
    with engine_for(database.owner_url).begin() as connection:
        connection.execute(sa.schema.CreateSchema(SCHEMA))
        command.upgrade(alembic_config(connection), revision)
        grant_use(connection, SCHEMA, RUNTIME_ROLE, read_only_tables=["alembic_version"])
    for n in ("1", "2"):
        write_rows(engine_for(database.owner_url), revision, n)


def statements(revision: str) -> list[sa.TextClause]:
    """Return what the program of a revision writes, in an order that foreign keys allow."""
    return [sa.text(each) for since, rows in ROWS.items() if since <= revision for each in rows]


def write_rows(engine: sa.Engine, revision: str, n: str) -> None:
    """Write a row or more into every table that a revision had."""
    with engine.begin() as connection:
        for statement in statements(revision):
            connection.execute(statement, {"n": n})


Content = dict[str, dict[str, dict[str, Any]]]


def content(engine: sa.Engine) -> Content:
    """Return every row of every table of ours, by table and primary key, columns by name.

    The engine's role must see all rows: a superuser, whatever policies there are.
    """
    found: Content = {}
    with engine.connect() as connection:
        for table in sa.inspect(connection).get_table_names(schema=SCHEMA):
            if table != "alembic_version":
                keys = sa.inspect(connection).get_pk_constraint(table, schema=SCHEMA)
                rows = connection.exec_driver_sql(f"SELECT to_jsonb(t) FROM {SCHEMA}.{table} AS t")
                found[table] = {
                    str([row[name] for name in keys["constrained_columns"]]): row
                    for row in rows.scalars()
                }
    return found


def missing(before: Content, after: Content) -> list[str]:
    """Say which rows of ``before`` are not in ``after``, or have other values than before."""
    return [
        f"{table} {key}: {row} became {after[table].get(key)}"
        for table, rows in before.items()
        for key, row in rows.items()
        if not row.items() <= after[table].get(key, {}).items()
    ]
