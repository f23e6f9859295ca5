"""The inbox: what the broker holds becomes rows; commit first, then ack.

Decisions this module embodies:

* A reader killed between commit and ack gets the message again and finds its row ``received``:
  repeated, doubled or late, a message changes nothing any more.
* A message counts only if its integration and its landing are there under the very ids it names.
  Anything else is dead-lettered with its reason; the messages behind it move on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, UUID, insert

from jira_assets.queue.broker import Broker, Delivery
from jira_assets.queue.message import Message, UnreadableMessageError, decode
from jira_assets.warehouse.tables import etl_job_queue, integrations, raw_extractions, tenants

MAX_DRAINED: Final = 1000


@dataclass
class DrainReport:
    """What came from the broker."""

    received: int = 0
    """Messages that are new here."""
    known: int = 0
    """Messages that had been received before."""
    refused: list[str] = field(default_factory=list)
    """The reasons of those that were dead-lettered."""

    def words(self) -> list[str]:
        """Say it for people; nothing where nothing came."""
        words = [f"received {self.received}"] if self.received else []
        words += [f"received {self.known} once more"] if self.known else []
        return words + [f"dead-lettered a message: {reason}" for reason in self.refused]


def drain(engine: sa.Engine, broker: Broker, limit: int = MAX_DRAINED) -> DrainReport:
    """Receive up to ``limit`` messages.

    Raises:
        BrokerUnavailableError: the broker is away. What was committed so far stays.
    """
    report = DrainReport()
    taken = 0
    with broker.drain() as reader:
        while batch := reader.take(limit - taken):
            taken += len(batch)
            _receive(engine, batch, report)
    return report


def _receive(engine: sa.Engine, batch: Sequence[Delivery], report: DrainReport) -> None:
    readable: list[tuple[Delivery, Message]] = []
    refused: list[tuple[Delivery, str]] = []
    for delivery in batch:
        try:
            readable.append((delivery, decode(delivery.body)))
        except UnreadableMessageError as error:
            refused.append((delivery, error.reason))
    good: list[tuple[Delivery, Message]] = []
    with engine.begin() as connection:
        known = _Known(connection, [message for _, message in readable])
        for delivery, message in readable:
            objection = known.objection(message)
            if objection is None:
                good.append((delivery, message))
            else:
                refused.append((delivery, objection))
        new = _store(connection, known, [message for _, message in good])
    report.received += new
    report.known += len(good) - new
    for delivery, _ in good:
        delivery.ack()
    for delivery, reason in refused:
        report.refused.append(reason)
        delivery.dead_letter(reason)


class _Known:
    """The integrations and landings that a batch of messages names."""

    def __init__(self, connection: sa.Connection, messages: Sequence[Message]) -> None:
        ids = {message.integration_id for message in messages}
        owners = (
            sa.select(
                integrations.c.id,
                integrations.c.tenant_id,
                (tenants.c.slug + "/" + integrations.c.slug).label("partition_key"),
            )
            .join(tenants, tenants.c.id == integrations.c.tenant_id)
            .where(integrations.c.id.in_(ids))
        )
        self._owners = {
            row.partition_key: (row.tenant_id, row.id) for row in connection.execute(owners)
        }
        marker = raw_extractions.c
        landed = sa.select(
            marker.extraction_id, marker.entity, marker.scope, marker.integration_id, marker.run_id
        )
        # Those of the messages alone: an extraction of issues has thousands, of which few are here.
        given = sa.func.unnest(
            sa.literal([message.extraction_id for message in messages], ARRAY(UUID)),
            sa.literal([message.entity for message in messages], ARRAY(sa.Text)),
            sa.literal([message.scope for message in messages], ARRAY(sa.Text)),
        ).table_valued("extraction_id", "entity", "scope", name="named")
        named = given.render_derived()
        landed = landed.join(
            named,
            sa.and_(
                marker.extraction_id == named.c.extraction_id,
                marker.entity == named.c.entity,
                marker.scope == named.c.scope,
            ),
        )
        # Held, in the order in which retention takes them: a row must not be made anew for a
        # landing that is being pruned just now.
        landed = landed.order_by(marker.extraction_id, marker.entity, marker.scope)
        landed = landed.with_for_update(read=True, key_share=True, of=raw_extractions)
        self._runs = {tuple(row[:4]): row.run_id for row in connection.execute(landed)}

    def objection(self, message: Message) -> str | None:
        """Return why the message is refused; None if it is not."""
        owner = (message.tenant_id, message.integration_id)
        if self._owners.get(message.partition_key) != owner:
            return (
                f"there is no integration {message.partition_key} with tenant_id "
                f"{message.tenant_id} and integration_id {message.integration_id}."
            )
        if _landing(message) not in self._runs:
            return (
                f"nothing has landed as {message.entity} ({message.scope}) of extraction "
                f"{message.extraction_id} of {message.partition_key}."
            )
        return None

    def run_id(self, message: Message) -> str | None:
        """Return the run that landed what the message is about."""
        run_id: str | None = self._runs[_landing(message)]
        return run_id


def _landing(message: Message) -> tuple[Any, ...]:
    return (message.extraction_id, message.entity, message.scope, message.integration_id)


def _store(connection: sa.Connection, known: _Known, messages: Iterable[Message]) -> int:
    """Mark the rows of messages as received, making those that are missing; return how many.

    Row by row in one order, and inserts first: an upsert would also lock rows that are further on,
    which a run may be claiming in another order.
    """
    ordered = sorted(messages, key=lambda message: message.message_id)
    if not ordered:
        return 0
    rows = [
        {
            **message.model_dump(exclude={"version", "landed_at"}),
            "extraction_run_id": known.run_id(message),
        }
        for message in ordered
    ]
    connection.execute(insert(etl_job_queue).on_conflict_do_nothing(), rows)
    received = (
        sa.update(etl_job_queue)
        .where(
            etl_job_queue.c.message_id == sa.bindparam("id"),
            sa.or_(etl_job_queue.c.state == "pending", etl_job_queue.c.state == "published"),
        )
        .values(state="received", received_at=sa.func.now(), updated_at=sa.func.now())
    )
    ids = [{"id": message.message_id} for message in ordered]
    return connection.execute(received, ids).rowcount
