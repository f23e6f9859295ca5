"""What goes on while a database is migrated: writers of its time, merges, long readers.

Each is a thread with connections of its own, and goes on until the block ends. What a writer was
told is committed is remembered; an error is remembered, too, and none is passed over.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import sqlalchemy as sa

from jira_assets.warehouse.connect import engine_for, lock_integration
from jira_assets_tests.patience import wait_for
from jira_assets_tests.upgrades.past import write_rows

READING_SECONDS: Final = 1.2
"""How long a reader stays in its transaction: longer than a migration waits at a time."""
_MERGING_SECONDS: Final = 0.2


@dataclass
class Load:
    """What was done, and what failed."""

    engine: sa.Engine
    revision: str
    written: list[str] = field(default_factory=list)
    """The ``n`` of each committed write."""
    merges: int = 0
    reads: int = 0
    longest_write: float = 0.0
    """Seconds that the slowest write took, whatever it waited for."""
    errors: list[BaseException] = field(default_factory=list)

    def write(self) -> None:
        """Write into every table in one transaction, as the program of the revision."""
        n, began = f"load-{len(self.written)}", time.monotonic()
        write_rows(self.engine, self.revision, n)
        self.longest_write = max(self.longest_write, time.monotonic() - began)
        self.written.append(n)

    def merge(self) -> None:
        """Update rows under the lock of an integration; touches tables against their order."""
        with self.engine.begin() as connection:
            lock_integration(connection, 1)
            connection.exec_driver_sql("UPDATE jira.statuses SET name = 'Merged'")
            time.sleep(_MERGING_SECONDS)
            connection.exec_driver_sql("UPDATE jira.applied_extractions SET sequence = 2")
            connection.exec_driver_sql("UPDATE jira.etl_job_queue SET attempt = attempt")
        self.merges += 1

    def read(self) -> None:
        """Read the pages, and stay in the transaction."""
        with self.engine.connect() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM jira.raw_extraction_data")
            time.sleep(READING_SECONDS)
            connection.exec_driver_sql("SELECT * FROM jira.projects").all()
        self.reads += 1


@contextmanager
def under_load(url: str, revision: str) -> Iterator[Load]:
    """Have all of it go on during the block, which begins once each was done."""
    load, ended = Load(engine_for(url), revision), threading.Event()
    threads = [
        threading.Thread(target=_go_on, args=(each, load, ended), name=each.__name__)
        for each in (load.write, load.merge, load.read)
    ]
    for thread in threads:
        thread.start()
    try:
        wait_for("the load", lambda: load.errors or _all_done(load))
        yield load
    finally:
        ended.set()
        for thread in threads:
            thread.join(60)


def _all_done(load: Load) -> bool:
    return bool(load.written and load.merges and load.reads)


def _go_on(do: Callable[[], None], load: Load, ended: threading.Event) -> None:
    while not ended.is_set():
        try:
            do()
        except Exception as error:  # noqa: BLE001  # whatever it is, the test is to see it
            load.errors.append(error)
            ended.wait(0.1)
