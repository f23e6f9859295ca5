"""The broker: RabbitMQ in earnest, a folder embedded; one code for both, through kombu.

Decisions this module embodies:

* A connection for each use. A sensor's tick and an extraction's marker are seconds to hours apart:
  nothing to keep alive, nothing stale to find out about.
* What cannot be read is published to the dead-letter queue with its reason, confirmed, and only
  then taken off the queue.
* Every call ends within seconds, however the broker fails, in one kind of error without password.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import kombu

from jira_assets.queue import dead_letters
from jira_assets.queue.address import Address, InvalidBrokerUrlError, Names
from jira_assets.queue.channel import (
    ANSWER_SECONDS,
    BrokerUnavailableError,
    Channel,
    QueueMismatchError,
    body_of,
    translated,
)
from jira_assets.queue.dead_letters import DeadLetter
from jira_assets.queue.folder import folder_connection, folder_lock
from jira_assets.queue.message import Message, encode

__all__ = [
    "Broker",
    "BrokerUnavailableError",
    "DeadLetter",
    "Delivery",
    "InvalidBrokerUrlError",
    "QueueMismatchError",
    "Reader",
]

CONNECT_SECONDS: Final = 5
LOCK_SECONDS: Final = 10.0
BATCH: Final = 25
"""How many messages are taken at once. A quorum queue keeps acks beyond 32 at a time waiting, and
forgets those that wait when the connection closes: their messages come again."""
# RabbitMQ closes the connection of a reader that it hears nothing of for twice as long, and gives
# what that reader held to the next one.
_HEARTBEAT_SECONDS: Final = 60


class Delivery:
    """A message taken from a queue. Until it is acked, the broker gives it to somebody else."""

    def __init__(self, channel: Channel, queue: str, message: Any) -> None:
        self._channel = channel
        self._queue = queue
        self._message = message

    @property
    def body(self) -> bytes:
        """The body as it came."""
        return body_of(self._message)

    def ack(self) -> None:
        """Take it off the queue for good: call it after what it led to is committed."""
        self._channel.ack(self._message)

    def dead_letter(self, reason: str) -> None:
        """Move it to the dead-letter queue, with the reason."""
        headers = dead_letters.headers(reason, self._queue)
        self._channel.send(self._channel.names.dead, self.body, headers)
        self.ack()


class Reader:
    """Takes messages from one queue."""

    def __init__(self, channel: Channel, queue: str) -> None:
        self._channel = channel
        self._queue = queue

    def take(self, limit: int) -> list[Delivery]:
        """Take up to ``limit`` messages, at most a batch; none where the queue is empty.

        Ack (or dead-letter) what was taken before taking more.
        """
        taken: list[Delivery] = []
        while len(taken) < min(limit, BATCH):
            message = self._channel.get(self._queue)
            if message is None:
                break
            taken.append(Delivery(self._channel, self._queue, message))
        return taken


class Broker:
    """Publishes and reads messages on one broker.

    ``url``: ``amqp://user:password@host:5672/vhost``, ``amqps://…`` or ``filesystem:///folder``,
    each with ``?prefix=NAME.`` where several share one broker. Raises ``InvalidBrokerUrlError``.
    """

    def __init__(self, url: str) -> None:
        self._address = Address.parse(url)

    def __repr__(self) -> str:
        return f"<Broker {self.where}>"

    @property
    def where(self) -> str:
        """Which broker this is, for people; no password."""
        return self._address.where

    @property
    def names(self) -> Names:
        """The names of the exchange and the queues."""
        return self._address.names

    def publish(self, messages: Iterable[Message]) -> int:
        """Publish ``messages``; return how many, once the broker has confirmed each.

        Raises:
            BrokerUnavailableError: one was not confirmed; those before it are in the queue.
        """
        count = 0
        with self._channel() as channel:
            for message in messages:
                channel.send(self.names.transform, encode(message), {})
                count += 1
        return count

    @contextmanager
    def drain(self) -> Iterator[Reader]:
        """Read the queue. What was taken and not acked goes back when the block ends."""
        with self._channel() as channel:
            yield Reader(channel, self.names.transform)

    def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        """Return the first dead letters. They stay in their queue, in their order."""
        with self._channel() as channel:
            return dead_letters.look(channel, limit)

    def retry_dead_letters(self, letter_ids: Collection[str] | None) -> int:
        """Move these dead letters, or all (None), back to the work queue; return how many.

        Raises:
            UnknownDeadLetterError: one is not there; none was moved.
        """
        with self._channel() as channel:
            return dead_letters.send_back(channel, letter_ids)

    def drop_dead_letters(self, letter_ids: Collection[str] | None) -> int:
        """Remove these dead letters, or all (None), for good; return how many.

        Raises:
            UnknownDeadLetterError: one is not there; none was removed.
        """
        with self._channel() as channel:
            return dead_letters.throw_away(channel, letter_ids)

    def depths(self) -> dict[str, int]:
        """Return how many messages wait in each queue, by its name."""
        with self._channel() as channel:
            return {name: channel.depth(name) for name in (self.names.transform, self.names.dead)}

    def purge(self) -> int:
        """Empty both queues; return how many messages are gone."""
        with self._channel() as channel:
            return sum(channel.purge(name) for name in (self.names.transform, self.names.dead))

    @contextmanager
    def _channel(self) -> Iterator[Channel]:
        with ExitStack() as stack:
            with translated(self.where):
                channel = self._open(stack)
            yield channel

    def _open(self, stack: ExitStack) -> Channel:
        folder = self._address.folder
        if folder is None:
            connection = _server_connection(self._address.url)
        else:
            stack.enter_context(folder_lock(folder, LOCK_SECONDS))
            connection = folder_connection(folder)
        stack.enter_context(_closed(connection))
        connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
        channel = Channel(connection.channel(), self._address)
        channel.declare()
        return channel


def _server_connection(url: str) -> kombu.Connection:
    options = {
        "confirm_publish": True,
        "read_timeout": ANSWER_SECONDS,
        "write_timeout": ANSWER_SECONDS,
        "client_properties": {"connection_name": "jira_assets"},
    }
    return kombu.Connection(
        url,
        connect_timeout=CONNECT_SECONDS,
        heartbeat=_HEARTBEAT_SECONDS,
        transport_options=options,
    )


@contextmanager
def _closed(connection: kombu.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.collect()  # without the closing handshake: nobody may be there to answer it
        raise
    connection.release()
