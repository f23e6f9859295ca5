"""Real servers for every test: one embedded Postgres a session, a fresh database a test.

The database of a test is a copy of a template that was migrated once by the program's own
``migrate``. It is reached as the runtime role, as in earnest; ``owner_url`` is there for the rest.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Unpack
from uuid import uuid4

import pytest
import sqlalchemy as sa
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from jira_assets.partitions import PartitionKey
from jira_assets.sandbox.postgres import OWNER_ROLE, RUNTIME_ROLE, SUPERUSER, EmbeddedPostgres
from jira_assets.warehouse.connect import close_engines, engine_for
from jira_assets.warehouse.integration_settings import IntegrationSettings
from jira_assets.warehouse.integrations import Integration, add_integration
from jira_assets.warehouse.migrate import migrate
from jira_assets.warehouse.scope import everything

pytest_plugins = ["jira_assets_tests.rabbitmq"]

KEPT_VARIABLES = frozenset({"JIRA_ASSETS_TEST_AMQP_URL", "JIRA_ASSETS_TEST_POSTGRES_DIR"})
TEMPLATE = "template_migrated"
END_TO_END = "end_to_end"


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist has no types here
    """Keeps together, on one of several processes, what shares a fixture of its file or folder.

    The end-to-end tests share a whole deployment.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = Path(nodeid.partition("::")[0])
        return file.parent.name if file.parent.name == END_TO_END else str(file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the end-to-end tests: they take longest, and are one piece."""
    items.sort(key=lambda item: item.path.parent.name != END_TO_END)


@pytest.fixture(autouse=True)
def _without_the_developers_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees what the person at the keyboard has set for the program."""
    for name in set(os.environ) - KEPT_VARIABLES:
        if name == "DAGSTER_HOME" or name.startswith("JIRA_ASSETS_"):
            monkeypatch.delenv(name)


@dataclass(frozen=True)
class Database:
    """A database on the session's server, by the URLs of the two roles."""

    name: str
    owner_url: str
    runtime_url: str


def engine_seeing_all(url: str) -> sa.Engine:
    """The engine of ``url``, as sensors and operators use it."""
    return everything(engine_for(url), "a test looks at all that is there")


class PostgresServer:
    """The session's server: makes databases, empty or migrated, and drops them."""

    def __init__(self, embedded: EmbeddedPostgres) -> None:
        self._embedded = embedded
        self.create(TEMPLATE, template="template1")
        migrate(self.url(OWNER_ROLE, TEMPLATE), self.url(RUNTIME_ROLE, TEMPLATE))
        close_engines()

    def url(self, role: str, database: str) -> str:
        return self._embedded.url(role, database)

    def create(self, name: str, *, template: str = TEMPLATE) -> Database:
        """Create a database: migrated, or empty if made from ``template1``."""
        self._execute(
            f'CREATE DATABASE "{name}" OWNER {OWNER_ROLE} TEMPLATE {template} STRATEGY file_copy'
        )
        return Database(name, self.url(OWNER_ROLE, name), self.url(RUNTIME_ROLE, name))

    def drop(self, database: Database) -> None:
        for url in (database.owner_url, database.runtime_url):
            close_engines(url)
        self._execute(f'DROP DATABASE "{database.name}" WITH (FORCE)')

    def _execute(self, statement: str) -> None:
        engine = engine_for(self.url(SUPERUSER, "postgres"))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(statement)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    # Not pytest's own folder: every start of pytest closes it to the server's account again.
    home = Path(tempfile.mkdtemp(prefix="jira-assets-tests-"))
    try:
        with EmbeddedPostgres(home, durable=False) as embedded:
            yield PostgresServer(embedded)
            close_engines()
    finally:
        shutil.rmtree(home)


@pytest.fixture
def database(postgres_server: PostgresServer) -> Iterator[Database]:
    """A fresh, migrated database."""
    made = postgres_server.create(f"test_{uuid4().hex}")
    yield made
    postgres_server.drop(made)


@pytest.fixture
def empty_database(postgres_server: PostgresServer) -> Iterator[Database]:
    """A fresh database without any table of ours."""
    made = postgres_server.create(f"test_{uuid4().hex}", template="template1")
    yield made
    postgres_server.drop(made)


@pytest.fixture
def owner_url(database: Database) -> str:
    return database.owner_url


@pytest.fixture
def runtime_url(database: Database) -> str:
    return database.runtime_url


@pytest.fixture
def warehouse(database: Database) -> sa.Engine:
    """The engine of the runtime role on a fresh, migrated database, as sensors see it: all."""
    return engine_seeing_all(database.runtime_url)


class AddIntegration(Protocol):
    def __call__(
        self, key: str = "acme/cloud", **settings: Unpack[IntegrationSettings]
    ) -> Integration: ...


@pytest.fixture
def integration(warehouse: sa.Engine) -> AddIntegration:
    """Adds integrations: ``integration()`` is acme/cloud, of a Jira that wants no credentials."""

    def add(key: str = "acme/cloud", **settings: Unpack[IntegrationSettings]) -> Integration:
        given: IntegrationSettings = {"base_url": "https://acme.example", "auth": "none"}
        given.update(settings)
        return add_integration(warehouse, PartitionKey.parse(key), **given)

    return add
