"""Increments into the tables of issues: many landings, a batch of them in one transaction.

Decisions this module embodies:

* Both tables take in a landing in the same transaction: nobody sees an issue without the history
  that made it so.
* What a batch holds is recorded with it, so a run that is killed goes on after the last batch, and
  a landing that is already applied (late, doubled, by another run meanwhile) changes nothing.
* Landings are taken in whole, small ones together, so that ten thousand projects are not ten
  thousand transactions, and a large one is not ten thousand statements.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert

from jira_assets.warehouse.connect import lock_integration
from jira_assets.warehouse.contracts import (
    SITE_SCOPE,
    Changes,
    Increments,
    Landing,
    MergeResult,
    Rejected,
    Sweep,
)
from jira_assets.warehouse.integrations import require_integration
from jira_assets.warehouse.issue_stage import STAGED, IncrementStage
from jira_assets.warehouse.jsonb import clean_text, to_jsonb
from jira_assets.warehouse.landing import require_landed
from jira_assets.warehouse.queue_rows import Targets, settle, targets_of
from jira_assets.warehouse.sweeping import apply_sweep
from jira_assets.warehouse.tables import (
    DATA_TABLES,
    SOURCES,
    applied_extractions,
    issues,
    rejected_records,
)

ITEMS_A_BATCH: Final = 10_000
LANDINGS_A_BATCH: Final = 500
_SWEEP: Final = "issue_ids"


@dataclass(frozen=True)
class _Held:
    """What the tables hold of one scope, the older one of them."""

    order: tuple[datetime, int]
    transform_version: str


@dataclass(frozen=True)
class MergeHow:
    """What a merge may do beyond what is new. Nothing, by default."""

    force: bool = False
    """Take in what is applied already, too (a replay)."""
    accept_deletions: bool = False
    """A sweep may delete half a project and more."""


@dataclass
class _Totals:
    """What was done to one table so far. Rows."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    rejected: int = 0
    steps: int = 0
    skipped: int = 0


@dataclass
class _Merging:
    """One merge of one integration's increments."""

    engine: sa.Engine
    increments: Increments
    run_id: str | None
    how: MergeHow
    targets: Targets
    totals: dict[str, _Totals] = field(default_factory=lambda: {t: _Totals() for t in STAGED})
    extraction_ids: dict[str, UUID] = field(default_factory=dict)


def merge_increments(
    engine: sa.Engine,
    increments: Increments,
    *,
    run_id: str | None = None,
    how: MergeHow | None = None,
    targets: Targets | None = None,
) -> dict[str, MergeResult]:
    """Bring the tables of issues to what has landed; tell, by table, what that took.

    Args:
        engine: of the runtime role.
        increments: what is to be taken in, oldest first.
        run_id: the Dagster run, for the record.
        how: what it may do beyond what is new.
        targets: which deployed tables each entity feeds, to settle messages; default: all tables.

    Raises:
        PrunedExtractionError: a landing has been removed meanwhile; those before it are applied.
    """
    before = _alive(engine, increments)
    merging = _Merging(
        engine,
        increments,
        run_id,
        how or MergeHow(),
        targets_of(SOURCES) if targets is None else targets,
    )
    for batch in _batches(increments.steps()):
        _apply(merging, batch)
    with engine.begin() as connection:
        settle(connection, increments.owner.integration_id, merging.targets)
    after = _alive(engine, increments)
    return {table: _result(merging, table, before[table], after[table]) for table in STAGED}


def _batches(steps: Iterator[Changes | Sweep]) -> Iterator[list[Changes] | Sweep]:
    batch: list[Changes] = []
    items = 0
    for step in steps:
        if isinstance(step, Changes):
            full = items + step.landing.items > ITEMS_A_BATCH or len(batch) >= LANDINGS_A_BATCH
            if batch and full:
                yield batch
                batch, items = [], 0
            batch.append(step)
            items += step.landing.items
            continue
        if batch:
            yield batch
            batch, items = [], 0
        yield step
    if batch:
        yield batch


