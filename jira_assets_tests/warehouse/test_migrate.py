"""Migrations: equal to the metadata, repeatable, safe at once, and what the runtime role may do."""

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from jira_assets.sandbox.postgres import OWNER_ROLE, RUNTIME_ROLE, SUPERUSER
from jira_assets.warehouse import migrate as migrate_module
from jira_assets.warehouse.connect import (
    PermissionMissingError,
    SchemaMissingError,
    engine_for,
)
from jira_assets.warehouse.dagster_storage import prepare_dagster
from jira_assets.warehouse.grants import RoleError
from jira_assets.warehouse.migrate import (
    CONTEXT_OPTIONS,
    HEAD,
    DatabaseIsNewerError,
    alembic_config,
    migrate,
)
from jira_assets.warehouse.tables import metadata, reading_leases, tenants
from jira_assets.warehouse.views import STATUS_HISTORY, write_views
from jira_assets_tests.conftest import Database, PostgresServer, engine_seeing_all

COLUMNS = sa.text(
    """
    SELECT table_name, ordinal_position, column_name, data_type, udt_name, is_nullable,
        column_default, identity_generation,
        col_description(format('jira.%I', table_name)::regclass, ordinal_position)
    FROM information_schema.columns
    WHERE table_schema = 'jira' AND table_name <> 'alembic_version'
    """
)
CONSTRAINTS = sa.text(
    """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
    FROM pg_constraint
    WHERE connamespace = 'jira'::regnamespace AND conrelid::regclass::text <> 'jira.alembic_version'
    """
)
FAILED_MESSAGE = """
    INSERT INTO jira.etl_job_queue (message_id, tenant_id, integration_id, partition_key,
        extraction_id, entity, scope, state, error)
    VALUES (gen_random_uuid(), 1, 1, 'acme/cloud', gen_random_uuid(), 'statuses', 'site', 'failed',
        'no disk')
"""
INDEXES = sa.text(
    """
    SELECT tablename, indexname, indexdef FROM pg_indexes
    WHERE schemaname = 'jira' AND tablename <> 'alembic_version'
    """
)


def catalog(url: str) -> set[tuple[Any, ...]]:
    """What Postgres itself says about our tables."""
    with engine_for(url).connect() as connection:
        queries = (COLUMNS, CONSTRAINTS, INDEXES)
        return {tuple(row) for query in queries for row in connection.execute(query)}


def pending(url: str) -> bool:
    with engine_for(url).connect() as connection:
        return migrate_module.pending(connection)


def test_alembic_finds_no_difference_between_migrations_and_metadata(owner_url: str) -> None:
    with engine_for(owner_url).connect() as connection:
        context = MigrationContext.configure(connection, opts=CONTEXT_OPTIONS)
        assert compare_metadata(context, metadata) == []


def test_postgres_finds_no_difference_either(owner_url: str, empty_database: Database) -> None:
    with engine_for(empty_database.owner_url).begin() as connection:
        connection.execute(sa.schema.CreateSchema("jira"))
        metadata.create_all(connection)
        write_views(connection)
    migrated, defined = catalog(owner_url), catalog(empty_database.owner_url)
    assert migrated - defined == defined - migrated == set()
    assert len(defined) > len(metadata.tables)


def test_the_known_head_is_the_newest_revision(owner_url: str) -> None:
    with engine_for(owner_url).connect() as connection:
        script = ScriptDirectory.from_config(alembic_config(connection))
    assert script.get_heads() == [HEAD]


def test_the_first_migration_tells_what_it_did_and_the_second_finds_nothing_to_do(
    empty_database: Database,
) -> None:
    owner, runtime = empty_database.owner_url, empty_database.runtime_url
    assert pending(owner)

    first, second = migrate(owner, runtime), migrate(owner, runtime)

    assert (first.from_revision, first.to_revision, first.created_schema) == (None, HEAD, True)
    assert (second.from_revision, second.created_schema, second.changed) == (HEAD, False, False)
    assert first.granted_to == second.granted_to == RUNTIME_ROLE
    assert not pending(runtime)


def test_tables_of_an_earlier_revision_are_brought_up_to_date(empty_database: Database) -> None:
    owner, runtime = empty_database.owner_url, empty_database.runtime_url
    with engine_for(owner).begin() as connection:
        connection.execute(sa.schema.CreateSchema("jira"))
        command.upgrade(alembic_config(connection), "0001")
    assert pending(owner)

    report = migrate(owner, runtime)

    assert (report.from_revision, report.to_revision) == ("0001", HEAD)
    assert not pending(runtime)
    with engine_seeing_all(runtime).begin() as connection:
        row = {"integration_id": 1, "tenant_id": 1, "run_id": "run"}
        connection.execute(reading_leases.insert().values(row))


