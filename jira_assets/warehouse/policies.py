"""Row-level security: which rows of each table a transaction sees and writes.

Decisions this module embodies:

* One policy a table, for every role but the owner: a row counts if its tenant, its integration, or
  its partition is among those that the transaction told (``scope``), or that its role reads
  (``database_roles``). The owner migrates and is not held back: no FORCE.
* Nothing told is an error that says who must do what, not an empty answer: no rows without a word
  look like no data. It is raised when the first row is met; where there is none, none is the truth.
* What may be seen is found once a statement (a subquery of its own, which the planner makes an
  initial plan), not once a row.
* Who asks counts, not who owns the view he asks through: a view of dbt's own shows nobody more.
* What a caller defined in a schema of his own is not what the functions call: their search path is
  theirs. Else an aggregate `bool_or` of a reader's own would say what he may see.
* Policies are code, not structure: written anew by `migrate`, where they differ. A new one takes a
  short exclusive lock of its table, one that is there already none.
"""

import hashlib
from typing import Final

import sqlalchemy as sa

from jira_assets.warehouse.schema import SCHEMA
from jira_assets.warehouse.tables import metadata

POLICY: Final = "rows_in_scope"

WITHOUT_POLICY: Final = {
    "database_roles": "holds names of roles and ids; the policies themselves read it",
}
"""Tables without a policy, and why."""

_VISIBLE: Final = """
CREATE OR REPLACE FUNCTION jira.visible(dimension text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
    asked CONSTANT text := nullif(current_setting('jira_assets.' || dimension, true), '');
    is_runtime boolean;
    is_api boolean;
    is_reader boolean;
    reads_all boolean;
BEGIN
    -- Whom no policy holds. Postgres asks about such roles in the view of Postgres 14 only, and
    -- where they look through a view of somebody whom policies hold.
    IF EXISTS (
        SELECT FROM pg_catalog.pg_roles
        WHERE rolname = current_user AND (rolsuper OR rolbypassrls)
    ) OR EXISTS (
        SELECT FROM pg_catalog.pg_class
        WHERE oid = 'jira.database_roles'::regclass AND pg_catalog.pg_has_role(relowner, 'USAGE')
    ) THEN
        RETURN NULL;
    END IF;

    SELECT coalesce(bool_or(known.kind = 'runtime'), false),
        coalesce(bool_or(known.kind = 'api'), false),
        coalesce(bool_or(known.kind = 'reader'), false),
        coalesce(bool_or(known.kind = 'reader' AND known.tenant_ids IS NULL), false)
    INTO is_runtime, is_api, is_reader, reads_all
    FROM jira.database_roles AS known
    JOIN pg_catalog.pg_roles AS role ON role.rolname = known.role_name
    WHERE pg_catalog.pg_has_role(role.oid, 'USAGE');

    IF asked IS NOT NULL
        AND (is_runtime OR (is_api AND (asked <> '*' OR dimension = 'integrations')))
    THEN
        IF asked = '*' THEN
            RETURN NULL;
        END IF;
        -- A null among them would make the comparison null, which means that all is seen.
        RETURN pg_catalog.array_remove(asked::text[], NULL)::text;
    END IF;
    IF is_reader THEN
        RETURN CASE
            WHEN reads_all OR dimension = 'integrations' THEN NULL
            WHEN dimension = 'tenants' THEN (
                SELECT coalesce(array_agg(DISTINCT id), '{}')::text
                FROM jira.database_roles AS known
                JOIN pg_catalog.pg_roles AS role ON role.rolname = known.role_name,
                unnest(known.tenant_ids) AS id
                WHERE known.kind = 'reader' AND pg_catalog.pg_has_role(role.oid, 'USAGE')
            )
            ELSE '{}'
        END;
    END IF;
    IF is_api AND asked = '*' THEN
        RAISE EXCEPTION 'role % serves one tenant at a time, and may not see all', current_user
        USING ERRCODE = 'JA002', HINT = 'Calls with an admin''s key go over '
            'JIRA_ASSETS_DATABASE_URL: whoever runs the service must set it to the runtime role.';
    END IF;
    IF is_runtime OR is_api THEN
        RAISE EXCEPTION 'this transaction does not say whose rows it is about (role %)',
            current_user
        USING ERRCODE = 'JA001', HINT = 'In code: take the engine from '
            '`warehouse.engine_of(partition_keys)`, or `everything(engine, why)`. By hand: '
            'BEGIN; SELECT set_config(''jira_assets.'' || what, ''*'', true) '
            'FROM unnest(ARRAY[''tenants'', ''integrations'', ''partitions'']) AS what; '
            'A program of ours that runs since before the last `jira-assets migrate` may be an '
            'older release: whoever runs it must upgrade and restart it.';
    END IF;
    RAISE EXCEPTION 'role % may see no tenant: jira_assets does not know it', current_user
    USING ERRCODE = 'JA001', HINT = 'Whoever owns the tables must run `jira-assets migrate`: '
        'with `--reader ROLE` if it is to read, it or a role that it is a member of; with its URL '
        'in JIRA_ASSETS_DATABASE_URL if runs connect as it (it may have been renamed).';
END
$function$
"""

_SEEN: Final = {
    "tenants": ("seen_tenants", "bigint[]"),
    "integrations": ("seen_integrations", "bigint[]"),
    "partitions": ("seen_partitions", "text[]"),
}
"""Of each dimension the function that says what is seen of it (null: all), and its type."""

