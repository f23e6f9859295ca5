"""From nothing to tables with readers, by an administrator without superuser: on each Postgres.

Postgres 18 comes with the tests. Others, 14 to 17, are those of ``JIRA_ASSETS_TEST_POSTGRES_DIR``
(a folder of ``14/bin`` and so on): `make postgres-versions` fetches them.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy import make_url

from jira_assets.partitions import PartitionKey
from jira_assets.sandbox.postgres_programs import binaries
from jira_assets.warehouse.connect import OutOfScopeError, close_engines, engine_for
from jira_assets.warehouse.contracts import Owner
from jira_assets.warehouse.dagster_storage import prepare_dagster
from jira_assets.warehouse.integrations import add_integration
from jira_assets.warehouse.landing import land
from jira_assets.warehouse.merge import merge
from jira_assets.warehouse.migrate import migrate
from jira_assets.warehouse.preparation import preparation_sql
from jira_assets.warehouse.roles import Readers
from jira_assets.warehouse.scope import everything, within_partitions, within_tenants
from jira_assets.warehouse.tables import metadata
from jira_assets_tests.warehouse.data import page, reading, snapshot, status
from jira_assets_tests.warehouse.postgres_of import postgres_of
from jira_assets_tests.warehouse.roles_data import AWKWARD, connect, url_of
from jira_assets_tests.warehouse.rows_of_all import PROTECTED, fill

FOLDER: Final = os.environ.get("JIRA_ASSETS_TEST_POSTGRES_DIR")
VERSIONS: Final = ("14", "15", "16", "17")
SCHEMAS: Final = (
    "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname IN ('jira', 'dagster')"
)
DATABASE: Final = 'Jira "assets"; --'
OWNER: Final = f"owner {AWKWARD}"
RUNTIME, API, READER, LIMITED, STRANGER = "runtime $o$", "api", "dbt", f"bi {AWKWARD}", "stranger"


@pytest.fixture(scope="module", params=[*VERSIONS, "18"])
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    """The superuser's URL of a server of each version."""
    version = request.param
    programs = binaries() if version == "18" else Path(FOLDER or "/nowhere") / version / "bin"
    if not (programs / "postgres").exists():
        pytest.skip(
            f"NOT TESTED on Postgres {version}: JIRA_ASSETS_TEST_POSTGRES_DIR names no folder that "
            "has it; `make postgres-versions` fetches it"
        )
    with postgres_of(programs) as url:
        with connect(url) as connection:
            found = connection.execute("SHOW server_version").fetchone()
            assert str((found or ("",))[0]).startswith(f"{version}.")
        yield url
        close_engines()


class Deployment:
    """What an administrator who is no superuser made, and `migrate` after him."""

    def __init__(self, server: str) -> None:
        with connect(server) as connection:
            connection.execute("CREATE ROLE dba LOGIN CREATEROLE CREATEDB")
        dba = url_of(server, "dba")
        with connect(dba) as connection:
            connection.execute(f"CREATE DATABASE {_quoted(DATABASE)}".encode())
        base = make_url(dba).set(database=DATABASE)
        self.url = {
            role: base.set(username=role).render_as_string(hide_password=False)
            for role in ("dba", OWNER, RUNTIME, API, READER, LIMITED, STRANGER)
        }
        script = preparation_sql(
            owner_url=self.url[OWNER],
            runtime_url=self.url[RUNTIME],
            api_url=self.url[API],
            readers=[READER, LIMITED, STRANGER],
        )
        with connect(self.url["dba"]) as connection:
            for _ in range(2):  # may be run again
                connection.execute(script.encode())
        self.migrate()
        self.filled = [self._add(key) for key in ("acme/cloud", "acme/server", "globex/cloud")]
        self.migrate(Readers([LIMITED], ["acme"]))
        self.migrate(Readers([READER]))

    def migrate(self, readers: Readers | None = None) -> None:
        migrate(self.url[OWNER], self.url[RUNTIME], api_url=self.url[API], readers=readers)

    def everything(self) -> sa.Engine:
        return everything(engine_for(self.url[RUNTIME]), "a test")

    def _add(self, key: str) -> Any:
        made = add_integration(
            self.everything(), PartitionKey.parse(key), base_url="https://a.example", auth="none"
        )
        fill(self.everything(), made)
        return made

    def tenants(self, role: str, table: str) -> list[tuple[Any, ...]]:
        with connect(self.url[role]) as connection:
            query = f"SELECT DISTINCT tenant_id FROM {table} ORDER BY 1"
            return connection.execute(query.encode()).fetchall()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@pytest.fixture(scope="module")
def deployed(server: str) -> Deployment:
    return Deployment(server)


def test_the_owner_needs_no_power_over_the_server(deployed: Deployment) -> None:
    with connect(deployed.url["dba"]) as connection:
        powers = connection.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls FROM pg_roles "
            "WHERE rolname = %s", [OWNER]
        ).fetchone()  # fmt: skip
    assert powers == (False, False, False, False)
    assert prepare_dagster(deployed.url[OWNER], deployed.url[RUNTIME])