def test_messages_of_before_stay_as_they_are_and_may_be_dropped(empty_database: Database) -> None:
    owner, runtime = empty_database.owner_url, empty_database.runtime_url
    with engine_for(owner).begin() as connection:
        connection.execute(sa.schema.CreateSchema("jira"))
        command.upgrade(alembic_config(connection), "0007")
        connection.exec_driver_sql(FAILED_MESSAGE)
        before = connection.exec_driver_sql("SELECT * FROM jira.etl_job_queue").all()

    migrate(owner, runtime)

    with engine_seeing_all(runtime).begin() as connection:
        assert connection.exec_driver_sql("SELECT * FROM jira.etl_job_queue").all() == before
        connection.exec_driver_sql("UPDATE jira.etl_job_queue SET state = 'dropped'")
        with pytest.raises(sa.exc.IntegrityError, match="ck_etl_job_queue_state"):
            connection.exec_driver_sql("UPDATE jira.etl_job_queue SET state = 'lost'")


def test_a_single_role_is_allowed(empty_database: Database) -> None:
    report = migrate(empty_database.owner_url, empty_database.owner_url)
    assert report.granted_to is None
    assert migrate(empty_database.owner_url).granted_to is None


def test_four_first_migrations_at_once(empty_database: Database) -> None:
    together = threading.Barrier(4)

    def first(_: int) -> Any:
        together.wait()
        return migrate(empty_database.owner_url, empty_database.runtime_url)

    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(first, range(4)))

    assert sorted(report.created_schema for report in reports) == [False, False, False, True]
    assert sum(report.changed for report in reports) == 1


def test_a_migration_that_fails_leaves_nothing(
    empty_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: sa.Connection) -> None:
        raise RuntimeError("the last step")

    with monkeypatch.context() as patch:
        patch.setattr(migrate_module, "_write_comments", fail)
        with pytest.raises(RuntimeError, match="the last step"):
            migrate(empty_database.owner_url)

    assert not sa.inspect(engine_for(empty_database.owner_url)).has_schema("jira")
    assert migrate(empty_database.owner_url).created_schema


def test_tables_newer_than_the_program_are_left_alone(owner_url: str, runtime_url: str) -> None:
    with engine_for(owner_url).begin() as connection:
        connection.exec_driver_sql("UPDATE jira.alembic_version SET version_num = '9999'")
    for attempt in (lambda: pending(runtime_url), lambda: migrate(owner_url)):
        with pytest.raises(DatabaseIsNewerError, match=r"at revision 9999, newer.*upgrade"):
            attempt()


def test_tables_of_others_in_the_same_database_stay(empty_database: Database) -> None:
    engine = engine_for(empty_database.owner_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA dagster")
        connection.exec_driver_sql("CREATE TABLE dagster.alembic_version (version_num text)")
        connection.exec_driver_sql("INSERT INTO dagster.alembic_version VALUES ('theirs')")

    migrate(empty_database.owner_url)

    with engine.connect() as connection:
        theirs = connection.exec_driver_sql("SELECT * FROM dagster.alembic_version").scalar_one()
        context = MigrationContext.configure(connection, opts=CONTEXT_OPTIONS)
        assert compare_metadata(context, metadata) == []
    assert theirs == "theirs"


# ---------------------------------------------------------------------------- the runtime role


def test_the_runtime_role_owns_nothing(owner_url: str) -> None:
    with engine_for(owner_url).connect() as connection:
        owners = connection.exec_driver_sql(
            "SELECT DISTINCT relowner::regrole::text FROM pg_class"
            " WHERE relnamespace = 'jira'::regnamespace"
        ).scalars()
        assert set(owners) == {OWNER_ROLE}


def test_the_runtime_role_reads_and_writes_rows_and_makes_temporary_tables(
    warehouse: sa.Engine,
) -> None:
    with warehouse.begin() as connection:
        connection.execute(tenants.insert().values(slug="acme"))
        connection.execute(tenants.update().values(slug="globex"))
        connection.exec_driver_sql("CREATE TEMPORARY TABLE incoming AS SELECT * FROM jira.tenants")
        assert connection.exec_driver_sql("SELECT slug FROM incoming").scalar_one() == "globex"
        connection.execute(tenants.delete())


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE jira.mine (id int)",
        "DROP TABLE jira.tenants",
        "ALTER TABLE jira.tenants ADD COLUMN mine int",
        "TRUNCATE jira.raw_extraction_data",
        "UPDATE jira.alembic_version SET version_num = '0000'",
        "CREATE SCHEMA mine",
        "CREATE TABLE public.mine (id int)",
    ],
)
def test_the_runtime_role_may_not_change_the_tables(warehouse: sa.Engine, statement: str) -> None:
    with pytest.raises(PermissionMissingError), warehouse.begin() as connection:
        connection.exec_driver_sql(statement)


def test_tables_to_come_are_granted_in_advance(owner_url: str, warehouse: sa.Engine) -> None:
    with engine_for(owner_url).begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE jira.later (id bigint GENERATED ALWAYS AS IDENTITY, n serial)"
        )
    with warehouse.begin() as connection:
        connection.exec_driver_sql("INSERT INTO jira.later DEFAULT VALUES")


