"""Raw pages out of ``raw_extraction_data`` again: of one landing, or of many in their order.

Decisions this module embodies:

* Pages are read by their key, some at a time, fewer of large ones, and no connection is held
  between: who works on one for a minute blocks nobody. Meanwhile the next ones are fetched, be they
  of the same landing or of those that follow: ten thousand small projects are some hundred queries.
* They are fetched as the bytes that Postgres sends, and each is parsed when its turn comes: decoded
  to a text first, parsing takes twice as long, and an emoji makes the text four times as large.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from psycopg.rows import class_row
from psycopg.types.json import set_json_loads

from jira_assets.lenient_json import read_json
from jira_assets.warehouse.connect import driver_of
from jira_assets.warehouse.contracts import RawPage

PAGES_AT_ONCE: Final = 100
BYTES_AT_ONCE: Final = 3_000_000
"""As they are stored; the page that exceeds it comes, too."""

_PAGES_AFTER: Final = """
    WITH coming AS (
        SELECT given.number, stored.*
        FROM unnest(%(extractions)s::uuid[], %(entities)s::text[], %(scopes)s::text[])
            WITH ORDINALITY AS given (extraction_id, entity, scope, number)
        CROSS JOIN LATERAL (
            SELECT page, request, http_status, payload FROM jira.raw_extraction_data AS data
            WHERE data.extraction_id = given.extraction_id
            AND data.entity = given.entity AND data.scope = given.scope
            AND (given.number > 1 OR page > %(after)s)
            ORDER BY page LIMIT %(most)s
        ) AS stored
        ORDER BY given.number, stored.page LIMIT %(most)s
    ),
    measured AS (
        -- Of what is stored apart, the size is known without a look at it.
        SELECT *, count(*) OVER () AS found,
            sum(pg_column_size(payload)) OVER (
                ORDER BY number, page ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS before
        FROM coming
    )
    SELECT number, page, request, http_status, payload, found FROM measured
    WHERE coalesce(before, 0) < %(bytes)s ORDER BY number, page
"""


class PagesKey(NamedTuple):
    """What pages are stored under, beside their numbers."""

    extraction_id: UUID
    entity: str
    scope: str


@dataclass(frozen=True)
class _StoredPage:
    """A row of ``_PAGES_AFTER``; JSON as the bytes of it."""

    number: int
    """Of its key among those asked for, from 1."""
    page: int
    request: bytes
    http_status: int
    payload: bytes | None
    found: int
    """Pages that there were of these keys, ``PAGES_AT_ONCE`` at most."""

    def parsed(self) -> RawPage:
        payload = None if self.payload is None else read_json(self.payload)
        return RawPage(self.page, read_json(self.request), self.http_status, payload)


class _Place(NamedTuple):
    """From where on to read: behind a page of the first of these keys."""

    keys: Sequence[PagesKey]
    after: int = -1


def stored_pages(engine: sa.Engine, keys: Sequence[PagesKey]) -> Iterator[tuple[PagesKey, RawPage]]:
    """Yield the pages under ``keys``, marked or not: key by key, each one's in page order."""
    place: _Place | None = _Place(keys)
    with ThreadPoolExecutor(1, thread_name_prefix="pages") as beside:
        coming = beside.submit(_read, engine, _Place(keys))
        while place is not None:
            rows, here = coming.result(), place.keys
            place = _behind(place, rows)
            if place is not None:
                coming = beside.submit(_read, engine, place)
            for row in rows:
                yield here[row.number - 1], row.parsed()


def _behind(place: _Place, rows: Sequence[_StoredPage]) -> _Place | None:
    """Return where to go on after ``rows``; None at the end."""
    if rows and (len(rows) < rows[-1].found or len(rows) >= PAGES_AT_ONCE):
        last = rows[-1]
        return _Place(place.keys[last.number - 1 :], last.page)
    rest = place.keys[PAGES_AT_ONCE:]
    return _Place(rest) if rest else None


def _read(engine: sa.Engine, place: _Place) -> Sequence[_StoredPage]:
    """Read the next pages: of as many keys as pages at most, for nearly all have one at least."""
    keys = place.keys[:PAGES_AT_ONCE]
    asked = {
        "extractions": [key.extraction_id for key in keys],
        "entities": [key.entity for key in keys],
        "scopes": [key.scope for key in keys],
        "after": place.after,
        "most": PAGES_AT_ONCE,
        "bytes": BYTES_AT_ONCE,
    }
    with (
        engine.connect() as connection,
        driver_of(connection).cursor(row_factory=class_row(_StoredPage)) as cursor,
    ):
        set_json_loads(_as_bytes, cursor)
        return cursor.execute(_PAGES_AFTER, asked).fetchall()


def _as_bytes(json: str | bytes) -> bytes:
    return json if isinstance(json, bytes) else json.encode()
