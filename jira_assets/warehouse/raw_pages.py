"""Raw pages on their way into ``raw_extraction_data``, and out of it again.

Decisions this module embodies:

* Pages land in batches, each its own transaction, while the reading goes on: a killed run leaves
  what it read, and a retry of the same extraction goes on there (or reads anew where pages hang
  together).
* A reading began when its first attempt asked for its first page, by the database's clock. That
  moment is kept on the pages (``extracted_at`` is when a page's batch was begun), so a resumed
  reading is as old as its oldest page.
* Two processes that land the same extraction at once (a run believed dead was not) would mix their
  pages. Each batch is written under a lock on the reading, and whoever finds a page or a marker
  that is not its own gives up: what counts is never changed, and nothing is added to it.
* Pages are read by their key, some at a time, and no connection is held between: who works on one
  for a minute blocks nobody.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert

from jira_assets.warehouse.connect import advisory_lock
from jira_assets.warehouse.contracts import LeftBehind, RawPage, Reading
from jira_assets.warehouse.integrations import require_integration
from jira_assets.warehouse.jsonb import to_jsonb
from jira_assets.warehouse.tables import raw_extraction_data, raw_extractions
from jira_assets.warehouse.unreadable import reason_of

BATCH_PAGES: Final = 200
BATCH_BYTES: Final = 8_000_000
BATCH_SECONDS: Final = 2.0
PAGES_AT_ONCE: Final = 100


class LandingConflictError(RuntimeError):
    """Somebody else lands pages of the same extraction, entity and scope at the same time."""

    def __init__(self, reading: Reading) -> None:
        super().__init__(
            f"{reading.entity} of extraction {reading.extraction_id} "
            f"({reading.owner.partition_key}) is being landed by another process too. "
            "Wait for it, or stop it, then run this again."
        )


@dataclass
class Tally:
    """What the landed pages of one reading amount to."""

    began: datetime
    pages: set[int] = field(default_factory=set)
    project_ids: set[str] = field(default_factory=set)
    items: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)

    def add(self, page: RawPage) -> None:
        """Count one page, landed or about to."""
        self.pages.add(page.page)
        project_id = page.request.get("project_id")
        if project_id is not None:
            self.project_ids.add(str(project_id))
        if page.readable:
            self.items += count_items(page.payload)
        else:
            subject = str(project_id or page.request.get("path") or f"page {page.page}")
            self.unreadable[subject] = reason_of(page)

    def left_behind(self) -> LeftBehind:
        """Return what the reader needs to know to go on after these pages."""
        return LeftBehind(
            project_ids=frozenset(self.project_ids),
            next_page=max(self.pages, default=-1) + 1,
            readable=len(self.pages) - len(self.unreadable),
        )


class Attempt:
    """One attempt at one reading: what it found, and the batch that it gathers."""

    def __init__(self, engine: sa.Engine, reading: Reading) -> None:
        self._engine = engine
        self._reading = reading
        self._insert = _insert_pages(reading)
        with engine.connect() as connection:
            self._batch_began: datetime = connection.scalar(sa.func.clock_timestamp().select())
            earliest = sa.select(sa.func.min(raw_extraction_data.c.extracted_at))
            began = connection.scalar(earliest.where(is_page_of(reading))) or self._batch_began
        self.tally = Tally(began)
        self._rows: list[dict[str, Any]] = []
        self._bytes = 0
        self._due = 0.0

    def take_over(self) -> None:
        """Count the pages that an earlier attempt left."""
        reading = self._reading
        for page in stored_pages(
            self._engine, reading.extraction_id, reading.entity, reading.scope
        ):
            self.tally.add(page)

    def drain(self) -> None:
        """Land the pages as they come, those before an exception included."""
        try:
            for page in self._reading.pages(self.tally.left_behind()):
                self._take(page)
        finally:
            self._flush()

    def _take(self, page: RawPage) -> None:
        if page.page in self.tally.pages:
            return
        payload = None if page.payload is None else to_jsonb(page.payload)
        self.tally.add(page)
        if not self._rows:
            self._due = time.monotonic() + BATCH_SECONDS
        self._rows.append(
            {
                "page_number": page.page,
                "request_text": to_jsonb(dict(page.request)),
                "status": page.http_status,
                "payload_text": payload,
            }
        )
        self._bytes += len(payload or "")
        if self._is_full():
            self._flush()

    def _is_full(self) -> bool:
        return (
            len(self._rows) >= BATCH_PAGES
            or self._bytes >= BATCH_BYTES
            or time.monotonic() >= self._due
        )

    def _flush(self) -> None:
        rows, self._rows, self._bytes = self._rows, [], 0
        if not rows:
            return
        for row in rows:
            row["began"] = self._batch_began
        with self._engine.begin() as connection:
            hold(connection, self._reading)
            require_integration(connection, self._reading.owner.integration_id)
            if _is_marked(connection, self._reading):
                raise LandingConflictError(self._reading)
            written = connection.execute(self._insert, rows).rowcount
            if written != len(rows):
                raise LandingConflictError(self._reading)
            self._batch_began = connection.scalar(sa.func.clock_timestamp().select())


def count_items(payload: Any) -> int:
    """Count the objects on a page: the length of a list, or of a paged object's ``values``."""
    if isinstance(payload, dict) and isinstance(payload.get("values"), list):
        return len(payload["values"])
    return len(payload) if isinstance(payload, list) else 1


