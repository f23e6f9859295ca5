"""Rows of ``etl_job_queue`` that change with the tables: what a merge settles, what a run claims.

Decisions this module embodies:

* Whether a message is done is read off ``applied_extractions``, not remembered by whoever did it: a
  message is done once every deployed table that its entity feeds holds an extraction of that entity
  at least as new. So it does not matter which run applied it, or whether one was asked for at all.
* Every change names the states it starts from: repeated or late, it changes nothing.
* Settling waits for nobody: a row that the sensor is just writing is passed over, and settled by
  the sensor's next tick. A long merge must not end in a deadlock over a message.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from jira_assets.warehouse.tables import (
    INCREMENTAL,
    OPEN_STATES,
    SOURCES,
    applied_extractions,
    etl_job_queue,
    raw_extractions,
)

Targets = Mapping[str, Collection[str]]
"""Entity to the names of the deployed tables that it feeds."""


_SETTLED: Final = (*OPEN_STATES, "failed")
"""A message that was given up is done, too, once the tables hold what it is about, or newer."""


def targets_of(tables: Iterable[str]) -> Targets:
    """Return which of ``tables`` each entity feeds: an empty tuple for one that feeds none."""
    deployed = set(tables)
    entities = {entity for sources in SOURCES.values() for entity in sources}
    return {
        entity: tuple(table for table in SOURCES if table in deployed and entity in SOURCES[table])
        for entity in sorted(entities)
    }


def settle(connection: sa.Connection, integration_id: int, targets: Targets) -> int:
    """Close the integration's messages that the tables have caught up with; return how many.

    ``completed`` where every target holds that very extraction (or there is no target), else
    ``superseded``: something newer was applied. Of incremental entities the newer one is applied
    after this one, not in its place: ``completed``, too. Messages about entities that are not in
    ``targets`` are left alone.
    """
    done = _caught_up(integration_id, targets)
    outcome = sa.case((done.c.same, "completed"), else_="superseded")
    result = connection.execute(
        sa.update(etl_job_queue)
        .where(
            etl_job_queue.c.message_id == done.c.message_id,
            etl_job_queue.c.state.in_(_SETTLED),
        )
        .values(
            state=outcome,
            error=None,
            not_before=None,
            finished_at=sa.func.now(),
            updated_at=sa.func.now(),
        )
    )
    return result.rowcount


def claim(
    engine: sa.Engine, run_id: str, integration_id: int, entities: Collection[str]
) -> list[UUID]:
    """Make ``run_id`` the run of the integration's received messages about ``entities``.

    Returns the ids of the messages it won. Those that another run has launched stay with it.
    """
    queue = etl_job_queue.c
    statement = (
        sa.update(etl_job_queue)
        .where(
            queue.integration_id == integration_id,
            queue.entity.in_(entities),
            queue.state == "received",
        )
        .values(
            state="launched",
            run_id=run_id,
            launched_at=sa.func.now(),
            updated_at=sa.func.now(),
        )
        .returning(queue.message_id)
    )
    with engine.begin() as connection:
        return list(connection.execute(statement).scalars())


def _caught_up(integration_id: int, targets: Targets) -> sa.CTE:
    """Select the open messages whose every target is at least as new."""
    queue, marker, applied = etl_job_queue.c, raw_extractions.c, applied_extractions.c
    wanted = _wanted(targets)
    held = _held(integration_id, list(targets))
    at_least_as_new = sa.func.coalesce(
        sa.tuple_(applied.started_at, applied.sequence)
        >= sa.tuple_(marker.started_at, marker.sequence),
        sa.false(),
    )
    is_applied = sa.and_(
        applied.integration_id == queue.integration_id,
        applied.table_name == wanted.c.table_name,
        applied.entity == queue.entity,
        applied.scope == queue.scope,
    )
    return (
        sa.select(
            queue.message_id,
            sa.func.coalesce(
                sa.func.bool_and(
                    sa.or_(
                        applied.extraction_id == queue.extraction_id,
                        queue.entity.in_(INCREMENTAL),
                    )
                ),
                sa.true(),
            ).label("same"),
        )
        .join(held, held.c.message_id == queue.message_id)
        .join(
            raw_extractions,
            sa.and_(
                marker.extraction_id == queue.extraction_id,
                marker.entity == queue.entity,
                marker.scope == queue.scope,
            ),
        )
        .outerjoin(wanted, wanted.c.entity == queue.entity)
        .outerjoin(applied_extractions, is_applied)
        .group_by(queue.message_id)
        .having(sa.func.bool_and(sa.or_(wanted.c.table_name.is_(None), at_least_as_new)))
        .cte("caught_up")
    )


def _held(integration_id: int, entities: list[str]) -> sa.CTE:
    """Lock the open messages that nobody else is writing."""
    queue = etl_job_queue.c
    return (
        sa.select(queue.message_id)
        .where(
            queue.integration_id == integration_id,
            queue.entity.in_(entities),
            queue.state.in_(_SETTLED),
        )
        .with_for_update(skip_locked=True)
        .cte("held")
    )


def _wanted(targets: Targets) -> sa.TableValuedAlias:
    pairs = [(entity, table) for entity, tables in targets.items() for table in tables]
    entities: sa.BindParameter[Any] = sa.literal([entity for entity, _ in pairs], ARRAY(sa.Text))
    tables: sa.BindParameter[Any] = sa.literal([table for _, table in pairs], ARRAY(sa.Text))
    rows = sa.func.unnest(entities, tables).table_valued("entity", "table_name", name="wanted")
    return rows.render_derived()
