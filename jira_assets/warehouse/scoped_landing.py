"""Landing many scopes of one entity at once: the issues of each project, several at a time.

Decisions this module embodies:

* What lands of a scope counts once the scope was read to its end, and all its pages are there: then
  its marker, its message and its watermark are written in one transaction, those of many scopes
  together. So ten thousand small projects share some dozens of transactions.
* Several batches of pages are written at once, beside the reading: to take a page of issues in
  costs Postgres more than to read it costs us. Ends wait until none of them is in flight.
* A retry of the same extraction goes on after the scopes that landed whole. What else an earlier
  attempt left is dropped: pages of a window hang together.
* Where nothing has changed, nothing lands: an idle project moves its watermark only. A full reading
  lands, empty or not: it says that there is nothing.
* A watermark never moves back, and stays where the scope could not be read.
* A reading is as old as its attempt: that orders its landings, and their sequence among themselves.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from jira_assets.warehouse.contracts import (
    Owner,
    RawPage,
    ScopedReading,
    ScopeEnd,
    ScopePage,
)
from jira_assets.warehouse.integrations import require_integration
from jira_assets.warehouse.jobs_beside import JobsBeside
from jira_assets.warehouse.raw_pages import (
    Batch,
    LandingConflictError,
    hold,
    insert_pages,
)
from jira_assets.warehouse.scope_ends import End, ReadBy, drop_pages, end_scopes
from jira_assets.warehouse.tables import raw_extractions

BATCH_ENDS: Final = 500
END_SECONDS: Final = 2.0
"""So long may a scope that was read wait for its marker, at most about."""
WRITERS: Final = 3


@dataclass(frozen=True)
class ScopedLanding:
    """What came of one reading of many scopes."""

    owner: Owner
    extraction_id: UUID
    entity: str
    started_at: datetime
    """When this attempt began."""
    landed_at: datetime
    landed: tuple[str, ...] = ()
    """Scopes that have landed, in earlier attempts of this extraction, too."""
    idle: tuple[str, ...] = ()
    """Scopes in which nothing has changed."""
    unreadable: dict[str, str] = field(default_factory=dict)
    """Scope to the reason why it could not be read."""
    pages: int = 0
    items: int = 0
    """Issues on those pages. Both of this attempt."""


def land_scopes(engine: sa.Engine, reading: ScopedReading, *, run_id: str | None) -> ScopedLanding:
    """Drain ``reading`` into the landing table, and mark each scope as whole when it ends.

    What the reading raises goes on to the caller, after the scopes that had ended have landed.

    Raises:
        LandingConflictError: another process lands the same extraction at the same time.
        ValueError: the reading went on after the end of a scope, or ended within one.
    """
    with engine.begin() as connection:
        hold(connection, reading)
        require_integration(connection, reading.owner.integration_id)
        whole = _landed_scopes(connection, reading)
        drop_pages(connection, reading)
        began = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    attempt = _Attempt(engine, reading, run_id, began)
    attempt.drain(whole)
    with engine.connect() as connection:
        ended = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    return attempt.result(whole, ended)


def _landed_scopes(
    connection: sa.Connection, reading: ScopedReading, among: Collection[str] | None = None
) -> frozenset[str]:
    markers = raw_extractions.c
    scopes = sa.select(markers.scope).where(
        markers.extraction_id == reading.extraction_id,
        markers.entity == reading.entity,
        sa.true() if among is None else markers.scope.in_(among),
    )
    return frozenset(connection.execute(scopes).scalars())


class _Attempt:
    """One attempt at one reading: the scopes that are open, and the batch that it gathers."""

    def __init__(
        self, engine: sa.Engine, reading: ScopedReading, run_id: str | None, began: datetime
    ) -> None:
        self._engine = engine
        self._reading = reading
        self._began = began
        self._read_by = ReadBy(began, run_id)
        self._open: dict[str, End] = {}
        self._ended: list[End] = []
        self._batch, self._ends = Batch(), list[End]()
        self._ends_due = 0.0

    def drain(self, whole: frozenset[str]) -> None:
        """Land what comes, what came before an exception of the reader included."""
        closed = set(whole)
        with JobsBeside("landing", WRITERS) as writer:
            try:
                for piece in self._reading.scopes(whole):
                    writer.check()
                    if piece.scope in closed:
                        raise ValueError(f"{self._reading.entity} {piece.scope} had ended already")
                    if isinstance(piece, ScopeEnd):
                        closed.add(piece.scope)
                        self._end(piece)
                    else:
                        self._take(piece)
                    self._hand_over(writer)
            finally:
                writer.wait()
                self._write_pages(self._next_batch())
                self._write_ends()
        if self._open:
            raise ValueError(f"{self._reading.entity}: without an end: {', '.join(self._open)}")

    def result(self, whole: frozenset[str], ended: datetime) -> ScopedLanding:
        """Say what came of it."""
        landed = [end.scope for end in self._ended if end.has_landed]
        reading = self._reading
        return ScopedLanding(
            owner=reading.owner,
            extraction_id=reading.extraction_id,
            entity=reading.entity,
            started_at=self._began,
            landed_at=ended,
            landed=(*sorted(whole), *landed),
            idle=tuple(end.scope for end in self._ended if end.is_idle),
            unreadable={end.scope: end.unreadable for end in self._ended if end.unreadable},
            pages=sum(end.pages for end in self._ended if end.has_landed),
            items=sum(end.items for end in self._ended if end.has_landed),
        )

    def _take(self, piece: ScopePage) -> None:
        scope = self._open.setdefault(piece.scope, End(piece.scope))
        scope.pages += 1
        scope.items += count_issues(piece.page)
        self._batch.add(piece.scope, piece.page)

    def _end(self, piece: ScopeEnd) -> None:
        end = self._open.pop(piece.scope, End(piece.scope))
        end.window, end.unreadable = piece.window, piece.unreadable
        if not end.has_landed:
            self._batch.drop(piece.scope)
        if not self._ends:
            self._ends_due = time.monotonic() + END_SECONDS
        self._ended.append(end)
        self._ends.append(end)

    def _hand_over(self, writer: JobsBeside) -> None:
        if self._batch.pages and self._batch.is_full():
            writer.run(partial(self._write_pages, self._next_batch()))
        if self._ends and (len(self._ends) >= BATCH_ENDS or time.monotonic() >= self._ends_due):
            writer.wait()
            self._write_pages(self._next_batch())
            self._write_ends()

    def _next_batch(self) -> Batch:
        """Return what was gathered, and begin anew."""
        batch, self._batch = self._batch, Batch()
        return batch

    def _write_pages(self, batch: Batch) -> None:
        if not batch.pages:
            return
        reading = self._reading
        with self._engine.begin() as connection:
            hold(connection, reading, shared=True)
            require_integration(connection, reading.owner.integration_id)
            if _landed_scopes(connection, reading, set(batch.scopes)):
                raise LandingConflictError(reading)
            if insert_pages(connection, reading, batch, self._began) != len(batch.pages):
                raise LandingConflictError(reading)

    def _write_ends(self) -> None:
        """Mark what has ended; its pages are all there."""
        ends, self._ends = self._ends, []
        if not ends:
            return
        reading = self._reading
        with self._engine.begin() as connection:
            hold(connection, reading)
            require_integration(connection, reading.owner.integration_id)
            if _landed_scopes(connection, reading, {end.scope for end in ends}):
                raise LandingConflictError(reading)
            end_scopes(connection, reading, ends, self._read_by)


def count_issues(page: RawPage) -> int:
    """Count the issues on a page of a search; a page of anything else has none."""
    listed = page.payload.get("issues") if isinstance(page.payload, dict) else None
    return len(listed) if page.readable and isinstance(listed, list) else 0
