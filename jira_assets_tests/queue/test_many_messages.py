"""An extraction of issues leaves a message a project: thousands of them, for one run or two."""

from collections.abc import Iterator
from uuid import uuid4

import dagster as dg
import pytest
import sqlalchemy as sa

from jira_assets.partitions import PARTITIONS_NAME
from jira_assets.queue import outbox
from jira_assets.queue.broker import Broker
from jira_assets.queue.inbox import MAX_DRAINED
from jira_assets.queue.planning import MAX_COVERED, PAUSES
from jira_assets.queue.rows import open_rows
from jira_assets.queue.tick import TickOutcome, run_tags, transform_tick
from jira_assets.warehouse.contracts import Owner
from jira_assets.warehouse.queue_rows import claim
from jira_assets.warehouse.tables import etl_job_queue
from jira_assets_tests.conftest import AddIntegration
from jira_assets_tests.queue.conftest import Queue
from jira_assets_tests.warehouse.issues_data import apply, issue, put, whole

KEY = "acme/cloud"
PROJECTS = 2000
SUCCESS, FAILURE = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A Dagster that has the partition, and the extraction's run, which is over."""
    with dg.DagsterInstance.ephemeral() as made:
        made.add_dynamic_partitions(PARTITIONS_NAME, [KEY])
        made.add_run(dg.DagsterRun(job_name="any", run_id="run", status=SUCCESS))
        yield made


def tick(instance: dg.DagsterInstance, queue: Queue, broker: Broker) -> TickOutcome:
    return transform_tick(instance, queue.engine, broker)


def land(queue: Queue) -> Owner:
    """Land an extraction of issues, one issue a project."""
    owner = Owner(queue.integration.tenant_id, queue.integration.id, KEY)
    scopes = map(str, range(PROJECTS))
    put(queue.engine, owner, *(each for p in scopes for each in whole(p, issue(p, project=p))))
    return owner


def receive(queue: Queue) -> None:
    """Put the messages into the inbox, as if they had come over the broker."""
    queue.change(state="received")


def requested(made: TickOutcome) -> tuple[int, ...]:
    """Return how many messages each of the asked-for runs covers."""
    return tuple(request.messages for request in made.requests)


def begin(instance: dg.DagsterInstance, made: TickOutcome, status: dg.DagsterRunStatus) -> str:
    """Let the daemon launch the one run that was asked for."""
    (request,) = made.requests
    run_id = str(uuid4())
    instance.add_run(
        dg.DagsterRun(job_name="any", run_id=run_id, status=status, tags=run_tags(request))
    )
    return run_id


def test_one_run_takes_in_what_an_extraction_of_issues_left(
    instance: dg.DagsterInstance, queue: Queue, broker: Broker
) -> None:
    owner = land(queue)
    extraction_id = queue.rows()[0].extraction_id
    assert outbox.publish(queue.engine, broker, extraction_id=extraction_id).published == PROJECTS

    first = tick(instance, queue, broker)
    assert requested(first) == (MAX_DRAINED,)
    second = tick(instance, queue, broker)
    assert requested(second) == (PROJECTS,)

    run_id = begin(instance, second, dg.DagsterRunStatus.STARTED)
    won = claim(queue.engine, run_id, queue.integration.id, ["issues"])
    assert len(won) == PROJECTS
    apply(queue.engine, owner)
    assert set(queue.states()) == {"completed"}
    assert tick(instance, queue, broker).requests == []


def test_a_run_that_fails_before_it_claims_anything_is_an_attempt_of_them_all(
    instance: dg.DagsterInstance, queue: Queue, broker: Broker
) -> None:
    land(queue)
    receive(queue)
    made = tick(instance, queue, broker)
    assert len(made.requests[0].message_ids) == MAX_COVERED
    begin(instance, made, FAILURE)

    after = tick(instance, queue, broker)
    assert after.requests == []
    assert {(row.state, row.attempt) for row in queue.rows()} == {("received", 2)}
    assert any(f"attempt 2 of 5 in {PAUSES[0]} s" in line for line in after.words)
    assert len(after.words) < 5


def test_a_run_that_is_killed_with_all_of_them_is_one_attempt(
    instance: dg.DagsterInstance, queue: Queue, broker: Broker
) -> None:
    land(queue)
    receive(queue)
    run_id = begin(instance, tick(instance, queue, broker), FAILURE)
    claim(queue.engine, run_id, queue.integration.id, ["issues"])

    tick(instance, queue, broker)
    assert {(row.state, row.attempt, row.run_id) for row in queue.rows()} == {("received", 2, None)}


def test_a_row_that_a_run_is_writing_is_left_to_the_next_tick(
    instance: dg.DagsterInstance, queue: Queue, broker: Broker
) -> None:
    land(queue)
    receive(queue)
    begin(instance, tick(instance, queue, broker), FAILURE)
    first = etl_job_queue.c.message_id == queue.rows()[0].message_id
    with queue.engine.begin() as writing:
        writing.execute(sa.select(etl_job_queue).where(first).with_for_update())
        tick(instance, queue, broker)
        assert sorted({row.attempt for row in queue.rows()}) == [1, 2]
    assert requested(tick(instance, queue, broker)) == (1,)


def test_a_large_partition_does_not_hide_the_others(
    warehouse: sa.Engine, queue: Queue, integration: AddIntegration
) -> None:
    land(queue)
    other = Queue(warehouse, integration("globex/cloud"))
    other.land()
    receive(queue)
    with warehouse.connect() as connection:
        read = open_rows(connection, partition_key=None, limit=100)
    assert len(read) == 100
    assert {row.partition_key for row in read} == {KEY, "globex/cloud"}