ASKED_BY_POLICIES: Final = (
    f"{SCHEMA}.visible(text)",
    *(f"{SCHEMA}.{name}()" for name, _ in _SEEN.values()),
)
"""The functions that whoever reads a table calls."""

_LIVING_KEYS: Final = """
CREATE OR REPLACE FUNCTION jira.living_keys(key_ids text[])
RETURNS TABLE (key_id text, tenant_id bigint, name text, secret_hash bytea,
    created_at timestamptz, revoked_at timestamptz, tenant text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
    SELECT key.key_id, key.tenant_id, key.name, key.secret_hash, key.created_at, key.revoked_at,
        tenant.slug
    FROM jira.api_keys AS key
    LEFT JOIN jira.tenants AS tenant ON tenant.id = key.tenant_id
    WHERE key.key_id = ANY (key_ids) AND key.revoked_at IS NULL
$function$
"""
"""Whose a key is must be asked before it is known: by the ids of keys, and of those only."""


def write_functions(connection: sa.Connection) -> None:
    """Create the functions that the policies and the HTTP service call, or renew them."""
    connection.exec_driver_sql(_VISIBLE.replace("%", "%%"))
    for dimension, (name, kind) in _SEEN.items():
        connection.exec_driver_sql(
            f"CREATE OR REPLACE FUNCTION {SCHEMA}.{name}() RETURNS {kind} "
            "LANGUAGE sql STABLE PARALLEL SAFE AS "
            f"$function$ SELECT {SCHEMA}.visible('{dimension}')::{kind} $function$"
        )
    connection.exec_driver_sql(_LIVING_KEYS)
    connection.exec_driver_sql(f"REVOKE ALL ON FUNCTION {SCHEMA}.living_keys(text[]) FROM PUBLIC")


def write_policies(connection: sa.Connection) -> None:
    """Give every table its policy, where it has not this one already."""
    there = {
        row.table: row.mark
        for row in connection.execute(
            sa.text(
                "SELECT relname AS table, obj_description(pg_policy.oid, 'pg_policy') AS mark "
                "FROM pg_policy JOIN pg_class ON pg_class.oid = polrelid "
                "WHERE relnamespace = CAST(:schema AS regnamespace) AND polname = :policy "
                "AND relrowsecurity"
            ),
            {"schema": SCHEMA, "policy": POLICY},
        )
    }
    for table in metadata.sorted_tables:
        if table.name in WITHOUT_POLICY:
            continue
        condition = in_scope(table)
        mark = made_from(condition)
        if there.get(table.name) != mark:
            _write_policy(connection, f"{SCHEMA}.{table.name}", condition, mark)


def made_from(*texts: str) -> str:
    """Return the mark of what `migrate` makes from ``texts``: where it stands, nothing differs."""
    return f"made by migrate: {hashlib.sha256(chr(10).join(texts).encode()).hexdigest()[:16]}"


def _write_policy(connection: sa.Connection, table: str, condition: str, mark: str) -> None:
    for statement in (
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"DROP POLICY IF EXISTS {POLICY} ON {table}",
        f"CREATE POLICY {POLICY} ON {table} USING ({condition}) WITH CHECK ({condition})",
        f"COMMENT ON POLICY {POLICY} ON {table} IS '{mark}'",
    ):
        connection.exec_driver_sql(statement)


class UnprotectedTableError(LookupError):
    """A table that does not say whose its rows are, and is on no list of those that need not."""


def in_scope(table: sa.Table, alias: str = "") -> str:
    """Return the condition, as SQL, under which a row of ``table`` is in the scope.

    Args:
        table: one of ours.
        alias: what its columns are named by, with the dot.

    Raises:
        UnprotectedTableError: it has no column that says whose a row is.
    """
    if table.name == "tenants":
        return _is_seen(f"{alias}id", "tenants")
    if table.name == "integrations":
        return (
            f"{_is_seen(f'{alias}id', 'integrations')} AND "
            f"{_is_seen(f'{alias}tenant_id', 'tenants')}"
        )
    if table.name == "api_keys":  # an admin's is of no tenant
        seen = _seen("tenants")
        return (
            f"CASE WHEN {alias}tenant_id IS NULL THEN {seen} IS NULL "
            f"ELSE {_is_seen(f'{alias}tenant_id', 'tenants')} END"
        )
    if "tenant_id" in table.c and "integration_id" in table.c:
        return (
            f"{_is_seen(f'{alias}integration_id', 'integrations')} AND "
            f"{_is_seen(f'{alias}tenant_id', 'tenants')}"
        )
    if "partition_key" in table.c:
        seen = _is_seen(f"{alias}partition_key", "partitions")
        # A run on no partition, or on many, is of no tenant.
        nullable = table.c["partition_key"].nullable
        return f"{alias}partition_key IS NULL OR {seen}" if nullable else seen
    raise UnprotectedTableError(
        f"{table.name} does not say whose its rows are: give it tenant_id and integration_id, or "
        "name it in WITHOUT_POLICY with the reason."
    )


def _seen(dimension: str) -> str:
    name, kind = _SEEN[dimension]
    # The cast tells a scalar that is an array from a subquery of many rows, and costs nothing.
    return f"(SELECT {SCHEMA}.{name}())::{kind}"


def _is_seen(column: str, dimension: str) -> str:
    return f"coalesce({column} = ANY ({_seen(dimension)}), true)"
