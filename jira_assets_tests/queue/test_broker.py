"""The broker, on the real RabbitMQ and on the embedded folder."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import kombu
import pytest

from jira_assets.queue import broker as broker_module
from jira_assets.queue.broker import Broker, BrokerUnavailableError, QueueMismatchError
from jira_assets.queue.folder import folder_lock
from jira_assets.queue.message import VERSION, Message, decode
from jira_assets.warehouse.contracts import message_id
from jira_assets_tests.queue.conftest import Put


def message(number: int = 1) -> Message:
    extraction = uuid4()
    return Message(
        version=VERSION,
        message_id=message_id(extraction, "statuses", "site"),
        partition_key="acme/cloud",
        tenant_id=1,
        integration_id=number,
        extraction_id=extraction,
        entity="statuses",
        scope="site",
    )


def waiting(broker: Broker) -> int:
    return broker.depths()[broker.names.transform]


def dead(broker: Broker) -> int:
    return broker.depths()[broker.names.dead]


def read_all(broker: Broker) -> list[Message]:
    """Take everything off the queue."""
    messages = []
    with broker.drain() as reader:
        while batch := reader.take(1000):
            messages += [decode(delivery.body) for delivery in batch]
            for delivery in batch:
                delivery.ack()
    return messages


# --------------------------------------------------------------------------------- both brokers


def test_what_is_published_is_read_once(any_broker: Broker) -> None:
    sent = [message(number) for number in range(1, 4)]
    assert any_broker.publish(sent) == 3
    assert waiting(any_broker) == 3
    assert {m.message_id for m in read_all(any_broker)} == {m.message_id for m in sent}
    assert waiting(any_broker) == 0


def test_what_is_not_acked_comes_again(any_broker: Broker) -> None:
    any_broker.publish([message(1), message(2)])
    with any_broker.drain() as reader:
        first, _ = reader.take(2)
        first.ack()
    assert waiting(any_broker) == 1
    assert len(read_all(any_broker)) == 1


def test_a_reader_that_raises_leaves_its_messages(any_broker: Broker) -> None:
    def read_and_raise() -> None:
        with any_broker.drain() as reader:
            reader.take(1)
            raise LookupError

    any_broker.publish([message()])
    with pytest.raises(LookupError):
        read_and_raise()
    assert len(read_all(any_broker)) == 1


def test_every_ack_counts_however_many_there_are(any_broker: Broker) -> None:
    any_broker.publish([message(number) for number in range(1, 101)])
    assert len(read_all(any_broker)) == 100
    assert waiting(any_broker) == 0


def test_a_whole_batch_acked_at_once_stays_acked(any_broker: Broker) -> None:
    any_broker.publish([message(number) for number in range(1, broker_module.BATCH + 1)])
    with any_broker.drain() as reader:
        for delivery in reader.take(1000):
            delivery.ack()
    assert waiting(any_broker) == 0


def test_a_dead_letter_keeps_its_body_and_its_reason(any_broker: Broker) -> None:
    any_broker.publish([message(1), message(2)])
    with any_broker.drain() as reader:
        first, second = reader.take(2)
        body = first.body
        first.dead_letter("it is no message: ☃")
        second.ack()
    assert waiting(any_broker) == 0
    for _ in range(3):  # looking at them takes nothing away
        (letter,) = any_broker.dead_letters()
        assert letter.body == body
        assert letter.reason == "it is no message: ☃"
    assert dead(any_broker) == 1


def test_dead_letters_can_be_many(any_broker: Broker) -> None:
    any_broker.publish([message(number) for number in range(1, 61)])
    with any_broker.drain() as reader:
        while batch := reader.take(1000):
            for delivery in batch:
                delivery.dead_letter("why")
    assert len(any_broker.dead_letters(limit=55)) == 55
    assert dead(any_broker) == 60


def test_purging_empties_both_queues(any_broker: Broker) -> None:
    any_broker.publish([message(1), message(2)])
    with any_broker.drain() as reader:
        reader.take(1)[0].dead_letter("why")
    assert any_broker.purge() == 2
    assert set(any_broker.depths().values()) == {0}


def test_any_bytes_go_through(any_broker: Broker) -> None:
    bodies = [b"", b"\xff\x00\xfe", "ü".encode(), b"[" * 100_000]
    Put(any_broker)(bodies)
    with any_broker.drain() as reader:
        taken = [delivery.body for delivery in reader.take(10)]
    assert sorted(taken) == sorted(bodies)


def test_prefixes_keep_deployments_apart(
    any_broker: Broker, broker_url: str, tmp_path: Path
) -> None:
    del any_broker
    for url in (f"filesystem://{tmp_path}/shared?prefix=a.", broker_url):
        one, other = Broker(url), Broker(f"{url}b.")
        one.publish([message()])
        assert (waiting(one), waiting(other)) == (1, 0)


# ------------------------------------------------------------------------------------- RabbitMQ


@pytest.fixture
def server(broker: Broker) -> Iterator[kombu.Connection]:
    """A connection of somebody else's to the same RabbitMQ."""
    with kombu.Connection(broker._address.url) as connection:
        yield connection


