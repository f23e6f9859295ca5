"""A real server on loopback for every test of the service, over a fresh database."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import pytest
import sqlalchemy as sa

from jira_assets.api.server import make_server
from jira_assets.api.service import Service
from jira_assets.warehouse.api_keys import create_key
from jira_assets_tests.api.caller import ADMIN, Caller
from jira_assets_tests.api.way import JOB, Way
from jira_assets_tests.conftest import AddIntegration, PostgresServer, engine_seeing_all
from jira_assets_tests.warehouse.jobs_data import add_jobs

OTHERS = ("globex/cloud", "globex/other")
ORIGIN = "https://watch.example"


@dataclass(frozen=True)
class Filled:
    """A service with something in it; ``of_acme`` is by the names of the paths' parameters."""

    api: Caller
    of_acme: dict[str, str]


@contextmanager
def serving(
    engine: sa.Engine, origin: str = ORIGIN, *, admins_engine: sa.Engine | None = None
) -> Iterator[Caller]:
    """Serve over ``engine`` while the block runs."""
    service = Service(
        engine, dagster_url="https://dagster.example/ui/", admins_engine=admins_engine
    )
    listener = socket.create_server(("127.0.0.1", 0))
    server = make_server(service, [origin])
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield Caller(f"http://127.0.0.1:{listener.getsockname()[1]}", engine, service)
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive(), "the server did not end"


@pytest.fixture
def way(warehouse: sa.Engine, integration: AddIntegration) -> Way:
    """Walks a request of acme/cloud along its way."""
    return Way(warehouse, integration("acme/cloud"))


@pytest.fixture
def api(warehouse: sa.Engine, way: Way, integration: AddIntegration) -> Iterator[Caller]:
    """The service, with acme/cloud, globex/cloud and globex/other, and a key for each tenant."""
    del way  # has added acme/cloud
    for key in OTHERS:
        integration(key)
    with serving(warehouse) as caller:
        add_keys(caller)
        yield caller


@pytest.fixture(scope="package")
def filled(postgres_server: PostgresServer) -> Iterator[Filled]:
    """A service that many tests share: they only look, or leave everything as it was."""
    with filled_service(postgres_server) as made:
        yield made


@contextmanager
def filled_service(postgres_server: PostgresServer) -> Iterator[Filled]:
    """Serve a database in which something of acme has gone the whole way."""
    made = postgres_server.create(f"test_{uuid4().hex}")
    engine = engine_seeing_all(made.runtime_url)
    for key in OTHERS:
        add_jobs(engine, key)
    way = Way(engine, add_jobs(engine))
    with serving(engine) as caller:
        add_keys(caller)
        yield Filled(caller, _walked(caller, way))
    postgres_server.drop(made)


def add_keys(caller: Caller) -> None:
    for tenant in ("acme", "globex"):
        caller.keys[tenant] = create_key(caller.engine, tenant=tenant, name="a test")[1]
    caller.keys[ADMIN] = create_key(caller.engine, tenant=None, name="ops")[1]


def _walked(caller: Caller, way: Way) -> dict[str, str]:
    """Return what acme has then, by the names of the paths' parameters."""
    request_id = caller.ask()
    run_id = way.begin()
    way.land(run_id)
    way.land(run_id, "project_statuses", pages=3)
    way.land(run_id, "projects")
    way.finish(run_id)
    for entity in way.landings:
        way.merge(entity)
    return {
        "integration_id": str(way.of.id),
        "job_name": JOB,
        "request_id": request_id,
        "extraction_id": str(way.extraction_id),
        "entity": "statuses",
        "page": "0",
        "project": "10",
    }
