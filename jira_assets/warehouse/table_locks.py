"""Locks on whole tables, taken so that nobody stands behind one who waits.

Decisions this module embodies:

* Who changes a table waits for all who use it, and Postgres lets nobody past who waits: behind an
  ``ALTER TABLE`` that waits for one long reader, every writer waits, too. So a migration waits for
  seconds only, lets everybody past, and comes again.
* All tables are taken before anything is changed. A migration that holds some and waits for others
  may be half of a deadlock with a transaction that came the other way, and Postgres ends either of
  the two after a second (``deadlock_timeout``). So it waits in short slices, and looks before each
  whether who holds what it wants waits for what it holds: then it is the migration that gives way.
* Tables at which it failed come first in the next attempt, the last one before all others: so who
  uses them without a pause stands behind, holding nothing that is still wanted. A vacuum by
  Postgres itself gives way to one who waits for more than a second: for the first table.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import psycopg.errors
import sqlalchemy as sa

WAIT_MILLISECONDS: Final = 3000
"""How long the first table is waited for, then all the others: who comes meanwhile waits, too."""
_SLICE_MILLISECONDS: Final = 200
"""Much less than the ``deadlock_timeout`` of those who wait for what is held."""
_MOST_NAMED: Final = 5

_TABLES: Final = sa.text(
    """
    SELECT format('%I.%I', relnamespace::regnamespace, relname) FROM pg_class
    WHERE relnamespace = to_regnamespace(:schema) AND relkind IN ('r', 'p', 'v')
    AND relname <> 'alembic_version'
    -- Views first: who reads one holds it before its tables.
    ORDER BY relkind = 'v' DESC, relname
    """
)
_WAIT_FOR_US: Final = sa.text(
    """
    SELECT count(*) FROM pg_locks WHERE granted AND locktype = 'relation'
    AND relation = to_regclass(:table) AND pid <> pg_backend_pid()
    AND pg_backend_pid() = ANY(pg_blocking_pids(pid))
    """
)
_HOLDERS: Final = sa.text(
    """
    SELECT lock.pid, string_agg(DISTINCT class.relname, ', ' ORDER BY class.relname) AS tables,
        coalesce(nullif(activity.application_name, ''), 'a connection without a name') AS name,
        coalesce(activity.state, 'state unknown') AS state,
        extract(epoch FROM clock_timestamp() - activity.xact_start)::int AS seconds
    FROM pg_locks AS lock
    JOIN pg_class AS class ON class.oid = lock.relation
    JOIN pg_stat_activity AS activity ON activity.pid = lock.pid
    WHERE lock.locktype = 'relation' AND lock.granted AND lock.pid <> pg_backend_pid()
    AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND class.relnamespace = to_regnamespace(:schema) AND class.relkind IN ('r', 'p', 'v')
    GROUP BY lock.pid, activity.application_name, activity.state, activity.xact_start
    ORDER BY activity.xact_start LIMIT :most
    """
)


@dataclass(frozen=True)
class Holder:
    """A transaction that uses tables, and for how long; None where that may not be seen."""

    pid: int
    tables: str
    name: str
    state: str
    seconds: int | None

    def __str__(self) -> str:
        since = "" if self.seconds is None else f" for {self.seconds} s"
        return f"process {self.pid} ({self.name}, {self.state}){since} on {self.tables}"


class TableInUseError(RuntimeError):
    """Somebody uses a table that was wanted alone."""

    def __init__(self, table: str) -> None:
        super().__init__(f"{table} is in use.")
        self.table = table


def hold_tables(connection: sa.Connection, schema: str, *, first: Sequence[str] = ()) -> None:
    """Take all tables of ``schema`` for this transaction alone, or fail within seconds.

    ``first`` are those at which earlier attempts failed, the last one first.

    Raises:
        TableInUseError: somebody did not give it away in time. The transaction is over.
    """
    there = connection.execute(_TABLES, {"schema": schema}).scalars().all()
    names = list(dict.fromkeys([*(name for name in first if name in there), *there]))
    if not names:
        return
    if not _took(connection, names[0], WAIT_MILLISECONDS):
        raise TableInUseError(names[0])
    deadline = time.monotonic() + WAIT_MILLISECONDS / 1000
    for name in names[1:]:
        # Who holds it may have waited for us while we took others: we must not wait for him, not
        # for a slice, or it is he whom Postgres ends.
        took = _took(connection, name, 0)
        while not took:
            if time.monotonic() > deadline or connection.scalar(_WAIT_FOR_US, {"table": name}):
                raise TableInUseError(name)
            took = _took(connection, name, _SLICE_MILLISECONDS)


def _took(connection: sa.Connection, table: str, milliseconds: int) -> bool:
    """Wait for a table so long, 0 not at all; what is held already stays held."""
    try:
        with connection.begin_nested():
            # For Postgres, a timeout of 0 is none.
            wait = "" if milliseconds else " NOWAIT"
            if milliseconds:
                bound_waiting(connection, milliseconds)
            connection.exec_driver_sql(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE{wait}")
    except sa.exc.OperationalError as error:
        if not is_in_the_way(error):
            raise
        return False
    return True


def bound_waiting(connection: sa.Connection, milliseconds: int = _SLICE_MILLISECONDS) -> None:
    """Let no statement of this transaction wait longer for a lock."""
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {milliseconds}")


def is_in_the_way(error: sa.exc.DBAPIError) -> bool:
    """Tell whether a statement failed because somebody else held what it wanted."""
    return isinstance(error.orig, psycopg.errors.LockNotAvailable | psycopg.errors.DeadlockDetected)


def holders(connection: sa.Connection, schema: str) -> list[Holder]:
    """Return who uses tables of ``schema`` just now, the longest first, a few of them."""
    asked = {"schema": schema, "most": _MOST_NAMED}
    return [Holder(*row) for row in connection.execute(_HOLDERS, asked)]
