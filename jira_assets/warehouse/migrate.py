"""Bring the tables of schema ``jira`` up to date, and let the runtime role use them.

Decisions this module embodies:

* One transaction, behind an advisory lock: two first migrations at once are safe (the second finds
  nothing to do), and one that fails leaves nothing behind.
* Revisions hold the structure. What columns mean is taken from ``tables`` and written as comments
  after every upgrade, and so are the ``views`` and ``policies``: rewording needs no revision.
* The owner migrates; the other roles own nothing. Their rights are granted at every run of this, so
  they can be repaired, or given to another role, by running it again.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.schema import CreateSchema, SetColumnComment, SetTableComment

from jira_assets.warehouse.connect import advisory_lock, describe_server, engine_for
from jira_assets.warehouse.grants import role_of
from jira_assets.warehouse.policies import write_functions, write_policies
from jira_assets.warehouse.roles import ReaderRole, Readers, register
from jira_assets.warehouse.tables import SCHEMA, metadata
from jira_assets.warehouse.views import write_views

HEAD: Final = "0009"
"""The newest revision. Known here, so that asking whether anything is pending needs no alembic."""

_VERSION_TABLE: Final = sa.table(
    "alembic_version", sa.column("version_num", sa.Text), schema=SCHEMA
)


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
    readers: tuple[ReaderRole, ...] = ()
    """Every role that reads, named now or before."""

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
) -> MigrationReport:
    """Upgrade the tables to the newest revision. Repeatable, and safe when several start at once.

    Args:
        owner_url: connects as the role that owns, or is to own, the schema.
        runtime_url: connects as the role that runs use; granted what it needs if it is another.
        api_url: the same of the HTTP service.
        readers: roles that read, beside those that were named before.

    Raises:
        WarehouseUnavailableError: the server cannot be reached as one of them.
        RoleError: a role is not there, or cannot be what it is named as.
        DatabaseIsNewerError: the tables are newer than this program.
    """
    runtime_role = role_of(runtime_url, beside=owner_url) if runtime_url else None
    api_role = (
        role_of(api_url, beside=owner_url, variable="JIRA_ASSETS_API_DATABASE_URL")
        if api_url
        else None
    )
    with engine_for(owner_url).begin() as connection:
        # Another one might name our tables without their schema, and alembic miss them.
        connection.execute(sa.select(sa.func.set_config("search_path", "public", True)))
        advisory_lock(connection, "jira_assets/migrate")
        created = not sa.inspect(connection).has_schema(SCHEMA)
        if created:
            connection.execute(CreateSchema(SCHEMA))
        before = current_revision(connection)
        _upgrade(connection, before)
        _write_comments(connection)
        write_functions(connection)
        write_views(connection)
        write_policies(connection)
        owner = connection.execute(sa.select(sa.func.current_user())).scalar_one()
        granted = None if runtime_role == owner else runtime_role
        served = None if api_role == owner else api_role
        if served == granted:
            served = None
        reading = register(connection, runtime=granted, api=served, readers=readers or Readers())
    return MigrationReport(before, HEAD, created, granted, served, tuple(reading))


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


def _upgrade(connection: sa.Connection, before: str | None) -> None:
    if before == HEAD:
        return
    if before is not None and before > HEAD:
        raise _newer(connection, before)
    from alembic import command

    command.upgrade(alembic_config(connection), HEAD)


def _newer(connection: sa.Connection, revision: str) -> DatabaseIsNewerError:
    return DatabaseIsNewerError(
        f"The tables in {describe_server(connection.engine.url)} are at revision {revision}, newer "
        f"than this program's {HEAD}: upgrade jira_assets."
    )


def _write_comments(connection: sa.Connection) -> None:
    for table in metadata.sorted_tables:
        connection.execute(SetTableComment(table))
        for column in table.columns:
            connection.execute(SetColumnComment(column))
