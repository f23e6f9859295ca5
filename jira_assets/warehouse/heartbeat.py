"""Signs of life of Dagster runs. A killed run stays STARTED in Dagster for ever; its beats stop.

Decisions this module embodies:

* All times are the database's: the ages that decide over life and death compare one clock.
* Every beat also takes back an earlier end: a run of several step processes has one row, and one
  process that ends does not end the others.
* Beating never fails the run. While Postgres is away it is tried again, and said in the log once.
"""

import logging
import threading
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Final, Self

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from jira_assets.warehouse.tables import run_heartbeats

INTERVAL_SECONDS: Final = 5.0
_RETRY_SECONDS: Final = 1.0
_GOODBYE_SECONDS: Final = 10.0
# What SQLAlchemy, the pool and the errors of `connect` raise when Postgres or the tables are away.
_TROUBLE: Final = (sa.exc.SQLAlchemyError, OSError, RuntimeError)

_logger = logging.getLogger(__name__)
_now = sa.func.clock_timestamp


@dataclass(frozen=True)
class Beat:
    """The last sign of life of a run."""

    heartbeat_at: datetime
    finished_at: datetime | None
    """A clean end; None while it runs, and for ever if it was killed."""
    age_seconds: float
    """Seconds since ``heartbeat_at`` by the database's clock."""


def beat(engine: sa.Engine, run_id: str, partition_key: str | None = None) -> None:
    """Record that the run lives now."""
    _record(engine, run_id, partition_key, finished=False)


def finish(engine: sa.Engine, run_id: str) -> None:
    """Record that the run, or one of its processes, came to a clean end now."""
    _record(engine, run_id, None, finished=True)


def _record(engine: sa.Engine, run_id: str, partition_key: str | None, *, finished: bool) -> None:
    finished_at = _now() if finished else None
    row = insert(run_heartbeats).values(
        run_id=run_id, partition_key=partition_key, finished_at=finished_at
    )
    known = sa.func.coalesce(row.excluded.partition_key, run_heartbeats.c.partition_key)
    changes = {"heartbeat_at": _now(), "finished_at": finished_at, "partition_key": known}
    with engine.begin() as connection:
        connection.execute(row.on_conflict_do_update(index_elements=["run_id"], set_=changes))


def last_beats(connection: sa.Connection, run_ids: Collection[str]) -> dict[str, Beat]:
    """Return the last beat of each of these runs that ever beat, by run id."""
    table = run_heartbeats.c
    age = sa.extract("epoch", _now() - table.heartbeat_at)
    query = sa.select(table.run_id, table.heartbeat_at, table.finished_at, age.label("age"))
    rows = connection.execute(query.where(table.run_id.in_(run_ids)))
    return {r.run_id: Beat(r.heartbeat_at, r.finished_at, float(r.age)) for r in rows}


class Heartbeat:
    """Beats from a thread of its own as long as the ``with`` block runs, whatever that does.

    The first beat is recorded before the block begins, and the end when it is left in order, by an
    exception too: only a killed process leaves a row without an end.
    """

    def __init__(
        self,
        engine: sa.Engine,
        run_id: str,
        partition_key: str | None = None,
        *,
        interval_seconds: float = INTERVAL_SECONDS,
    ) -> None:
        self._engine = engine
        self._run_id = run_id
        self._partition_key = partition_key
        self._interval = interval_seconds
        self._stopping = threading.Event()
        self._in_trouble = False
        self._thread = threading.Thread(
            target=self._beat_until_stopped, name=f"heartbeat of run {run_id}", daemon=True
        )

    def __enter__(self) -> Self:
        self._try(finished=False)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        # Not for ever: with Postgres away, a beat may hang in its connection attempt.
        self._thread.join(_GOODBYE_SECONDS)

    def _beat_until_stopped(self) -> None:
        while not self._stopping.wait(self._pause()):
            self._try(finished=False)
        # In this thread, so that no late beat takes the end back.
        self._try(finished=True)

    def _pause(self) -> float:
        return min(self._interval, _RETRY_SECONDS) if self._in_trouble else self._interval

    def _try(self, *, finished: bool) -> None:
        try:
            _record(self._engine, self._run_id, self._partition_key, finished=finished)
        except _TROUBLE as error:
            if not self._in_trouble:
                _logger.warning("no sign of life of run %s: %s", self._run_id, error)
            self._in_trouble = True
        else:
            self._in_trouble = False
