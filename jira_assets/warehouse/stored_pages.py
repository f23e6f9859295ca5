"""Raw pages out of ``raw_extraction_data`` again.

Decisions this module embodies:

* Pages are read by their key, some at a time, fewer of large ones, and no connection is held
  between: who works on one for a minute blocks nobody. Meanwhile the next ones are fetched.
* They are fetched as the bytes that Postgres sends, and each is parsed when its turn comes: decoded
  to a text first, parsing takes twice as long, and an emoji makes the text four times as large.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from uuid import UUID

import orjson
import sqlalchemy as sa
from psycopg.rows import class_row
from psycopg.types.json import set_json_loads

from jira_assets.warehouse.connect import driver_of
from jira_assets.warehouse.contracts import RawPage

FIRST_PAGES_AT_ONCE: Final = 4
PAGES_AT_ONCE: Final = 100
BYTES_AT_ONCE: Final = 3_000_000

_PAGES_AFTER: Final = """
    SELECT page, request, http_status, payload FROM jira.raw_extraction_data
    WHERE extraction_id = %(extraction_id)s AND entity = %(entity)s AND scope = %(scope)s
    AND page > %(after)s ORDER BY page LIMIT %(most)s
"""


@dataclass(frozen=True)
class _StoredPage:
    """A row of ``raw_extraction_data``; JSON as the bytes of it."""

    page: int
    request: bytes
    http_status: int
    payload: bytes | None

    def parsed(self) -> RawPage:
        payload = None if self.payload is None else orjson.loads(self.payload)
        return RawPage(self.page, orjson.loads(self.request), self.http_status, payload)


def stored_pages(
    engine: sa.Engine, extraction_id: UUID, entity: str, scope: str
) -> Iterator[RawPage]:
    """Yield the pages of one (extraction, entity, scope) in page order, marked or not."""
    key = {"extraction_id": extraction_id, "entity": entity, "scope": scope}
    read = partial(_read_pages, engine, key)
    at_once = min(FIRST_PAGES_AT_ONCE, PAGES_AT_ONCE)
    rows = read(after=-1, most=at_once)
    with ThreadPoolExecutor(1, thread_name_prefix="pages") as beside:
        while rows:
            size = sum(len(row.payload or b"") for row in rows)
            following = None
            if len(rows) == at_once:
                at_once = max(1, min(PAGES_AT_ONCE, at_once * BYTES_AT_ONCE // (size + 1)))
                following = beside.submit(read, after=rows[-1].page, most=at_once)
            yield from (row.parsed() for row in rows)
            rows = following.result() if following else []


def _read_pages(
    engine: sa.Engine, key: dict[str, Any], *, after: int, most: int
) -> Sequence[_StoredPage]:
    with engine.connect() as connection:
        driver = driver_of(connection)
        with driver.cursor(row_factory=class_row(_StoredPage)) as cursor:
            set_json_loads(_as_bytes, cursor)
            return cursor.execute(_PAGES_AFTER, {**key, "after": after, "most": most}).fetchall()


def _as_bytes(json: str | bytes) -> bytes:
    return json if isinstance(json, bytes) else json.encode()
