"""Landing many scopes of one entity at a time: each counts once it is whole, and not before.

Decisions this module embodies:

* Pages of all scopes are written in common batches, beside the reading, as those of one are. What
  says that a scope is whole (its marker, its message, its watermark) is written in the transaction
  of the batch that holds its last page: ten thousand small projects are no ten thousand commits.
* A scope of which nothing came leaves no marker and no message: there is nothing to be made of it.
  Only its watermark moves. A full reading leaves one all the same: later ones build on it.
* A retried step drops the pages of scopes that did not land whole, and leaves out those that did.
* Who finds a page or a marker that is not its own gives up, as in ``raw_pages``.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert

from jira_assets.warehouse.contracts import (
    Owner,
    RawPage,
    ScopedReading,
    ScopeEnd,
    ScopePage,
    Window,
    message_id,
)
from jira_assets.warehouse.integrations import require_integration
from jira_assets.warehouse.jsonb import to_jsonb
from jira_assets.warehouse.one_at_a_time import OneAtATime
from jira_assets.warehouse.raw_pages import (
    Batch,
    LandingConflictError,
    count_items,
    hold_landing,
    insert_pages,
)
from jira_assets.warehouse.tables import (
    etl_job_queue,
    issue_watermarks,
    raw_extraction_data,
    raw_extractions,
)

_ALL_SCOPES = "*"
_SEARCHED = "issues"


@dataclass
class ScopedLanding:
    """What one reading of many scopes has landed, with what an earlier attempt of it had."""

    owner: Owner
    extraction_id: UUID
    entity: str
    landed: int = 0
    """Scopes with a marker."""
    idle: int = 0
    """Scopes in which nothing had changed."""
    unreadable: dict[str, str] = field(default_factory=dict)
    """Scope to the reason why it could not be read."""
    pages: int = 0
    items: int = 0

    def __str__(self) -> str:
        return (
            f"{self.owner.partition_key}: {self.entity} landed: {self.items:,} on {self.pages:,} "
            f"pages of {self.landed:,} projects; {self.idle:,} had not changed, "
            f"{len(self.unreadable):,} unreadable"
        )


@dataclass
class _Scope:
    """One scope, as far as it has been read."""

    began: datetime
    pages: int = 0
    items: int = 0


@dataclass
class _Part:
    """What is written in one transaction: pages, and which scopes end with them."""

    batch: Batch = field(default_factory=Batch)
    whole: list[tuple[ScopeEnd, _Scope]] = field(default_factory=list)
    idle: list[ScopeEnd] = field(default_factory=list)
    unreadable: list[ScopeEnd] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    """Scopes whose pages are to go."""

    def is_empty(self) -> bool:
        return not (self.batch.pages or self.whole or self.idle or self.unreadable)


_MOST_ENDS = 1_000


def land_scopes(engine: sa.Engine, reading: ScopedReading, *, run_id: str | None) -> ScopedLanding:
    """Drain ``reading``, and mark each scope as it becomes whole; return what has landed.

    What the reading raises goes on to the caller, after what was whole by then has landed.

    Raises:
        LandingConflictError: another process lands the same extraction at the same time.
    """
    attempt = _Attempt(engine, reading, run_id)
    landed = attempt.take_over()
    with OneAtATime("landing") as writer:
        try:
            for event in reading.scopes(landed):
                writer.check()
                attempt.take(event, writer)
        finally:
            writer.wait()
            attempt.write(attempt.next_part())
    return attempt.landing


class _Attempt:
    """One attempt at one reading."""

    def __init__(self, engine: sa.Engine, reading: ScopedReading, run_id: str | None) -> None:
        self._engine = engine
        self._reading = reading
        self._run_id = run_id
        self._scopes: dict[str, _Scope] = {}
        self._part = _Part()
        self._clock_read = time.monotonic()
        with engine.connect() as connection:
            self._clock: datetime = connection.scalar(sa.func.clock_timestamp().select())
        self.landing = ScopedLanding(reading.owner, reading.extraction_id, reading.entity)

    def take_over(self) -> frozenset[str]:
        """Drop what an earlier attempt has left unfinished; return the scopes that it landed."""
        pages, reading = raw_extraction_data.c, self._reading
        with self._engine.begin() as connection:
            self._hold(connection)
            marked = connection.execute(
                sa.select(
                    raw_extractions.c.scope,
                    raw_extractions.c.pages,
                    raw_extractions.c["items"],
                ).where(
                    raw_extractions.c.extraction_id == reading.extraction_id,
                    raw_extractions.c.entity == reading.entity,
                )
            ).all()
            scopes = [row.scope for row in marked]
            connection.execute(
                sa.delete(raw_extraction_data).where(
                    pages.extraction_id == reading.extraction_id,
                    pages.entity == reading.entity,
                    pages.scope != sa.all_(sa.literal(scopes, ARRAY(sa.Text))),
                )
            )
        self.landing.landed = len(marked)
        self.landing.pages = sum(row.pages for row in marked)
        self.landing.items = sum(row[2] for row in marked)
        return frozenset(scopes)

    def take(self, event: ScopePage | ScopeEnd, writer: OneAtATime) -> None:
        """Take in a page, or the end of a scope; write when there is enough."""
        if isinstance(event, ScopePage):
            self._add(event.scope, event.page)
        else:
            self._end(event)
        part = self._part
        ends = len(part.whole) + len(part.idle) + len(part.unreadable)
        if ends < _MOST_ENDS and not (part.batch.pages and part.batch.is_full()):
            return
        full = self.next_part()
        if full.batch.is_small():
            writer.wait()
            self.write(full)
        else:
            writer.run(partial(self.write, full))

    def next_part(self) -> _Part:
        """Return what was gathered, and begin anew."""
        part, self._part = self._part, _Part()
        return part

    def write(self, part: _Part) -> None:
        """Write pages, and what says of scopes that they are whole, in one transaction."""
        if part.is_empty():
            return
        with self._engine.begin() as connection:
            self._hold(connection)
            require_integration(connection, self._reading.owner.integration_id)
            if part.batch.pages:
                written = insert_pages(connection, self._reading, part.batch, self._now())
                if written != len(part.batch.pages):
                    raise LandingConflictError(self._reading)
            self._drop(connection, part.dropped)
            self._mark(connection, part.whole)
            _move_watermarks(connection, self._reading, part)
        self.landing.landed += len(part.whole)
        self.landing.idle += len(part.idle)
        self.landing.unreadable |= {end.scope: end.unreadable or "" for end in part.unreadable}
        self.landing.pages += sum(scope.pages for _, scope in part.whole)
        self.landing.items += sum(scope.items for _, scope in part.whole)

    def _add(self, scope: str, page: RawPage) -> None:
        known = self._scopes.get(scope)
        if known is None:
            known = self._scopes[scope] = _Scope(self._now())
        known.pages += 1
        payload = page.payload
        if page.readable and isinstance(payload, dict) and _SEARCHED in payload:
            known.items += count_items(payload)
        self._part.batch.add(scope, page)

    def _end(self, end: ScopeEnd) -> None:
        scope = self._scopes.pop(end.scope, None) or _Scope(self._now())
        if end.unreadable is not None:
            self._part.unreadable.append(end)
        elif scope.items or end.window.since is None:
            self._part.whole.append((end, scope))
            return
        else:
            self._part.idle.append(end)
        if scope.pages:
            self._part.dropped.append(end.scope)

    def _now(self) -> datetime:
        """Return the database's clock, without asking it."""
        return self._clock + timedelta(seconds=time.monotonic() - self._clock_read)

    def _hold(self, connection: sa.Connection) -> None:
        reading = self._reading
        hold_landing(connection, reading.extraction_id, reading.entity, _ALL_SCOPES)

    def _drop(self, connection: sa.Connection, scopes: list[str]) -> None:
        pages = raw_extraction_data.c
        if scopes:
            connection.execute(
                sa.delete(raw_extraction_data).where(
                    pages.extraction_id == self._reading.extraction_id,
                    pages.entity == self._reading.entity,
                    pages.scope == sa.any_(sa.literal(scopes, ARRAY(sa.Text))),
                )
            )

    def _mark(self, connection: sa.Connection, whole: list[tuple[ScopeEnd, _Scope]]) -> None:
        if not whole:
            return
        self._check_pages(connection, {end.scope: scope.pages for end, scope in whole})
        reading = self._reading
        identities: list[dict[str, Any]] = [
            {
                "extraction_id": reading.extraction_id,
                "entity": reading.entity,
                "scope": end.scope,
                "tenant_id": reading.owner.tenant_id,
                "integration_id": reading.owner.integration_id,
            }
            for end, _ in whole
        ]
        complete_for: sa.BindParameter[str] = sa.bindparam("window", type_=sa.Text)
        marker = sa.insert(raw_extractions).values(complete_for=sa.cast(complete_for, JSONB))
        connection.execute(
            marker,
            [
                identity
                | {
                    "pages": scope.pages,
                    "items": scope.items,
                    "is_full": end.window.since is None,
                    "run_id": self._run_id,
                    "started_at": scope.began,
                    "window": self._complete_for(end.window),
                }
                for identity, (end, scope) in zip(identities, whole, strict=True)
            ],
        )
        connection.execute(
            sa.insert(etl_job_queue),
            [
                identity
                | {
                    "message_id": message_id(
                        reading.extraction_id, reading.entity, identity["scope"]
                    ),
                    "partition_key": reading.owner.partition_key,
                    "extraction_run_id": self._run_id,
                }
                for identity in identities
            ],
        )

    def _check_pages(self, connection: sa.Connection, expected: Mapping[str, int]) -> None:
        """Make sure that a scope has its own pages and no others."""
        pages = raw_extraction_data.c
        rows = connection.execute(
            sa.select(pages.scope, sa.func.count())
            .where(
                pages.extraction_id == self._reading.extraction_id,
                pages.entity == self._reading.entity,
                pages.scope == sa.any_(sa.literal(list(expected), ARRAY(sa.Text))),
            )
            .group_by(pages.scope)
        ).all()
        found = {row[0]: row[1] for row in rows}
        if any(found.get(scope, 0) != count for scope, count in expected.items()):
            raise LandingConflictError(self._reading)

    def _complete_for(self, window: Window) -> str:
        return to_jsonb(
            {
                "included": list(self._reading.included_projects),
                "excluded": list(self._reading.excluded_projects),
                "unreadable": {},
                "window": {
                    "since": None if window.since is None else window.since.isoformat(),
                    "until": window.until.isoformat(),
                    "project_key": window.project_key,
                    "fields": list(window.fields),
                    "mapped": _mapped(window),
                },
            }
        )


