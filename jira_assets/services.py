"""From settings to servers: those that the environment names, or embedded ones in the home.

Decisions this module embodies:

* Lazy: nothing is started or connected before somebody asks, and in a process only once. The last
  process that ends stops the embedded Postgres.
* The embedded Postgres is migrated by whoever starts it first: there is nobody else to do it. Any
  other database is migrated by `jira-assets migrate` alone.
"""

import atexit
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote

from pydantic import SecretStr
from sqlalchemy import make_url

from jira_assets.sandbox.postgres import EmbeddedPostgres
from jira_assets.settings import Settings
from jira_assets.warehouse.connect import (
    PSYCOPG2,
    close_engines,
    engine_for,
    normalize_url,
    redact,
    without_passwords,
)
from jira_assets.warehouse.dagster_storage import (
    dagster_is_prepared,
    dagster_storage_url,
    prepare_dagster,
)
from jira_assets.warehouse.migrate import MigrationReport, migrate, pending
from jira_assets.warehouse.preparation import preparation_sql, quoted
from jira_assets.warehouse.roles import Readers, entangled_words

_LONGEST: Final = 63
"""Bytes of a name in Postgres."""


@dataclass(frozen=True)
class Services:
    """Where the servers are. The URLs may hold passwords: they are not part of the repr."""

    database_url: str = field(repr=False)
    """Postgres as the runtime role."""
    owner_url: str = field(repr=False)
    """Postgres as the role that migrates; the same where only one is given."""
    api_url: str = field(repr=False)
    """Postgres as the role of the HTTP service; the runtime role where none is given."""
    dagster_url: str = field(repr=False)
    """Dagster's own storage, for psycopg2, in its schema."""
    broker_url: str = field(repr=False)
    embedded_postgres: bool
    embedded_broker: bool


def connect_services(settings: Settings) -> Services:
    """Return the servers of ``settings``, starting the embedded ones that they leave out.

    Raises:
        EmbeddedPostgresError: the embedded Postgres does not start.
        InvalidDatabaseUrlError: a database URL cannot be read.
    """
    if settings.database_url is None:
        postgres = _embedded_postgres(settings.home.absolute())
        database_url, owner_url = postgres.runtime_url, postgres.owner_url
        api_url = database_url
    else:
        database_url = normalize_url(settings.database_url.get_secret_value())
        owner_url = normalize_url(_text(settings.owner_database_url) or database_url)
        api_url = normalize_url(_text(settings.api_database_url) or database_url)
    dagster_url = _text(settings.dagster_database_url)
    folder = quote(str(settings.home.absolute() / "broker"))
    broker_url = _text(settings.broker_url) or f"filesystem://{folder}"
    return Services(
        database_url=database_url,
        owner_url=owner_url,
        api_url=api_url,
        dagster_url=(
            normalize_url(dagster_url, PSYCOPG2)
            if dagster_url
            else dagster_storage_url(database_url)
        ),
        broker_url=broker_url,
        embedded_postgres=settings.database_url is None,
        embedded_broker=broker_url.startswith("filesystem:"),
    )


def psql_line(database_url: str) -> str:
    """Return the command with which somebody opens the database, without the password."""
    url = without_passwords(make_url(database_url)).set(drivername="postgresql")
    return f"psql '{url.render_as_string(hide_password=False)}'"


def migrate_services(settings: Settings, readers: Readers | None = None) -> Iterator[str]:
    """Bring our tables and Dagster's up to date; say in words what was done."""
    services = connect_services(settings)
    yield f"Database: {redact(services.owner_url)}"
    if services.embedded_postgres and readers is not None:
        # There is no administrator to ask. A name that Postgres would cut off is nobody's.
        fit = [name for name in readers.roles if quoted(name) and len(name.encode()) <= _LONGEST]
        for role in _embedded_postgres(settings.home.absolute()).make_roles(fit):
            yield f"Made the role {role} in the embedded Postgres."
    report = migrate(
        services.owner_url, services.database_url, api_url=services.api_url, readers=readers
    )
    yield from _words(report)
    for role in readers.withdrawn if readers is not None else ():
        yield f"{role} is let go: it sees nothing of ours any more."
    if settings.dagster_database_url is not None:
        yield "Dagster's storage is elsewhere: Dagster creates its tables there itself."
        return
    changed = prepare_dagster(services.owner_url, services.database_url)
    yield f"Schema dagster: {'made ready for' if changed else 'ready for'} this version of Dagster."


