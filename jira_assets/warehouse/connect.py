"""Engines for Postgres, and what to say when it is away.

Decisions this module embodies:

* One engine a process and URL: pools are per process, and every room asks for the same one.
* The engine itself turns "cannot connect", "connection lost" and "no such table" into errors that
  say who must do what, so no caller wraps its queries.
* The search path never includes ``jira``: tables are named with their schema, and Dagster's tables
  (one of them named ``alembic_version``, too) live in the same database. It is set with the scope,
  at the beginning of each transaction (``scope``).
* Nothing is kept in the session: no setting, no prepared statement, no session lock. Behind a
  PgBouncer in transaction mode the next transaction may have another session.
"""

import os
import re
from functools import cache
from typing import Any, Final

import psycopg
import psycopg.errors
import sqlalchemy as sa
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError

from jira_assets.warehouse.scope import enter_scope

APPLICATION_NAME: Final = "jira_assets"
SCOPE_ERROR: Final = "JA001"
"""What the policies raise (SQLSTATE) for a transaction that says not what it may see."""
ALL_TENANTS_ERROR: Final = "JA002"
"""What they raise for a role that serves one tenant at a time, and asked for all."""
_MISSING: Final = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.InvalidSchemaName,
)
_OURS: Final = ('relation "jira.', "function jira.", 'schema "jira"')
_POLICY: Final = "row-level security policy"
PSYCOPG: Final = "psycopg"
PSYCOPG2: Final = "psycopg2"
"""Dagster's own storage needs this one: it fails on psycopg 3 at its first event."""

_CONNECT_ARGUMENTS: Final[dict[str, Any]] = {
    "application_name": APPLICATION_NAME,
    "connect_timeout": 10,
    # Never prepared on the server: behind a PgBouncer, the next session does not know it.
    "prepare_threshold": None,
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}


class InvalidDatabaseUrlError(ValueError):
    """A text that is no Postgres URL."""


class WarehouseUnavailableError(ConnectionError):
    """Postgres could not be reached, refused the login, or went away in the middle."""


class SchemaMissingError(RuntimeError):
    """The tables are not there, or older than this program."""


class PermissionMissingError(PermissionError):
    """The role of the connection may not touch a table of ours."""


class OutOfScopeError(PermissionError):
    """A transaction touched rows, or asked for tenants, that it may not see."""


class OneTenantAtATimeError(OutOfScopeError):
    """The role of the HTTP service was asked to see all tenants."""


def driver_of(connection: sa.Connection) -> "psycopg.Connection[Any]":
    """Return the driver's own connection beneath ``connection``, in its transaction: for COPY.

    A transaction is begun if there is none, so that its scope is told.
    """
    if not connection.in_transaction():
        connection.begin()
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise TypeError("the warehouse needs the driver psycopg 3: postgresql+psycopg://")
    return driver


def normalize_url(url: str, driver: str = PSYCOPG) -> str:
    """Return ``url`` with the driver named: ``postgres://…`` becomes ``postgresql+psycopg://…``.

    Raises:
        InvalidDatabaseUrlError: it is no Postgres URL. The text itself is not repeated: it may hold
            a password.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise InvalidDatabaseUrlError(_NO_URL) from None
    if parsed.get_backend_name() not in {"postgres", "postgresql"}:
        raise InvalidDatabaseUrlError(_NO_URL)
    if "@" in f"{parsed.host}{_after_authority(url)}":  # a rest of a password, taken for more
        raise InvalidDatabaseUrlError(_NO_URL)
    named = parsed.set(drivername=f"postgresql+{driver}")
    return named.render_as_string(hide_password=False)


def _after_authority(url: str) -> str:
    """Return what stands behind user, password and host: from the first of ``/``, ``?``, ``#``."""
    _, *rest = re.split("[/?#]", url.partition("://")[2], maxsplit=1)
    return "".join(rest)


_NO_URL: Final = (
    "this is no Postgres URL: use postgresql://user:password@host:5432/database, with @, /, ? and "
    "# in a password written as %40, %2F, %3F and %23."
)


def redact(url: str) -> str:
    """Return ``url`` without its password, for people to read."""
    parsed = make_url(url)
    hidden = dict.fromkeys(_password_options(parsed), "***")
    return parsed.update_query_dict(hidden).render_as_string(hide_password=True)


def passwords_in(url: URL) -> list[str]:
    """Return the passwords that a URL holds: in its own place, and as options of libpq."""
    options = [value for name in _password_options(url) for value in url.normalized_query[name]]
    return [text for text in (str(url.password or ""), *options) if text]


def without_passwords(url: URL) -> URL:
    """Return ``url`` without them."""
    # Made anew: to URL.set, a password of None is one that was not given.
    left = url.difference_update_query(_password_options(url)).query
    return URL.create(
        url.drivername,
        url.username,
        host=url.host,
        port=url.port,
        database=url.database,
        query=left,
    )


def _password_options(url: URL) -> list[str]:
    return [name for name in url.query if "password" in name]


def describe_server(url: URL) -> str:
    """Say which database is meant: ``database jira_assets at db.example.com:5432 as loader``."""
    host = url.host or str(url.query.get("host", "") or "the local socket")
    port = f":{url.port}" if url.port else ""
    role = f" as {url.username}" if url.username else ""
    return f"database {url.database or url.username} at {host}{port}{role}"


