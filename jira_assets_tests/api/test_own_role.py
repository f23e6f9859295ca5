"""The service as a role of its own, which sees one tenant at a time; and calls that carry SQL."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from jira_assets.sandbox.postgres import SUPERUSER
from jira_assets.warehouse.api_keys import create_key
from jira_assets.warehouse.connect import close_engines, engine_for
from jira_assets.warehouse.migrate import migrate
from jira_assets_tests.api.caller import ADMIN, Caller
from jira_assets_tests.api.conftest import add_keys, serving
from jira_assets_tests.conftest import AddIntegration, Database, PostgresServer
from jira_assets_tests.warehouse.roles_data import fresh, made_roles, url_of

SQL = "1' OR '1'='1'; SELECT set_config('jira_assets.tenants', '*', true); --"


@dataclass(frozen=True)
class Own:
    """The engines of the service's own role, and of the runtime role, neither with a scope."""

    service: sa.Engine
    runtime: sa.Engine
    all: sa.Engine


@pytest.fixture
def own(
    database: Database,
    postgres_server: PostgresServer,
    warehouse: sa.Engine,
    integration: AddIntegration,
) -> Iterator[Own]:
    for key in ("acme/cloud", "globex/cloud", "globex/other"):
        integration(key)
    role = fresh("api")
    url = url_of(database.runtime_url, role)
    with made_roles(postgres_server.url(SUPERUSER, database.name), role):
        migrate(database.owner_url, database.runtime_url, api_url=url)
        yield Own(engine_for(url), engine_for(database.runtime_url), warehouse)
        close_engines(url)


def _with_keys(caller: Caller, engine: sa.Engine) -> Caller:
    caller.engine = engine
    add_keys(caller)
    caller.keys[ADMIN] = create_key(engine, tenant=None, name="an admin")[1]
    return caller


def _sites(caller: Caller, by: str) -> list[str]:
    return [each["integration"] for each in caller.get("/integrations", by)["items"]]


def test_tenants_ask_and_watch_over_the_services_own_role(own: Own) -> None:
    with serving(own.service, admins_engine=own.runtime) as caller:
        api = _with_keys(caller, own.all)
        assert _sites(api, "acme") == ["acme/cloud"]
        assert _sites(api, "globex") == ["globex/cloud", "globex/other"]
        request_id = api.ask()
        assert api.get(f"/requests/{request_id}")["state"] == "queued"
        assert api("GET", f"/requests/{request_id}", "globex").status_code == 404
        changed = api("PATCH", "/integrations/cloud/jobs/jira_metadata", json={"priority": 7})
        assert changed.status_code == 200, changed.text
        theirs = api("PATCH", "/integrations/1/jobs/jira_metadata", "globex", json={"priority": 8})
        assert theirs.status_code == 404
        assert _sites(api, ADMIN) == ["acme/cloud", "globex/cloud", "globex/other"]
        assert api("GET", "/metrics", ADMIN).status_code == 200
        assert api.get(f"/requests/{request_id}", ADMIN)["state"] == "queued"


def test_without_a_role_that_sees_all_an_admin_is_told_so(own: Own) -> None:
    with serving(own.service) as caller:
        api = _with_keys(caller, own.all)
        request_id = api.ask()
        answer = api("GET", "/integrations", ADMIN)
        assert (answer.status_code, "answers tenants only" in answer.text) == (403, True)
        assert api("GET", "/metrics", ADMIN).status_code == 403
        assert api("GET", f"/requests/{request_id}", ADMIN).status_code == 404
        assert api.get(f"/requests/{request_id}")["state"] == "queued"


def test_a_role_that_the_tables_do_not_know_is_not_ready(own: Own, database: Database) -> None:
    """As after it was renamed: every call would fail."""
    with serving(own.service, admins_engine=own.runtime) as caller:
        assert caller("GET", "/readyz", None).status_code == 200
        with engine_for(database.owner_url).begin() as connection:
            connection.exec_driver_sql("DELETE FROM jira.database_roles WHERE kind = 'api'")
        answer = caller("GET", "/readyz", None)
        assert answer.status_code == 503
        assert "in JIRA_ASSETS_API_DATABASE_URL" in answer.text


def test_sql_in_a_call_is_a_text_that_finds_nothing(own: Own) -> None:
    sql = quote(SQL, safe="")
    with serving(own.service, admins_engine=own.runtime) as caller:
        api = _with_keys(caller, own.all)
        for method, path, expected in (
            ("GET", f"/integrations/{sql}/jobs", 404),
            ("GET", f"/integrations/cloud/jobs?tenant_id={sql}", 404),
            ("POST", f"/integrations/cloud/jobs/{sql}/run", 404),
            ("GET", f"/requests/{sql}", 422),
            ("GET", f"/extractions?scope={sql}", 200),
            ("GET", f"/extractions?entity={sql}", 422),
            ("GET", f"/integrations?limit={sql}", 422),
        ):
            answer = api(method, path)
            assert answer.status_code == expected, (path, answer.text)
            if expected == 200:
                assert answer.json()["items"] == []
        asked = [
            api("POST", "/integrations/cloud/jobs/jira_metadata/run", headers=headers).json()
            for headers in [{"Idempotency-Key": "x';DROP/**/TABLE/**/jira.issues;--"}] * 2
        ]
        assert asked[0]["request_id"] == asked[1]["request_id"]
        assert (
            api(
                "GET", "/integrations", None, headers={"Authorization": f"Bearer {SQL}"}
            ).status_code
            == 401
        )
        assert _sites(api, "acme") == ["acme/cloud"]
