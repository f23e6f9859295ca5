"""What roles may do in a schema of the owner's. None may create, change or drop anything in it.

Decisions this module embodies:

* The runtime role reads and writes rows, of ``jira`` and of Dagster's schema alike; later tables of
  the same owner are granted in advance.
* The role of the HTTP service reads, asks for runs and changes jobs. It reads neither the keys'
  table (``living_keys`` answers for keys that are known) nor Dagster's schema.
* A reader reads what is Jira's, and the names of tenants and integrations; not how to log in there.
* What was granted once is kept in ``database_roles``, so that every migration repairs it.
"""

from collections.abc import Iterable
from typing import Final

import sqlalchemy as sa

from jira_assets.warehouse.connect import (
    PermissionMissingError,
    advisory_lock,
    describe_server,
    engine_for,
)
from jira_assets.warehouse.policies import ASKED_BY_POLICIES
from jira_assets.warehouse.preparation import quoted
from jira_assets.warehouse.schema import DAGSTER_SCHEMA, SCHEMA
from jira_assets.warehouse.tables import DATA_TABLES, integrations, metadata
from jira_assets.warehouse.views import VIEWS


class RoleError(ValueError):
    """The URL of the runtime role does not fit the owner's."""


def role_of(url: str, *, beside: str, variable: str = "JIRA_ASSETS_DATABASE_URL") -> str:
    """Ask the server which role ``url`` connects as; ``variable`` is where the URL was given.

    Raises:
        RoleError: it leads to another database than ``beside``, so grants would not reach it.
    """
    (role, database), (_, other) = _who_and_where(url), _who_and_where(beside)
    if database != other:
        here, there = (describe_server(engine_for(each).url) for each in (url, beside))
        raise RoleError(
            f"{variable} leads to {here}, JIRA_ASSETS_OWNER_DATABASE_URL to {there}: "
            "they are two roles of one database. Correct one of the two."
        )
    return role


def _who_and_where(url: str) -> tuple[str, tuple[str, str]]:
    """Return the role, and what identifies the database: its name and the cluster's start."""
    with engine_for(url).connect() as connection:
        role, database, started = connection.execute(
            sa.text("SELECT current_user, current_database(), pg_postmaster_start_time()::text")
        ).one()
        return role, (database, started)


def grant_use(
    connection: sa.Connection, schema: str, role: str, *, read_only_tables: Iterable[str] = ()
) -> None:
    """Let ``role`` read and write the rows of every table of ``schema``, present and to come."""
    quote = connection.dialect.identifier_preparer.quote
    to, inside = f"TO {quote(role)}", f"IN SCHEMA {quote(schema)}"
    rows, sequences = "SELECT, INSERT, UPDATE, DELETE", "USAGE, SELECT"
    statements = [
        f"GRANT USAGE ON SCHEMA {quote(schema)} {to}",
        f"GRANT {rows} ON ALL TABLES {inside} {to}",
        f"GRANT {sequences} ON ALL SEQUENCES {inside} {to}",
        f"ALTER DEFAULT PRIVILEGES {inside} GRANT {rows} ON TABLES {to}",
        f"ALTER DEFAULT PRIVILEGES {inside} GRANT {sequences} ON SEQUENCES {to}",
    ]
    statements += [
        f"REVOKE INSERT, UPDATE, DELETE ON {quote(schema)}.{quote(table)} FROM {quote(role)}"
        for table in read_only_tables
    ]
    for statement in statements:
        connection.exec_driver_sql(statement)
    _grant_temporary_tables(connection, role)


def grant_api(connection: sa.Connection, role: str) -> None:
    """Let ``role`` do what the HTTP service does, and no more."""
    to = f"TO {_quote(connection, role)}"
    own = sorted(table.name for table in metadata.sorted_tables if table.name not in _NOT_SERVED)
    for statement in (
        f"GRANT USAGE ON SCHEMA {SCHEMA} {to}",
        f"GRANT SELECT ON {_listed([*own, 'alembic_version'])} {to}",
        f"GRANT INSERT ON {SCHEMA}.job_requests {to}",
        f"GRANT UPDATE ON {SCHEMA}.etl_jobs {to}",
        f"GRANT EXECUTE ON FUNCTION {SCHEMA}.living_keys(text[]) {to}",
    ):
        connection.exec_driver_sql(statement)


