"""Extractions of any age and fate, for the tests of retention."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import sqlalchemy as sa

from jira_assets.warehouse.contracts import Owner
from jira_assets.warehouse.landing import land
from jira_assets.warehouse.retention import KeepRule
from jira_assets.warehouse.tables import (
    applied_extractions,
    etl_job_queue,
    raw_extraction_data,
    raw_extractions,
    run_heartbeats,
)
from jira_assets_tests.warehouse.data import page, reading

PAGES = 3
MONTH = KeepRule(extractions=2, days=30, dead_after=60)
NEWEST_ONLY = KeepRule(extractions=1, days=0, dead_after=60)


@dataclass(frozen=True)
class Past:
    """One entity of an extraction as it may lie there."""

    entity: str = "statuses"
    days_old: int = 100
    state: str = "completed"
    """Of its message."""
    applied: bool = False
    alive: bool = False
    """Whether its run goes on."""
    extraction_id: UUID = field(default_factory=uuid4)


def days_ago(days: float) -> sa.ColumnElement[object]:
    return sa.func.clock_timestamp() - sa.func.make_interval(0, 0, 0, 0, 0, 0, days * 86_400)


def put(engine: sa.Engine, owner: Owner, *pasts: Past) -> None:
    """Land them for real, the first one first, then let them have aged."""
    for past in pasts:
        answers = [page(number, [{"id": str(number)}]) for number in range(PAGES)]
        new = reading(owner, answers, entity=past.entity, extraction_id=past.extraction_id)
        landing = land(engine, new, run_id=str(past.extraction_id))
        with engine.begin() as connection:
            for table, values in (
                (raw_extractions, {"landed_at": days_ago(past.days_old)}),
                (raw_extraction_data, {"extracted_at": days_ago(past.days_old)}),
                (etl_job_queue, {"state": past.state}),
            ):
                mine = sa.and_(
                    table.c.extraction_id == past.extraction_id, table.c.entity == past.entity
                )
                connection.execute(sa.update(table).where(mine).values(values))
            if past.applied:
                hold(connection, owner, past, landing.order)
            if past.alive:
                beat = sa.insert(run_heartbeats).values(run_id=str(past.extraction_id))
                connection.execute(beat)


def hold(connection: sa.Connection, owner: Owner, past: Past, order: tuple[object, object]) -> None:
    """Let a table hold it; several tables may hold extractions of one entity, each its own."""
    row = {
        "integration_id": owner.integration_id,
        "tenant_id": owner.tenant_id,
        "table_name": f"table of {past.extraction_id}",
        "entity": past.entity,
        "scope": "site",
        "extraction_id": past.extraction_id,
        "started_at": order[0],
        "sequence": order[1],
        "transform_version": "1",
    }
    connection.execute(sa.insert(applied_extractions).values(row))


def left_pages(engine: sa.Engine) -> dict[tuple[UUID, str], int]:
    """Return how many pages there are, by extraction and entity."""
    raw = raw_extraction_data.c
    query = sa.select(raw.extraction_id, raw.entity, sa.func.count()).group_by(
        raw.extraction_id, raw.entity
    )
    with engine.connect() as connection:
        return {(row[0], row[1]): row[2] for row in connection.execute(query)}


def left_keys(engine: sa.Engine, table: sa.Table) -> set[tuple[UUID, str]]:
    """Return the extractions and entities that a table has rows of."""
    query = sa.select(table.c.extraction_id, table.c.entity)
    with engine.connect() as connection:
        return {(row[0], row[1]) for row in connection.execute(query)}


def keys(pasts: Iterable[Past]) -> set[tuple[UUID, str]]:
    return {(past.extraction_id, past.entity) for past in pasts}


def wipe(engine: sa.Engine) -> None:
    """Forget all that has landed."""
    with engine.begin() as connection:
        for table in (
            raw_extraction_data,
            raw_extractions,
            etl_job_queue,
            applied_extractions,
            run_heartbeats,
        ):
            connection.execute(sa.delete(table))