def _apply(merging: _Merging, batch: list[Changes] | Sweep) -> None:
    """Take in one batch in one transaction."""
    owner = merging.increments.owner
    with merging.engine.begin() as connection:
        # In the order in which a purge takes them.
        require_integration(connection, owner.integration_id)
        lock_integration(connection, owner.integration_id)
        held = _held(connection, merging.increments)
        if isinstance(batch, Sweep):
            landings = _wanted(merging, held, [batch.landing])
            if landings:
                require_landed(connection, landings)
                _sweep(connection, merging, batch)
        else:
            landings = _wanted(merging, held, [step.landing for step in batch])
            if landings:
                require_landed(connection, landings)
                chosen = {landing.sequence for landing in landings}
                steps = [step for step in batch if step.landing.sequence in chosen]
                swept = held.get((_SWEEP, SITE_SCOPE))
                _take_in(connection, merging, steps, None if swept is None else swept.order)
        settle(connection, owner.integration_id, merging.targets)


def _wanted(
    merging: _Merging, held: Mapping[tuple[str, str], _Held], landings: Sequence[Landing]
) -> list[Landing]:
    """Return the landings that the tables do not hold yet, or all of them if it is forced."""
    version = merging.increments.transform_version
    wanted = []
    for landing in landings:
        known = held.get((landing.entity, landing.scope))
        if merging.how.force or not _holds(known, landing, version):
            wanted.append(landing)
    for totals in merging.totals.values():
        totals.steps += len(wanted)
        totals.skipped += len(landings) - len(wanted)
    return wanted


def _holds(known: _Held | None, landing: Landing, transform_version: str) -> bool:
    return (
        known is not None
        and known.order >= landing.order
        and known.transform_version == transform_version
    )


def _take_in(
    connection: sa.Connection,
    merging: _Merging,
    steps: Sequence[Changes],
    swept: tuple[datetime, int] | None,
) -> None:
    owner = merging.increments.owner
    stage = IncrementStage(connection, owner)
    rejected: list[tuple[Rejected, UUID]] = []
    for step in steps:
        before_sweep = swept is not None and step.landing.order < swept
        for piece in step.pieces():
            for table, rows in piece.rows.items():
                if len(rows):
                    stage.add(table, rows, before_sweep=before_sweep)
            rejected += [(each, step.landing.extraction_id) for each in piece.rejected]
    stage.close()
    stage.clear_rejected()
    _set_aside(connection, merging, rejected)
    for table in STAGED:
        inserted, updated = stage.merge(table)
        totals = merging.totals[table]
        totals.inserted += inserted
        totals.updated += updated
        totals.unchanged += stage.count(table) - inserted - updated
    merging.totals[issues.name].rejected += len(rejected)
    _record(connection, merging, [step.landing for step in steps])


def _sweep(connection: sa.Connection, merging: _Merging, sweep: Sweep) -> None:
    swept = apply_sweep(
        connection,
        merging.increments.owner,
        sweep,
        accept_deletions=merging.how.accept_deletions,
    )
    issues_, changelogs = (merging.totals[table] for table in STAGED)
    issues_.deleted += swept.issues
    changelogs.deleted += swept.changelogs
    _record(connection, merging, [sweep.landing], deleted=(swept.issues, swept.changelogs))


def _held(connection: sa.Connection, increments: Increments) -> dict[tuple[str, str], _Held]:
    """Return what is applied of each (entity, scope): of two tables, what both of them hold."""
    applied = applied_extractions.c
    rows = connection.execute(
        sa.select(applied_extractions).where(
            applied.integration_id == increments.owner.integration_id,
            applied.table_name.in_(STAGED),
        )
    ).all()
    found: dict[tuple[str, str], list[_Held]] = {}
    for row in rows:
        held = _Held((row.started_at, row.sequence), row.transform_version)
        found.setdefault((row.entity, row.scope), []).append(held)
    return {
        key: min(tables, key=lambda held: held.order)
        for key, tables in found.items()
        if len(tables) == len(STAGED)
    }


