"""Roles that cannot be, that were replaced, and that nobody named."""

import psycopg
import pytest
from sqlalchemy import make_url

from jira_assets.diagnosis import _postgres
from jira_assets.sandbox.postgres import OWNER_ROLE
from jira_assets.services import _words
from jira_assets.settings import Settings
from jira_assets.warehouse.connect import (
    PermissionMissingError,
    engine_for,
)
from jira_assets.warehouse.grants import RoleError
from jira_assets.warehouse.integrations import Integration
from jira_assets.warehouse.migrate import MigrationReport, migrate
from jira_assets.warehouse.roles import Readers
from jira_assets_tests.conftest import AddIntegration, Database
from jira_assets_tests.warehouse.roles_data import TENANTS, Roles, connect, url_of


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


@pytest.mark.parametrize(
    "options", ["LOGIN SUPERUSER", "LOGIN BYPASSRLS", "LOGIN", "LOGIN NOINHERIT", ""]
)
def test_a_role_that_no_policy_holds_is_no_reader_and_said_to_be_free(
    roles: Roles, options: str
) -> None:
    """The last three: members of the owner, and the owner itself."""
    role = roles.make("free", options) if options else OWNER_ROLE
    if options in {"LOGIN", "LOGIN NOINHERIT"}:
        roles.grant(OWNER_ROLE, role)
    with pytest.raises(RoleError, match=f"{role} would see all tenants"):
        roles.migrate(role)
    runtime = url_of(roles.database.runtime_url, role)
    report = migrate(roles.database.owner_url, runtime)
    if options:
        assert report.unheld == (role,)
    else:
        assert report.granted_to is None
    (finding,) = _postgres(engine_for(runtime), Settings.from_environment())
    assert role in finding.what


def test_who_may_become_a_superuser_is_no_reader(roles: Roles) -> None:
    free, role = roles.make("free", "SUPERUSER"), roles.make("bi", "LOGIN NOINHERIT")
    roles.grant(free, role)
    with pytest.raises(RoleError, match=f"{role} would see all tenants"):
        roles.migrate(role)


@pytest.mark.parametrize("options", ["LOGIN", "LOGIN NOINHERIT"])
def test_who_may_become_the_runtime_role_is_no_reader_and_said_where_it_is_one(
    roles: Roles, filled: tuple[Integration, ...], options: str
) -> None:
    assert filled
    runtime, api = (roles.make(name) for name in ("loader", "api"))
    urls = [url_of(roles.database.runtime_url, role) for role in (runtime, api)]
    reader, late = roles.make("bi", options), roles.make("dbt", options)
    roles.grant(api, reader)
    roles.grant(late, runtime)

    def migrate_with(*readers: str) -> MigrationReport:
        named = Readers(readers, ("acme",) if readers else ())
        return migrate(roles.database.owner_url, urls[0], api_url=urls[1], readers=named)

    with pytest.raises(RoleError, match=f'{reader} is a member of {api}.*REVOKE "{api}" FROM'):
        migrate_with(reader)
    with pytest.raises(RoleError, match=f"{runtime} is a member of {late}"):
        migrate_with(late)
    with connect(roles.superuser_url) as connection:
        connection.execute(f'REVOKE "{api}" FROM "{reader}"'.encode())
    assert migrate_with(reader).entangled == ()

    roles.grant(runtime, reader)
    report = migrate_with()
    assert report.entangled == ((reader, runtime),)
    assert any(f"{reader} is a member of {runtime}" in line for line in _words(report))


def test_doctor_says_that_the_tables_do_not_know_the_runtime_role(
    roles: Roles, filled: tuple[Integration, ...]
) -> None:
    assert filled
    runtime = engine_for(roles.database.runtime_url)
    assert list(_postgres(runtime, Settings.from_environment())) == []
    roles.as_owner("DELETE FROM jira.database_roles")
    (finding,) = _postgres(runtime, Settings.from_environment())
    assert finding.broken
    assert "JIRA_ASSETS_DATABASE_URL if runs connect as it" in finding.what


def test_who_may_not_migrate_is_told_whom_to_ask(roles: Roles, empty_database: Database) -> None:
    for url in (roles.database.runtime_url, empty_database.runtime_url):
        with pytest.raises(PermissionMissingError, match=r"as the owner of schema jira.*--sql"):
            migrate(url)
