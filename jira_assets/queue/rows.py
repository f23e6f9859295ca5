"""The rows of ``etl_job_queue`` as the sensor's tick reads and changes them.

Decisions this module embodies:

* A change names the row it starts from (state, attempt, run): whoever changed it in between wins.
* A tick reads a bounded number of rows. Those that nothing can be done about (partition switched
  off, pause not over) come last, so that they never hide the others. Neither do the thousands that
  one extraction of issues leaves: every partition's oldest rows come before anybody's others.
* A change waits for nobody: a row that a run is just writing is passed over, and looked at again by
  the next tick. So many rows are changed at once without a deadlock.
"""

from collections.abc import Iterable
from itertools import groupby
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, UUID

from jira_assets.queue.planning import QueueRow, Transition
from jira_assets.warehouse.queue_rows import Targets, settle
from jira_assets.warehouse.tables import OPEN_STATES, etl_job_queue, integrations

FAIR_ROWS: Final = 20
"""So many rows of each partition are read before more of any."""

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
    turn = sa.func.row_number().over(
        partition_by=_queue.partition_key, order_by=(waits, _queue.created_at, _queue.message_id)
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
        .order_by(waits, turn > FAIR_ROWS, _queue.created_at, _queue.message_id)
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
    for _, same in groupby(sorted(transitions, key=_order), key=_to):
        with engine.begin() as connection:
            changed += connection.execute(_change(list(same))).rowcount
    return changed


def _to(transition: Transition) -> tuple[Any, ...]:
    """Return what all rows become that are changed at once."""
    return (
        transition.state,
        transition.attempt,
        transition.error or "",
        str(transition.not_before or ""),
    )


def _order(transition: Transition) -> tuple[Any, ...]:
    return (*_to(transition), transition.before.message_id)


def _change(transitions: list[Transition]) -> sa.Update:
    """Change rows that all become the same."""
    first = transitions[0]
    closed = first.state not in OPEN_STATES
    held = _held([transition.before for transition in transitions])
    return (
        sa.update(etl_job_queue)
        .where(_queue.message_id == held.c.message_id)
        .values(
            state=first.state,
            attempt=first.attempt,
            error=first.error,
            not_before=first.not_before,
            run_id=_queue.run_id if closed else None,
            finished_at=sa.func.now() if closed else None,
            updated_at=sa.func.now(),
        )
    )


def _held(rows: list[QueueRow]) -> sa.CTE:
    """Lock those of the rows that are still what they were and nobody else is writing."""
    given = sa.func.unnest(
        sa.literal([row.message_id for row in rows], ARRAY(UUID)),
        sa.literal([row.state for row in rows], ARRAY(sa.Text)),
        sa.literal([row.attempt for row in rows], ARRAY(sa.Integer)),
        sa.literal([row.run_id for row in rows], ARRAY(sa.Text)),
    ).table_valued("message_id", "state", "attempt", "run_id", name="given")
    was = given.render_derived()
    return (
        sa.select(_queue.message_id)
        .join(was, was.c.message_id == _queue.message_id)
        .where(
            _queue.state == was.c.state,
            _queue.attempt == was.c.attempt,
            _queue.run_id.is_not_distinct_from(was.c.run_id),
        )
        .with_for_update(of=etl_job_queue, skip_locked=True)
        .cte("held")
    )


def _of(partition_key: str | None) -> list[sa.ColumnElement[bool]]:
    return [] if partition_key is None else [_queue.partition_key == partition_key]
