"""Roles that read, the role of the HTTP service, and those that nobody named."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy import make_url

from jira_assets.diagnosis import _postgres
from jira_assets.sandbox.postgres import OWNER_ROLE, SUPERUSER
from jira_assets.warehouse.connect import (
    OneTenantAtATimeError,
    OutOfScopeError,
    PermissionMissingError,
    advisory_lock,
    engine_for,
)
from jira_assets.warehouse.dagster_storage import prepare_dagster
from jira_assets.warehouse.grants import RoleError
from jira_assets.warehouse.integrations import Integration
from jira_assets.warehouse.migrate import MigrationReport, migrate
from jira_assets.warehouse.roles import Readers
from jira_assets.warehouse.scope import everything, within_tenants
from jira_assets.warehouse.tables import DATA_TABLES
from jira_assets_tests.conftest import AddIntegration, Database, PostgresServer
from jira_assets_tests.warehouse.roles_data import AWKWARD, connect, fresh, made_roles, url_of
from jira_assets_tests.warehouse.rows_of_all import PROTECTED, fill

READ = (*DATA_TABLES, "tenants", "raw_extraction_data", "raw_extractions", "applied_extractions")
READ += ("rejected_records", "issue_watermarks")


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

    def as_owner(self, statement: str) -> None:
        with connect(self.database.owner_url) as connection:
            connection.execute(statement.encode())

    def ask(self, role: str, *statements: str) -> list[tuple[Any, ...]]:
        """Return what the last statement answers a client that logged in as ``role``."""
        with connect(url_of(self.database.runtime_url, role)) as connection:
            for statement in statements[:-1]:
                connection.execute(statement.encode())
            return connection.execute(statements[-1].encode()).fetchall()


@pytest.fixture
def roles(database: Database, postgres_server: PostgresServer) -> Iterator[Roles]:
    with ExitStack() as stack:
        yield Roles(database, postgres_server.url(SUPERUSER, database.name), stack)


@pytest.fixture
def filled(warehouse: sa.Engine, integration: AddIntegration) -> tuple[Integration, ...]:
    made = tuple(integration(key) for key in ("acme/cloud", "acme/server", "globex/cloud"))
    for each in made:
        fill(warehouse, each)
    return made


TENANTS = "SELECT DISTINCT tenant_id FROM jira.{} ORDER BY 1"


def test_a_reader_sees_all_tenants_and_need_not_ask(
    roles: Roles, filled: tuple[Integration, ...]
) -> None:
    reader = roles.make(AWKWARD)
    report = roles.migrate(reader)
    assert [(each.role, each.tenants) for each in report.readers] == [(reader, None)]
    acme, globex = filled[0].tenant_id, filled[2].tenant_id
    for table in READ[: len(DATA_TABLES)]:
        assert roles.ask(reader, TENANTS.format(table)) == [(acme,), (globex,)], table
    slugs = roles.ask(
        reader,
        "SELECT t.slug, i.slug FROM jira.integrations i JOIN jira.tenants t ON t.id = i.tenant_id "
        "ORDER BY 1, 2",
    )
    assert slugs == [("acme", "cloud"), ("acme", "server"), ("globex", "cloud")]


def test_a_reader_of_one_tenant_sees_that_one_whatever_it_asks_for(
    roles: Roles, filled: tuple[Integration, ...]
) -> None:
    reader = roles.make("bi")
    assert roles.migrate(reader, tenants=("acme",)).readers[0].tenants == ("acme",)
    for table in READ:
        column = "id AS tenant_id" if table == "tenants" else "tenant_id"
        found = roles.ask(
            reader,
            "SET jira_assets.tenants = '*'",
            "SET jira_assets.integrations = '*'",
            f"SELECT DISTINCT {column} FROM jira.{table}",
        )
        assert found == [(filled[0].tenant_id,)], table


def test_what_a_reader_defines_in_a_schema_of_its_own_changes_nothing(
    roles: Roles, filled: tuple[Integration, ...]
) -> None:
    """dbt has one: with a ``bool_or`` in it, before Postgres's own in the search path."""
    reader = roles.make("bi")
    roles.migrate(reader, tenants=("acme",))
    roles.as_owner(f'CREATE SCHEMA "{reader}"; GRANT ALL ON SCHEMA "{reader}" TO "{reader}"')
    always = f'"{reader}".always(boolean, boolean)'
    for table in ("statuses", "status_history"):
        found = roles.ask(
            reader,
            f"CREATE OR REPLACE FUNCTION {always} RETURNS boolean LANGUAGE sql AS 'SELECT true'",
            f'CREATE OR REPLACE AGGREGATE "{reader}".bool_or(boolean) '
            f"(SFUNC = \"{reader}\".always, STYPE = boolean, INITCOND = 'true')",
            f'SET search_path = "{reader}", pg_catalog',
            "SET jira_assets.tenants = '*'; SET jira_assets.integrations = '*'",
            TENANTS.format(table),
        )
        assert found == [(filled[0].tenant_id,)], table


