"""The merge: one snapshot into one table, for one integration, in one transaction.

Decisions this module embodies:

* Never backwards. What a table holds of each entity is in ``applied_extractions``; a snapshot made
  of anything older changes nothing, one made of the very same changes nothing. That is decided in
  the transaction, under a lock on the integration: late, doubled and replayed messages do no harm.
* A failed read is not an empty sheet. Rows are marked deleted only inside what the snapshot is
  complete for, what was set aside is not gone, and a snapshot without a single row never empties a
  table of the whole site.
* The rows, "applied up to this extraction", the rejected records and the messages that are thereby
  done commit together, or not at all. Every timestamp is the transaction's: rows that this merge
  deleted have ``deleted_at = applied_at``.
"""

from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from jira_assets.warehouse.applied import Applied, Merged
from jira_assets.warehouse.connect import lock_integration
from jira_assets.warehouse.contracts import MergeResult, Snapshot
from jira_assets.warehouse.integrations import require_integration
from jira_assets.warehouse.jsonb import clean_text, to_jsonb
from jira_assets.warehouse.landing import require_landed
from jira_assets.warehouse.queue_rows import Targets, settle, targets_of
from jira_assets.warehouse.staging import OWNER_COLUMNS, Stage, staged_columns
from jira_assets.warehouse.tables import (
    DATA_TABLES,
    SOURCES,
    applied_extractions,
    rejected_records,
)

SITE_WIDE: Final = frozenset({"projects", "issue_types", "statuses", "custom_fields"})
"""Tables that are not emptied at once: an account that lost its permissions looks like that."""


class EmptySnapshotError(RuntimeError):
    """A snapshot without rows would have deleted all that a table holds of an integration."""


class InvalidSnapshotError(ValueError):
    """A snapshot whose frame does not fit its table or its owner."""


AppliedSources = Mapping[tuple[str, str], Applied]
"""(entity, scope) to what a table holds of it."""


def merge(
    engine: sa.Engine,
    snapshot: Snapshot,
    *,
    run_id: str | None = None,
    force: bool = False,
    targets: Targets | None = None,
) -> MergeResult:
    """Bring the integration's rows of a table to what ``snapshot`` says; tell what that took.

    Args:
        engine: of the runtime role, which needs no more than to read and write the rows.
        snapshot: see ``contracts.Snapshot``.
        run_id: the Dagster run, for the record.
        force: apply even what is older than, or the same as, what the table holds (a replay).
        targets: which deployed tables each entity feeds, to settle messages; default: all tables.

    Raises:
        InvalidSnapshotError: the frame lacks a column or has rows of somebody else, or the
            snapshot names no extraction.
        PrunedExtractionError: what it was made of has been removed meanwhile.
        EmptySnapshotError: no rows, where living rows of a whole site would be deleted.
    """
    _check(snapshot)
    with engine.begin() as connection:
        # In the order in which a purge takes them.
        require_integration(connection, snapshot.owner.integration_id)
        lock_integration(connection, snapshot.owner.integration_id)
        applied = _applied(connection, snapshot)
        outcome = "applied" if force else verdict(snapshot, applied)
        if outcome == "applied":
            # Under the lock: what the tables hold is never pruned, and what was pruned not merged.
            require_landed(connection, snapshot.sources)
            result = _apply(connection, snapshot)
            _record(connection, snapshot, result, run_id)
        else:
            result = _leave(connection, snapshot, applied, outcome)
        settle(
            connection,
            snapshot.owner.integration_id,
            targets_of(SOURCES) if targets is None else targets,
        )
    return result


def verdict(snapshot: Snapshot, applied: AppliedSources) -> str:
    """Say whether the snapshot is to be ``applied``, or is the ``same``, or ``superseded``.

    A snapshot that lacks an entity that the table already holds is older, too: it was made before
    that entity landed.
    """
    brought = {(source.entity, source.scope): source for source in snapshot.sources}
    if any(key not in brought or brought[key].order < held.order for key, held in applied.items()):
        return "superseded"
    same = brought.keys() == applied.keys() and all(
        (source.extraction_id, snapshot.transform_version)
        == (applied[key].extraction_id, applied[key].transform_version)
        for key, source in brought.items()
    )
    return "same" if same else "applied"


def _check(snapshot: Snapshot) -> None:
    frame, owner = snapshot.frame, snapshot.owner
    if not snapshot.sources:
        raise InvalidSnapshotError(
            f"the snapshot of {snapshot.table} for {owner.partition_key} names no extraction"
        )
    expected = {*OWNER_COLUMNS, *staged_columns(DATA_TABLES[snapshot.table])}
    missing = sorted(expected - set(frame.columns))
    if missing:
        raise InvalidSnapshotError(
            f"the snapshot of {snapshot.table} for {owner.partition_key} lacks {', '.join(missing)}"
        )
    for name, value in zip(OWNER_COLUMNS, (owner.tenant_id, owner.integration_id), strict=True):
        if not (frame[name] == value).all():
            raise InvalidSnapshotError(
                f"the snapshot of {snapshot.table} for {owner.partition_key} has rows whose {name} "
                f"is not {value}: one snapshot holds the rows of one integration"
            )