def _insert_pages(reading: Reading) -> sa.Executable:
    def jsonb(parameter: str) -> sa.Cast[Any]:
        return sa.cast(sa.bindparam(parameter, type_=sa.Text), JSONB)

    statement = insert(raw_extraction_data).values(
        extraction_id=reading.extraction_id,
        entity=reading.entity,
        scope=reading.scope,
        tenant_id=reading.owner.tenant_id,
        integration_id=reading.owner.integration_id,
        page=sa.bindparam("page_number"),
        request=jsonb("request_text"),
        http_status=sa.bindparam("status"),
        payload=jsonb("payload_text"),
        extracted_at=sa.bindparam("began"),
    )
    return statement.on_conflict_do_nothing().execution_options(preserve_rowcount=True)


def stored_pages(
    engine: sa.Engine, extraction_id: UUID, entity: str, scope: str
) -> Iterator[RawPage]:
    """Yield the pages of one (extraction, entity, scope) in page order, marked or not."""
    last = -1
    while True:
        with engine.connect() as connection:
            rows = connection.execute(_pages_after(extraction_id, entity, scope, last)).all()
        for page, request, http_status, payload in rows:
            yield RawPage(
                page, request, http_status, None if payload is None else orjson.loads(payload)
            )
        if len(rows) < PAGES_AT_ONCE:
            return
        last = rows[-1].page


def _pages_after(extraction_id: UUID, entity: str, scope: str, last: int) -> sa.Select[Any]:
    pages = raw_extraction_data.c
    return (
        sa.select(pages.page, pages.request, pages.http_status, sa.cast(pages.payload, sa.Text))
        .where(
            pages.extraction_id == extraction_id,
            pages.entity == entity,
            pages.scope == scope,
            pages.page > last,
        )
        .order_by(pages.page)
        .limit(PAGES_AT_ONCE)
    )


def hold(connection: sa.Connection, reading: Reading) -> None:
    """Keep every other process from landing this reading until the transaction ends."""
    name = f"jira_assets/landing/{reading.extraction_id}/{reading.entity}/{reading.scope}"
    advisory_lock(connection, name)


def _is_marked(connection: sa.Connection, reading: Reading) -> bool:
    markers = raw_extractions.c
    found = sa.select(markers.sequence).where(
        markers.extraction_id == reading.extraction_id,
        markers.entity == reading.entity,
        markers.scope == reading.scope,
    )
    return connection.execute(found).first() is not None


def is_page_of(reading: Reading) -> sa.ColumnElement[bool]:
    """Return the condition under which a stored page belongs to ``reading``."""
    pages = raw_extraction_data.c
    return sa.and_(
        pages.extraction_id == reading.extraction_id,
        pages.entity == reading.entity,
        pages.scope == reading.scope,
    )
