"""One open channel to the broker: kombu's calls, each ending in an answer or in one kind of error.

Decisions this module embodies:

* Durable exchange, quorum queues, persistent messages, publisher confirms and ``mandatory``: what
  ``send`` returns from is in the queue.
* The broker never gives a message up for having been delivered too often (RabbitMQ 4 does so after
  20 times by itself): a reader that crashes says nothing about the message.
* Messages are asked for one by one, not consumed: an empty queue is an answer, not a timeout.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import amqp.exceptions
import kombu
from kombu.exceptions import KombuError

from jira_assets.queue.address import Address
from jira_assets.queue.message import CONTENT_TYPE

ANSWER_SECONDS: Final = 5
"""How long a connected broker may take for one answer, a confirm included."""
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
