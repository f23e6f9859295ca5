"""The judge sees whatever was left behind: each thing is put there by hand, and is then said."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

import pytest
import sqlalchemy as sa
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.test_utils import create_run_for_test

from jira_assets.partitions import PartitionKey
from jira_assets.queue.broker import Broker
from jira_assets.sandbox.site import JiraSite
from jira_assets.sandbox.synthetic import synthetic_site
from jira_assets.warehouse.connect import close_engines
from jira_assets.warehouse.heartbeat import beat
from jira_assets_tests.chaos.deployment import JUDGE
from jira_assets_tests.chaos.injections import forge
from jira_assets_tests.chaos.judge import SPARE_CONNECTIONS, connections, going_on, judge
from jira_assets_tests.chaos.servers import named
from jira_assets_tests.conftest import AddIntegration, Database, engine_seeing_all
from jira_assets_tests.patience import wait_for

KEY: Final = PartitionKey("acme", "cloud")


@dataclass
class Place:
    """What the judge looks at, without any process."""

    sites: dict[PartitionKey, JiraSite]
    instance: DagsterInstance
    engine: sa.Engine
    broker: Broker
    warehouse: sa.Engine
    forged: int = 0

    def execute(self, statement: str, **values: object) -> None:
        with self.engine.begin() as connection:
            connection.execute(sa.text(statement), values)


@pytest.fixture
def place(
    database: Database, warehouse: sa.Engine, broker: Broker, integration: AddIntegration
) -> Iterator[Place]:
    integration()
    url = named(database.runtime_url, JUDGE)
    with DagsterInstance.ephemeral() as instance:
        site = synthetic_site(projects=1, issues=0, seed=1)
        engine = engine_seeing_all(url)
        warehouse.dispose()
        yield Place({KEY: site}, instance, engine, broker, warehouse)
    close_engines(url)


def _message(place: Place, state: str) -> None:
    place.execute(
        "INSERT INTO jira.etl_job_queue (message_id, tenant_id, integration_id, partition_key,"
        " extraction_id, entity, scope, state) SELECT gen_random_uuid(), tenant_id, id,"
        " 'acme/cloud', gen_random_uuid(), 'statuses', 'site', :state FROM jira.integrations",
        state=state,
    )


def _request(place: Place) -> None:
    place.execute(
        "INSERT INTO jira.job_requests (request_id, tenant_id, integration_id, job_name)"
        " SELECT gen_random_uuid(), tenant_id, id, 'jira_metadata' FROM jira.integrations"
    )


def _running_job(place: Place) -> None:
    place.execute("UPDATE jira.etl_jobs SET status = 'RUNNING' WHERE job_name = 'jira_issues'")


def _run(place: Place) -> None:
    create_run_for_test(place.instance, status=DagsterRunStatus.STARTED)


def _lease(place: Place) -> None:
    run_id = str(uuid4())
    beat(place.engine, run_id)
    place.execute(
        "INSERT INTO jira.reading_leases (integration_id, tenant_id, run_id)"
        " SELECT id, tenant_id, :run_id FROM jira.integrations",
        run_id=run_id,
    )


def _landing(place: Place) -> None:
    place.execute(
        "INSERT INTO jira.raw_extractions (extraction_id, tenant_id, integration_id, entity, scope,"
        " pages, items, started_at, complete_for) SELECT gen_random_uuid(), tenant_id, id,"
        " 'statuses', 'site', 1, 1, now(), '{}' FROM jira.integrations"
    )


def _slot(place: Place) -> None:
    storage = place.instance.event_log_storage
    storage.set_concurrency_slots("jira_sites", 1)
    storage.claim_concurrency_slot("jira_sites", "a-run", "a_step")


LEFT: Final[dict[str, Callable[[Place], None]]] = {
    "1 messages of statuses received": lambda place: _message(place, "received"),
    "1 messages of statuses pending": lambda place: _message(place, "pending"),
    "request of jira_metadata is queued": _request,
    "job jira_issues is RUNNING": _running_job,
    "is STARTED": _run,
    "holds a reading lease": _lease,
    "statuses (site) of extraction": _landing,
    "pool jira_sites has 1 slots held by ['a-run']": _slot,
}


@pytest.mark.parametrize("said", LEFT)
def test_the_judge_sees_what_is_left(place: Place, said: str) -> None:
    before = judge(place, connections(place))
    assert not any(said in line for line in before)
    LEFT[said](place)
    assert any(said in line for line in judge(place, connections(place)))


def test_the_judge_sees_what_is_missing_in_the_tables(place: Place) -> None:
    assert any("projects lacks 1 rows" in line for line in judge(place, 0))


def test_what_was_given_up_is_not_going_on(place: Place) -> None:
    _message(place, "failed")
    assert going_on(place) == []


def test_the_judge_sees_a_dead_letter_that_nobody_put_there(place: Place) -> None:
    place.forged = 1
    assert any("0 dead letters, not 1" in line for line in judge(place, 0))


def test_a_forged_message_is_no_message_of_ours(place: Place, rabbitmq_url: str) -> None:
    place.broker.depths()  # which declares the queues
    forge(rabbitmq_url, place.broker.names, 7)
    with place.broker.drain() as reader:
        (delivery,) = reader.take(5)
        assert delivery.body == b"no message of ours 7"
        delivery.dead_letter("it is none")
    assert any("1 dead letters, not 0" in line for line in judge(place, 0))


def test_the_judge_sees_a_message_that_waits(place: Place, rabbitmq_url: str) -> None:
    place.broker.depths()  # which declares the queues
    forge(rabbitmq_url, place.broker.names, 7)
    said = wait_for("the message", lambda: going_on(place))
    assert said == ["1 messages wait in RabbitMQ"]


@contextmanager
def _held(place: Place, statement: str) -> Iterator[None]:
    with place.warehouse.connect() as connection:
        connection.execute(sa.text(statement))
        yield


def test_the_judge_sees_a_lock_that_somebody_holds(place: Place) -> None:
    with _held(place, "SELECT pg_advisory_xact_lock(7)"):
        assert any("advisory lock 0/7 is held by jira_assets" in each for each in judge(place, 0))


def test_the_judge_sees_who_is_idle_in_a_transaction(place: Place) -> None:
    with _held(place, "SELECT 1 AS forgotten"):
        looked = wait_for(
            "five seconds", lambda: [each for each in judge(place, 0) if "forgotten" in each]
        )
    assert "is idle in transaction after 'SELECT 1 AS forgotten'" in looked[0]


def test_the_judge_counts_the_connections_of_the_program_not_its_own(place: Place) -> None:
    assert connections(place) == 0
    with _held(place, "SELECT 1"):
        assert connections(place) == 1
        before = 1 - SPARE_CONNECTIONS
        assert not any("connections to Postgres" in each for each in judge(place, before))
        assert any("1 connections to Postgres" in each for each in judge(place, before - 1))