def test_what_a_reader_defines_in_public_is_called_by_nobody_else(roles: Roles) -> None:
    """On Postgres 14 anybody may create there, and a function that fits better is called."""
    reader = roles.make("bi")
    roles.migrate(reader)
    with connect(roles.superuser_url) as connection:
        connection.execute(f'GRANT CREATE ON SCHEMA public TO "{reader}"'.encode())
    roles.ask(
        reader,
        "CREATE TABLE public.callers (name text); GRANT ALL ON public.callers TO PUBLIC",
        *(
            f"CREATE FUNCTION public.hashtextextended({text}, {number}) RETURNS bigint "
            "LANGUAGE sql AS "
            "$$ INSERT INTO public.callers VALUES (current_user); SELECT 1::bigint $$"
            for text in ("text", "varchar")
            for number in ("smallint", "integer")
        ),
        "SELECT 1",
    )
    roles.migrate()
    prepare_dagster(roles.database.owner_url, roles.database.runtime_url)
    runtime = everything(engine_for(roles.database.runtime_url), "a test")
    with runtime.begin() as connection:
        advisory_lock(connection, "a test")
    assert roles.ask(reader, "SELECT DISTINCT name FROM public.callers") == []


@pytest.mark.parametrize("statement", [
    "SELECT * FROM jira.api_keys",
    "SELECT secret_ref FROM jira.integrations",
    "SELECT username FROM jira.integrations",
    "SELECT * FROM jira.etl_job_queue",
    "SELECT * FROM jira.run_heartbeats",
    "SELECT * FROM jira.living_keys(ARRAY['a'])",
    "DELETE FROM jira.issues",
    "UPDATE jira.database_roles SET tenant_ids = NULL",
    "INSERT INTO jira.tenants (slug) VALUES ('mine')",
    "ALTER TABLE jira.issues DISABLE ROW LEVEL SECURITY",
    "DROP POLICY rows_in_scope ON jira.issues",
])  # fmt: skip
def test_a_reader_reads_what_is_jiras_and_changes_nothing(roles: Roles, statement: str) -> None:
    reader = roles.make("dbt")
    roles.migrate(reader)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        roles.ask(reader, statement)


def test_a_member_of_a_reading_role_reads_and_so_does_who_becomes_it(
    roles: Roles, filled: tuple[Integration, ...]
) -> None:
    group, alice = roles.make("readers", "NOLOGIN"), roles.make("alice")
    late = roles.make("late", "LOGIN NOINHERIT")
    roles.migrate(group, tenants=("globex",))
    with connect(roles.superuser_url) as connection:
        for member in (alice, late):
            connection.execute(f'GRANT "{group}" TO "{member}"'.encode())
    expected = [(filled[2].tenant_id,)]
    assert roles.ask(alice, TENANTS.format("statuses")) == expected
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        roles.ask(late, TENANTS.format("statuses"))
    assert roles.ask(late, f'SET ROLE "{group}"', TENANTS.format("statuses")) == expected


def test_who_was_granted_the_rows_by_hand_gets_an_error_and_not_zero_rows(
    roles: Roles, filled: tuple[Integration, ...]
) -> None:
    assert filled
    stranger = roles.make("stranger")
    roles.as_owner(f'GRANT USAGE ON SCHEMA jira TO "{stranger}"')
    roles.as_owner(f'GRANT SELECT ON jira.statuses, jira.status_history TO "{stranger}"')
    roles.as_owner(f'GRANT SELECT ON jira.issues, jira.issue_changelogs TO "{stranger}"')
    for table in ("statuses", "status_history"):
        with pytest.raises(psycopg.DatabaseError, match="may see no tenant") as refusal:
            roles.ask(stranger, f"SELECT * FROM jira.{table}")
        assert refusal.value.sqlstate == "JA001"
        hint = str(refusal.value.diag.message_hint)
        assert "`jira-assets migrate`: with `--reader ROLE`" in hint
        assert "JIRA_ASSETS_DATABASE_URL if runs connect as it" in hint