def _mapped(window: Window) -> dict[str, Any]:
    return {column: asdict(each) for column, each in window.mapped.items()}


def _move_watermarks(connection: sa.Connection, reading: ScopedReading, part: _Part) -> None:
    """Move the watermarks of what was read; keep those of what could not be."""
    owner = {
        "integration_id": reading.owner.integration_id,
        "tenant_id": reading.owner.tenant_id,
    }
    read = [(end, scope.began) for end, scope in part.whole] + [(end, None) for end in part.idle]
    full = [(end, began) for end, began in read if end.window.since is None]
    newer = [(end, began) for end, began in read if end.window.since is not None]
    mark = insert(issue_watermarks)
    given, stored = mark.excluded, issue_watermarks.c
    moved = {
        "project_key": given.project_key,
        "read_until": sa.func.greatest(stored.read_until, given.read_until),
        "unreadable": None,
        "updated_at": sa.func.clock_timestamp(),
    }
    text: sa.BindParameter[str] = sa.bindparam("mapped_text", type_=sa.Text)
    mark = mark.values(mapped=sa.cast(text, JSONB))
    keys = ["integration_id", "project_jira_id"]
    for ends, more in (
        (full, {"full_read_at": given.full_read_at, "mapped": given.mapped}),
        (newer, {}),
    ):
        rows = [
            owner
            | {
                "project_jira_id": end.scope,
                "project_key": end.window.project_key,
                "read_until": end.window.until,
                "full_read_at": began if end.window.since is None else None,
                "mapped_text": to_jsonb(_mapped(end.window)),
            }
            for end, began in ends
        ]
        if rows:
            statement = mark.on_conflict_do_update(index_elements=keys, set_=moved | more)
            connection.execute(statement, rows)
    if part.unreadable:
        _note_unreadable(connection, owner, part.unreadable)


def _note_unreadable(
    connection: sa.Connection, owner: Mapping[str, int], ends: list[ScopeEnd]
) -> None:
    mark = insert(issue_watermarks)
    rows = [
        {
            **owner,
            "project_jira_id": end.scope,
            "project_key": end.window.project_key,
            "unreadable": end.unreadable,
        }
        for end in ends
    ]
    changed = {
        "unreadable": mark.excluded.unreadable,
        "updated_at": sa.func.clock_timestamp(),
    }
    connection.execute(
        mark.on_conflict_do_update(
            index_elements=["integration_id", "project_jira_id"], set_=changed
        ),
        rows,
    )
