"""Messages that were given up: the failed rows of ``etl_job_queue``, as a person deals with them.

Decisions this module embodies:

* A retry is a fresh budget of attempts on the same row. The number goes on, for Dagster skips run
  keys that it has seen; the row is ``received``, so the transform sensor's next tick plans it.
* What a person drops stays as a row, ``dropped``: it says that the tables lack something, and that
  this was somebody's word.
* Only failed rows are changed, and of named ones all or none.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from jira_assets.queue.planning import MAX_ATTEMPTS
from jira_assets.warehouse.tables import etl_job_queue

DROPPED: Final = "dropped by a person"

_queue: Final = etl_job_queue.c


class NotFailedError(LookupError):
    """A message that was named is not there, or is not failed."""


@dataclass(frozen=True)
class FailedMessage:
    """A message whose attempts are used up."""

    message_id: UUID
    partition_key: str
    entity: str
    scope: str
    attempts: int
    error: str | None
    failed_at: datetime | None


def failed_messages(connection: sa.Connection, limit: int) -> list[FailedMessage]:
    """Return the failed messages, at most ``limit``, the latest first."""
    query = (
        sa.select(
            _queue.message_id,
            _queue.partition_key,
            _queue.entity,
            _queue.scope,
            _queue.attempt.label("attempts"),
            _queue.error,
            _queue.finished_at.label("failed_at"),
        )
        .where(_queue.state == "failed")
        .order_by(_queue.finished_at.desc().nulls_last(), _queue.message_id)
        .limit(limit)
    )
    return [FailedMessage(**row._asdict()) for row in connection.execute(query)]


def count_failed(connection: sa.Connection) -> int:
    """Return how many messages are failed."""
    query = sa.select(sa.func.count()).where(_queue.state == "failed")
    return int(connection.execute(query).scalar_one())


def check_failed(connection: sa.Connection, message_ids: Collection[UUID]) -> None:
    """Raise ``NotFailedError`` unless each of these messages is there and failed."""
    query = sa.select(_queue.message_id, _queue.state).where(_queue.message_id.in_(message_ids))
    states: dict[UUID, str] = {row.message_id: row.state for row in connection.execute(query)}
    wrong = [
        f"message {each} is {states[each]}, not failed"
        if each in states
        else f"there is no message {each}"
        for each in sorted(message_ids)
        if states.get(each) != "failed"
    ]
    if wrong:
        raise NotFailedError(
            f"Nothing was changed: {'; '.join(wrong)}. `jira-assets queue list` shows the ids of "
            "those that failed; what has landed is applied again by `jira-assets replay`."
        )


def retry_failed(engine: sa.Engine, message_ids: Collection[UUID] | None) -> int:
    """Give these failed messages, or all, as many attempts as a new one has; return how many.

    Raises:
        NotFailedError: one is not there or not failed; none was changed.
    """
    rounds = (_queue.attempt + MAX_ATTEMPTS - 1) // MAX_ATTEMPTS
    return _change(
        engine,
        message_ids,
        state="received",
        attempt=rounds * MAX_ATTEMPTS + 1,
        run_id=None,
        not_before=None,
        finished_at=None,
    )


def drop_failed(engine: sa.Engine, message_ids: Collection[UUID] | None) -> int:
    """Close these failed messages, or all, as dropped; return how many. Raises as a retry does."""
    why = sa.func.concat(f"{DROPPED}; it had failed: ", _queue.error)
    return _change(engine, message_ids, state="dropped", error=why, finished_at=sa.func.now())


def _change(engine: sa.Engine, message_ids: Collection[UUID] | None, **values: Any) -> int:
    named = [] if message_ids is None else [_queue.message_id.in_(message_ids)]
    # In one order: two people who change the same must not wait for each other.
    failed = (
        sa.select(_queue.message_id)
        .where(_queue.state == "failed", *named)
        .order_by(_queue.message_id)
        .with_for_update()
    )
    with engine.begin() as connection:
        held = list(connection.scalars(failed))
        if message_ids is not None:
            check_failed(connection, message_ids)
        these = _queue.message_id == sa.func.any(sa.literal(held, ARRAY(PG_UUID)))
        change = sa.update(etl_job_queue).where(these)
        return connection.execute(change.values(updated_at=sa.func.now(), **values)).rowcount
