"""Raw pages on their way into ``raw_extraction_data``.

Decisions this module embodies:

* Pages land in batches, each its own transaction, while the reading goes on: a killed run leaves
  what it read, and a retry of the same extraction goes on there (or reads anew where pages hang
  together).
* A batch is one statement over arrays, and is written by a thread beside: the reading goes on
  meanwhile. One batch is written and one gathered, no more, so memory stays bounded; a batch that
  fails ends the reading with its next page. A small batch takes no longer than to hand it over: it
  is written at once. (COPY would be no faster, and row-level security refuses it.)
* A reading began when its first attempt asked for its first page, by the database's clock. That
  moment is kept on the pages (``extracted_at`` is when a page's batch was begun), so a resumed
  reading is as old as its oldest page.
* Two processes that land the same extraction at once (a run believed dead was not) would mix their
  pages. Each batch is written under a lock on the reading, and whoever finds a page or a marker
  that is not its own gives up: what counts is never changed, and nothing is added to it.
* A page is UTF-8 from Jira's answer to Postgres: as a Python text one emoji makes it four times as
  large, and to turn the one into the other takes longer than to write the JSON. Where the bytes
  that came are at hand they land; those that Postgres refuses are read and written again.
"""

import time
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from jira_assets.lenient_json import read_json
from jira_assets.warehouse.connect import advisory_lock
from jira_assets.warehouse.contracts import LeftBehind, RawPage, Reading, ScopedReading
from jira_assets.warehouse.integrations import require_integration
from jira_assets.warehouse.jobs_beside import JobsBeside
from jira_assets.warehouse.jsonb import (
    jsonb_bytes,
    to_jsonb,
    without_nuls,
    writes_long_numbers,
)
from jira_assets.warehouse.stored_pages import PagesKey, stored_pages
from jira_assets.warehouse.tables import raw_extraction_data, raw_extractions
from jira_assets.warehouse.unreadable import reason_of

BATCH_PAGES: Final = 200
BATCH_BYTES: Final = 1_000_000
BATCH_SECONDS: Final = 2.0
SMALL_PAGES: Final = 20
SMALL_BYTES: Final = 500_000

# For the driver itself: %b sends the arrays as they are; as text, each of them would be escaped.
_INSERT: Final = """
    INSERT INTO jira.raw_extraction_data (
        extraction_id, entity, scope, tenant_id, integration_id,
        page, request, http_status, payload, extracted_at
    )
    SELECT
        %(extraction_id)s::uuid, %(entity)s::text, scope,
        %(tenant_id)s::bigint, %(integration_id)s::bigint,
        page, request::jsonb, http_status, convert_from(payload, 'UTF8')::jsonb,
        %(began)s::timestamptz
    FROM unnest(
        %(scopes)b::text[], %(pages)b::int[], %(requests)b::text[],
        %(statuses)b::int[], %(payloads)b::bytea[]
    ) AS given (scope, page, request, http_status, payload)
    ON CONFLICT DO NOTHING
"""


class LandingConflictError(RuntimeError):
    """Somebody else lands pages of the same extraction, entity and scope at the same time."""

    def __init__(self, reading: Reading | ScopedReading) -> None:
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


@dataclass
class Batch:
    """Pages that are written together, column by column."""

    scopes: list[str] = field(default_factory=list)
    pages: list[int] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    payloads: list[bytes | None] = field(default_factory=list)
    size: int = 0
    """Bytes of its payloads."""
    due: float = 0.0
    """When to write it, however small it is; of the monotonic clock."""

    def add(self, scope: str, page: RawPage) -> None:
        """Take one page in."""
        payload = _payload_of(page)
        if not self.pages:
            self.due = time.monotonic() + BATCH_SECONDS
        self.scopes.append(scope)
        self.pages.append(page.page)
        self.requests.append(to_jsonb(dict(page.request)))
        self.statuses.append(page.http_status)
        self.payloads.append(payload)
        self.size += len(payload or b"")

    def drop(self, scope: str) -> None:
        """Leave out what was taken in of a scope."""
        if scope not in self.scopes:
            return
        kept = [place for place, each in enumerate(self.scopes) if each != scope]
        self.scopes = [self.scopes[place] for place in kept]
        self.pages = [self.pages[place] for place in kept]
        self.requests = [self.requests[place] for place in kept]
        self.statuses = [self.statuses[place] for place in kept]
        self.payloads = [self.payloads[place] for place in kept]
        self.size = sum(len(payload or b"") for payload in self.payloads)

    def cleaned(self) -> "Batch":
        """Return it with payloads that were read and written again."""
        payloads = [each and jsonb_bytes(read_json(each)) for each in self.payloads]
        return replace(self, payloads=payloads)

    def is_full(self) -> bool:
        """Whether it is time to write it."""
        return (
            len(self.pages) >= BATCH_PAGES
            or self.size >= BATCH_BYTES
            or (bool(self.pages) and time.monotonic() >= self.due)
        )

    def is_small(self) -> bool:
        """Whether writing it takes no longer than to hand it over."""
        return len(self.pages) < SMALL_PAGES and self.size < SMALL_BYTES


