"""A place where runs fail, and a webhook on loopback that hears of it."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from jira_assets.definitions import build_definitions
from jira_assets.jobs.webhook import VARIABLE
from jira_assets.partitions import PARTITIONS_NAME
from jira_assets.queue.resource import BrokerResource
from jira_assets.warehouse.resource import WarehouseResource
from jira_assets_tests.jobs.failures.place import KEY, Place
from jira_assets_tests.jobs.webhooks import Receiver, receiving
from jira_assets_tests.warehouse.jobs_data import add_jobs


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving() as made:
        monkeypatch.setenv(VARIABLE, made.url)
        monkeypatch.setenv("JIRA_ASSETS_DAGSTER_URL", "https://dagster.acme.example/")
        yield made


@pytest.fixture
def place(warehouse: sa.Engine, runtime_url: str) -> Iterator[Place]:
    with dg.DagsterInstance.ephemeral() as instance:
        made = Place(instance, warehouse, WarehouseResource(database_url=runtime_url))
        made.tick()
        yield made


@pytest.fixture
def deployed(place: Place, tmp_path: Path) -> dg.Definitions:
    """The code location on the place's warehouse, for real runs."""
    place.instance.add_dynamic_partitions(PARTITIONS_NAME, [KEY])
    broker = BrokerResource(broker_url=f"filesystem://{tmp_path}/broker")
    return build_definitions(resources={"warehouse": place.warehouse, "broker": broker})


@pytest.fixture
def acme(place: Place) -> Place:
    """The place with its integration acme/cloud, of a Jira that is not asked."""
    add_jobs(place.engine)
    return place