class NoServerNamedError(ValueError):
    """The SQL of a server's administrator was asked for without a server."""


def administrators_sql(settings: Settings, readers: Sequence[str] = ()) -> str:
    """Return what an administrator must run before `migrate`, for the roles of the settings' URLs.

    Nothing is connected: there may be nothing to connect to yet.

    Raises:
        NoServerNamedError: no URL is set; the embedded Postgres makes its own roles.
    """
    if settings.database_url is None:
        raise NoServerNamedError(
            "JIRA_ASSETS_DATABASE_URL is not set, and the embedded Postgres makes its roles by "
            "itself, readers too (`jira-assets migrate --reader ROLE`). For a server of your own "
            "set it, and JIRA_ASSETS_OWNER_DATABASE_URL, to the URLs that are to be used."
        )
    services = connect_services(settings)
    return preparation_sql(
        owner_url=services.owner_url,
        runtime_url=services.database_url,
        api_url=services.api_url,
        readers=readers,
        dagster=settings.dagster_database_url is None,
    )


def _words(report: MigrationReport) -> Iterator[str]:
    if report.changed:
        before = report.from_revision or "none"
        yield f"Schema jira: from revision {before} to {report.to_revision}."
    else:
        yield f"Schema jira: at revision {report.to_revision} already."
    if report.granted_to:
        yield f"Runs connect as {report.granted_to}, which owns nothing."
    else:
        yield (
            "Runs connect as the owner, whom nothing holds back: a mistake in one may drop tables, "
            "and tenants are not kept apart. Use two roles: `jira-assets migrate --sql`."
        )
    if report.served_as:
        yield f"The HTTP service connects as {report.served_as}, one tenant at a time."
    if report.serves_as_owner:
        yield (
            "But the HTTP service connects as the owner, whom nothing holds back: give "
            "JIRA_ASSETS_API_DATABASE_URL a role of its own, or none."
        )
    yield from (f"{each.role} reads {each.words()}." for each in report.readers)
    for role in report.of_before:
        yield f"{role}, used before, still sees rows: `jira-assets migrate --no-role {role}`."
    if report.unheld:
        yield (
            f"But no policy holds {', '.join(report.unheld)} (a superuser, BYPASSRLS, the owner, "
            "or a member of these): tenants are not kept apart there. Whoever administers the "
            "server must take that from it."
        )
    yield from (f"But {entangled_words(*pair)}" for pair in report.entangled)


def _text(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


# -------------------------------------------------------------------------- the embedded Postgres

_joined: Final[dict[Path, EmbeddedPostgres]] = {}
_joining: Final = threading.Lock()


def _embedded_postgres(home: Path) -> EmbeddedPostgres:
    """Return this process's share in the server of ``home``: migrated, and kept until it exits."""
    with _joining:
        if home not in _joined:
            postgres = EmbeddedPostgres(home).start()
            atexit.register(_leave, postgres)
            _make_ready(postgres)
            _joined[home] = postgres
        return _joined[home]


def _make_ready(postgres: EmbeddedPostgres) -> None:
    with engine_for(postgres.runtime_url).connect() as connection:
        ready = not pending(connection) and dagster_is_prepared(connection)
    if not ready:
        migrate(postgres.owner_url, postgres.runtime_url)
        prepare_dagster(postgres.owner_url, postgres.runtime_url)


def _leave(postgres: EmbeddedPostgres) -> None:
    close_engines()
    postgres.stop()