def engine_for(url: str) -> sa.Engine:
    """Return this process's engine for ``url`` (any spelling that ``normalize_url`` reads)."""
    return _engine(normalize_url(url))


@cache
def _engine(url: str) -> sa.Engine:
    parsed = make_url(url)
    arguments = {k: v for k, v in _CONNECT_ARGUMENTS.items() if k not in parsed.query}
    engine = sa.create_engine(
        parsed,
        connect_args=arguments,
        pool_size=5,
        max_overflow=10,
        pool_pre_ping=True,
        pool_recycle=1800,
        # Else a first connection asks for the type, before any transaction of ours, by an operator
        # that it finds in ``public``: what a reader put there would run as whoever connects.
        use_native_hstore=False,
    )
    sa.event.listen(engine, "begin", enter_scope)
    sa.event.listen(engine, "handle_error", _translate, retval=True)
    _engines[url] = engine
    return engine


_engines: Final[dict[str, sa.Engine]] = {}


def close_engines(url: str | None = None) -> None:
    """Close the pooled connections to ``url`` (default: all). The engines stay usable."""
    for known, engine in _engines.items():
        if url is None or known == normalize_url(url):
            engine.dispose()


def advisory_lock(connection: sa.Connection, name: str, *, shared: bool = False) -> None:
    """Wait for the lock ``name`` of this database; it is held until the transaction ends.

    ``shared``: together with all who want it shared, too.
    """
    key = sa.func.hashtextextended(name, 0)
    lock = sa.func.pg_advisory_xact_lock_shared if shared else sa.func.pg_advisory_xact_lock
    connection.execute(sa.select(lock(key)))


def try_advisory_lock(connection: sa.Connection, name: str) -> bool:
    """Take the lock ``name`` until the transaction ends; False if another one has it."""
    key = sa.func.hashtextextended(name, 0)
    return bool(connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(key))))


def lock_integration(connection: sa.Connection, integration_id: int) -> None:
    """Wait for merges into the tables of one integration, and for a purge of it, to end."""
    advisory_lock(connection, f"jira_assets/integration/{integration_id}")


def _forget_connections_after_fork() -> None:
    """Drop the parent's sockets from the child's pools without closing them for the parent."""
    for engine in _engines.values():
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_forget_connections_after_fork)


def _translate(context: ExceptionContext) -> BaseException | None:
    """Return the error to raise in place of the driver's; None keeps the driver's."""
    if context.is_pre_ping:  # the pool replaces the connection by itself
        return None
    error, url = context.original_exception, _url_of(context)
    if _is_away(error, connecting=context.connection is None, lost=context.is_disconnect):
        return WarehouseUnavailableError(_away(error, url))
    return _out_of_scope(error, url) or _not_ready(error, url)


def _out_of_scope(error: BaseException, url: URL) -> BaseException | None:
    """Return the error for rows, or a whole question, that the policies refuse."""
    if isinstance(error, psycopg.Error) and error.sqlstate in {SCOPE_ERROR, ALL_TENANTS_ERROR}:
        kind = OutOfScopeError if error.sqlstate == SCOPE_ERROR else OneTenantAtATimeError
        return kind(f"{_first_line(error)}. {error.diag.message_hint}")
    if isinstance(error, psycopg.errors.InsufficientPrivilege) and _POLICY in str(error):
        return OutOfScopeError(
            f"{_first_line(error)} in {describe_server(url)}: the row belongs to another tenant or "
            "integration than those of this run or call. Nothing was written; the code that made "
            "the row is wrong, and whoever maintains it must act."
        )
    return None


def _not_ready(error: BaseException, url: URL) -> BaseException | None:
    """Return the error for tables, or rights, that `migrate` has not made yet."""
    said = str(error)
    if isinstance(error, _MISSING) and any(name in said for name in _OURS):
        return SchemaMissingError(
            f"{_first_line(error)} in {describe_server(url)}: run `jira-assets migrate`."
        )
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return PermissionMissingError(
            f"{_first_line(error)} in {describe_server(url)}. Run `jira-assets migrate` with the "
            "owner's URL in JIRA_ASSETS_OWNER_DATABASE_URL: it grants what this role needs."
        )
    return None


def _url_of(context: ExceptionContext) -> URL:
    return context.engine.url if context.engine is not None else URL.create("postgresql")


def _is_away(error: BaseException, *, connecting: bool, lost: bool) -> bool:
    return isinstance(error, psycopg.OperationalError) and (connecting or lost)


def _away(error: BaseException, url: URL) -> str:
    said = _first_line(error)
    for password in passwords_in(url):
        said = said.replace(password, "***")
    if "unsupported startup parameter" in said:
        return (
            f"A PgBouncer refuses what Dagster's storage needs of a session "
            f"({describe_server(url)}): {said}. Set JIRA_ASSETS_DAGSTER_DATABASE_URL to a URL that "
            "leads to the server itself (docs/security.md)."
        )
    return (
        f"Postgres is not available ({describe_server(url)}): {said}. Check that the server runs "
        "and that JIRA_ASSETS_DATABASE_URL (…_OWNER_DATABASE_URL for `jira-assets migrate`, "
        "…_DAGSTER_DATABASE_URL for Dagster's own storage) is right, then try again."
    )


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(". ") if lines else type(error).__name__
