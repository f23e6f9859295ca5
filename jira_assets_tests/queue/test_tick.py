"""The sensor's tick, whole: rows, broker, Dagster's runs, and what the daemon is asked for."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.definitions.partitions.context import partition_loading_context

from jira_assets.partitions import PARTITIONS_NAME, partitions_definition
from jira_assets.queue import outbox
from jira_assets.queue.broker import Broker
from jira_assets.queue.given_up import retry_failed
from jira_assets.queue.planning import TransformRequest, plan
from jira_assets.queue.resource import BrokerNotConfiguredError, BrokerResource
from jira_assets.queue.runs import run_states
from jira_assets.queue.sensor import (
    TickOutcome,
    build_transform_sensor,
    run_tags,
    shown,
    transform_tick,
)
from jira_assets.warehouse.connect import WarehouseUnavailableError, engine_for
from jira_assets.warehouse.contracts import Landing
from jira_assets.warehouse.queue_rows import claim
from jira_assets.warehouse.resource import WarehouseResource
from jira_assets.warehouse.tables import ENTITIES, SOURCES, applied_extractions, tables_fed_by
from jira_assets_tests.conftest import AddIntegration
from jira_assets_tests.queue.conftest import Queue

KEY = "acme/cloud"
TICK = "jira_assets.queue.tick"
NO_BROKER = Broker("amqp://user:s3cret@127.0.0.1:1/")
NO_WAREHOUSE = "postgresql://user:s3cret@127.0.0.1:1/warehouse"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A Dagster that has the partition acme/cloud."""
    with dg.DagsterInstance.ephemeral() as made:
        made.add_dynamic_partitions(PARTITIONS_NAME, [KEY])
        yield made


@pytest.fixture
def folder_broker(tmp_path: Path) -> Broker:
    return Broker(f"filesystem://{tmp_path}/broker")


@pytest.fixture
def ticking(instance: dg.DagsterInstance, queue: Queue, folder_broker: Broker) -> "Ticking":
    return Ticking(instance, queue, folder_broker)


class Ticking:
    """Ticks, and a daemon that does what they ask for."""

    def __init__(self, instance: dg.DagsterInstance, queue: Queue, broker: Broker) -> None:
        self.instance = instance
        self.queue = queue
        self.broker = broker

    def tick(self, broker: Broker | None = None, **options: Any) -> TickOutcome:
        return transform_tick(
            self.instance,
            self.queue.engine,
            broker or self.broker,
            **{"pending_after": 0.0, **options},
        )

    def run(self, status: dg.DagsterRunStatus, request: TransformRequest | None = None) -> str:
        """Add a run: of ``request``, as the daemon does, or an extraction's."""
        tags = {} if request is None else run_tags(request)
        run = dg.DagsterRun(job_name="any", run_id=str(uuid4()), tags=tags)
        self.instance.add_run(run)
        self.set_status(run.run_id, status)
        return run.run_id

    def set_status(self, run_id: str, status: dg.DagsterRunStatus) -> None:
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        self.instance.delete_run(run_id)
        self.instance.add_run(run.with_status(status))

    def claim(self, run_id: str) -> None:
        claim(self.queue.engine, run_id, self.queue.integration.id, list(SOURCES))
        claim(self.queue.engine, run_id, self.queue.integration.id, ["statuses"])

    def apply(self, landing: Landing, tables: Sequence[str]) -> None:
        """Note in the books that ``tables`` hold ``landing``, as a merge does."""
        with self.queue.engine.begin() as connection:
            for table in tables:
                connection.execute(
                    sa.insert(applied_extractions).values(
                        integration_id=landing.owner.integration_id,
                        table_name=table,
                        entity=landing.entity,
                        scope=landing.scope,
                        tenant_id=landing.owner.tenant_id,
                        extraction_id=landing.extraction_id,
                        started_at=landing.started_at,
                        sequence=landing.sequence,
                        transform_version="1",
                    )
                )


SUCCESS = dg.DagsterRunStatus.SUCCESS
STARTED = dg.DagsterRunStatus.STARTED
FAILURE = dg.DagsterRunStatus.FAILURE