def test_an_unroutable_message_is_an_error(broker: Broker, server: kombu.Connection) -> None:
    with broker._channel() as channel:
        server.channel().queue_unbind(
            queue=broker.names.transform,
            exchange=broker.names.exchange,
            routing_key=broker.names.transform,
        )
        with pytest.raises(BrokerUnavailableError, match="NO_ROUTE"):
            channel.send(broker.names.transform, b"{}", {})
    # The next use declares the binding again.
    assert broker.publish([message()]) == 1


def test_messages_outlive_the_connection_and_are_persistent(broker: Broker) -> None:
    broker.publish([message()])
    with broker.drain() as reader:
        (delivery,) = reader.take(1)
        assert delivery._message.properties["delivery_mode"] == 2
        assert delivery._message.content_type == "application/json"


def test_what_an_operator_rejects_is_dead_lettered(
    broker: Broker, server: kombu.Connection
) -> None:
    broker.publish([message()])
    channel = server.channel()
    channel.basic_get(broker.names.transform, no_ack=False)
    channel.basic_reject(1, requeue=False)
    channel.close()
    deadline = time.monotonic() + 10
    while dead(broker) == 0 and time.monotonic() < deadline:
        pass
    assert (waiting(broker), dead(broker)) == (0, 1)


@pytest.mark.parametrize(
    "properties",
    [
        {"headers": {"compression": "zlib"}},
        {"content_encoding": "utf-16"},
        {"content_encoding": "utf-7"},
        {"content_type": "application/x-python-serialize"},
    ],
)
def test_whatever_somebody_put_there_can_be_taken_and_set_aside(
    broker: Broker, server: kombu.Connection, properties: dict[str, Any]
) -> None:
    broker.depths()
    exchange = kombu.Exchange(broker.names.exchange)
    producer = kombu.Producer(server.channel(), exchange, auto_declare=False)
    plain = {"content_type": "text/plain", "content_encoding": "binary"}
    body = b"+2AA-x"
    producer.publish(body, routing_key=broker.names.transform, **{**plain, **properties})
    while waiting(broker) == 0:
        pass
    with broker.drain() as reader:
        (delivery,) = reader.take(1)
        assert len(delivery.body) > 0
        delivery.dead_letter("it is not JSON.")
    assert (waiting(broker), dead(broker)) == (0, 1)


def test_a_message_is_never_given_up_for_being_read_too_often(broker: Broker) -> None:
    broker.publish([message()])
    for _ in range(30):
        with broker.drain() as reader:
            assert len(reader.take(1)) == 1
    assert (waiting(broker), dead(broker)) == (1, 0)


def test_a_queue_of_another_kind_says_what_to_do(broker: Broker, server: kombu.Connection) -> None:
    server.channel().queue_declare(broker.names.transform, durable=False, auto_delete=False)
    with pytest.raises(QueueMismatchError) as raised:
        broker.publish([message()])
    assert "PRECONDITION_FAILED" in str(raised.value)
    assert f"'{broker.names.transform}'" in str(raised.value)
    assert "Delete it there" in str(raised.value)
    assert "guest:guest" not in str(raised.value)


# ----------------------------------------------------------------------------- a broker in trouble


def test_a_broker_that_is_away_says_where(rabbitmq_url: str) -> None:
    del rabbitmq_url
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        with pytest.raises(BrokerUnavailableError) as raised:
            Broker(f"amqp://user:s3cret@127.0.0.1:{port}/prod").publish([message()])
    said = str(raised.value)
    assert said.startswith(f"RabbitMQ at 127.0.0.1:{port}/prod as user is not available: ")
    assert "Connection refused" in said
    assert "JIRA_ASSETS_BROKER_URL" in said
    assert "s3cret" not in said


