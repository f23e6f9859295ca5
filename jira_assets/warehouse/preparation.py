"""What an administrator of the server runs once, where the owner may not create roles itself.

Decisions this module embodies:

* It asks for no superuser: an administrator as managed servers give one (CREATEROLE, CREATEDB, and
  nothing else) can run it, on Postgres 14 to 18. The owner gets neither of the two.
* It may be run again, and by who has made some of it: what is there stays as it is. Passwords are
  not in it; a role without one cannot log in over TCP until it is given one.
* Names come from the URLs and are quoted: as identifiers, and as texts where they are compared.
"""

from collections.abc import Iterator, Sequence

from sqlalchemy import make_url

from jira_assets.warehouse.schema import DAGSTER_SCHEMA, SCHEMA


class UnnamedRoleError(ValueError):
    """A URL without a user or a database, or with a name that cannot be written down."""


def preparation_sql(
    *,
    owner_url: str,
    runtime_url: str,
    api_url: str,
    readers: Sequence[str] = (),
    dagster: bool = True,
) -> str:
    """Return the SQL, to be run in the database itself, by an administrator.

    Args:
        owner_url: of the role that is to migrate.
        runtime_url: of the role that runs are to connect as.
        api_url: of the role of the HTTP service.
        readers: names of roles that are to read.
        dagster: whether Dagster's tables are to be in the same database.

    Raises:
        UnnamedRoleError: a URL names no role, or the owner's no database.
    """
    owner, database = _role(owner_url), make_url(owner_url).database
    if not database:
        raise UnnamedRoleError("JIRA_ASSETS_OWNER_DATABASE_URL names no database: add it.")
    others = list(dict.fromkeys([_role(runtime_url), _role(api_url), *readers]))
    others = [role for role in others if role != owner]
    schemas = [SCHEMA, DAGSTER_SCHEMA] if dagster else [SCHEMA]
    return "\n".join(_lines(owner, others, database, schemas)) + "\n"


def _lines(owner: str, others: list[str], database: str, schemas: list[str]) -> Iterator[str]:
    yield "-- For an administrator of the server; it takes CREATEROLE, and the database to be his,"
    yield "-- and no superuser. It may be run again."
    yield f"-- If the database is not there yet, first:  CREATE DATABASE {quoted(database)};"
    yield f"-- Run it in that database:  psql -v ON_ERROR_STOP=1 -d {quoted(database)} -f FILE"
    yield "BEGIN;"
    yield ""
    yield "-- Roles. Give each a password of its own afterwards:  \\password ROLE"
    for role in (owner, *others):
        yield from _create_role(role)
    yield ""
    yield "-- The database. Merges go through temporary tables."
    for role in (owner, *others):
        yield f"GRANT CONNECT, TEMPORARY ON DATABASE {quoted(database)} TO {quoted(role)};"
    yield ""
    yield "-- The owner's schemas. Who hands them over must be a member of it for a moment."
    for schema in schemas:
        yield from _create_schema(schema, owner)
    yield ""
    yield "COMMIT;"
    yield "-- Then, as the owner: `jira-assets migrate` grants the other roles what they need."


def _create_role(role: str) -> Iterator[str]:
    mark = _mark(role)
    yield f"DO {mark} BEGIN"
    yield f"    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {_text(role)}) THEN"
    yield f"        EXECUTE {_text(f'CREATE ROLE {quoted(role)} LOGIN')};"
    yield "    END IF;"
    yield f"END {mark};"


def _create_schema(schema: str, owner: str) -> Iterator[str]:
    """Make it where it is missing; a membership that was there before stays, with its options."""
    mark = _mark(owner)
    yield f"DO {mark} DECLARE"
    yield "    of text := (SELECT pg_get_userbyid(nspowner) FROM pg_namespace"
    yield f"        WHERE nspname = {_text(schema)});"
    yield "    may boolean := pg_has_role(current_user, " + _text(owner) + ", CASE"
    yield "        WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET'"
    yield "        ELSE 'MEMBER' END);"
    yield "BEGIN"
    yield f"    IF of <> {_text(owner)} THEN"
    yield f"        RAISE EXCEPTION 'the schema {schema} belongs to %', of"
    yield "            USING HINT = 'Name that role in JIRA_ASSETS_OWNER_DATABASE_URL, or '"
    yield "            'hand the schema over.';"
    yield "    ELSIF of IS NULL THEN"
    yield "        IF NOT may THEN"
    yield f"            EXECUTE {_text(f'GRANT {quoted(owner)} TO CURRENT_USER')};"
    yield "        END IF;"
    create = f"CREATE SCHEMA {quoted(schema)} AUTHORIZATION {quoted(owner)}"
    yield f"        EXECUTE {_text(create)};"
    yield "        IF NOT may THEN"
    yield f"            EXECUTE {_text(f'REVOKE {quoted(owner)} FROM CURRENT_USER')};"
    yield "        END IF;"
    yield "    END IF;"
    yield f"END {mark};"


def _mark(name: str) -> str:
    """Return what a block of code begins and ends with: nothing that ``name`` holds."""
    mark = "$do$"
    while mark in name:
        mark = f"{mark[:-1]}o$"
    return mark


def quoted(name: str) -> str:
    """Return ``name`` as an identifier of SQL, whatever it holds; it holds something."""
    if not name:
        raise UnnamedRoleError("A role or database has no name: give --reader one.")
    if not name.isprintable():
        raise UnnamedRoleError(f"{name!r} has characters that no line of a script can hold.")
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    """Return ``text`` as a literal that reads the same whatever ``standard_conforming_strings``."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"E'{escaped}'"


def _role(url: str) -> str:
    role = make_url(url).username
    if not role:
        raise UnnamedRoleError(
            "A database URL names no role: write it as postgresql://role:password@host/database."
        )
    return role