def test_from_a_landing_to_applied_tables(
    instance: dg.DagsterInstance, queue: Queue, any_broker: Broker
) -> None:
    ticking = Ticking(instance, queue, any_broker)
    extraction = ticking.run(STARTED)
    landing = queue.land("statuses", run_id=extraction)

    waiting = ticking.tick()
    assert waiting.words[:2] == ["published 1", "received 1"]
    assert "the extraction goes on" in waiting.words[2]
    assert (waiting.requests, waiting.open) == ([], 1)

    ticking.set_status(extraction, SUCCESS)
    (request,) = ticking.tick().requests
    assert request.tables == ("statuses",)
    assert request.partition_key == KEY
    # Until Dagster has the run it is asked for again, under the same key.
    assert ticking.tick().requests == [request]

    run_id = ticking.run(STARTED, request)
    going = ticking.tick()
    assert going.requests == []
    assert going.words == [f"{KEY}: run {run_id[:8]} is at work"]

    ticking.claim(run_id)
    assert queue.states() == ["launched"]
    ticking.apply(landing, ["statuses"])
    ticking.set_status(run_id, SUCCESS)
    done = ticking.tick()
    assert done.words == ["closed 1 that the tables have caught up with"]
    assert (done.requests, done.open) == ([], 0)
    assert queue.states() == ["completed"]


def test_all_that_an_extraction_landed_is_one_run(ticking: Ticking) -> None:
    extraction = uuid4()
    for entity in ENTITIES:
        ticking.queue.land(entity, extraction_id=extraction)
    (request,) = ticking.tick().requests
    assert set(request.tables) == set(SOURCES)
    assert len(request.message_ids) == len(ENTITIES)


def test_what_a_run_did_by_itself_needs_no_message(ticking: Ticking) -> None:
    landing = ticking.queue.land()
    ticking.apply(landing, ["statuses"])
    outcome = ticking.tick(pending_after=1000.0)
    assert (outcome.requests, outcome.open) == ([], 0)
    assert ticking.queue.states() == ["completed"]


def test_an_older_extraction_that_comes_late_is_superseded(ticking: Ticking) -> None:
    ticking.queue.land()
    newer = ticking.queue.land()
    ticking.apply(newer, ["statuses"])
    assert ticking.tick().requests == []
    assert ticking.queue.states() == ["superseded", "completed"]


