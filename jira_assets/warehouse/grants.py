"""What the runtime role may do: read and write rows in a schema that belongs to the owner.

Used for ``jira`` and for Dagster's schema alike. The role may not create, change or drop anything;
later tables of the same owner are granted in advance.
"""

from collections.abc import Iterable

import sqlalchemy as sa

from jira_assets.warehouse.connect import describe_server, engine_for


class RoleError(ValueError):
    """The URL of the runtime role does not fit the owner's."""


def role_of(url: str, *, beside: str) -> str:
    """Ask the server which role ``url`` connects as.

    Raises:
        RoleError: it leads to another database than ``beside``, so grants would not reach it.
    """
    (role, database), (_, other) = _who_and_where(url), _who_and_where(beside)
    if database != other:
        here, there = (describe_server(engine_for(each).url) for each in (url, beside))
        raise RoleError(
            f"JIRA_ASSETS_DATABASE_URL leads to {here}, JIRA_ASSETS_OWNER_DATABASE_URL to {there}: "
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


def _grant_temporary_tables(connection: sa.Connection, role: str) -> None:
    """Merges go through temporary tables. Everybody may make them, unless somebody revoked that."""
    database = connection.execute(sa.select(sa.func.current_database())).scalar_one()
    may = sa.func.has_database_privilege(role, database, "TEMPORARY")
    if not connection.execute(sa.select(may)).scalar_one():
        quote = connection.dialect.identifier_preparer.quote
        connection.exec_driver_sql(
            f"GRANT TEMPORARY ON DATABASE {quote(database)} TO {quote(role)}"
        )