def grant_reader(connection: sa.Connection, role: str) -> None:
    """Let ``role`` read what is Jira's; which tenants' of it, ``database_roles`` says."""
    to = f"TO {_quote(connection, role)}"
    columns = ", ".join(c.name for c in integrations.columns if c.name not in _NOT_READ)
    for statement in (
        f"GRANT USAGE ON SCHEMA {SCHEMA} {to}",
        f"GRANT SELECT ON {_listed([*DATA_TABLES, *_READ_BESIDE, *_views()])} {to}",
        f"GRANT SELECT ({columns}) ON {SCHEMA}.integrations {to}",
    ):
        connection.exec_driver_sql(statement)


def withdraw(connection: sa.Connection, role: str) -> None:
    """Take from ``role`` all that it was granted in ``jira``, in Dagster's schema, and in advance.

    Dagster's is left alone where it is not the owner's.
    """
    _withdraw_in(connection, SCHEMA, role)
    owned = sa.text(
        "SELECT FROM pg_namespace WHERE nspname = :schema "
        "AND nspowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)"
    )
    if connection.execute(owned, {"schema": DAGSTER_SCHEMA}).first() is not None:
        advisory_lock(connection, "jira_assets/dagster")  # whoever prepares it is waited for
        _withdraw_in(connection, DAGSTER_SCHEMA, role)


def _withdraw_in(connection: sa.Connection, schema: str, role: str) -> None:
    inside, from_role = f"IN SCHEMA {schema}", f"FROM {_quote(connection, role)}"
    for statement in (
        f"REVOKE ALL ON ALL TABLES {inside} {from_role}",
        f"REVOKE ALL ON ALL SEQUENCES {inside} {from_role}",
        f"REVOKE ALL ON ALL FUNCTIONS {inside} {from_role}",
        f"REVOKE ALL ON SCHEMA {schema} {from_role}",
        f"ALTER DEFAULT PRIVILEGES {inside} REVOKE ALL ON TABLES {from_role}",
        f"ALTER DEFAULT PRIVILEGES {inside} REVOKE ALL ON SEQUENCES {from_role}",
    ):
        connection.exec_driver_sql(statement)


def grant_to_all(connection: sa.Connection) -> None:
    """Let everybody who may look into the schema find out who may see what, as policies must."""
    connection.exec_driver_sql(f"GRANT SELECT ON {SCHEMA}.database_roles TO PUBLIC")
    # By default everybody may; somebody may have revoked that for all functions.
    for function in ASKED_BY_POLICIES:
        connection.exec_driver_sql(f"GRANT EXECUTE ON FUNCTION {function} TO PUBLIC")


def require_owned(connection: sa.Connection, schema: str) -> None:
    """Raise PermissionMissingError where the role that migrates has no rights of the owner.

    What it may not grant in ``schema`` would not be granted, and Postgres would only warn.
    """
    query = sa.text(
        "SELECT rolname, current_user FROM pg_namespace JOIN pg_roles AS owner "
        "ON owner.oid = nspowner WHERE nspname = :schema AND NOT pg_has_role(owner.oid, 'USAGE')"
    )
    for owner, role in connection.execute(query, {"schema": schema}):
        raise PermissionMissingError(
            f"The schema {schema} belongs to {owner}, not to {role}, which can grant nobody "
            f"anything there: name {owner} in JIRA_ASSETS_OWNER_DATABASE_URL, or let whoever "
            f"administers the server say: ALTER SCHEMA {schema} OWNER TO {quoted(role)}"
        )


_NOT_SERVED: Final = frozenset({"api_keys", "failure_reports"})
_NOT_READ: Final = frozenset({"username", "secret_ref", "ca_bundle"})
_READ_BESIDE: Final = (
    "tenants",
    "raw_extraction_data",
    "raw_extractions",
    "applied_extractions",
    "rejected_records",
    "issue_watermarks",
)


def _views() -> list[str]:
    return [view.name for view in VIEWS]


def _listed(tables: Iterable[str]) -> str:
    return ", ".join(f"{SCHEMA}.{table}" for table in tables)


def _quote(connection: sa.Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote_identifier(name)


def _grant_temporary_tables(connection: sa.Connection, role: str) -> None:
    """Merges go through temporary tables. Everybody may make them, unless somebody revoked that."""
    database = connection.execute(sa.select(sa.func.current_database())).scalar_one()
    may = sa.func.has_database_privilege(role, database, "TEMPORARY")
    if not connection.execute(sa.select(may)).scalar_one():
        grant = f"GRANT TEMPORARY ON DATABASE {quoted(database)} TO {quoted(role)}"
        connection.exec_driver_sql(grant.replace("%", "%%"))
        if not connection.execute(sa.select(may)).scalar_one():  # Postgres has only warned
            raise RoleError(
                f"{role} may not make temporary tables, which merges go through, and the owner of "
                f"the tables cannot grant that. Whoever owns the database must: {grant}. Nothing "
                "was changed."
            )
