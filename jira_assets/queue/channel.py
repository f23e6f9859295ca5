"""One open channel to the broker: kombu's calls, each ending in an answer or in one kind of error.

Decisions this module embodies:

* Durable exchange, quorum queues, persistent messages, publisher confirms and ``mandatory``: what
  ``send`` returns from is in the queue.
* The broker never gives a message up for having been delivered too often (RabbitMQ 4 does so after
  20 times by itself): a reader that crashes says nothing about the message.
* Messages are asked for one by one, not consumed: an empty queue is an answer, not a timeout.
* Who only looks gives back one by one what was taken, and waits until it is back: a quorum queue
  keeps more than 32 at a time waiting, and puts back in any order what a channel held at its end.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import amqp.exceptions
import kombu
from kombu.exceptions import KombuError

from jira_assets.queue.address import Address
from jira_assets.queue.folder import waiting_in
from jira_assets.queue.message import CONTENT_TYPE

ANSWER_SECONDS: Final = 5
"""How long a connected broker may take for one answer, a confirm included."""
_GIVEN_BACK_AT_ONCE: Final = 25
_POLL_SECONDS: Final = 0.005
_DELIVERY_LIMIT: Final = 1_000_000
# ValueError and KeyError: the folder held a file that is no message of kombu's; it is gone then.
_TROUBLE: Final = (
    OSError,
    amqp.exceptions.AMQPError,
    amqp.exceptions.MessageNacked,
    KombuError,
    ValueError,
    KeyError,
    TypeError,  # what kombu makes of a file in its folder that is JSON, but no message
)


class BrokerUnavailableError(ConnectionError):
    """The broker is away, refuses us, or did not take a message."""


class QueueMismatchError(BrokerUnavailableError):
    """An exchange or queue of our name is there, with other settings than ours."""


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn whatever the broker's libraries raise into one error that says who must do what."""
    try:
        yield
    except BrokerUnavailableError:
        raise
    except amqp.exceptions.PreconditionFailed as error:
        raise QueueMismatchError(
            f"{where} has a queue or exchange of our name with other settings: "
            f"{_said(error)}. Delete it there (what it held is published again), or put "
            "another ?prefix=NAME. into JIRA_ASSETS_BROKER_URL."
        ) from error
    except _TROUBLE as error:
        raise BrokerUnavailableError(
            f"{where} is not available: {_said(error)}. Check that it runs and that "
            "JIRA_ASSETS_BROKER_URL is right, then try again."
        ) from error


def body_of(message: Any) -> bytes:
    """Return the body of a message (kombu's) as it came."""
    body = message.body
    return body.encode(errors="replace") if isinstance(body, str) else bytes(body)


def _said(error: Exception) -> str:
    text = str(getattr(error, "reply_text", None) or error).strip().rstrip(".")
    if not text and isinstance(error, TimeoutError):
        return "it does not answer"
    return text or type(error).__name__


class Channel:
    """The exchange and its two queues, over one kombu channel."""

    def __init__(self, channel: Any, address: Address) -> None:
        self._channel = channel
        self._where = address.where
        self._folder = address.folder
        self.names = address.names
        self._exchange = kombu.Exchange(self.names.exchange, type="direct", durable=True)
        self._producer = kombu.Producer(channel, self._exchange, auto_declare=False)

    def declare(self) -> None:
        """Declare the exchange, the queues and their bindings; what is there already stays."""
        with translated(self._where):
            for queue in (self._queue(self.names.dead), self._transform_queue()):
                queue.declare()

    def send(self, queue: str, body: bytes, headers: Mapping[str, Any]) -> None:
        """Put a persistent message into ``queue``, and wait until the broker has confirmed it."""
        with translated(self._where):
            self._producer.publish(
                body,
                routing_key=queue,
                content_type=CONTENT_TYPE,
                content_encoding="utf-8",
                delivery_mode="persistent",
                headers=dict(headers),
                mandatory=True,
                confirm_timeout=ANSWER_SECONDS,
            )

    def get(self, queue: str) -> Any | None:
        """Take the next message of ``queue`` (kombu's), or None where it is empty.

        Whatever somebody put there is handed over: kombu's own ``Queue.get`` raises for a message
        that says it is compressed and is not, and nobody would ever get past it.
        """
        with translated(self._where):
            message = self._channel.basic_get(queue=queue, no_ack=False)
            return None if message is None else self._channel.message_to_python(message)

    @contextmanager
    def held(self, queue: str) -> Iterator[Iterator[Any]]:
        """Hold what is in ``queue`` now while the block runs, and yield it, as far as it is read.

        What is acked is gone for good. The rest is where it was afterwards, in its order.
        """
        if self._folder is not None:
            with translated(self._where):
                found = waiting_in(self._folder, queue, self._channel.message_to_python)
            yield iter(found)
            return
        taken: list[Any] = []
        try:
            yield self._taken(queue, taken)
        except BrokerUnavailableError:
            raise  # without a connection there is nothing to give back: the broker does it
        except BaseException:
            self._give_back(queue, taken)
            raise
        self._give_back(queue, taken)

    def _taken(self, queue: str, taken: list[Any]) -> Iterator[Any]:
        # Bounded by what is there at first: what is sent on may be back soon.
        for _ in range(self.depth(queue)):
            message = self.get(queue)
            if message is None:
                return
            taken.append(message)
            yield message
            if message.acknowledged:
                taken.pop()

    def _give_back(self, queue: str, messages: Sequence[Any]) -> None:
        with translated(self._where):
            left = [message for message in messages if not message.acknowledged]
            waits = True
            for first in range(0, len(left), _GIVEN_BACK_AT_ONCE):
                batch = left[first : first + _GIVEN_BACK_AT_ONCE]
                there = self.depth(queue)
                for message in batch:
                    message.requeue()
                waits = waits and self._holds(queue, there + len(batch))

    def _holds(self, queue: str, count: int) -> bool:
        """Wait until ``queue`` holds as many; False where others take from it meanwhile."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while self.depth(queue) < count:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def ack(self, message: Any) -> None:
        """Take ``message`` off its queue for good."""
        with translated(self._where):
            message.ack()

    def depth(self, queue: str) -> int:
        """Return how many messages wait in ``queue``."""
        with translated(self._where):
            return int(self._channel.queue_declare(queue=queue, passive=True).message_count)

    def purge(self, queue: str) -> int:
        """Empty ``queue``; return how many messages are gone."""
        with translated(self._where):
            return int(self._channel.queue_purge(queue))

    def _transform_queue(self) -> kombu.Queue:
        return self._queue(
            self.names.transform,
            {
                "x-dead-letter-exchange": self.names.exchange,
                "x-dead-letter-routing-key": self.names.dead,
            },
        )

    def _queue(self, name: str, arguments: Mapping[str, Any] | None = None) -> Any:
        return kombu.Queue(
            name,
            self._exchange,
            routing_key=name,
            durable=True,
            queue_arguments={
                "x-queue-type": "quorum",
                "x-delivery-limit": _DELIVERY_LIMIT,
                **(arguments or {}),
            },
        )(self._channel)
