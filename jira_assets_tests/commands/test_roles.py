"""Roles, as whoever runs an installation makes and lets go of them: ``jira-assets migrate``."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from jira_assets.sandbox.postgres import SUPERUSER
from jira_assets_tests.commands.conftest import shell_on
from jira_assets_tests.commands.desk import Desk
from jira_assets_tests.commands.shell import Shell
from jira_assets_tests.conftest import Database, PostgresServer
from jira_assets_tests.warehouse.roles_data import Roles, connect, url_of

RIGHTS = b"""
    SELECT schema, has_schema_privilege(%(role)s, schema, 'USAGE'),
        has_table_privilege(%(role)s, first, 'SELECT')
    FROM (VALUES ('dagster', 'dagster.runs'), ('jira', 'jira.issues')) AS of (schema, first)
"""


def rights(roles: Roles, role: str) -> list[tuple[object, ...]]:
    """Return of each schema whether the role may look into it, and read a table of it."""
    with connect(roles.superuser_url) as connection:
        return connection.execute(RIGHTS, {"role": role}).fetchall()


@pytest.fixture
def roles(database: Database, postgres_server: PostgresServer) -> Iterator[Roles]:
    with ExitStack() as stack:
        yield Roles(database, postgres_server.url(SUPERUSER, database.name), stack)


def test_a_reader_comes_and_goes(roles: Roles, desk: Desk) -> None:
    reader = roles.make("bi")
    made = desk.shell("migrate", "--reader", reader, "--tenant", "acme")
    assert made.code == 0, made.said
    assert f"{reader} reads acme only." in made.said
    assert roles.ask(reader, "SELECT slug FROM jira.tenants") == [("acme",)]

    gone = desk.shell("migrate", "--no-role", reader)
    assert gone.code == 0, gone.said
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        roles.ask(reader, "SELECT slug FROM jira.tenants")


def test_a_runtime_role_that_is_let_go_keeps_nothing(
    roles: Roles, shell: Shell, database: Database, tmp_path: Path
) -> None:
    role = roles.make("loader")
    url = url_of(database.runtime_url, role)
    before = shell_on(database, tmp_path / "home", JIRA_ASSETS_DATABASE_URL=url)
    assert before("migrate").code == 0
    assert rights(roles, role) == [("dagster", True, True), ("jira", True, True)]

    told = shell("migrate")
    assert f"{role}, used before, still sees rows" in told.said
    gone = shell("migrate", "--no-role", role)
    assert gone.code == 0, gone.said
    assert rights(roles, role) == [("dagster", False, False), ("jira", False, False)]


def test_a_runtime_role_that_becomes_the_services_sees_no_runs(
    roles: Roles, database: Database, tmp_path: Path
) -> None:
    role = roles.make("loader")
    url = url_of(database.runtime_url, role)
    assert shell_on(database, tmp_path, JIRA_ASSETS_DATABASE_URL=url)("migrate").code == 0
    assert shell_on(database, tmp_path, JIRA_ASSETS_API_DATABASE_URL=url)("migrate").code == 0
    assert rights(roles, role) == [("dagster", False, False), ("jira", True, True)]


def test_a_reader_that_may_become_the_role_of_runs_is_refused(roles: Roles, desk: Desk) -> None:
    runtime, reader = "jira_assets_runtime", roles.make("bi")
    roles.grant(runtime, reader)
    refused = desk.shell("migrate", "--reader", reader)
    assert refused.code != 0
    assert f"{reader} is a member of {runtime}" in refused.said
    with pytest.raises(psycopg.DatabaseError, match="whose rows"):
        roles.ask(reader, "SELECT count(*) FROM jira.tenants")
