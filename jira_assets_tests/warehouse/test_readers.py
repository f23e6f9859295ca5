"""Roles that read: whose rows they see, and that they change nothing."""

import subprocess
import sys

import psycopg
import pytest

from jira_assets.warehouse.connect import advisory_lock, engine_for
from jira_assets.warehouse.dagster_storage import prepare_dagster
from jira_assets.warehouse.grants import RoleError
from jira_assets.warehouse.integrations import Integration
from jira_assets.warehouse.scope import everything
from jira_assets.warehouse.tables import DATA_TABLES
from jira_assets_tests.warehouse.roles_data import AWKWARD, TENANTS, Roles, connect, url_of

FIRST_CONNECTIONS = """
import sys
from jira_assets.warehouse.connect import engine_for
from jira_assets.warehouse.dagster_storage import prepare_dagster
from jira_assets.warehouse.migrate import migrate, pending
urls = sys.argv[1:]
for url in urls:
    with engine_for(url).connect() as connection:
        assert not pending(connection)
migrate(*urls)
prepare_dagster(*urls)
"""
READ = (*DATA_TABLES, "tenants", "raw_extraction_data", "raw_extractions", "applied_extractions")
READ += ("rejected_records", "issue_watermarks")


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


def test_operators_of_a_reader_are_not_found_by_a_first_connection(roles: Roles) -> None:
    """A process's first connection asks Postgres things before any transaction of ours begins."""
    reader = roles.make("bi")
    roles.migrate(reader)
    with connect(roles.superuser_url) as connection:
        connection.execute(f'GRANT CREATE ON SCHEMA public TO "{reader}"'.encode())
    pairs = [("oid", "regtype"), ("name", "varchar"), ("oid", "regclass"), ("oid", "regnamespace")]
    roles.ask(
        reader,
        "CREATE SEQUENCE public.calls",
        "GRANT ALL ON SEQUENCE public.calls TO PUBLIC",
        *(
            f"CREATE FUNCTION public.called({left}, {right}) RETURNS boolean LANGUAGE sql AS "
            "$$ SELECT pg_catalog.nextval('public.calls') < 0 $$"
            for left, right in pairs
        ),
        *(
            f"CREATE OPERATOR public.= (LEFTARG = {left}, RIGHTARG = {right}, "
            "FUNCTION = public.called)"
            for left, right in pairs
        ),
        "SELECT 1",
    )
    urls = (roles.database.owner_url, roles.database.runtime_url)
    subprocess.run([sys.executable, "-c", FIRST_CONNECTIONS, *urls], check=True)
    assert roles.ask(reader, "SELECT is_called FROM public.calls") == [(False,)]


def test_whom_no_policy_holds_sees_all_in_the_view_of_postgres_14(
    roles: Roles, filled: tuple[Integration, ...]
) -> None:
    """There the view asks itself what may be seen; a superuser counts as a member of each role."""
    reader, free = roles.make("bi"), roles.make("admin", "LOGIN BYPASSRLS")
    roles.migrate(reader, tenants=("acme",))
    seen = "SELECT jira.visible('tenants')"
    with connect(roles.superuser_url) as connection:
        connection.execute(f'GRANT USAGE ON SCHEMA jira TO "{free}"'.encode())
        assert connection.execute(seen.encode()).fetchone() == (None,)
    with connect(roles.database.owner_url) as connection:
        assert connection.execute(seen.encode()).fetchone() == (None,)
    assert roles.ask(free, seen) == [(None,)]
    assert roles.ask(reader, seen) == [("{" + str(filled[0].tenant_id) + "}",)]


def test_functions_that_nobody_may_call_by_default_are_granted(
    roles: Roles, filled: tuple[Integration, ...]
) -> None:
    reader = roles.make("bi")
    roles.migrate(reader)
    roles.as_owner("REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA jira FROM PUBLIC")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        roles.ask(reader, TENANTS.format("issues"))
    roles.migrate()
    assert len(roles.ask(reader, TENANTS.format("issues"))) == 2


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
    for member in (alice, late):
        roles.grant(group, member)
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


def test_a_reader_of_one_tenant_is_not_widened_by_leaving_it_out(
    roles: Roles, filled: tuple[Integration, ...]
) -> None:
    reader = roles.make("bi")
    roles.migrate(reader, tenants=("acme",))
    with pytest.raises(RoleError, match=f"{reader} reads acme only, and is named without --tenant"):
        roles.migrate(reader)
    assert roles.ask(reader, TENANTS.format("statuses")) == [(filled[0].tenant_id,)]

    roles.migrate(reader, tenants=("globex",))
    assert roles.ask(reader, TENANTS.format("statuses")) == [(filled[2].tenant_id,)]
    roles.migrate(withdrawn=(reader,))
    assert roles.migrate(reader).readers[0].tenants is None


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