def _payload_of(page: RawPage) -> bytes | None:
    if page.text is not None:
        if writes_long_numbers(page.text):
            return jsonb_bytes(read_json(page.text))
        return without_nuls(page.text)
    return None if page.payload is None else jsonb_bytes(page.payload)


class Attempt:
    """One attempt at one reading: what it found, and the batch that it gathers."""

    def __init__(self, engine: sa.Engine, reading: Reading) -> None:
        self._engine = engine
        self._reading = reading
        with engine.connect() as connection:
            self._batch_began: datetime = connection.scalar(sa.func.clock_timestamp().select())
            earliest = sa.select(sa.func.min(raw_extraction_data.c.extracted_at))
            began = connection.scalar(earliest.where(is_page_of(reading))) or self._batch_began
        self.tally = Tally(began)
        self._batch = Batch()

    def take_over(self) -> None:
        """Count the pages that an earlier attempt left."""
        reading = self._reading
        key = PagesKey(reading.extraction_id, reading.entity, reading.scope)
        for _, page in stored_pages(self._engine, [key]):
            self.tally.add(page)

    def drain(self) -> None:
        """Land the pages as they come, those before an exception of the reader included.

        Raises what the reader raises, and what writing raises: at the latest when the next page
        comes, and then no further page is written.
        """
        with JobsBeside("landing") as writer:
            try:
                for page in self._reading.pages(self.tally.left_behind()):
                    writer.check()
                    self._take(page, writer)
            finally:
                writer.wait()
                self._write(self._next_batch())

    def _take(self, page: RawPage, writer: JobsBeside) -> None:
        if page.page in self.tally.pages:
            return
        self._batch.add(self._reading.scope, page)
        self.tally.add(page)
        if not self._batch.is_full():
            return
        batch = self._next_batch()
        if batch.is_small():
            writer.wait()
            self._write(batch)
        else:
            writer.run(partial(self._write, batch))

    def _next_batch(self) -> Batch:
        """Return what was gathered, and begin anew."""
        batch, self._batch = self._batch, Batch()
        return batch

    def _write(self, batch: Batch) -> None:
        if not batch.pages:
            return
        with self._engine.begin() as connection:
            # The next batch is being gathered from now on.
            next_began = connection.scalar(sa.func.clock_timestamp().select())
            hold(connection, self._reading)
            require_integration(connection, self._reading.owner.integration_id)
            if is_marked(
                connection,
                self._reading.extraction_id,
                self._reading.entity,
                self._reading.scope,
            ):
                raise LandingConflictError(self._reading)
            written = insert_pages(connection, self._reading, batch, self._batch_began)
            if written != len(batch.pages):
                raise LandingConflictError(self._reading)
        self._batch_began = next_began


def count_items(payload: Any) -> int:
    """Count the objects on a page: a list's length, or that of what a paged object lists."""
    if isinstance(payload, dict):
        lists = (payload.get(name) for name in ("values", "issues"))
        return next((len(each) for each in lists if isinstance(each, list)), 1)
    return len(payload) if isinstance(payload, list) else 1


def insert_pages(
    connection: sa.Connection, reading: Reading | ScopedReading, batch: Batch, began: datetime
) -> int:
    """Insert the pages of a batch that are not there yet; return how many those are."""
    try:
        with connection.begin_nested():
            return _insert(connection, reading, batch, began)
    except sa.exc.DataError:
        # What came is no UTF-8, or has a number that Postgres does not hold.
        return _insert(connection, reading, batch.cleaned(), began)


def _insert(
    connection: sa.Connection, reading: Reading | ScopedReading, batch: Batch, began: datetime
) -> int:
    parameters = {
        "extraction_id": reading.extraction_id,
        "entity": reading.entity,
        "tenant_id": reading.owner.tenant_id,
        "integration_id": reading.owner.integration_id,
        "scopes": batch.scopes,
        "pages": batch.pages,
        "requests": batch.requests,
        "statuses": batch.statuses,
        "payloads": batch.payloads,
        "began": began,
    }
    options = {"preserve_rowcount": True}
    return connection.exec_driver_sql(_INSERT, parameters, execution_options=options).rowcount


def hold(
    connection: sa.Connection, reading: Reading | ScopedReading, *, shared: bool = False
) -> None:
    """Keep every other process from landing this reading until the transaction ends.

    ``shared``: but for those that hold it shared, too.
    """
    hold_landing(connection, reading.extraction_id, reading.entity, shared=shared)


def hold_landing(
    connection: sa.Connection, extraction_id: UUID, entity: str, *, shared: bool = False
) -> None:
    """Keep every other process from landing, or removing, these pages until the end.

    All scopes of the entity have one lock: batches hold pages of many.
    """
    advisory_lock(connection, f"jira_assets/landing/{extraction_id}/{entity}", shared=shared)


def is_marked(connection: sa.Connection, extraction_id: UUID, entity: str, scope: str) -> bool:
    """Return whether this (extraction, entity, scope) has landed whole."""
    markers = raw_extractions.c
    found = sa.select(markers.sequence).where(
        markers.extraction_id == extraction_id,
        markers.entity == entity,
        markers.scope == scope,
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
