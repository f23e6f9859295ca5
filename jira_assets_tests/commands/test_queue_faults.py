"""What RabbitMQ may do to messages (late, thrice, never), and what the tables hold afterwards."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from jira_assets import local_runs
from jira_assets.local_runs import LocalRuns, ReadOptions, SyncOutcome, open_local_runs
from jira_assets.partitions import PartitionKey
from jira_assets.sandbox.server import SandboxServer
from jira_assets.sandbox.site import JiraSite
from jira_assets.warehouse.heartbeat import Heartbeat
from jira_assets.warehouse.tables import etl_job_queue, statuses
from jira_assets_tests.commands.conftest import shell_on
from jira_assets_tests.commands.desk import Desk
from jira_assets_tests.commands.shell import KEY, fingerprints, rows
from jira_assets_tests.conftest import Database

TRANSFORMS = "SELECT 1 FROM dagster.runs WHERE pipeline_name = 'transform_jira_metadata'"


class Hop:
    """The way of one site's statuses over a RabbitMQ that somebody meddles with."""

    def __init__(self, desk: Desk, runs: LocalRuns) -> None:
        self.desk = desk
        self.runs = runs

    def extract(self) -> bytes:
        """Land the statuses; return the message about them, which is in the queue."""
        outcome = SyncOutcome(KEY)
        self.runs._extract(outcome, ["statuses"], ReadOptions())
        assert outcome.ok, outcome.problems
        (body,) = self.take()
        self.put(body)
        return body

    def transform(self) -> SyncOutcome:
        """Do about the messages what a sync does after its extraction."""
        outcome = SyncOutcome(KEY)
        self.runs._transform_until_done(outcome)
        assert outcome.ok, outcome.problems
        return outcome

    def take(self) -> list[bytes]:
        """Empty the queue."""
        with self.runs.broker.drain() as reader:
            taken = reader.take(10)
            for delivery in taken:
                delivery.ack()
            return [delivery.body for delivery in taken]

    def put(self, *bodies: bytes) -> None:
        with self.runs.broker._channel() as channel:
            for body in bodies:
                channel.send(self.runs.broker.names.transform, body, {})

    def states(self) -> list[str]:
        query = sa.select(etl_job_queue.c.state).order_by(etl_job_queue.c.created_at)
        return [state for (state,) in rows(self.desk.engine, query)]

    def names(self) -> set[tuple[str, str]]:
        query = sa.select(statuses.c.jira_id, statuses.c.name).where(
            statuses.c.deleted_at.is_(None)
        )
        return {(jira_id, name) for jira_id, name in rows(self.desk.engine, query)}

    def truth(self) -> set[tuple[str, str]]:
        listed = self.desk.site.state.statuses.values()
        return {(status.id, status.name) for status in listed if status.listed}

    def transform_runs(self) -> int:
        return len(rows(self.desk.engine, TRANSFORMS))


@pytest.fixture
def hop(
    database: Database,
    tmp_path: Path,
    broker_url: str,
    site: JiraSite,
    server: SandboxServer,
    warehouse: sa.Engine,
) -> Iterator[Hop]:
    shell = shell_on(
        database,
        tmp_path,
        JIRA_ASSETS_BROKER_URL=broker_url,
        JIRA_ASSETS_REPUBLISH_AFTER_SECONDS="0.001",
    )
    desk = Desk(shell, site, server, warehouse).added()
    with shell.variables(), open_local_runs(PartitionKey.parse(KEY)) as runs:
        yield Hop(desk, runs)


def test_an_older_extraction_that_arrives_after_a_newer_one_is_superseded(hop: Hop) -> None:
    late = hop.extract()
    assert hop.take() == [late]
    with hop.desk.engine.begin() as connection:
        connection.execute(sa.delete(etl_job_queue))
    status = next(iter(hop.truth()))[0]
    hop.desk.site.rename_status(status, "Newer")
    hop.extract()
    hop.transform()
    assert hop.names() == hop.truth()
    before = fingerprints(hop.desk.engine)

    hop.put(late)
    hop.transform()
    assert sorted(hop.states()) == ["completed", "superseded"]
    assert fingerprints(hop.desk.engine) == before
    assert hop.transform_runs() == 1


def test_a_message_that_is_delivered_three_times_is_applied_once(hop: Hop) -> None:
    body = hop.extract()
    hop.put(body, body)
    hop.transform()
    assert hop.names() == hop.truth()
    assert hop.states() == ["completed"]
    before = fingerprints(hop.desk.engine)

    hop.put(body, body, body)
    assert "received 3 once more" in hop.transform().words
    assert hop.take() == []
    assert hop.states() == ["completed"]
    assert fingerprints(hop.desk.engine) == before
    assert hop.transform_runs() == 1


def test_what_a_purged_queue_held_is_published_again(hop: Hop) -> None:
    hop.extract()
    assert hop.runs.broker.purge() == 1
    words = hop.transform().words
    assert "published 1 (1 of them again: nobody had received them)" in words
    assert hop.names() == hop.truth()
    assert hop.states() == ["completed"]
    assert hop.transform_runs() == 1


def test_a_message_whose_extraction_still_runs_elsewhere_is_waited_for(
    hop: Hop, monkeypatch: pytest.MonkeyPatch
) -> None:
    hop.extract()
    elsewhere = str(uuid4())
    with hop.desk.engine.begin() as connection:
        connection.execute(sa.update(etl_job_queue).values(extraction_run_id=elsewhere))
    monkeypatch.setattr(local_runs, "WAIT_SECONDS", 0.0)
    outcome = SyncOutcome(KEY)
    with Heartbeat(hop.desk.engine, elsewhere, KEY):
        hop.runs._transform_until_done(outcome)
    assert not outcome.ok
    assert outcome.problems[0].startswith("gave up waiting: ")
    hop.transform()
    assert hop.names() == hop.truth()