def test_views_show_what_the_tables_do(roles: Roles, filled: tuple[Integration, ...]) -> None:
    """Ours, and one that a reader of all tenants makes for others: who asks counts."""
    dbt, bi = roles.make("dbt"), roles.make("bi")
    roles.migrate(dbt)
    roles.migrate(bi, tenants=("acme",))
    acme, globex = [(filled[0].tenant_id,)], [(filled[2].tenant_id,)]
    assert roles.ask(dbt, TENANTS.format("status_history")) == acme + globex
    assert roles.ask(bi, TENANTS.format("status_history")) == acme

    roles.as_owner("CREATE SCHEMA marts AUTHORIZATION CURRENT_USER")
    roles.as_owner(f'GRANT ALL ON SCHEMA marts TO "{dbt}"; GRANT USAGE ON SCHEMA marts TO "{bi}"')
    with connect(url_of(roles.database.runtime_url, dbt)) as connection:
        connection.execute("CREATE VIEW marts.names AS SELECT * FROM jira.statuses")
        connection.execute(f'GRANT SELECT ON marts.names TO "{bi}"'.encode())
    assert roles.ask(dbt, "SELECT DISTINCT tenant_id FROM marts.names ORDER BY 1") == acme + globex
    assert roles.ask(bi, "SELECT DISTINCT tenant_id FROM marts.names") == acme


def test_a_migration_repairs_readers_that_it_is_not_told_of(
    roles: Roles, filled: tuple[Integration, ...]
) -> None:
    reader = roles.make("dbt")
    roles.migrate(reader, tenants=("globex",))
    roles.as_owner(f'REVOKE ALL ON ALL TABLES IN SCHEMA jira FROM "{reader}"')
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        roles.ask(reader, TENANTS.format("issues"))
    report = roles.migrate()
    assert [(each.role, each.words()) for each in report.readers] == [(reader, "globex only")]
    assert roles.ask(reader, TENANTS.format("issues")) == [(filled[2].tenant_id,)]


def test_a_reader_that_is_withdrawn_reads_no_more(
    roles: Roles, filled: tuple[Integration, ...]
) -> None:
    assert filled
    reader = roles.make("dbt")
    roles.migrate(reader)
    assert roles.migrate(withdrawn=(reader,)).readers == ()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        roles.ask(reader, TENANTS.format("issues"))
    with pytest.raises(RoleError, match="is no role of ours"):
        roles.migrate(withdrawn=(reader,))


def test_a_runtime_role_that_was_replaced_is_told_of_and_can_be_let_go(
    roles: Roles, filled: tuple[Integration, ...]
) -> None:
    assert filled
    roles.migrate()
    before, after = str(make_url(roles.database.runtime_url).username), roles.make("loader")
    everything = "SELECT set_config('jira_assets.' || what, '*', false) FROM unnest("
    everything += "ARRAY['tenants', 'integrations', 'partitions']) AS what"

    def migrate_with(*withdrawn: str) -> MigrationReport:
        database = roles.database
        url = url_of(database.runtime_url, after)
        return migrate(database.owner_url, url, readers=Readers(withdrawn=withdrawn))

    assert migrate_with().of_before == (before,)
    assert roles.ask(before, everything, TENANTS.format("issues"))
    with pytest.raises(RoleError, match="is in use"):
        migrate_with(after)
    assert migrate_with(before).of_before == ()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        roles.ask(before, everything, TENANTS.format("issues"))
    assert roles.ask(after, everything, TENANTS.format("issues"))


def test_roles_that_cannot_be_are_refused(roles: Roles, integration: AddIntegration) -> None:
    integration()
    with pytest.raises(RoleError, match=r"has no role nobody_at_all: .*--sql"):
        roles.migrate("nobody_at_all")
    with pytest.raises(RoleError, match="needs a role of its own"):
        roles.migrate("jira_assets_runtime")
    with pytest.raises(RoleError, match=r"no tenant acne\. Near to it: acme\. A tenant comes"):
        roles.migrate(roles.make("bi"), tenants=("acne",))


@pytest.mark.parametrize("options", ["LOGIN SUPERUSER", "LOGIN BYPASSRLS", "LOGIN", ""])
def test_a_role_that_no_policy_holds_is_no_reader_and_said_to_be_free(
    roles: Roles, options: str
) -> None:
    """The last two: a member of the owner, and the owner itself."""
    role = roles.make("free", options) if options else OWNER_ROLE
    if options == "LOGIN":
        with connect(roles.superuser_url) as connection:
            connection.execute(f'GRANT {OWNER_ROLE} TO "{role}"'.encode())
    with pytest.raises(RoleError, match=f"{role} would see all tenants"):
        roles.migrate(role)
    runtime = url_of(roles.database.runtime_url, role)
    report = migrate(roles.database.owner_url, runtime)
    if options:
        assert report.unheld == (role,)
    else:
        assert report.granted_to is None
    (finding,) = _postgres(engine_for(runtime))
    assert role in finding.what


