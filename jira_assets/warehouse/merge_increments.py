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
from typing import Final

import sqlalchemy as sa

from jira_assets.warehouse.applied import Merged
from jira_assets.warehouse.connect import lock_integration
from jira_assets.warehouse.contracts import (
    Changes,
    Increments,
    Landing,
    MergeResult,
    Owner,
    Sweep,
)
from jira_assets.warehouse.held_landings import HeldLandings, hold, newest_extractions
from jira_assets.warehouse.increment_stage import IncrementStage, Tally
from jira_assets.warehouse.integrations import require_integration
from jira_assets.warehouse.jobs_beside import JobsBeside
from jira_assets.warehouse.landing import require_landed
from jira_assets.warehouse.queue_rows import Targets, settle, targets_of
from jira_assets.warehouse.sweep import SweepStage
from jira_assets.warehouse.tables import (
    DATA_TABLES,
    SOURCES,
    rejected_records,
)

BATCH_ISSUES: Final = 2_500
BATCH_LANDINGS: Final = 500


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
            newest = newest_extractions(connection, self.increments)
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
            held.last_before_sweep(taken),
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

    def _held(
        self, connection: sa.Connection, steps: Iterable[Changes | Sweep] = ()
    ) -> HeldLandings:
        landings = (step.landing for step in steps)
        return HeldLandings.look_up(connection, self.increments, landings)

    def _is_applied(self, landing: Landing, held: HeldLandings) -> bool:
        """Whether there is nothing to do for these changes."""
        return held.is_overtaken(landing) if self.force else held.has(landing)

    def _is_passed(self, landing: Landing, held: HeldLandings) -> bool:
        """Whether there is nothing to do for this sweep.

        The same one is due again after what is older; else it would go back behind what is newer.
        """
        if self.force:
            return held.is_overtaken(landing)
        return held.is_past(landing) or (held.is_at(landing) and not self._applied_anything)

    def _record(
        self, connection: sa.Connection, landings: Sequence[Landing], tallies: Mapping[str, Tally]
    ) -> None:
        """Say what the tables hold now."""
        self._applied_anything = True
        alive = self._alive()
        merged = [
            Merged(
                owner=self._owner,
                table=table,
                transform_version=self.increments.transform_version,
                run_id=self.run_id,
                rows_before=alive[table],
                rows_deleted=tally.deleted,
            )
            for table, tally in tallies.items()
        ]
        hold(connection, landings, merged)
        for table, tally in tallies.items():
            self._totals[table].add(tally)