def test_a_broker_that_refuses_us_says_so(rabbitmq_url: str) -> None:
    server = rabbitmq_url.rpartition("@")[2]
    with pytest.raises(BrokerUnavailableError, match="ACCESS_REFUSED") as raised:
        Broker(f"amqp://nobody:s3cret@{server}").depths()
    assert "as nobody" in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_a_missing_vhost_says_so(rabbitmq_url: str) -> None:
    url = rabbitmq_url.rstrip("/") + "/no-such-vhost"
    with pytest.raises(BrokerUnavailableError, match="no-such-vhost"):
        Broker(url).depths()


@pytest.fixture
def silent_server() -> Iterator[int]:
    """The port of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_broker_that_hangs_is_given_up_within_seconds(
    silent_server: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_module, "ANSWER_SECONDS", 1)
    monkeypatch.setattr(broker_module, "CONNECT_SECONDS", 1)
    began = time.monotonic()
    with pytest.raises(BrokerUnavailableError, match="timed out"):
        Broker(f"amqp://user:s3cret@127.0.0.1:{silent_server}/").depths()
    assert time.monotonic() - began < 8


class Wire(threading.Thread):
    """A TCP proxy before RabbitMQ that can fall silent or hang up."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self._target = port
        self._silent = threading.Event()
        self._sockets: list[socket.socket] = []

    def fall_silent(self) -> None:
        """Let every byte vanish from now on; the connection stays."""
        self._silent.set()

    def hang_up(self) -> None:
        """End the connections on both sides."""
        for each in self._sockets:
            _end(each)

    def run(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            self._sockets += [client, server]
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with source, target, suppress(OSError):
            while data := source.recv(65536):
                if not self._silent.is_set():
                    target.sendall(data)
            _end(target)  # closing alone would wait for the thread that reads it


def _end(each: socket.socket) -> None:
    with suppress(OSError):  # the other side was quicker
        each.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def wire(broker: Broker) -> Iterator[Wire]:
    made = Wire(kombu.Connection(broker._address.url).port)
    with made.listener:
        made.start()
        yield made


def behind(wire: Wire, broker: Broker) -> Broker:
    """The same broker and queues, through the wire."""
    url = kombu.Connection(broker._address.url)
    prefix = broker.names.exchange.removesuffix("jira")
    address = f"amqp://{url.userid}:{url.password}@127.0.0.1:{wire.port}/{url.virtual_host}"
    return Broker(f"{address}?prefix={prefix}")


def test_a_broker_that_falls_silent_is_given_up_within_seconds(
    broker: Broker, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_module, "ANSWER_SECONDS", 1)
    with behind(wire, broker).drain() as reader:
        wire.fall_silent()
        began = time.monotonic()
        with pytest.raises(BrokerUnavailableError, match="it does not answer"):
            reader.take(1)
    assert time.monotonic() - began < 5


def test_a_connection_that_is_lost_gives_back_what_was_taken(broker: Broker, wire: Wire) -> None:
    broker.publish([message()])

    def take_and_lose_the_connection() -> None:
        with behind(wire, broker).drain() as reader:
            (delivery,) = reader.take(1)
            wire.hang_up()
            delivery.dead_letter("why")

    with pytest.raises(BrokerUnavailableError):
        take_and_lose_the_connection()
    while waiting(broker) == 0:
        pass
    assert (waiting(broker), dead(broker)) == (1, 0)


# ----------------------------------------------------------------------------------- the folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "broker"


def test_folders_of_one_process_do_not_mix(folder: Path, tmp_path: Path) -> None:
    one, other = Broker(f"filesystem://{folder}"), Broker(f"filesystem://{tmp_path}/other")
    one.publish([message()])
    other.publish([message()])
    assert (waiting(one), waiting(other)) == (1, 1)


def test_a_folder_that_is_taken_is_waited_for_and_then_given_up(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_module, "LOCK_SECONDS", 0.1)
    broker = Broker(f"filesystem://{folder}")
    with (
        folder_lock(folder, 0),
        pytest.raises(BrokerUnavailableError, match="another process keeps it"),
    ):
        broker.publish([message()])
    assert broker.publish([message()]) == 1


def test_a_folder_that_cannot_be_made_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BrokerUnavailableError, match=f"folder {tmp_path}/file/broker is not"):
        Broker(f"filesystem://{tmp_path}/file/broker").publish([message()])


def test_half_a_file_in_the_folder_does_not_stop_what_comes_after(folder: Path) -> None:
    broker = Broker(f"filesystem://{folder}")
    broker.publish([message()])
    (folder / "messages" / f"0_x.{broker.names.transform}.msg").write_bytes(b'{"body": ')
    with pytest.raises(BrokerUnavailableError):
        read_all(broker)
    assert len(read_all(broker)) == 1
