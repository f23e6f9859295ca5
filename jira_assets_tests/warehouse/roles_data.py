"""Roles of the server for a test: made by an administrator, and gone afterwards."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from jira_assets.warehouse.migrate import MigrationReport, migrate
from jira_assets.warehouse.roles import Readers
from jira_assets_tests.conftest import Database

AWKWARD = 'Dr. O\'Hara "dbt" $do$ %s %(x)s \\ ;--'
"""A name that Postgres allows and that nobody quotes right by chance."""
TENANTS = "SELECT DISTINCT tenant_id FROM jira.{} ORDER BY 1"
"""Asks whose rows of a table, by its name, are seen."""


def connect(url: str) -> "psycopg.Connection[tuple[object, ...]]":
    """Open a connection of its own, as any client does; each statement is a transaction."""
    parsed = make_url(url)
    return psycopg.connect(
        host=str(parsed.query["host"]),
        port=parsed.query.get("port") or None,  # type: ignore[arg-type]  # a text is as good
        user=parsed.username,
        dbname=parsed.database,
        autocommit=True,
    )


@contextmanager
def made_roles(superuser_url: str, *names: str, options: str = "LOGIN") -> Iterator[None]:
    """Make roles; drop them, and what they were granted in this database, afterwards."""
    with connect(superuser_url) as connection:
        for name in names:
            connection.execute(f"CREATE ROLE {sql.Identifier(name).as_string()} {options}".encode())
    try:
        yield
    finally:
        drop_roles(superuser_url, *names)


def drop_roles(superuser_url: str, *names: str) -> None:
    """Drop roles, and what they own and were granted in this database."""
    with connect(superuser_url) as connection:
        for name in names:
            role = sql.Identifier(name)
            with suppress(psycopg.errors.UndefinedObject):
                connection.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(role))
                connection.execute(sql.SQL("DROP ROLE {}").format(role))


def url_of(url: str, role: str) -> str:
    """Return ``url`` as another role."""
    return make_url(url).set(username=role).render_as_string(hide_password=False)


def fresh(name: str) -> str:
    """Return a name that no other test has: roles belong to the whole server."""
    return f"{name}_{uuid4().hex[:12]}"


class Roles:
    """The roles of one test on its database."""

    def __init__(self, database: Database, superuser_url: str, stack: ExitStack) -> None:
        self.database = database
        self.superuser_url = superuser_url
        self._stack = stack

    def make(self, name: str, options: str = "LOGIN") -> str:
        made = fresh(name)
        self._stack.enter_context(made_roles(self.superuser_url, made, options=options))
        return made

    def migrate(self, *readers: str, tenants: tuple[str, ...] = (), **more: Any) -> MigrationReport:
        return migrate(
            self.database.owner_url,
            self.database.runtime_url,
            readers=Readers(readers, tenants, more.pop("withdrawn", ())),
            **more,
        )

    def grant(self, role: str, member: str) -> None:
        with connect(self.superuser_url) as connection:
            connection.execute(f'GRANT "{role}" TO "{member}"'.encode())

    def as_owner(self, statement: str) -> None:
        with connect(self.database.owner_url) as connection:
            connection.execute(statement.encode())

    def ask(self, role: str, *statements: str) -> list[tuple[Any, ...]]:
        """Return what the last statement answers a client that logged in as ``role``."""
        with connect(url_of(self.database.runtime_url, role)) as connection:
            for statement in statements[:-1]:
                connection.execute(statement.encode())
            return connection.execute(statements[-1].encode()).fetchall()