def test_what_a_killed_run_left_comes_back_with_a_pause(
    ticking: Ticking, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticking.queue.land()
    (request,) = ticking.tick().requests
    run_id = ticking.run(STARTED, request)
    ticking.claim(run_id)
    assert "is at work" in ticking.tick().words[-1]

    monkeypatch.setattr("jira_assets.queue.runs.STARTING_SECONDS", -1.0)
    dead = ticking.tick()
    assert dead.requests == []
    assert "died: it has given no sign of life for too long; attempt 2 of 5" in dead.words[-1]
    (row,) = ticking.queue.rows()
    assert (row.state, row.attempt, row.run_id) == ("received", 2, None)
    assert "died" in row.error
    assert "attempt 2 of 5 in" in ticking.tick().words[-1]

    ticking.queue.change(not_before=datetime.now(UTC) - timedelta(seconds=1))
    (again,) = ticking.tick().requests
    assert again.run_key == f"{row.message_id}:2"


def test_after_five_attempts_it_is_failed_for_all_to_see(ticking: Ticking) -> None:
    ticking.queue.land()
    for _ in range(5):
        ticking.queue.change(not_before=None)
        (request,) = ticking.tick().requests
        ticking.run(FAILURE, request)
        outcome = ticking.tick()
    (row,) = ticking.queue.rows()
    assert (row.state, row.attempt) == ("failed", 5)
    assert row.finished_at is not None
    assert row.error.startswith("run ")
    assert outcome.open == 0
    assert outcome.failures == [f"{KEY}: {row.error}; statuses: failed after 5 attempts"]
    assert ticking.tick() == TickOutcome()


def test_what_a_person_retries_is_asked_for_under_keys_that_dagster_has_not_seen(
    ticking: Ticking,
) -> None:
    ticking.queue.land()
    keys = []
    for last in (5, 10):
        for _ in range(5):
            ticking.queue.change(not_before=None)
            (request,) = ticking.tick().requests
            keys.append(request.run_key)
            ticking.run(FAILURE, request)
            ticking.tick()
        (row,) = ticking.queue.rows()
        assert (row.state, row.attempt) == ("failed", last)
        assert retry_failed(ticking.queue.engine, [row.message_id]) == 1
    assert keys == [f"{row.message_id}:{attempt}" for attempt in range(1, 11)]
    (request,) = ticking.tick().requests
    assert request.run_key == f"{row.message_id}:11"


def test_a_success_that_left_a_table_out_is_tried_again(ticking: Ticking) -> None:
    landing = ticking.queue.land("project_statuses")
    (request,) = ticking.tick().requests
    ticking.apply(landing, tables_fed_by("project_statuses")[1:])
    ticking.run(SUCCESS, request)
    assert "the tables have not caught up" in ticking.tick().words[-1]


def test_a_row_that_changes_during_the_tick_is_left_alone(
    ticking: Ticking, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticking.queue.land()

    def read_and_be_overtaken(*args: Any, **kwargs: Any) -> Any:
        states = run_states(*args, **kwargs)
        ticking.claim("a run that began a moment ago")
        return states

    monkeypatch.setattr(f"{TICK}.run_states", read_and_be_overtaken)
    outcome = ticking.tick()
    assert outcome.requests == []
    (row,) = ticking.queue.rows()
    assert (row.state, row.attempt) == ("launched", 1)


def test_a_change_gives_way_to_one_that_came_first(
    ticking: Ticking, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticking.queue.land()
    (request,) = ticking.tick().requests
    ticking.run(FAILURE, request)

    def plan_and_be_overtaken(*args: Any, **kwargs: Any) -> Any:
        made = plan(*args, **kwargs)
        ticking.claim("a run that began a moment ago")
        return made

    monkeypatch.setattr(f"{TICK}.plan", plan_and_be_overtaken)
    ticking.tick()
    (row,) = ticking.queue.rows()
    assert (row.state, row.attempt) == ("launched", 1)


def test_a_purged_queue_loses_nothing(
    instance: dg.DagsterInstance, queue: Queue, broker: Broker
) -> None:
    ticking = Ticking(instance, queue, broker)
    landing = queue.land()
    outbox.publish(queue.engine, broker, extraction_id=landing.extraction_id)
    assert broker.purge() == 1
    assert ticking.tick().requests == []
    outcome = ticking.tick(republish_after=0.0)
    assert outcome.words[0] == "published 1 (1 of them again: nobody had received them)"
    assert len(outcome.requests) == 1


def test_without_the_broker_what_was_received_is_still_planned(ticking: Ticking) -> None:
    ticking.queue.land("statuses")
    ticking.tick()
    ticking.queue.land("projects")
    outcome = ticking.tick(NO_BROKER)
    assert [request.tables for request in outcome.requests] == [("statuses",)]
    assert outcome.broker_error is not None
    assert "RabbitMQ at 127.0.0.1:1/" in outcome.broker_error
    assert "s3cret" not in outcome.broker_error
    assert outcome.words[0] == outcome.broker_error
    assert ticking.queue.states() == ["received", "pending"]


def test_a_tick_can_be_restricted_to_one_partition(
    ticking: Ticking, integration: AddIntegration
) -> None:
    other = Queue(ticking.queue.engine, integration("acme/other"))
    ticking.instance.add_dynamic_partitions(PARTITIONS_NAME, ["acme/other"])
    ticking.queue.land()
    other.land()
    outcome = ticking.tick(only_partition="acme/other")
    assert [request.partition_key for request in outcome.requests] == ["acme/other"]
    assert outcome.open == 1
    assert ticking.queue.states() == ["pending", "received"]
    assert len(ticking.tick().requests) == 2


def test_a_partition_that_is_not_there_waits_and_does_no_harm(
    ticking: Ticking, integration: AddIntegration
) -> None:
    Queue(ticking.queue.engine, integration("acme/other")).land()
    ticking.queue.land()
    outcome = ticking.tick()
    assert [request.partition_key for request in outcome.requests] == [KEY]
    assert "acme/other: statuses: received, but Dagster has no such partition" in outcome.words
    assert ticking.queue.states() == ["received", "received"]


def test_rows_that_wait_do_not_hide_others(
    ticking: Ticking, integration: AddIntegration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{TICK}.MAX_ROWS", 1)
    ticking.queue.land()
    ticking.tick()
    ticking.queue.change(not_before=datetime.now(UTC) + timedelta(hours=1))
    other = Queue(ticking.queue.engine, integration("acme/other"))
    ticking.instance.add_dynamic_partitions(PARTITIONS_NAME, ["acme/other"])
    other.land()
    assert [request.partition_key for request in ticking.tick().requests] == ["acme/other"]


def test_only_deployed_tables_count(ticking: Ticking) -> None:
    ticking.queue.land("projects")
    ticking.queue.land("project_statuses")
    outcome = ticking.tick(tables=["projects_statuses"])
    assert [request.tables for request in outcome.requests] == [("projects_statuses",)]
    assert sorted(ticking.queue.states()) == ["completed", "received"]


# ------------------------------------------------------------------------------------ the sensor


@dg.asset(partitions_def=partitions_definition(), key_prefix="lake")
def statuses() -> None:
    """Stands in for the table."""


@dg.asset(partitions_def=partitions_definition(), key_prefix="lake")
def projects() -> None:
    """Stands in for the table."""


def evaluate(
    instance: dg.DagsterInstance, database_url: str, broker_url: str | None
) -> tuple[dg.SensorDefinition, Any]:
    """Evaluate the sensor as the daemon does."""
    job = dg.define_asset_job("transform")
    sensor = build_transform_sensor(job=job, tables=["statuses", "projects"], key_prefix=["lake"])
    definitions = dg.Definitions(assets=[statuses, projects], jobs=[job], sensors=[sensor])
    context = dg.build_sensor_context(
        instance=instance,
        definitions=definitions,
        resources={
            "warehouse": WarehouseResource(database_url=database_url),
            "broker": BrokerResource(broker_url=broker_url),
        },
    )
    with partition_loading_context(dynamic_partitions_store=instance):
        return sensor, sensor.evaluate_tick(context)


def test_the_sensor_asks_dagster_for_the_run(
    ticking: Ticking, runtime_url: str, tmp_path: Path
) -> None:
    ticking.queue.land("statuses")
    ticking.tick()
    sensor, data = evaluate(ticking.instance, runtime_url, f"filesystem://{tmp_path}/broker")
    (request,) = data.run_requests
    (row,) = ticking.queue.rows()
    assert request.run_key == f"{row.message_id}:1"
    assert request.partition_key == KEY
    assert request.asset_selection == [dg.AssetKey(["lake", "statuses"])]
    assert request.tags["tenant"] == "acme"
    assert request.tags["integration"] == "cloud"
    assert request.tags["jira_assets/message_ids"] == str(row.message_id)
    assert request.tags["dagster/max_retries"] == "0"
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    assert sensor.minimum_interval_seconds == 5


def test_the_tags_are_those_by_which_a_daemon_knows_its_own_requests(ticking: Ticking) -> None:
    ticking.queue.land()
    (request,) = ticking.tick().requests
    tags = run_tags(request)
    assert tags["dagster/run_key"] == request.run_key
    assert tags["dagster/sensor_name"] == "transform_landed_extractions"


def test_a_tick_with_nothing_to_ask_for_says_what_it_did(
    ticking: Ticking, runtime_url: str, tmp_path: Path
) -> None:
    url = f"filesystem://{tmp_path}/broker"
    _, data = evaluate(ticking.instance, runtime_url, url)
    assert data.skip_message == "No message is on its way."
    ticking.instance.delete_dynamic_partition(PARTITIONS_NAME, KEY)
    ticking.queue.land()
    ticking.queue.change(created_at=datetime.now(UTC) - timedelta(minutes=1))
    _, data = evaluate(ticking.instance, runtime_url, url)
    assert data.skip_message.splitlines() == [
        "published 1",
        "received 1",
        "acme/cloud: statuses: received, but Dagster has no such partition",
    ]


def test_a_tick_keeps_so_many_lines_and_no_more() -> None:
    assert shown(["a", "b"]) == ["a", "b"]
    lines = shown([str(number) for number in range(500)])
    assert len(lines) == 31
    assert lines[-1] == "and 470 lines more"


def test_a_tick_without_rabbitmq_says_so(ticking: Ticking, runtime_url: str) -> None:
    _, data = evaluate(ticking.instance, runtime_url, "amqp://user:s3cret@127.0.0.1:1/")
    assert data.skip_message.startswith("RabbitMQ at 127.0.0.1:1/ as user is not available")
    assert "s3cret" not in data.skip_message


def test_a_tick_without_postgres_says_so(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    _, data = evaluate(instance, NO_WAREHOUSE, f"filesystem://{tmp_path}/broker")
    assert data.skip_message.startswith("Postgres is not available")
    assert "s3cret" not in data.skip_message
    with pytest.raises(WarehouseUnavailableError):
        transform_tick(
            instance, engine_for(NO_WAREHOUSE), Broker(f"filesystem://{tmp_path}/broker")
        )


def test_a_broker_resource_without_a_url_says_what_to_set() -> None:
    with pytest.raises(BrokerNotConfiguredError, match="JIRA_ASSETS_BROKER_URL"):
        BrokerResource().broker()
