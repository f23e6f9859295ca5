"""The command line in this process, on the real Postgres, with a home of each test's own.

Dagster's tables cost more than a second to create: they are in a template database that is made
once, and every database of these tests is a copy of it. A whole sync costs seconds, too: tests that
only look share one, and those that need any extraction read statuses alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from jira_assets.sandbox.server import SandboxServer
from jira_assets.sandbox.site import JiraSite
from jira_assets.sandbox.synthetic import synthetic_site
from jira_assets.warehouse.connect import close_engines
from jira_assets.warehouse.dagster_storage import prepare_dagster
from jira_assets_tests.commands.desk import Desk
from jira_assets_tests.commands.shell import KEY, Shell
from jira_assets_tests.conftest import Database, PostgresServer, engine_seeing_all


@pytest.fixture(scope="session")
def dagster_template(postgres_server: PostgresServer) -> str:
    """The name of a database with our tables and Dagster's, to copy."""
    made = postgres_server.create("template_with_dagster")
    prepare_dagster(made.owner_url, made.runtime_url)
    close_engines()
    return made.name


@contextmanager
def new_database(server: PostgresServer, template: str) -> Iterator[Database]:
    made = server.create(f"test_{uuid4().hex}", template=template)
    yield made
    server.drop(made)


@pytest.fixture
def database(postgres_server: PostgresServer, dagster_template: str) -> Iterator[Database]:
    """A fresh database that `jira-assets migrate` has made ready."""
    with new_database(postgres_server, dagster_template) as made:
        yield made


@pytest.fixture
def shell(database: Database, tmp_path: Path) -> Shell:
    """A terminal with the settings of a deployment, its broker embedded."""
    return shell_on(database, tmp_path / "home")


def shell_on(database: Database, home: Path, **more: str) -> Shell:
    return Shell(
        {
            "JIRA_ASSETS_HOME": str(home),
            "JIRA_ASSETS_DATABASE_URL": database.runtime_url,
            "JIRA_ASSETS_OWNER_DATABASE_URL": database.owner_url,
            **more,
        }
    )


@pytest.fixture
def site() -> JiraSite:
    return synthetic_site(projects=6, seed=3)


@pytest.fixture
def server(site: JiraSite) -> Iterator[SandboxServer]:
    with SandboxServer(site) as running:
        yield running


@pytest.fixture
def desk(shell: Shell, site: JiraSite, server: SandboxServer, warehouse: sa.Engine) -> Desk:
    """The shell, with the site served as the integration acme/cloud."""
    return Desk(shell, site, server, warehouse).added()


@pytest.fixture(scope="package")
def synced(
    postgres_server: PostgresServer,
    dagster_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Desk]:
    """A desk on which acme/cloud has been synced. Many tests share it: they only look, or leave
    the tables as they were.
    """
    home = tmp_path_factory.mktemp("synced")
    site = synthetic_site(projects=6, issues=30, seed=3)
    with new_database(postgres_server, dagster_template) as made, SandboxServer(site) as server:
        desk = Desk(shell_on(made, home), site, server, engine_seeing_all(made.runtime_url)).added()
        desk.first = desk.shell("sync", KEY)
        yield desk
