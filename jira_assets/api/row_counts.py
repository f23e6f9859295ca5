"""The rows of the tables, counted at most once a minute, however often somebody scrapes."""

import threading
import time
from typing import Final

import sqlalchemy as sa

from jira_assets.warehouse.figures import count_rows

EVERY_SECONDS: Final = 60.0
Rows = list[tuple[str, str, int]]
"""Table, partition key, living rows."""


class RowCounts:
    """The rows of the tables, counted anew when the last count is a minute old."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: Rows = []
        self._counted_at = float("-inf")

    def of(self, connection: sa.Connection) -> Rows:
        """Return table, partition key and rows of each."""
        with self._lock:
            if time.monotonic() - self._counted_at >= EVERY_SECONDS:
                self._rows = list(count_rows(connection))
                self._counted_at = time.monotonic()
            return self._rows
