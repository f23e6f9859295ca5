"""The dead-letter queue: what could not be read, looked at, sent back or thrown away.

Decisions this module embodies:

* A dead letter is named by its content, for nothing else is there of whatever somebody put into a
  queue: letters of the same body share an id, and what is done to one is done to all of them.
* Looking takes nothing away. It keeps the order, for which RabbitMQ must be shown the whole queue:
  what is given back to it may go behind what was not taken.
* A letter that goes back to the work queue is there, confirmed, before it leaves this one: killed
  in between, it is in both, which does no harm.
* Named letters are looked for first: where one is not there, none is touched. Then each is dealt
  with as it is met, since acks must not pile up: see ``channel``.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice
from typing import Any, Final
from uuid import UUID

import orjson

from jira_assets.queue.channel import Channel, body_of

ID_PREFIX: Final = "dead-"
MAX_HELD: Final = 10_000
"""Of a longer queue only those are looked at that are shown; they may come last afterwards."""
_ID_DIGITS: Final = 16
_REASON: Final = "reason"
_QUEUE: Final = "queue"
_DIED_AT: Final = "died_at"


class UnknownDeadLetterError(LookupError):
    """An id that no dead letter has."""


@dataclass(frozen=True)
class DeadLetter:
    """A message that could not be read, as it came, and why."""

    body: bytes
    reason: str
    died_at: datetime | None = None
    """When it was set aside; None where whoever did it does not say."""
    queue: str | None = None
    """The queue that it was in before; None where whoever set it aside does not say."""

    @property
    def letter_id(self) -> str:
        """Its id, made of its body."""
        return id_of(self.body)

    @property
    def message_id(self) -> UUID | None:
        """The id that its body names, in whatever version; None where none can be read."""
        with suppress(ValueError, TypeError, AttributeError, KeyError):
            return UUID(orjson.loads(self.body)["message_id"])
        return None


def id_of(body: bytes) -> str:
    """Return the id of a dead letter with this body."""
    return f"{ID_PREFIX}{sha256(body).hexdigest()[:_ID_DIGITS]}"


def headers(reason: str, queue: str) -> dict[str, str]:
    """Return what a message is set aside with: why, from where, and when."""
    return {_REASON: reason, _QUEUE: queue, _DIED_AT: datetime.now(UTC).isoformat()}


def look(channel: Channel, limit: int) -> list[DeadLetter]:
    """Return the first ``limit`` dead letters. They stay, in their order."""
    looked_at = limit if channel.depth(channel.names.dead) > MAX_HELD else MAX_HELD
    letters: list[DeadLetter] = []
    with channel.held(channel.names.dead) as messages:
        for message in islice(messages, looked_at):
            if len(letters) < limit:
                letters.append(_letter(message))
    return letters


def send_back(channel: Channel, letter_ids: Collection[str] | None) -> int:
    """Move these dead letters, or all, back to the work queue; return how many.

    Raises:
        UnknownDeadLetterError: one is not there; none was moved.
        BrokerUnavailableError: those before have been moved, the others have not.
    """

    def move(message: Any) -> None:
        channel.send(channel.names.transform, body_of(message), {})
        channel.ack(message)

    return _each(channel, letter_ids, move)


def throw_away(channel: Channel, letter_ids: Collection[str] | None) -> int:
    """Remove these dead letters, or all, for good; return how many. Raises as ``send_back``."""

    def remove(message: Any) -> None:
        channel.ack(message)

    return _each(channel, letter_ids, remove)


def _each(channel: Channel, letter_ids: Collection[str] | None, do: Callable[[Any], None]) -> int:
    if letter_ids is not None:
        _check(channel, letter_ids)
    done = 0
    with channel.held(channel.names.dead) as messages:
        for message in messages:
            if letter_ids is None or id_of(body_of(message)) in letter_ids:
                do(message)
                done += 1
    return done


def _check(channel: Channel, letter_ids: Collection[str]) -> None:
    with channel.held(channel.names.dead) as messages:
        missing = set(letter_ids) - {id_of(body_of(message)) for message in messages}
    if missing:
        raise UnknownDeadLetterError(
            f"There is no dead letter {', '.join(sorted(missing))} in {channel.names.dead}; "
            "nothing was changed. `jira-assets queue list` shows their ids; what somebody else is "
            "looking at just now is back in a moment."
        )


def _letter(message: Any) -> DeadLetter:
    said: Mapping[str, Any] = message.headers or {}
    body = body_of(message)
    if _REASON in said:
        queue = str(said[_QUEUE]) if _QUEUE in said else None
        return DeadLetter(body, str(said[_REASON]), _moment(said.get(_DIED_AT)), queue)
    # What the broker itself set aside has a list of headers, the latest first.
    with suppress(TypeError, KeyError, IndexError):
        last = said["x-death"][0]
        reason = f"the broker set it aside: {last['reason']}"
        return DeadLetter(body, reason, _moment(last.get("time")), str(last["queue"]))
    return DeadLetter(body, "")


def _moment(value: Any) -> datetime | None:
    """Read a time of a header: text of ours, or what the broker's library made of the broker's."""
    with suppress(ValueError):
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        if isinstance(moment, datetime):
            # AMQP's times are in UTC and do not say so.
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return None
