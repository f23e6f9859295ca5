"""The role of the HTTP service: one tenant at a time, and requests for runs."""

import pytest
import sqlalchemy as sa
from sqlalchemy import make_url

from jira_assets.warehouse.connect import (
    OneTenantAtATimeError,
    OutOfScopeError,
    PermissionMissingError,
    engine_for,
)
from jira_assets.warehouse.integrations import Integration
from jira_assets.warehouse.migrate import migrate
from jira_assets.warehouse.scope import everything, within_tenants
from jira_assets.warehouse.tables import DATA_TABLES
from jira_assets_tests.warehouse.roles_data import TENANTS, Roles, url_of
from jira_assets_tests.warehouse.rows_of_all import PROTECTED


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


def test_a_service_that_may_become_what_runs_connect_as_is_told_of(roles: Roles) -> None:
    runtime = roles.make("loader")
    url = url_of(roles.database.runtime_url, roles.make("api"))
    service = make_url(url).username
    assert service
    roles.grant(runtime, service)
    loader = url_of(roles.database.runtime_url, runtime)
    report = migrate(roles.database.owner_url, loader, api_url=url)
    assert (service, runtime) in report.entangled


def test_a_service_that_connects_as_the_owner_is_told_of(roles: Roles) -> None:
    assert roles.migrate(api_url=roles.database.owner_url).serves_as_owner
    assert not roles.migrate(api_url=roles.database.runtime_url).serves_as_owner


def test_the_services_role_reads_no_table_of_keys(api: sa.Engine) -> None:
    with pytest.raises(PermissionMissingError), api.connect() as connection:
        connection.exec_driver_sql("SELECT * FROM jira.api_keys")
    with api.connect() as connection:
        found = connection.exec_driver_sql("SELECT * FROM jira.living_keys(ARRAY['nobodys'])")
        assert found.all() == []
