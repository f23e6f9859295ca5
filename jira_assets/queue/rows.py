"""The rows of ``etl_job_queue`` as the sensor's tick reads and changes them.

Decisions this module embodies:

* A change names the row it starts from (state, attempt, run): whoever changed it in between wins.
* A tick reads a bounded number of rows. Those that nothing can be done about (partition switched
  off, pause not over) come last, so that they never hide the others.
"""

from collections.abc import Iterable
from typing import Any, Final

import sqlalchemy as sa

from jira_assets.queue.planning import QueueRow, Transition
from jira_assets.warehouse.queue_rows import Targets, settle
from jira_assets.warehouse.tables import OPEN_STATES, etl_job_queue, integrations

_queue: Final = etl_job_queue.c


def database_now(connection: sa.Connection) -> Any:
    """Return the time by the database's clock, with which the rows are marked."""
    return connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()


def open_rows(
    connection: sa.Connection, *, partition_key: str | None, limit: int
) -> list[QueueRow]:
    """Return at most ``limit`` rows that are not closed yet, of one partition or (None) of all."""
    waits = sa.or_(
        sa.func.coalesce(~integrations.c.active, sa.true()),
        sa.func.coalesce(_queue.not_before > sa.func.now(), sa.false()),
    )
    query = (
        sa.select(
            _queue.message_id,
            _queue.partition_key,
            _queue.integration_id,
            _queue.entity,
            _queue.state,
            _queue.attempt,
            _queue.created_at,
            _queue.run_id,
            _queue.extraction_run_id,
            _queue.not_before,
        )
        .outerjoin(integrations, integrations.c.id == _queue.integration_id)
        .where(_queue.state.in_(OPEN_STATES), *_of(partition_key))
        .order_by(waits, _queue.created_at, _queue.message_id)
        .limit(limit)
    )
    return [QueueRow(**row._asdict()) for row in connection.execute(query)]


def count_open(connection: sa.Connection, *, partition_key: str | None) -> int:
    """Return how many rows are not closed yet."""
    query = sa.select(sa.func.count()).where(_queue.state.in_(OPEN_STATES), *_of(partition_key))
    return int(connection.execute(query).scalar_one())


def settle_all(engine: sa.Engine, integration_ids: Iterable[int], targets: Targets) -> int:
    """Close what the tables have caught up with, one integration a transaction; return how many."""
    settled = 0
    for integration_id in sorted(integration_ids):
        with engine.begin() as connection:
            settled += settle(connection, integration_id, targets)
    return settled


def apply(engine: sa.Engine, transitions: Iterable[Transition]) -> int:
    """Make the changes whose row is still what it was; return how many those were."""
    changed = 0
    for transition in transitions:
        # One a transaction: holding several rows, it and a run that claims them could deadlock.
        with engine.begin() as connection:
            changed += connection.execute(_change(transition)).rowcount
    return changed


def _change(transition: Transition) -> sa.Update:
    before = transition.before
    closed = transition.state not in OPEN_STATES
    return (
        sa.update(etl_job_queue)
        .where(
            _queue.message_id == before.message_id,
            _queue.state == before.state,
            _queue.attempt == before.attempt,
            _queue.run_id.is_not_distinct_from(before.run_id),
        )
        .values(
            state=transition.state,
            attempt=transition.attempt,
            error=transition.error,
            not_before=transition.not_before,
            run_id=_queue.run_id if closed else None,
            finished_at=sa.func.now() if closed else None,
            updated_at=sa.func.now(),
        )
    )


def _of(partition_key: str | None) -> list[sa.ColumnElement[bool]]:
    return [] if partition_key is None else [_queue.partition_key == partition_key]
