"""Bring the tables of schema ``jira`` up to date, and let the runtime role use them.

Decisions this module embodies:

* One transaction, behind an advisory lock: two first migrations at once are safe (the second finds
  nothing to do), and one that fails, or is killed, leaves nothing behind.
* It runs beside programs that read and write. It waits for them for seconds at a time, lets them
  past and tries again; after a minute it names who is in the way (``table_locks``).
* Revisions hold the structure. What columns mean is taken from ``tables`` and written as comments
  after every upgrade, and so are the ``views`` and ``policies``: rewording needs no revision.
* The owner migrates; the other roles own nothing. Their rights are granted at every run of this, so
  they can be repaired, or given to another role, by running it again.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.schema import CreateSchema, SetColumnComment, SetTableComment

from jira_assets.warehouse.connect import (
    PermissionMissingError,
    advisory_lock,
    describe_server,
    engine_for,
)
from jira_assets.warehouse.grants import require_owned, role_of
from jira_assets.warehouse.policies import write_functions, write_policies
from jira_assets.warehouse.roles import (
    ReaderRole,
    Readers,
    entangled,
    of_before,
    register,
    unheld,
)
from jira_assets.warehouse.table_locks import (
    TableInUseError,
    bound_waiting,
    hold_tables,
    holders,
    is_in_the_way,
)
from jira_assets.warehouse.tables import SCHEMA, metadata
from jira_assets.warehouse.views import write_views

HEAD: Final = "0010"
"""The newest revision. Known here, so that asking whether anything is pending needs no alembic."""

PATIENCE_SECONDS: Final = 60.0
"""How long a migration tries to come between those who use the tables."""
_PAUSE_SECONDS: Final = 0.5

_VERSION_TABLE: Final = sa.table(
    "alembic_version", sa.column("version_num", sa.Text), schema=SCHEMA
)

_COMMENTS: Final = sa.text(
    """
    SELECT class.relname AS table_name, attribute.attname AS column_name,
        description.description AS comment
    FROM pg_description AS description
    JOIN pg_class AS class ON class.oid = description.objoid
    LEFT JOIN pg_attribute AS attribute
        ON attribute.attrelid = class.oid AND attribute.attnum = description.objsubid
        AND description.objsubid > 0
    WHERE description.classoid = 'pg_class'::regclass
    AND class.relnamespace = to_regnamespace(:schema)
    """
).bindparams(schema=SCHEMA)


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "schema" or name == SCHEMA


CONTEXT_OPTIONS: Final[dict[str, Any]] = {
    "target_metadata": metadata,
    "version_table_schema": SCHEMA,
    "include_schemas": True,
    "include_name": _is_ours,
    "compare_type": True,
    "compare_server_default": True,
}
"""How alembic sees our tables. Dagster keeps an ``alembic_version`` of its own in the same
database: without the filter, a comparison would propose to drop all of its tables.
"""


class DatabaseIsNewerError(RuntimeError):
    """The database was migrated by a newer version of this program."""


class MigrationBlockedError(RuntimeError):
    """Others used the tables all the time; nothing was changed."""


@dataclass(frozen=True)
class MigrationReport:
    """What a migration did. Revisions are None before the first one."""

    from_revision: str | None
    to_revision: str
    created_schema: bool
    granted_to: str | None
    """The runtime role, where it is another than the owner."""
    served_as: str | None = None
    """The role of the HTTP service, where it is another than both."""
    serves_as_owner: bool = False
    """Whether the HTTP service connects as the owner, though runs do not."""
    readers: tuple[ReaderRole, ...] = ()
    """Every role that reads, named now or before."""
    unheld: tuple[str, ...] = ()
    """Of all these roles, those that see all tenants because no policy holds them."""
    entangled: tuple[tuple[str, str], ...] = ()
    """Pairs of a member and its role, of which one reads and the other does not."""
    of_before: tuple[str, ...] = ()
    """Roles that runs, or the HTTP service, connected as before, and that may still."""

    @property
    def changed(self) -> bool:
        """Whether the structure of the tables is another than before."""
        return self.from_revision != self.to_revision


def migrate(
    owner_url: str,
    runtime_url: str | None = None,
    *,
    api_url: str | None = None,
    readers: Readers | None = None,
    patience: float = PATIENCE_SECONDS,
) -> MigrationReport:
    """Upgrade the tables to the newest revision. Repeatable, and safe when several start at once.

    Args:
        owner_url: connects as the role that owns, or is to own, the schema.
        runtime_url: connects as the role that runs use; granted what it needs if it is another.
        api_url: the same of the HTTP service.
        readers: roles that read, beside those that were named before.
        patience: for so many seconds it tries again while others use the tables.

    Raises:
        WarehouseUnavailableError: the server cannot be reached as one of them.
        PermissionMissingError: ``owner_url`` connects as another role than the owner.
        RoleError: a role is not there, or cannot be what it is named as.
        DatabaseIsNewerError: the tables are newer than this program.
        MigrationBlockedError: others used the tables all the time.
    """
    runtime_role = role_of(runtime_url, beside=owner_url) if runtime_url else None
    api_role = (
        role_of(api_url, beside=owner_url, variable="JIRA_ASSETS_API_DATABASE_URL")
        if api_url
        else None
    )
    roles = _Roles(runtime_role, api_role, readers or Readers())
    engine, deadline = engine_for(owner_url), time.monotonic() + patience
    first: list[str] = []
    while True:
        try:
            return _migrate(engine, roles, first)
        except TableInUseError as error:
            first = [error.table, *(name for name in first if name != error.table)]
        except sa.exc.OperationalError as error:
            if not is_in_the_way(error):
                raise
        except PermissionMissingError as error:
            raise PermissionMissingError(_not_the_owner(error)) from error
        if time.monotonic() >= deadline:
            raise _blocked(engine, patience)
        time.sleep(_PAUSE_SECONDS)


@dataclass(frozen=True)
class _Roles:
    """Who is to use the tables, beside the owner."""

    runtime: str | None
    api: str | None
    readers: Readers


def _migrate(engine: sa.Engine, roles: _Roles, first: Sequence[str]) -> MigrationReport:
    """Do all of it in one transaction, or fail soon where somebody is in the way."""
    with engine.begin() as connection:
        advisory_lock(connection, "jira_assets/migrate")  # another migration is waited for
        bound_waiting(connection)
        created = not sa.inspect(connection).has_schema(SCHEMA)
        if created:
            connection.execute(CreateSchema(SCHEMA))
        require_owned(connection, SCHEMA)
        before = current_revision(connection)
        _upgrade(connection, before, first)
        _write_comments(connection)
        write_functions(connection)
        write_views(connection)
        write_policies(connection)
        owner = connection.execute(sa.select(sa.func.current_user())).scalar_one()
        granted = None if roles.runtime == owner else roles.runtime
        served = None if roles.api in {owner, granted} else roles.api
        unbound = roles.api == owner and granted is not None
        reading = register(connection, runtime=granted, api=served, readers=roles.readers)
        named = [granted, served, *(each.role for each in reading)]
        free = unheld(connection, [role for role in named if role is not None])
        earlier = of_before(connection, {granted, served})
        pairs = entangled(connection)
    return MigrationReport(
        from_revision=before,
        to_revision=HEAD,
        created_schema=created,
        granted_to=granted,
        served_as=served,
        serves_as_owner=unbound,
        readers=tuple(reading),
        unheld=tuple(free),
        entangled=tuple(pairs),
        of_before=tuple(earlier),
    )


def _not_the_owner(error: PermissionMissingError) -> str:
    what, _, _ = str(error).partition(". Run `jira-assets migrate`")
    return (
        f"{what}. A migration connects as the owner of schema {SCHEMA}, and makes the schema if "
        "it may. Set JIRA_ASSETS_OWNER_DATABASE_URL to that role; or let an administrator of the "
        "server run what `jira-assets migrate --sql` prints. Nothing was changed."
    )


def _blocked(engine: sa.Engine, patience: float) -> MigrationBlockedError:
    with engine.connect() as connection:
        found = "; ".join(str(each) for each in holders(connection, SCHEMA))
        where = describe_server(engine.url)
    return MigrationBlockedError(
        f"The tables in {where} were in use whenever this migration tried, for {patience:.0f} s; "
        f"nothing was changed. Just now: {found or 'nobody'}. Let these end, or stop Dagster's "
        "daemon, then run `jira-assets migrate` again."
    )


def pending(connection: sa.Connection) -> bool:
    """Whether the tables lack a revision that this program needs.

    Raises:
        DatabaseIsNewerError: the tables are newer than this program.
    """
    revision = current_revision(connection)
    if revision is not None and revision > HEAD:
        raise _newer(connection, revision)
    return revision != HEAD


def current_revision(connection: sa.Connection) -> str | None:
    """Return the revision of the tables, None before the first migration."""
    if not sa.inspect(connection).has_table("alembic_version", schema=SCHEMA):
        return None
    return connection.execute(sa.select(_VERSION_TABLE.c.version_num)).scalar_one_or_none()


def alembic_config(connection: sa.Connection) -> Any:
    """Return alembic's configuration for ``migrations/`` on ``connection``."""
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def _upgrade(connection: sa.Connection, before: str | None, first: Sequence[str]) -> None:
    if before == HEAD:
        return
    if before is not None and before > HEAD:
        raise _newer(connection, before)
    hold_tables(connection, SCHEMA, first=first)
    from alembic import command

    command.upgrade(alembic_config(connection), HEAD)


def _newer(connection: sa.Connection, revision: str) -> DatabaseIsNewerError:
    return DatabaseIsNewerError(
        f"The tables in {describe_server(connection.engine.url)} are at revision {revision}, newer "
        f"than this program's {HEAD}: upgrade jira_assets."
    )


def _write_comments(connection: sa.Connection) -> None:
    """Write those that are not there yet: each waits for a vacuum of its table."""
    found: dict[tuple[str, str | None], str] = {
        (row.table_name, row.column_name): row.comment for row in connection.execute(_COMMENTS)
    }
    for table in metadata.sorted_tables:
        if found.get((table.name, None)) != table.comment:
            connection.execute(SetTableComment(table))
        for column in table.columns:
            if found.get((table.name, column.name)) != column.comment:
                connection.execute(SetColumnComment(column))