def _record(
    connection: sa.Connection,
    merging: _Merging,
    landings: Sequence[Landing],
    deleted: Sequence[int] = (0, 0),
) -> None:
    """Say what the tables hold now: of several landings of one scope, the newest."""
    increments = merging.increments
    newest = {(landing.entity, landing.scope): landing for landing in landings}
    rows = [
        {
            "integration_id": increments.owner.integration_id,
            "tenant_id": increments.owner.tenant_id,
            "table_name": table,
            "entity": landing.entity,
            "scope": landing.scope,
            "extraction_id": landing.extraction_id,
            "started_at": landing.started_at,
            "sequence": landing.sequence,
            "transform_version": increments.transform_version,
            "run_id": merging.run_id,
            "rows_deleted": gone,
        }
        for table, gone in zip(STAGED, deleted, strict=True)
        for landing in newest.values()
    ]
    statement = insert(applied_extractions).values(applied_at=sa.func.now())
    keys = [column.name for column in applied_extractions.primary_key]
    replaced = {
        name: statement.excluded[name] for name in (*rows[0], "applied_at") if name not in keys
    }
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=replaced), rows)
    merging.extraction_ids |= {landing.entity: landing.extraction_id for landing in landings}


def _set_aside(
    connection: sa.Connection, merging: _Merging, rejected: Collection[tuple[Rejected, UUID]]
) -> None:
    """Keep what could not be used, once an object: a later landing of it says the same."""
    record, owner = rejected_records.c, merging.increments.owner
    ids = sorted({each.jira_id for each, _ in rejected if each.jira_id is not None})
    extractions = sorted({extraction for each, extraction in rejected if each.jira_id is None})
    if not rejected:
        return
    connection.execute(
        sa.delete(rejected_records).where(
            record.integration_id == owner.integration_id,
            record.table_name == issues.name,
            sa.or_(
                record.jira_id.in_(ids),
                sa.and_(record.jira_id.is_(None), record.extraction_id.in_(extractions)),
            ),
        )
    )
    payload: sa.BindParameter[str] = sa.bindparam("payload_text", type_=sa.Text)
    statement = sa.insert(rejected_records).values(
        tenant_id=owner.tenant_id,
        integration_id=owner.integration_id,
        table_name=issues.name,
        extraction_id=sa.bindparam("extraction"),
        entity=sa.bindparam("of_entity"),
        jira_id=sa.bindparam("own_id"),
        payload=sa.cast(payload, JSONB),
        reason=sa.bindparam("why"),
        created_at=sa.func.now(),
    )
    connection.execute(statement, [_record_of(*each) for each in rejected])


def _record_of(rejected: Rejected, extraction: UUID) -> dict[str, Any]:
    return {
        "extraction": extraction,
        "of_entity": rejected.entity,
        "own_id": rejected.jira_id,
        "payload_text": None if rejected.payload is None else to_jsonb(rejected.payload),
        "why": clean_text(rejected.reason),
    }


def _alive(engine: sa.Engine, increments: Increments) -> dict[str, int]:
    """Count the living rows of each table."""
    counted = {}
    with engine.connect() as connection:
        for name in STAGED:
            table = DATA_TABLES[name]
            counted[name] = connection.scalar(
                sa.select(sa.func.count()).where(
                    table.c.integration_id == increments.owner.integration_id,
                    table.c.deleted_at.is_(None),
                )
            )
    return {name: count or 0 for name, count in counted.items()}


def _result(merging: _Merging, table: str, before: int, after: int) -> MergeResult:
    totals = merging.totals[table]
    made = MergeResult(
        table=table,
        owner=merging.increments.owner,
        inserted=totals.inserted,
        updated=totals.updated,
        unchanged=totals.unchanged,
        deleted=totals.deleted,
        rejected=totals.rejected,
        alive=after,
        alive_before=before,
        extraction_ids=merging.extraction_ids,
    )
    return made if totals.steps else replace(made, outcome="same", unchanged=after)
