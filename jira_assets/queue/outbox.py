"""The outbox: messages are rows first, and are published from their rows.

Decisions this module embodies:

* No row is locked while the network is asked. Two that publish the same row at once publish it
  twice, which does no harm; a lock held over a hanging broker would.
* A row is marked ``published`` after the broker's confirm, and only if nobody has received it in
  the meantime. A process killed in between leaves it ``pending``: it is published again.
* The broker may lose what it confirmed: what nobody received in time is published again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from jira_assets.queue.broker import Broker
from jira_assets.queue.message import VERSION, Message
from jira_assets.warehouse.tables import etl_job_queue

PENDING_SECONDS: Final = 5.0
"""How long the extraction that landed it has for publishing a message itself."""
REPUBLISH_SECONDS: Final = 60.0
"""After how long a published message that nobody received is published again."""
MAX_PUBLISHED: Final = 1000

_queue: Final = etl_job_queue.c


@dataclass(frozen=True)
class PublishReport:
    """How many messages were published, and how many of them for another time."""

    published: int = 0
    again: int = 0

    def words(self) -> list[str]:
        """Say it for people; nothing where nothing was published."""
        again = f" ({self.again} of them again: nobody had received them)" if self.again else ""
        return [f"published {self.published}{again}"] if self.published else []


def publish(engine: sa.Engine, broker: Broker, *, extraction_id: UUID) -> PublishReport:
    """Publish all that is pending of an extraction, a bounded number of messages at a time.

    Raises:
        BrokerUnavailableError: some are not published. Their rows are: the sensor does it later.
    """
    of_it = (_queue.state == "pending", _queue.extraction_id == extraction_id)
    published = 0
    while batch := _publish(engine, broker, *of_it).published:
        published += batch
        if batch < MAX_PUBLISHED:
            break
    return PublishReport(published)


def publish_due(
    engine: sa.Engine,
    broker: Broker,
    *,
    pending_after: float = PENDING_SECONDS,
    republish_after: float = REPUBLISH_SECONDS,
    partition_key: str | None = None,
) -> PublishReport:
    """Publish what nobody published, and again what nobody received. Times are in seconds.

    ``partition_key`` restricts it to one partition. Bounded: the rest is due at the next call.

    Raises:
        BrokerUnavailableError: some are not published. They stay due.
    """
    due = sa.or_(
        sa.and_(_queue.state == "pending", _older(_queue.created_at, pending_after)),
        sa.and_(_queue.state == "published", _older(_queue.published_at, republish_after)),
    )
    of_it = [] if partition_key is None else [_queue.partition_key == partition_key]
    return _publish(engine, broker, due, *of_it)


def _older(column: sa.Column[Any], seconds: float) -> sa.ColumnElement[bool]:
    age = sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)
    return column <= sa.func.clock_timestamp() - age


def _publish(
    engine: sa.Engine, broker: Broker, *conditions: sa.ColumnElement[bool]
) -> PublishReport:
    query = sa.select(etl_job_queue).where(*conditions)
    with engine.connect() as connection:
        found = query.order_by(_queue.created_at, _queue.message_id).limit(MAX_PUBLISHED)
        rows = connection.execute(found).all()
    if not rows:
        return PublishReport()
    broker.publish([_message(row) for row in rows])
    _mark(engine, sorted(row.message_id for row in rows))
    return PublishReport(len(rows), sum(row.state == "published" for row in rows))


def _message(row: sa.Row[Any]) -> Message:
    return Message(
        version=VERSION,
        message_id=row.message_id,
        partition_key=row.partition_key,
        tenant_id=row.tenant_id,
        integration_id=row.integration_id,
        extraction_id=row.extraction_id,
        entity=row.entity,
        scope=row.scope,
        landed_at=row.created_at,
    )


def _mark(engine: sa.Engine, message_ids: Sequence[UUID]) -> None:
    """Mark rows, one by one in one order: two that mark the same must not wait for each other."""
    # Not IN (…): its parameters cannot be repeated for many rows.
    unreceived = sa.or_(_queue.state == "pending", _queue.state == "published")
    mark = (
        sa.update(etl_job_queue)
        .where(_queue.message_id == sa.bindparam("id"), unreceived)
        .values(
            state="published",
            published_at=sa.func.clock_timestamp(),
            publications=_queue.publications + 1,
            updated_at=sa.func.clock_timestamp(),
        )
    )
    with engine.begin() as connection:
        connection.execute(mark, [{"id": message_id} for message_id in message_ids])