def prepare(deployed: Deployment, administrator: str, **urls: Any) -> None:
    """Run the script, by what ``urls`` say else, as this administrator in the owner's database."""
    roles = {"owner_url": OWNER, "runtime_url": RUNTIME, "api_url": API}
    given = {name: deployed.url[role] for name, role in roles.items()}
    script = preparation_sql(**given | urls)
    database = make_url((given | urls)["owner_url"]).database
    url = make_url(deployed.url["dba"]).set(username=administrator, database=database)
    with connect(url.render_as_string(hide_password=False)) as connection:
        connection.execute(script.encode())


def test_another_administrator_may_run_the_script_again(deployed: Deployment, server: str) -> None:
    with connect(server) as connection:
        connection.execute("CREATE ROLE second LOGIN CREATEROLE")
        connection.execute("GRANT dba TO second")  # whose the database is
    prepare(deployed, "second", readers=[READER, "late"])
    with connect(server) as connection:
        assert connection.execute("SELECT FROM pg_roles WHERE rolname = 'late'").fetchone() == ()


def test_the_administrator_may_be_the_owner(deployed: Deployment) -> None:
    with connect(deployed.url["dba"]) as connection:
        connection.execute("CREATE DATABASE its_own")
    own = make_url(deployed.url["dba"]).set(database="its_own")
    for _ in range(2):
        prepare(deployed, "dba", owner_url=own.render_as_string(hide_password=False))
    with connect(own.render_as_string(hide_password=False)) as connection:
        owners = connection.execute(SCHEMAS).fetchall()
    assert owners == [("dba",), ("dba",)]


def test_a_membership_that_was_there_before_stays(deployed: Deployment, server: str) -> None:
    with connect(deployed.url["dba"]) as connection:
        connection.execute("CREATE DATABASE another")
    with connect(server) as connection:
        connection.execute(f"GRANT {_quoted(OWNER)} TO dba WITH ADMIN OPTION".encode())
    url = make_url(deployed.url[OWNER]).set(database="another")
    prepare(deployed, "dba", owner_url=url.render_as_string(hide_password=False))
    with connect(server) as connection:
        query = "SELECT pg_has_role('dba', %s, 'MEMBER WITH ADMIN OPTION')"
        assert connection.execute(query, [OWNER]).fetchone() == (True,)
        connection.execute(f"REVOKE {_quoted(OWNER)} FROM dba".encode())


def test_a_schema_of_another_owner_is_refused_in_words(deployed: Deployment) -> None:
    other = deployed.url[RUNTIME]
    with pytest.raises(psycopg.errors.RaiseException, match="the schema jira belongs to owner"):
        prepare(deployed, "dba", owner_url=other)


def test_the_owner_sees_all_in_the_view(deployed: Deployment) -> None:
    acme, globex = (deployed.filled[0].tenant_id,), (deployed.filled[2].tenant_id,)
    assert deployed.tenants(OWNER, "jira.status_history") == [acme, globex]


def test_tenants_are_apart(deployed: Deployment) -> None:
    acme, globex = deployed.filled[0].tenant_id, deployed.filled[2].tenant_id
    bare = engine_for(deployed.url[RUNTIME])
    for name in PROTECTED:
        query = sa.select(metadata.tables[f"jira.{name}"])
        with pytest.raises(OutOfScopeError), bare.connect() as connection:
            connection.execute(query)
        with deployed.everything().connect() as connection:
            all_rows = len(connection.execute(query).all())
        with within_partitions(bare, ["globex/cloud"]).connect() as connection:
            assert 0 < len(connection.execute(query).all()) < all_rows, name
    for engine in (bare, engine_for(deployed.url[API])):
        for tenant in (acme, globex):
            with within_tenants(engine, {tenant}).connect() as connection:
                found = connection.scalars(sa.text("SELECT tenant_id FROM jira.issues"))
                assert set(found) == {tenant}


def test_readers_see_what_they_should(deployed: Deployment) -> None:
    acme, globex = (deployed.filled[0].tenant_id,), (deployed.filled[2].tenant_id,)
    for table in ("jira.issues", "jira.raw_extraction_data", "jira.status_history"):
        assert deployed.tenants(READER, table) == [acme, globex], table
        assert deployed.tenants(LIMITED, table) == [acme], table


def test_a_reader_nobody_named_gets_an_error_in_tables_and_views(deployed: Deployment) -> None:
    with connect(deployed.url[OWNER]) as connection:
        connection.execute(f"GRANT USAGE ON SCHEMA jira TO {STRANGER}".encode())
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA jira TO {STRANGER}".encode())
    for table in ("jira.issues", "jira.status_history"):
        with pytest.raises(psycopg.DatabaseError, match="may see no tenant") as refusal:
            deployed.tenants(STRANGER, table)
        assert refusal.value.sqlstate == "JA001"


def test_what_lands_is_merged_in_the_scope_of_its_partition(deployed: Deployment) -> None:
    found = deployed.filled[1]
    engine = within_partitions(engine_for(deployed.url[RUNTIME]), ["acme/server"])
    owner = Owner(found.tenant_id, found.id, found.partition_key)
    landing = land(engine, reading(owner, [page(0, [])]), run_id="run")
    rows = [status("10"), status("11")]
    result = merge(engine, snapshot(owner, "statuses", rows, [landing]), run_id="run")
    assert result.inserted == 2
