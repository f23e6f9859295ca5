"""Landing many scopes of one entity at once: the issues of each project, several at a time.

Decisions this module embodies:

* What lands of a scope counts once the scope was read to its end: then its marker, its message and
  its watermark are written in one transaction, the one of the batch that holds its last page. So
  ten thousand small projects share some dozens of transactions, and a large one is no exception.
* A retry of the same extraction goes on after the scopes that landed whole. What else an earlier
  attempt left is dropped: pages of a window hang together.
* Where nothing has changed, nothing lands: an idle project moves its watermark only. A full reading
  lands, empty or not: it says that there is nothing.
* A watermark never moves back, and stays where the scope could not be read.
* A reading is as old as its attempt: that orders its landings, and their sequence among themselves.
"""

from collections.abc import Callable, Collection
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
from jira_assets.warehouse.one_at_a_time import OneAtATime
from jira_assets.warehouse.raw_pages import (
    Batch,
    LandingConflictError,
    hold,
    insert_pages,
)
from jira_assets.warehouse.scope_ends import End, drop_pages, end_scopes
from jira_assets.warehouse.tables import raw_extractions

BATCH_ENDS: Final = 500


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
        self._run_id = run_id
        self._began = began
        self._batch_began = began
        self._open: dict[str, End] = {}
        self._ended: list[End] = []
        self._batch, self._ends = Batch(), list[End]()

    def drain(self, whole: frozenset[str]) -> None:
        """Land what comes, what came before an exception of the reader included."""
        closed = set(whole)
        with OneAtATime("landing") as writer:
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
                self._next_write()()
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
        self._ended.append(end)
        self._ends.append(end)

    def _hand_over(self, writer: OneAtATime) -> None:
        if not (self._batch.is_full() or len(self._ends) >= BATCH_ENDS):
            return
        is_small = self._batch.is_small()
        write = self._next_write()
        if is_small:
            writer.wait()
            write()
        else:
            writer.run(write)

    def _next_write(self) -> Callable[[], None]:
        """Return what writes that which was gathered, and begin anew."""
        write = partial(self._write, self._batch, self._ends)
        self._batch, self._ends = Batch(), []
        return write

    def _write(self, batch: Batch, ends: list[End]) -> None:
        if not (batch.pages or ends):
            return
        reading = self._reading
        with self._engine.begin() as connection:
            next_began = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
            hold(connection, reading)
            require_integration(connection, reading.owner.integration_id)
            scopes = {*batch.scopes, *(end.scope for end in ends)}
            if _landed_scopes(connection, reading, scopes):
                raise LandingConflictError(reading)
            if insert_pages(connection, reading, batch, self._batch_began) != len(batch.pages):
                raise LandingConflictError(reading)
            end_scopes(connection, reading, ends, began=self._began, run_id=self._run_id)
        self._batch_began = next_began


def count_issues(page: RawPage) -> int:
    """Count the issues on a page of a search; a page of anything else has none."""
    listed = page.payload.get("issues") if isinstance(page.payload, dict) else None
    return len(listed) if page.readable and isinstance(listed, list) else 0
