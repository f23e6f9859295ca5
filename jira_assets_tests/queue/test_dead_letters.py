"""Dead letters, on the real RabbitMQ and on the embedded folder: looked at, sent back, deleted."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import kombu
import pytest

from jira_assets.queue.broker import Broker, DeadLetter
from jira_assets.queue.channel import body_of
from jira_assets.queue.dead_letters import UnknownDeadLetterError, id_of
from jira_assets_tests.patience import wait_for

MANY = 70  # a quorum queue shuffles what comes back together, if it is more than 32


def bury(broker: Broker, *bodies: bytes) -> None:
    """Let a reader refuse these bodies, one after the other."""
    for body in bodies:
        with broker._channel() as channel:
            channel.send(broker.names.transform, body, {})
        with broker.drain() as reader:
            (delivery,) = reader.take(1)
            delivery.dead_letter("refused")


def dead(broker: Broker) -> list[bytes]:
    return [letter.body for letter in broker.dead_letters(limit=1000)]


def work(broker: Broker) -> list[bytes]:
    """Return what is in the work queue; it stays."""
    with broker._channel() as channel, channel.held(broker.names.transform) as messages:
        return [body_of(message) for message in messages]


def numbered(count: int) -> list[bytes]:
    return [str(number).encode() for number in range(count)]


@pytest.mark.parametrize("limit", [1, 40, 1000])
def test_looking_takes_nothing_away_and_keeps_the_order(any_broker: Broker, limit: int) -> None:
    with any_broker._channel() as channel:
        for body in numbered(MANY):
            channel.send(any_broker.names.dead, body, {})
    first = dead(any_broker)
    assert sorted(first) == sorted(numbered(MANY))
    for _ in range(4):
        looked = [letter.body for letter in any_broker.dead_letters(limit=limit)]
        assert looked == first[:limit]
    assert dead(any_broker) == first


def test_rabbitmq_shows_the_oldest_first(broker: Broker) -> None:
    bury(broker, *numbered(5))
    assert dead(broker) == numbered(5)
    assert dead(broker) == numbered(5)


def test_of_a_long_queue_only_those_are_taken_that_are_shown(
    any_broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jira_assets.queue.dead_letters.MAX_HELD", 4)
    bury(any_broker, *numbered(6))
    assert len(any_broker.dead_letters(limit=2)) == 2
    assert sorted(dead(any_broker)) == numbered(6)


def test_a_letter_says_why_when_and_from_where(any_broker: Broker) -> None:
    before = datetime.now(UTC)
    bury(any_broker, b"no message")
    (letter,) = any_broker.dead_letters()
    assert (letter.body, letter.reason) == (b"no message", "refused")
    assert letter.queue == any_broker.names.transform
    assert letter.died_at is not None
    assert before <= letter.died_at <= datetime.now(UTC)
    assert letter.message_id is None
    assert letter.letter_id == id_of(b"no message")


def test_one_that_somebody_put_there_says_nothing_and_is_shown(any_broker: Broker) -> None:
    with any_broker._channel() as channel:
        channel.send(any_broker.names.dead, b"\xff", {"x-death": [], "died_at": "yesterday"})
    assert any_broker.dead_letters() == [DeadLetter(b"\xff", "")]


def test_one_that_the_broker_set_aside_says_what_the_broker_said(broker: Broker) -> None:
    with broker._channel() as channel:
        channel.send(broker.names.transform, b"{}", {})
    with kombu.Connection(broker._address.url) as connection:
        channel = connection.channel()
        message = channel.basic_get(broker.names.transform)
        channel.basic_reject(message.delivery_tag, requeue=False)
        (letter,) = wait_for("the broker's dead letter", broker.dead_letters)
    assert letter.reason == "the broker set it aside: rejected"
    assert letter.queue == broker.names.transform
    assert letter.died_at is not None
    assert abs(datetime.now(UTC) - letter.died_at) < timedelta(hours=1)


@pytest.mark.parametrize(
    ("body", "message_id"),
    [
        (b'{"version": 7, "message_id": "00000000-0000-0000-0000-000000000007"}', UUID(int=7)),
        (b'{"message_id": "seven"}', None),
        (b'{"message_id": 7}', None),
        (b"{}", None),
        (b"[]", None),
        (b"\xff", None),
    ],
)
def test_the_messages_id_is_read_where_it_can_be(body: bytes, message_id: UUID | None) -> None:
    assert DeadLetter(body, "").message_id == message_id


# ------------------------------------------------------------------------------ back, and away


def test_those_that_are_named_go_back_and_no_others(any_broker: Broker) -> None:
    bodies = [b"\xff\x00\xfe", *numbered(MANY)]
    bury(any_broker, *bodies)
    before = dead(any_broker)
    moved = [b"\xff\x00\xfe", b"3", b"60"]
    assert any_broker.retry_dead_letters([id_of(body) for body in moved]) == 3
    assert sorted(work(any_broker)) == sorted(moved)
    assert dead(any_broker) == [body for body in before if body not in moved]


def test_those_that_are_named_are_deleted_and_no_others(any_broker: Broker) -> None:
    bury(any_broker, *numbered(MANY))
    before = dead(any_broker)
    gone = numbered(MANY)[5:65]
    assert any_broker.drop_dead_letters([id_of(body) for body in gone]) == 60
    assert dead(any_broker) == [body for body in before if body not in gone]
    assert work(any_broker) == []


def test_all_of_them(any_broker: Broker) -> None:
    bury(any_broker, *numbered(40))
    assert any_broker.retry_dead_letters(None) == 40
    assert (len(work(any_broker)), dead(any_broker)) == (40, [])
    bury(any_broker, *numbered(1))
    assert any_broker.drop_dead_letters(None) == 1
    assert dead(any_broker) == []
    assert any_broker.retry_dead_letters(None) == any_broker.drop_dead_letters(None) == 0


def test_letters_of_one_body_are_one(any_broker: Broker) -> None:
    bury(any_broker, b"same", b"other", b"same")
    assert any_broker.retry_dead_letters([id_of(b"same")]) == 2
    assert (work(any_broker), dead(any_broker)) == ([b"same", b"same"], [b"other"])


def test_where_one_is_not_there_none_is_touched(any_broker: Broker) -> None:
    bury(any_broker, *numbered(MANY))
    before = dead(any_broker)
    for change in (any_broker.retry_dead_letters, any_broker.drop_dead_letters):
        with pytest.raises(UnknownDeadLetterError, match=f"no dead letter {id_of(b'nobody')} in"):
            change([id_of(b"3"), id_of(b"nobody")])
    assert (dead(any_broker), work(any_broker)) == (before, [])


KILLED = """
import os, signal, sys
from jira_assets.queue.broker import Broker
from jira_assets.queue.channel import Channel
Channel.ack = lambda self, message: os.kill(os.getpid(), signal.SIGKILL)
Broker(sys.argv[1]).retry_dead_letters(None)
"""


@pytest.mark.parametrize("kind", ["rabbitmq", "folder"])
def test_who_is_killed_on_the_way_back_leaves_the_letter_in_both(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    folder = f"filesystem://{tmp_path}/broker"
    url = folder if kind == "folder" else request.getfixturevalue("broker_url")
    broker = Broker(url)
    bury(broker, b"first", b"second")
    killed = subprocess.run([sys.executable, "-c", KILLED, url], check=False)
    assert killed.returncode == -9
    wait_for("what the killed one held", lambda: len(dead(broker)) == 2)
    assert len(work(broker)) == 1
    assert broker.retry_dead_letters(None) == 2
    assert dead(broker) == []
    assert set(work(broker)) == {b"first", b"second"}


def test_half_a_file_in_the_folder_can_be_seen_and_deleted(tmp_path: Path) -> None:
    broker = Broker(f"filesystem://{tmp_path}")
    bury(broker, b"whole")
    for name, content in (("0_x", b'{"body": '), ("1_x", b'{"body": "eA=="}'), ("2_x", b"[1]")):
        (tmp_path / "messages" / f"{name}.{broker.names.dead}.msg").write_bytes(content)
    assert len(broker.dead_letters()) == 4
    assert broker.dead_letters(1) == [DeadLetter(b'{"body": ', "")]
    assert broker.drop_dead_letters([id_of(b'{"body": '), id_of(b"[1]")]) == 2
    assert b"whole" in dead(broker)
    assert len(dead(broker)) == 2
