"""Rows to messages and back, with whatever a broker and a crash do in between."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from jira_assets.queue import inbox, outbox
from jira_assets.queue.broker import Broker, BrokerUnavailableError, Delivery
from jira_assets.queue.message import encode
from jira_assets.warehouse.contracts import message_id
from jira_assets.warehouse.tables import etl_job_queue
from jira_assets_tests.conftest import AddIntegration
from jira_assets_tests.queue.conftest import Put, Queue, message_of

AWAY = Broker("amqp://user:s3cret@127.0.0.1:1/")


def waiting(broker: Broker) -> int:
    return broker.depths()[broker.names.transform]


# ------------------------------------------------------------------------------------ the outbox


def test_what_has_landed_is_published_once(queue: Queue, any_broker: Broker) -> None:
    extraction = queue.land("statuses").extraction_id
    queue.land("projects", extraction_id=extraction)
    queue.land("projects")
    report = outbox.publish(queue.engine, any_broker, extraction_id=extraction)
    assert report.published == 2
    assert queue.states() == ["published", "published", "pending"]
    assert waiting(any_broker) == 2
    assert outbox.publish(queue.engine, any_broker, extraction_id=extraction).published == 0
    published = queue.rows()[0]
    assert published.publications == 1
    assert published.published_at is not None


def test_a_broker_that_is_away_leaves_everything_pending(queue: Queue) -> None:
    landing = queue.land()
    with pytest.raises(BrokerUnavailableError):
        outbox.publish(queue.engine, AWAY, extraction_id=landing.extraction_id)
    assert queue.states() == ["pending"]


def test_what_was_received_while_it_was_published_stays_received(
    queue: Queue, any_broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing = queue.land()
    publish = Broker.publish

    def publish_and_lose_the_race(broker: Broker, messages: list[object]) -> int:
        count = publish(broker, messages)  # type: ignore[arg-type]  # handed on as it came
        inbox.drain(queue.engine, broker)
        return count

    monkeypatch.setattr(Broker, "publish", publish_and_lose_the_race)
    outbox.publish(queue.engine, any_broker, extraction_id=landing.extraction_id)
    assert queue.states() == ["received"]


def test_the_sensor_gives_the_extraction_time_to_publish(queue: Queue, any_broker: Broker) -> None:
    queue.land()
    assert outbox.publish_due(queue.engine, any_broker).published == 0
    queue.change(created_at=datetime.now(UTC) - timedelta(seconds=6))
    report = outbox.publish_due(queue.engine, any_broker)
    assert report.words() == ["published 1"]


def test_what_nobody_received_is_published_again(queue: Queue, any_broker: Broker) -> None:
    landing = queue.land()
    outbox.publish(queue.engine, any_broker, extraction_id=landing.extraction_id)
    any_broker.purge()
    assert outbox.publish_due(queue.engine, any_broker).published == 0
    queue.change(published_at=datetime.now(UTC) - timedelta(seconds=61))
    report = outbox.publish_due(queue.engine, any_broker)
    assert report.words() == ["published 1 (1 of them again: nobody had received them)"]
    assert queue.rows()[0].publications == 2
    assert inbox.drain(queue.engine, any_broker).received == 1


def test_what_has_been_received_is_never_published_again(queue: Queue, tmp_path: Path) -> None:
    broker = Broker(f"filesystem://{tmp_path}/broker")
    queue.land()
    long_ago = datetime.now(UTC) - timedelta(days=1)
    for state in ("received", "launched", "completed", "superseded", "failed"):
        queue.change(state=state, created_at=long_ago, published_at=long_ago)
        assert outbox.publish_due(queue.engine, broker).published == 0, state


def test_publishing_can_be_restricted_to_a_partition(
    queue: Queue, any_broker: Broker, integration: AddIntegration
) -> None:
    queue.land()
    Queue(queue.engine, integration("acme/other")).land()
    due = outbox.publish_due(queue.engine, any_broker, pending_after=0, partition_key="acme/other")
    assert due.published == 1
    assert queue.states() == ["pending", "published"]


# ------------------------------------------------------------------------------------- the inbox


def test_a_message_becomes_a_received_row(queue: Queue, any_broker: Broker) -> None:
    landing = queue.land(run_id="run")
    outbox.publish(queue.engine, any_broker, extraction_id=landing.extraction_id)
    report = inbox.drain(queue.engine, any_broker)
    assert report.words() == ["received 1"]
    (row,) = queue.rows()
    assert row.state == "received"
    assert row.received_at is not None
    assert waiting(any_broker) == 0


def test_an_empty_queue_says_nothing(queue: Queue, any_broker: Broker) -> None:
    assert inbox.drain(queue.engine, any_broker).words() == []


def test_a_message_without_a_row_makes_it(queue: Queue, any_broker: Broker) -> None:
    landing = queue.land(run_id="run")
    with queue.engine.begin() as connection:
        connection.execute(sa.delete(etl_job_queue))
    any_broker.publish([message_of(landing)])
    inbox.drain(queue.engine, any_broker)
    (row,) = queue.rows()
    assert (row.state, row.extraction_run_id, row.attempt) == ("received", "run", 1)
    assert row.partition_key == "acme/cloud"
    assert row.message_id == message_id(landing.extraction_id, "statuses", "site")


def test_a_message_delivered_three_times_is_received_once(queue: Queue, any_broker: Broker) -> None:
    message = message_of(queue.land())
    any_broker.publish([message] * 3)
    report = inbox.drain(queue.engine, any_broker)
    assert report.words() == ["received 1", "received 2 once more"]
    before = queue.rows()
    any_broker.publish([message])
    assert inbox.drain(queue.engine, any_broker).words() == ["received 1 once more"]
    assert queue.rows() == before


def test_a_late_message_does_not_bring_a_row_back(queue: Queue, any_broker: Broker) -> None:
    message = message_of(queue.land())
    for state in ("launched", "completed", "superseded", "failed"):
        queue.change(state=state)
        before = queue.rows()
        any_broker.publish([message])
        assert inbox.drain(queue.engine, any_broker).known == 1
        assert queue.rows() == before
    assert waiting(any_broker) == 0


def test_messages_may_come_in_any_order(queue: Queue, any_broker: Broker) -> None:
    landings = [queue.land(entity) for entity in ("projects", "issue_types", "statuses")]
    any_broker.publish([message_of(landing) for landing in reversed(landings)])
    any_broker.publish([message_of(landing) for landing in landings])
    assert inbox.drain(queue.engine, any_broker).received == 3
    assert queue.states() == ["received"] * 3


def test_a_drain_is_bounded(queue: Queue, any_broker: Broker) -> None:
    any_broker.publish([message_of(queue.land()) for _ in range(30)])
    assert inbox.drain(queue.engine, any_broker, limit=27).received == 27
    assert waiting(any_broker) == 3
    assert inbox.drain(queue.engine, any_broker).received == 3


class CrashError(BaseException):
    """The process ends here."""


def test_a_crash_between_commit_and_ack_loses_and_doubles_nothing(
    queue: Queue, any_broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    any_broker.publish([message_of(queue.land())])

    def crash(_: Delivery) -> None:
        raise CrashError

    with monkeypatch.context() as patched:
        patched.setattr(Delivery, "ack", crash)
        with pytest.raises(CrashError):
            inbox.drain(queue.engine, any_broker)
    assert queue.states() == ["received"]
    before = queue.rows()
    assert inbox.drain(queue.engine, any_broker).words() == ["received 1 once more"]
    assert queue.rows() == before
    assert waiting(any_broker) == 0


def test_a_crash_before_the_commit_leaves_the_message(
    queue: Queue, any_broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    any_broker.publish([message_of(queue.land())])

    def crash(*_: object) -> int:
        raise CrashError

    with monkeypatch.context() as patched:
        patched.setattr(inbox, "_store", crash)
        with pytest.raises(CrashError):
            inbox.drain(queue.engine, any_broker)
    assert queue.states() == ["pending"]
    assert inbox.drain(queue.engine, any_broker).received == 1


def test_what_cannot_be_read_is_set_aside_and_the_rest_moves(
    queue: Queue, any_broker: Broker, integration: AddIntegration
) -> None:
    landing = queue.land()
    good = message_of(landing)
    other, strangers = integration("acme/other"), integration("globex/cloud")
    unknown = {"extraction_id": uuid4()}
    unknown["message_id"] = message_id(unknown["extraction_id"], "statuses", "site")
    newer = encode(good).replace(b'"version":1', b'"version":2')
    bodies = {
        b"not JSON": "it is not JSON.",
        newer: "newer than this program reads (1)",
        encode(message_of(landing, **unknown)): "nothing has landed as statuses (site) of",
        encode(message_of(landing, partition_key="no/body")): "there is no integration no/body",
        encode(message_of(landing, tenant_id=999)): "with tenant_id 999 and integration_id",
        encode(
            message_of(landing, partition_key="acme/other", integration_id=other.id)
        ): "nothing has landed as statuses (site) of",
        # Another tenant's name and ids, all of them right, for what acme has landed.
        encode(
            message_of(
                landing,
                partition_key="globex/cloud",
                tenant_id=strangers.tenant_id,
                integration_id=strangers.id,
            )
        ): "nothing has landed as statuses (site) of",
    }
    Put(any_broker)([*bodies, encode(good)])
    report = inbox.drain(queue.engine, any_broker)
    assert report.received == 1
    assert len(report.refused) == len(bodies)
    assert queue.states() == ["received"]
    letters = {letter.body: letter.reason for letter in any_broker.dead_letters()}
    assert letters.keys() == bodies.keys()
    for body, reason in bodies.items():
        assert reason in letters[body]
    assert any("dead-lettered a message: it is not JSON." in word for word in report.words())
    assert waiting(any_broker) == 0


def test_a_broker_that_is_away_is_an_error(queue: Queue) -> None:
    with pytest.raises(BrokerUnavailableError):
        inbox.drain(queue.engine, AWAY)


def test_an_older_program_receives_what_a_newer_one_published_from_its_row(
    queue: Queue, any_broker: Broker
) -> None:
    message = message_of(queue.land())
    newer = encode(message).replace(b'"version":1', b'"version":2,"landed_by":"me"')
    Put(any_broker)([newer])
    queue.change(state="published", published_at=sa.func.now(), publications=1)
    (reason,) = inbox.drain(queue.engine, any_broker).refused
    assert "upgrade jira_assets" in reason
    assert "`jira-assets queue retry`" in reason
    assert queue.states() == ["published"]

    outbox.publish_due(queue.engine, any_broker, republish_after=0.0)
    assert inbox.drain(queue.engine, any_broker).received == 1
    assert queue.states() == ["received"]
    assert [letter.body for letter in any_broker.dead_letters()] == [newer]
