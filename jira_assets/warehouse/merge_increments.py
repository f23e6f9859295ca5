"""The merge of increments: what has changed in issues into both of their tables.

Decisions this module embodies:

* Landings are taken in the order in which they were read, several small ones in one transaction, a
  large one in one of its own, a sweep, too. A merge that is killed between two goes on there: what
  each table holds of each scope is in ``applied_extractions``, written by the same transaction.
* Rows are staged without a lock; what was applied meanwhile by somebody else is left out under it.
  So a slow transform keeps no other merge waiting, and a batch is made while the one before it is
  merged: the one costs Python, the other Postgres.
* The landings of one call are trusted to be due (``increments.changes_to_apply``); here only those
  are passed over that the same transform has applied already. A replay passes over none, but where
  somebody has applied a newer one since it looked what there is: never backwards.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on, insert

from jira_assets.warehouse.connect import lock_integration
from jira_assets.warehouse.contracts import (
    SITE_SCOPE,
    Changes,
    Increments,
    Landing,
    MergeResult,
    Owner,
    Sweep,
)
from jira_assets.warehouse.increment_stage import IncrementStage, Tally
from jira_assets.warehouse.increments import SWEEP
from jira_assets.warehouse.integrations import require_integration
from jira_assets.warehouse.jobs_beside import JobsBeside
from jira_assets.warehouse.landing import require_landed
from jira_assets.warehouse.merge import Applied
from jira_assets.warehouse.queue_rows import Targets, settle, targets_of
from jira_assets.warehouse.sweep import SweepStage
from jira_assets.warehouse.tables import (
    DATA_TABLES,
    SOURCES,
    applied_extractions,
    rejected_records,
)

BATCH_ISSUES: Final = 2_500
BATCH_LANDINGS: Final = 500

_Held = Mapping[tuple[str, str, str], Applied]
"""(table, entity, scope) to what is applied of it."""


def merge_increments(  # noqa: PLR0913 # all but two are choices, given by name
    engine: sa.Engine,
    increments: Increments,
    *,
    run_id: str | None = None,
    force: bool = False,
    accept_deletions: bool = False,
    targets: Targets | None = None,
) -> dict[str, MergeResult]:
    """Merge the steps in turn; tell what that did to each table.

    Args:
        engine: of the runtime role.
        increments: what is to be taken in, see ``contracts.Increments``.
        run_id: the Dagster run, for the record.
        force: apply even what is applied already (a replay).
        accept_deletions: let a sweep delete half of a project, or more.
        targets: which deployed tables each entity feeds, to settle messages; default: all tables.

    Raises:
        PrunedExtractionError: a landing has been removed meanwhile; what came before it is merged.
    """
    merge = _Merge(
        engine,
        increments,
        run_id,
        force,
        accept_deletions,
        targets_of(SOURCES) if targets is None else targets,
    )
    with JobsBeside("merge") as beside:
        for batch in _batches(increments.steps()):
            merge.take(batch, beside)
        beside.wait()
    return merge.results()


def _batches(steps: Iterator[Changes | Sweep]) -> Iterator[Sequence[Changes] | Sweep]:
    """Yield what is merged in one transaction each."""
    batch: list[Changes] = []
    size = 0
    for step in steps:
        issues = 0 if isinstance(step, Sweep) else step.landing.items
        full = size + issues > BATCH_ISSUES or len(batch) >= BATCH_LANDINGS
        if batch and (isinstance(step, Sweep) or full):
            yield batch
            batch, size = [], 0
        if isinstance(step, Sweep):
            yield step
        else:
            batch.append(step)
            size += issues
    if batch:
        yield batch


@dataclass
class _Total:
    """What all transactions together did to a table."""

    tally: Tally = field(default_factory=Tally)
    unchanged: int = 0
    alive_before: int = 0

    def add(self, tally: Tally) -> None:
        self.tally.inserted += tally.inserted
        self.tally.updated += tally.updated
        self.tally.deleted += tally.deleted
        self.tally.rejected += tally.rejected
        self.tally.alive += tally.alive
        self.unchanged += tally.unchanged


@dataclass(frozen=True)
class _Staged:
    """A batch that is staged, in a transaction that goes on with its merge."""

    connection: sa.Connection
    batch: Sequence[Changes]
    stage: IncrementStage
    landings: Mapping[int, Landing]
    """Those that were not applied then, by their number in the batch."""


@dataclass
class _Merge:
    """One call of ``merge_increments``."""

    engine: sa.Engine
    increments: Increments
    run_id: str | None
    force: bool
    accept_deletions: bool
    targets: Targets
    _totals: dict[str, _Total] = field(default_factory=dict)
    _applied_anything: bool = False

    @property
    def _owner(self) -> Owner:
        return self.increments.owner

    def take(self, batch: Sequence[Changes] | Sweep, beside: JobsBeside) -> None:
        """Merge one batch, in one transaction; of changes, beside, in the order in which it came.

        The next ones are made and staged meanwhile.
        """
        if isinstance(batch, Sweep):
            beside.wait()
            self._sweep(batch)
            return
        connection, writer = self.engine.connect(), JobsBeside("staging")
        try:
            staged = self._stage(connection, batch, writer)
            beside.run(partial(self._merge_staged, staged))
        except BaseException:
            writer.close()
            connection.close()
            raise

    def results(self) -> dict[str, MergeResult]:
        """Say what was done; where nothing was due, settle the messages all the same."""
        with self.engine.begin() as connection:
            if not self._totals:
                with self._locked(connection):
                    pass
            newest = self._newest(connection)
        return {
            table: MergeResult(
                table=table,
                owner=self._owner,
                inserted=total.tally.inserted,
                updated=total.tally.updated,
                unchanged=total.unchanged,
                deleted=total.tally.deleted,
                rejected=total.tally.rejected,
                alive=total.alive_before + total.tally.alive,
                alive_before=total.alive_before,
                outcome="applied" if self._applied_anything else "same",
                extraction_ids=newest,
            )
            for table, total in self._totals.items()
        }

    def _stage(
        self, connection: sa.Connection, batch: Sequence[Changes], writer: JobsBeside
    ) -> _Staged:
        """Copy what a batch says into stages of the connection's transaction.

        The last of it may be on its way yet: who merges it waits for that, not who makes the next.
        """
        held = self._held(connection, batch)
        landings = {
            number: step.landing
            for number, step in enumerate(batch)
            if not self._is_applied(step.landing, held)
        }
        stage = IncrementStage(connection, self._owner, writer)
        for number in landings:
            for piece in batch[number].pieces():
                stage.add(number, piece)
        return _Staged(connection, batch, stage, landings)

    def _merge_staged(self, staged: _Staged) -> None:
        """Merge what is staged, and commit."""
        connection = staged.connection
        with connection:
            with staged.stage.writer:
                staged.stage.flush()
            with self._locked(connection):
                self._take_in(staged)
            connection.commit()

    def _take_in(self, staged: _Staged) -> None:
        connection, stage = staged.connection, staged.stage
        held = self._held(connection, staged.batch)
        passed = [n for n, each in staged.landings.items() if self._is_applied(each, held)]
        stage.leave_out(passed)
        taken = {n: each for n, each in staged.landings.items() if n not in passed}
        if not taken:
            return
        require_landed(connection, taken.values())
        tallies = stage.merge(
            {number: each.extraction_id for number, each in taken.items()},
            self._alive(),
            self._last_before_sweep(taken, held),
            self.increments.tables[0],
        )
        self._record(connection, list(taken.values()), tallies)

    def _sweep(self, sweep: Sweep) -> None:
        with self.engine.begin() as connection:
            if self._is_passed(sweep.landing, self._held(connection)):
                return
            stage = SweepStage(connection, self._owner)
            stage.load(sweep.pages())
            with self._locked(connection):
                if self._is_passed(sweep.landing, self._held(connection)):
                    return
                require_landed(connection, [sweep.landing])
                tallies = stage.merge(sweep, accept=self.accept_deletions)
                self._record(connection, [sweep.landing], tallies)

    @contextmanager
    def _locked(self, connection: sa.Connection) -> Iterator[None]:
        """Keep other merges of the integration out until the transaction ends; settle at the end.

        The first time, count what is alive, and forget what an earlier replay set aside.
        """
        # In the order in which a purge takes them.
        require_integration(connection, self._owner.integration_id)
        lock_integration(connection, self._owner.integration_id)
        if not self._totals:
            counted = {table: self._count(connection, table) for table in self.increments.tables}
            self._totals = {name: _Total(alive_before=alive) for name, alive in counted.items()}
            if self.force:
                self._forget_rejected(connection)
        yield
        settle(connection, self._owner.integration_id, self.targets)

    def _count(self, connection: sa.Connection, name: str) -> int:
        table = DATA_TABLES[name]
        living = sa.select(sa.func.count()).where(
            table.c.integration_id == self._owner.integration_id, table.c.deleted_at.is_(None)
        )
        return int(connection.scalar(living) or 0)

    def _alive(self) -> dict[str, int]:
        return {
            name: total.alive_before + total.tally.alive for name, total in self._totals.items()
        }

    def _forget_rejected(self, connection: sa.Connection) -> None:
        records = rejected_records.c
        connection.execute(
            sa.delete(rejected_records).where(
                records.integration_id == self._owner.integration_id,
                records.table_name.in_(self.increments.tables),
            )
        )

    def _held(self, connection: sa.Connection, steps: Iterable[Changes | Sweep] = ()) -> _Held:
        """Return what the tables hold of the scopes of these steps, and of the sweep."""
        columns = applied_extractions.c
        scopes = {SITE_SCOPE, *(step.landing.scope for step in steps)}
        rows = connection.execute(
            sa.select(applied_extractions).where(
                columns.integration_id == self._owner.integration_id,
                columns.table_name.in_(self.increments.tables),
                columns.scope.in_(scopes),
            )
        )
        return {
            (row.table_name, row.entity, row.scope): Applied(
                row.extraction_id, (row.started_at, row.sequence), row.transform_version
            )
            for row in rows
        }

    def _is_applied(self, landing: Landing, held: _Held) -> bool:
        """Whether every table holds this or a newer landing of the scope, by the same transform."""
        if self.force:
            return self._is_overtaken(landing, held)
        return all(
            each is not None
            and each.order >= landing.order
            and each.transform_version == self.increments.transform_version
            for each in self._held_of(landing, held)
        )

    def _is_passed(self, landing: Landing, held: _Held) -> bool:
        """Whether the tables hold a newer sweep, or the same one.

        The same one is due again after what is older; else it would go back behind what is newer.
        """
        if self.force:
            return self._is_overtaken(landing, held)
        orders = [each.order for each in self._held_of(landing, held) if each is not None]
        return any(
            order > landing.order or (order == landing.order and not self._applied_anything)
            for order in orders
        )

    def _is_overtaken(self, landing: Landing, held: _Held) -> bool:
        """Whether the tables hold a landing that is newer than what was known when this began."""
        newest = self.increments.newest.get((landing.entity, landing.scope))
        return newest is not None and any(
            each is not None and each.order > newest for each in self._held_of(landing, held)
        )

    def _held_of(self, landing: Landing, held: _Held) -> list[Applied | None]:
        return [
            held.get((table, landing.entity, landing.scope)) for table in self.increments.tables
        ]

    def _last_before_sweep(self, taken: Mapping[int, Landing], held: _Held) -> int:
        """Return the number of the last landing that is older than the applied sweep."""
        sweeps = [each.order for (_, entity, _), each in held.items() if entity == SWEEP]
        if not sweeps:
            return -1
        newest = max(sweeps)
        return max((n for n, each in taken.items() if each.order < newest), default=-1)

    def _record(
        self, connection: sa.Connection, landings: Sequence[Landing], tallies: Mapping[str, Tally]
    ) -> None:
        """Say what the tables hold now."""
        self._applied_anything = True
        newest = {landing.scope: landing for landing in landings}
        rows = [
            {
                **self._applied_row(landing),
                "table_name": table,
                "rows_before": self._alive()[table],
                "rows_deleted": tallies[table].deleted,
            }
            for landing in newest.values()
            for table in self.increments.tables
        ]
        statement = insert(applied_extractions).values(applied_at=sa.func.now())
        keys = [key.name for key in applied_extractions.primary_key]
        values = {name: statement.excluded[name] for name in (*rows[0], "applied_at")}
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=keys,
                set_={name: value for name, value in values.items() if name not in keys},
            ),
            rows,
        )
        for table, tally in tallies.items():
            self._totals[table].add(tally)

    def _applied_row(self, landing: Landing) -> dict[str, Any]:
        return {
            "integration_id": self._owner.integration_id,
            "tenant_id": self._owner.tenant_id,
            "entity": landing.entity,
            "scope": landing.scope,
            "extraction_id": landing.extraction_id,
            "started_at": landing.started_at,
            "sequence": landing.sequence,
            "transform_version": self.increments.transform_version,
            "run_id": self.run_id,
        }

    def _newest(self, connection: sa.Connection) -> dict[str, UUID]:
        """Return the newest extraction that the tables hold of each entity."""
        columns = applied_extractions.c
        newest = (
            sa.select(columns.entity, columns.extraction_id)
            .ext(distinct_on(columns.entity))
            .where(
                columns.integration_id == self._owner.integration_id,
                columns.table_name.in_(self.increments.tables),
            )
            .order_by(columns.entity, columns.started_at.desc(), columns.sequence.desc())
        )
        return {row.entity: row.extraction_id for row in connection.execute(newest)}