def _applied(connection: sa.Connection, snapshot: Snapshot) -> AppliedSources:
    rows = connection.execute(sa.select(applied_extractions).where(_is_applied_to(snapshot)))
    return {(row.entity, row.scope): Applied.of(row) for row in rows}


def _is_applied_to(snapshot: Snapshot) -> sa.ColumnElement[bool]:
    return sa.and_(
        applied_extractions.c.integration_id == snapshot.owner.integration_id,
        applied_extractions.c.table_name == snapshot.table,
    )


def _apply(connection: sa.Connection, snapshot: Snapshot) -> MergeResult:
    stage = Stage(connection, snapshot)
    stage.load()
    counts = stage.count()
    inserted = stage.insert(counts)
    updated = stage.update(counts)
    deleted = stage.mark_deleted(counts)
    if deleted and snapshot.frame.empty and snapshot.table in SITE_WIDE:
        raise _empty(snapshot, deleted)
    returned = counts.matched - counts.matched_alive
    return MergeResult(
        table=snapshot.table,
        owner=snapshot.owner,
        inserted=inserted,
        updated=updated,
        unchanged=counts.matched - counts.changed,
        deleted=deleted,
        rejected=len(snapshot.rejected),
        alive=counts.alive + inserted + returned - deleted,
        alive_before=counts.alive,
        extraction_ids={source.entity: source.extraction_id for source in snapshot.sources},
    )


def _leave(
    connection: sa.Connection, snapshot: Snapshot, applied: AppliedSources, outcome: str
) -> MergeResult:
    table = DATA_TABLES[snapshot.table]
    alive = connection.scalar(
        sa.select(sa.func.count()).where(
            table.c.integration_id == snapshot.owner.integration_id, table.c.deleted_at.is_(None)
        )
    )
    return MergeResult(
        table=snapshot.table,
        owner=snapshot.owner,
        unchanged=alive or 0,
        alive=alive or 0,
        alive_before=alive or 0,
        outcome=outcome,
        extraction_ids={entity: held.extraction_id for (entity, _), held in applied.items()},
    )


def _empty(snapshot: Snapshot, living: int) -> EmptySnapshotError:
    key = snapshot.owner.partition_key
    return EmptySnapshotError(
        f"{key}: Jira listed not one row for {snapshot.table}, of which {living:,} are alive here; "
        "nothing was deleted. An account that lost its permissions looks like that: check it with "
        f"`jira-assets integration test {key}`, and the include and exclude lists, then sync again."
    )


def _record(
    connection: sa.Connection, snapshot: Snapshot, result: MergeResult, run_id: str | None
) -> None:
    """Say what the table holds now, and what was set aside on the way."""
    connection.execute(sa.delete(applied_extractions).where(_is_applied_to(snapshot)))
    merged = Merged(
        owner=snapshot.owner,
        table=snapshot.table,
        transform_version=snapshot.transform_version,
        run_id=run_id,
        rows_before=result.alive_before,
        rows_deleted=result.deleted,
    )
    applied = [merged.row(source) for source in snapshot.sources]
    connection.execute(sa.insert(applied_extractions).values(applied_at=sa.func.now()), applied)
    _replace_rejected(connection, snapshot)


def _replace_rejected(connection: sa.Connection, snapshot: Snapshot) -> None:
    extractions = {source.entity: source.extraction_id for source in snapshot.sources}
    connection.execute(
        sa.delete(rejected_records).where(
            rejected_records.c.integration_id == snapshot.owner.integration_id,
            rejected_records.c.table_name == snapshot.table,
            rejected_records.c.extraction_id.in_(list(extractions.values())),
        )
    )
    rows = [
        {
            "extraction": extractions[rejected.entity],
            "of_entity": rejected.entity,
            "payload_text": None if rejected.payload is None else to_jsonb(rejected.payload),
            "why": clean_text(rejected.reason),
        }
        for rejected in snapshot.rejected
    ]
    if rows:
        connection.execute(_insert_rejected(snapshot), rows)


def _insert_rejected(snapshot: Snapshot) -> sa.Insert:
    payload: sa.BindParameter[str] = sa.bindparam("payload_text", type_=sa.Text)
    return sa.insert(rejected_records).values(
        tenant_id=snapshot.owner.tenant_id,
        integration_id=snapshot.owner.integration_id,
        table_name=snapshot.table,
        extraction_id=sa.bindparam("extraction"),
        entity=sa.bindparam("of_entity"),
        payload=sa.cast(payload, JSONB),
        reason=sa.bindparam("why"),
        created_at=sa.func.now(),
    )