@pytest.fixture
def without_temporary_tables(postgres_server: PostgresServer, empty_database: Database) -> Database:
    """A database in which somebody took the right to make temporary tables from everybody."""
    engine = engine_for(postgres_server.url(SUPERUSER, empty_database.name))
    with engine.begin() as connection:
        connection.exec_driver_sql(
            f'REVOKE TEMPORARY ON DATABASE "{empty_database.name}" FROM PUBLIC'
        )
    return empty_database


def test_the_right_to_temporary_tables_is_granted_where_it_was_revoked(
    without_temporary_tables: Database,
) -> None:
    migrate(without_temporary_tables.owner_url, without_temporary_tables.runtime_url)
    with engine_for(without_temporary_tables.runtime_url).begin() as connection:
        connection.exec_driver_sql("CREATE TEMPORARY TABLE incoming (id int)")


def test_whoever_cannot_grant_temporary_tables_says_who_must(
    without_temporary_tables: Database, postgres_server: PostgresServer
) -> None:
    database = without_temporary_tables
    with engine_for(postgres_server.url(SUPERUSER, database.name)).begin() as connection:
        connection.exec_driver_sql(f'ALTER DATABASE "{database.name}" OWNER TO {SUPERUSER}')
        for right in ("TEMPORARY", "CREATE"):
            connection.exec_driver_sql(
                f'GRANT {right} ON DATABASE "{database.name}" TO {OWNER_ROLE}'
            )
    said = f'Whoever owns the database must: GRANT TEMPORARY ON DATABASE "{database.name}" TO'
    with pytest.raises(RoleError, match=re.escape(said)):
        migrate(database.owner_url, database.runtime_url)


@pytest.mark.parametrize(("schema", "run"), [("jira", migrate), ("dagster", prepare_dagster)])
def test_a_schema_of_somebody_else_is_refused_before_anything_is_made(
    empty_database: Database, postgres_server: PostgresServer, schema: str, run: Callable[..., Any]
) -> None:
    """Postgres only warns where grants do nothing, and roles were told to run `migrate` again."""
    engine = engine_for(postgres_server.url(SUPERUSER, empty_database.name))
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
        connection.exec_driver_sql(f"GRANT ALL ON SCHEMA {schema} TO {OWNER_ROLE}")
    with pytest.raises(PermissionMissingError, match=f"ALTER SCHEMA {schema} OWNER TO"):
        run(empty_database.owner_url, empty_database.runtime_url)
    with engine.connect() as connection:
        assert sa.inspect(connection).get_table_names(schema) == []


def test_rights_that_were_lost_come_back_with_the_next_migration(
    owner_url: str, runtime_url: str, warehouse: sa.Engine
) -> None:
    with engine_for(owner_url).begin() as connection:
        connection.exec_driver_sql(f"REVOKE ALL ON SCHEMA jira FROM {RUNTIME_ROLE}")
    with pytest.raises(PermissionMissingError, match="jira-assets migrate"):
        pending(runtime_url)

    migrate(owner_url, runtime_url)

    assert not pending(runtime_url)


@pytest.mark.parametrize(
    "changed",
    [
        "COMMENT ON RULE \"_RETURN\" ON jira.status_history IS 'of an older program'",
        "CREATE OR REPLACE VIEW jira.status_history WITH (security_invoker = true) AS "
        + STATUS_HISTORY.definition
        + " LIMIT 0",
        "DROP VIEW jira.status_history",
    ],
)
def test_a_view_is_written_where_it_is_another_one_and_else_left_alone(
    owner_url: str, runtime_url: str, changed: str
) -> None:
    view = sa.text(
        "SELECT pg_get_viewdef(ev_class), xmin FROM pg_rewrite WHERE ev_class = to_regclass(:name)"
    ).bindparams(name="jira.status_history")
    engine = engine_for(owner_url)
    with engine.connect() as connection:
        before = connection.execute(view).one()

    migrate(owner_url, runtime_url)

    with engine.begin() as connection:
        assert connection.execute(view).one() == before
        connection.exec_driver_sql(changed)
    migrate(owner_url, runtime_url)
    with engine.connect() as connection:
        definition, written = connection.execute(view).one()
    assert definition == before[0]
    assert written != before[1]


def test_two_urls_that_lead_to_two_databases_are_refused(
    database: Database, empty_database: Database
) -> None:
    with pytest.raises(RoleError, match="two roles of one database"):
        migrate(empty_database.owner_url, database.runtime_url)
    assert not sa.inspect(engine_for(empty_database.owner_url)).has_schema("jira")


def test_before_the_first_migration_every_query_says_what_to_do(empty_database: Database) -> None:
    with (
        pytest.raises(SchemaMissingError, match="run `jira-assets migrate`"),
        engine_for(empty_database.runtime_url).connect() as connection,
    ):
        connection.execute(sa.select(tenants))
