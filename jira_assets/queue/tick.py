"""One tick of the transform sensor: drain, publish, settle, plan. The CLI calls it, too.

Decisions this module embodies:

* Nothing is kept between ticks: what is to be done is read off the rows and Dagster's runs, so a
  tick that dies in the middle is made good by the next one.
* The runs are read before the rows are settled and read again. A run seen as succeeded had merged
  by then, so a row that is still open afterwards really has been left behind. Only rows that did
  not change in between are planned.
* Without the broker, what has been received already is still planned.
* A tick is bounded: in messages, rows and requests. The next one is seconds away.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypedDict, Unpack

import sqlalchemy as sa
from dagster import DagsterInstance

from jira_assets.partitions import PARTITIONS_NAME, PartitionKey
from jira_assets.queue import inbox, outbox, rows
from jira_assets.queue.broker import Broker, BrokerUnavailableError
from jira_assets.queue.planning import Plan, QueueRow, TransformRequest, World, plan
from jira_assets.queue.runs import MESSAGE_IDS_TAG, RUN_KEY_TAG, SENSOR_NAME_TAG, run_states
from jira_assets.settings import Settings
from jira_assets.warehouse.queue_rows import targets_of
from jira_assets.warehouse.tables import SOURCES

SENSOR_NAME: Final = "transform_landed_extractions"
MAX_ROWS: Final = 2000
MAX_REQUESTS: Final = 50


@dataclass
class TickOutcome:
    """What a tick did, and what it asks for."""

    requests: list[TransformRequest] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    open: int = 0
    """Messages that are not closed yet."""
    broker_error: str | None = None
    """Why the broker could not be used."""
    failures: list[str] = field(default_factory=list)
    """Messages that were given up in this tick, in words."""


class TickOptions(TypedDict, total=False):
    """What a tick is restricted to, and its times in seconds."""

    tables: Sequence[str]
    """The tables that are deployed here; all of them by default."""
    only_partition: str | None
    """Publish and plan for this partition only."""
    pending_after: float
    """How long a message may wait for the extraction that landed it to publish it."""
    republish_after: float
    """How long a published message may stay unreceived; the setting by default."""
    dead_after: float
    """How long a run may give no sign of life; the setting by default."""


@dataclass(frozen=True)
class _Tick:
    """One tick, with the defaults of its options."""

    instance: DagsterInstance
    engine: sa.Engine
    broker: Broker
    republish_after: float
    dead_after: float
    tables: Sequence[str] = tuple(SOURCES)
    only_partition: str | None = None
    pending_after: float = outbox.PENDING_SECONDS


def run_tags(request: TransformRequest) -> dict[str, str]:
    """Return the tags of a run of ``request``: by them a daemon knows that it has been served."""
    return {
        RUN_KEY_TAG: request.run_key,
        SENSOR_NAME_TAG: SENSOR_NAME,
        **request_tags(request),
    }


def request_tags(request: TransformRequest) -> dict[str, str]:
    """Return the tags that Dagster does not set by itself on a run that the sensor asks for."""
    return {
        **PartitionKey.parse(request.partition_key).tags(),
        MESSAGE_IDS_TAG: ",".join(map(str, request.message_ids)),
        # The attempts are counted here; Dagster's own retries would come on top.
        "dagster/max_retries": "0",
    }


def transform_tick(
    instance: DagsterInstance, engine: sa.Engine, broker: Broker, **options: Unpack[TickOptions]
) -> TickOutcome:
    """Do what is due about the messages, and return the runs to ask for.

    Raises:
        WarehouseUnavailableError: Postgres is away. What was committed stays, and the next tick
            goes on from there.
    """
    settings = Settings.from_environment()
    given: TickOptions = {
        "republish_after": settings.republish_after_seconds,
        "dead_after": settings.dead_after_seconds,
        **options,
    }
    tick = _Tick(instance, engine, broker, **given)
    outcome = TickOutcome()
    try:
        outcome.words += _exchange(tick)
    except BrokerUnavailableError as error:
        outcome.broker_error = str(error)
        outcome.words.append(str(error))
    made = _settle_and_plan(tick, outcome)
    rows.apply(engine, made.transitions)
    outcome.requests = made.requests
    outcome.words += made.words
    outcome.failures = made.failures
    with engine.connect() as connection:
        outcome.open = rows.count_open(connection, partition_key=tick.only_partition)
    return outcome


def _exchange(tick: _Tick) -> list[str]:
    """Receive what is there, publish what is due, and receive that too; in words."""
    # First the inbox: what has only waited in the queue need not be published again.
    words = inbox.drain(tick.engine, tick.broker).words()
    published = outbox.publish_due(
        tick.engine,
        tick.broker,
        pending_after=tick.pending_after,
        republish_after=tick.republish_after,
        partition_key=tick.only_partition,
    )
    words += published.words()
    if published.published:
        words += inbox.drain(tick.engine, tick.broker).words()
    return words


def _settle_and_plan(tick: _Tick, outcome: TickOutcome) -> Plan:
    before = _open_rows(tick)
    if not before:
        return Plan()
    with tick.engine.connect() as connection:
        now = rows.database_now(connection)
        runs = run_states(
            tick.instance,
            connection,
            before,
            sensor_name=SENSOR_NAME,
            dead_after=tick.dead_after,
        )
    targets = targets_of(tick.tables)
    settled = rows.settle_all(tick.engine, {row.integration_id for row in before}, targets)
    if settled:
        outcome.words.append(f"closed {settled} that the tables have caught up with")
    partitions = set(tick.instance.get_dynamic_partitions(PARTITIONS_NAME))
    world = World(now=now, runs=runs, partitions=partitions, targets=targets)
    unchanged = set(before).intersection(_open_rows(tick))
    return plan(unchanged, world, max_requests=MAX_REQUESTS)


def _open_rows(tick: _Tick) -> list[QueueRow]:
    with tick.engine.connect() as connection:
        return rows.open_rows(connection, partition_key=tick.only_partition, limit=MAX_ROWS)
