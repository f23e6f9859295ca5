"""What tests of roles and policies share: roles of the server, and rows of three integrations."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import sqlalchemy as sa

from jira_assets.sandbox.postgres import SUPERUSER
from jira_assets.warehouse.integrations import Integration
from jira_assets_tests.conftest import AddIntegration, Database, PostgresServer
from jira_assets_tests.warehouse.roles_data import Roles
from jira_assets_tests.warehouse.rows_of_all import fill


@pytest.fixture
def roles(database: Database, postgres_server: PostgresServer) -> Iterator[Roles]:
    with ExitStack() as stack:
        yield Roles(database, postgres_server.url(SUPERUSER, database.name), stack)


@pytest.fixture
def filled(warehouse: sa.Engine, integration: AddIntegration) -> tuple[Integration, ...]:
    """Rows in every table: of acme/cloud, of acme/server, and of another tenant."""
    made = tuple(integration(key) for key in ("acme/cloud", "acme/server", "globex/cloud"))
    for each in made:
        fill(warehouse, each)
    return made
