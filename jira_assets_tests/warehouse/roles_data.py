"""Roles of the server for a test: made by an administrator, and gone afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import uuid4

import psycopg
from psycopg import sql
from sqlalchemy import make_url

AWKWARD = 'Dr. O\'Hara "dbt" $do$ %s %(x)s \\ ;--'
"""A name that Postgres allows and that nobody quotes right by chance."""


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
