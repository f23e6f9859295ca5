"""Dagster's runs, events and schedules in the schema ``dagster`` of the warehouse's database.

Decisions this module embodies:

* The owner creates and upgrades Dagster's tables, under a lock; Dagster's processes connect as the
  runtime role and own nothing. Left to itself, each of them would create the tables it misses.
* psycopg2, because Dagster's event log fails on psycopg 3; the schema by search path, because
  Dagster names its tables without one.
* The version that the tables were made ready for is kept as the schema's comment, so that asking
  whether they are ready costs one query and no import of Dagster.
"""

from importlib.metadata import version

import sqlalchemy as sa
from sqlalchemy import make_url
from sqlalchemy.schema import CreateSchema

from jira_assets.warehouse.connect import (
    PSYCOPG2,
    SchemaMissingError,
    advisory_lock,
    describe_server,
    engine_for,
    normalize_url,
)
from jira_assets.warehouse.grants import grant_use, require_owned, role_of
from jira_assets.warehouse.schema import DAGSTER_SCHEMA
from jira_assets.warehouse.scope import with_its_search_path


def dagster_storage_url(database_url: str) -> str:
    """Return the URL for ``dagster.yaml``: the same database and role, schema ``dagster``."""
    url = make_url(normalize_url(database_url, PSYCOPG2))
    options = f"-csearch_path={DAGSTER_SCHEMA}"
    return url.update_query_dict({"options": options}).render_as_string(hide_password=False)


def dagster_is_prepared(connection: sa.Connection) -> bool:
    """Whether Dagster's tables are there, for the installed version of Dagster."""
    found = sa.select(
        sa.func.obj_description(sa.func.to_regnamespace(DAGSTER_SCHEMA), "pg_namespace")
    )
    return bool(connection.execute(found).scalar_one_or_none() == _comment())


def check_dagster_storage(url: str) -> None:
    """Find out whether Dagster's processes will find, or can create, their tables at ``url``.

    Dagster would find out, too: after some seconds of retries, with pages of tracebacks.

    Raises:
        WarehouseUnavailableError: it cannot be reached, or a PgBouncer before it refuses.
        SchemaMissingError: the tables are not there, and this role may not create them.
    """
    engine = engine_for(url)
    # Where Dagster's processes look. No name of a function is looked up there.
    with with_its_search_path(engine).connect() as connection:
        there, may_create, role, schema = connection.execute(
            sa.text(
                "SELECT pg_catalog.to_regclass('runs') IS NOT NULL, "
                "pg_catalog.has_schema_privilege(pg_catalog.current_schema(), 'CREATE'), "
                "current_user, pg_catalog.current_schema()"
            )
        ).one()
    if not there and not may_create:
        where = f"the schema {schema}" if schema else "any schema"
        raise SchemaMissingError(
            f"Dagster's tables are not in {describe_server(engine.url)}, and {role} may not create "
            f"them in {where}. Whoever migrates: run `jira-assets migrate` once with URLs that "
            "lead to the server itself and without JIRA_ASSETS_DAGSTER_DATABASE_URL "
            "(docs/security.md), or let that URL name a role that may create tables."
        )


def prepare_dagster(owner_url: str, runtime_url: str | None = None) -> bool:
    """Create or upgrade Dagster's tables as the owner, and let the runtime role use them.

    Repeatable, and safe when several start at once.

    Returns:
        Whether there was anything to create or to upgrade.

    Raises:
        WarehouseUnavailableError: the server cannot be reached as one of the two.
    """
    runtime_role = role_of(runtime_url, beside=owner_url) if runtime_url else None
    engine = engine_for(owner_url)
    with engine.begin() as connection:  # committed first: Dagster's connections must see the schema
        advisory_lock(connection, "jira_assets/dagster")
        if not sa.inspect(connection).has_schema(DAGSTER_SCHEMA):
            connection.execute(CreateSchema(DAGSTER_SCHEMA))
        require_owned(connection, DAGSTER_SCHEMA)
    with engine.begin() as connection:
        advisory_lock(connection, "jira_assets/dagster")
        prepared = dagster_is_prepared(connection)
        if not prepared:
            _create_tables(dagster_storage_url(owner_url))
            connection.exec_driver_sql(f"COMMENT ON SCHEMA {DAGSTER_SCHEMA} IS '{_comment()}'")
        owner = connection.execute(sa.select(sa.func.current_user())).scalar_one()
        if runtime_role not in {None, owner}:
            grant_use(
                connection, DAGSTER_SCHEMA, str(runtime_role), read_only_tables=["alembic_version"]
            )
    return not prepared


def _comment() -> str:
    return f"Tables of Dagster, ready for dagster-postgres {version('dagster-postgres')}"


def _create_tables(url: str) -> None:
    """Let Dagster's storages create their tables, as they do when made, or upgrade old ones."""
    engine_for(url).connect().close()  # first, for an error in words where this fails
    from dagster_postgres import (
        PostgresEventLogStorage,
        PostgresRunStorage,
        PostgresScheduleStorage,
    )

    runs, schedules = PostgresRunStorage(url), PostgresScheduleStorage(url)
    events = PostgresEventLogStorage(url)
    try:
        for storage in (runs, events, schedules):
            storage.upgrade()
        runs.migrate()
        schedules.migrate()
        events.reindex_assets()
    finally:
        for storage in (runs, events, schedules):
            storage.dispose()