def test_doctor_says_that_the_tables_do_not_know_the_runtime_role(
    roles: Roles, filled: tuple[Integration, ...]
) -> None:
    assert filled
    runtime = engine_for(roles.database.runtime_url)
    assert list(_postgres(runtime)) == []
    roles.as_owner("DELETE FROM jira.database_roles")
    (finding,) = _postgres(runtime)
    assert finding.broken
    assert "JIRA_ASSETS_DATABASE_URL if runs connect as it" in finding.what


def test_who_may_not_migrate_is_told_whom_to_ask(roles: Roles, empty_database: Database) -> None:
    for url in (roles.database.runtime_url, empty_database.runtime_url):
        with pytest.raises(PermissionMissingError, match=r"as the owner of schema jira.*--sql"):
            migrate(url)


# ---------------------------------------------------------------------------- the HTTP service


@pytest.fixture
def api(roles: Roles) -> sa.Engine:
    """The engine of the service's own role."""
    url = url_of(roles.database.runtime_url, roles.make("api"))
    assert roles.migrate(api_url=url).served_as
    return engine_for(url)


def test_the_services_role_serves_one_tenant_at_a_time(
    api: sa.Engine, filled: tuple[Integration, ...]
) -> None:
    query = sa.text(TENANTS.format("statuses"))
    with within_tenants(api, {filled[2].tenant_id}).connect() as connection:
        assert list(connection.scalars(query)) == [filled[2].tenant_id]
    for engine, said in (
        (api, "does not say whose"),
        (everything(api, "a test"), "may not see all"),
    ):
        with pytest.raises(OutOfScopeError, match=said), engine.connect() as connection:
            connection.execute(query)


def test_the_services_role_writes_requests_and_jobs_only(
    api: sa.Engine, filled: tuple[Integration, ...]
) -> None:
    engine = within_tenants(api, {filled[0].tenant_id})
    query = sa.text(
        "SELECT verb FROM unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS verb "
        "WHERE has_table_privilege(:table, verb)"
    )
    for name in PROTECTED:
        may = {"job_requests": {"INSERT"}, "etl_jobs": {"UPDATE"}}.get(name, set())
        with engine.connect() as connection:
            assert set(connection.scalars(query, {"table": f"jira.{name}"})) == may, name
    with pytest.raises(PermissionMissingError), engine.begin() as connection:
        connection.execute(sa.delete(DATA_TABLES["issues"]))


def test_a_null_among_tenants_is_not_all_of_them(
    roles: Roles, api: sa.Engine, filled: tuple[Integration, ...]
) -> None:
    acme = filled[0].tenant_id
    asked = "SET jira_assets.integrations = '*'; SET jira_assets.tenants = '{}'"
    role = str(api.url.username)
    for said, seen in (("{NULL}", []), (f"{{{acme},NULL}}", [(acme,)])):
        assert roles.ask(role, asked.format(said), TENANTS.format("issues")) == seen
    beats = "SELECT partition_key FROM jira.run_heartbeats"
    assert roles.ask(role, "SET jira_assets.partitions = '{NULL}'", beats) == []


def test_the_services_role_sees_no_runs_of_others(
    api: sa.Engine, filled: tuple[Integration, ...]
) -> None:
    with within_tenants(api, {filled[0].tenant_id}).connect() as connection:
        beats = sa.text("SELECT partition_key FROM jira.run_heartbeats")
        assert connection.scalars(beats).all() == []
        connection.exec_driver_sql("SELECT set_config('jira_assets.partitions', '*', true)")
        with pytest.raises(OneTenantAtATimeError, match="JIRA_ASSETS_DATABASE_URL"):
            connection.execute(beats)


def test_a_runtime_role_that_becomes_the_services_keeps_nothing(roles: Roles) -> None:
    role = roles.make("loader")
    url = url_of(roles.database.runtime_url, role)
    migrate(roles.database.owner_url, url)
    assert roles.migrate(api_url=url).served_as == role
    roles.as_owner("CREATE TABLE jira.later (id bigint)")
    for table, verb in (("api_keys", "SELECT"), ("issues", "DELETE"), ("later", "SELECT")):
        asked = f"SELECT has_table_privilege('jira.{table}', '{verb}')"
        assert roles.ask(role, asked) == [(False,)], table
    assert roles.ask(role, "SELECT has_table_privilege('jira.job_requests', 'INSERT')") == [(True,)]


def test_the_services_role_reads_no_table_of_keys(api: sa.Engine) -> None:
    with pytest.raises(PermissionMissingError), api.connect() as connection:
        connection.exec_driver_sql("SELECT * FROM jira.api_keys")
    with api.connect() as connection:
        found = connection.exec_driver_sql("SELECT * FROM jira.living_keys(ARRAY['nobodys'])")
        assert found.all() == []
