"""Leases: one run at a time reads the Jira of an integration, however the runs were started.

Decisions this module embodies:

* A lease is a row, taken by one statement and given back by another. Nothing is held in between, no
  transaction and no session, so it works through any pool and survives a lost connection.
* It falls by itself when its run is dead or ended: ``run_heartbeats`` says so, by the database's
  clock, as everywhere. An end counts once no beat has taken it back for two intervals, because a
  run may be several processes.
* The moment at which an attempt took the lease is its token: what an earlier attempt of the same
  run gives back late (Dagster closes a failed step's generator when it is collected) is not what
  the present one holds.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa

from jira_assets.warehouse.contracts import Owner
from jira_assets.warehouse.heartbeat import INTERVAL_SECONDS
from jira_assets.warehouse.integrations import require_integration
from jira_assets.warehouse.tables import reading_leases

FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 5.0
LOG_EVERY_SECONDS: Final = 60.0
_GROWTH: Final = 1.5
_TAKEN_BACK_SECONDS: Final = 2 * INTERVAL_SECONDS

# As text: SQLAlchemy leaves the schema out of a subquery in the condition of ON CONFLICT.
_TAKE: Final = sa.text(
    """
    INSERT INTO jira.reading_leases AS lease (integration_id, tenant_id, run_id, since)
    VALUES (:integration_id, :tenant_id, :run_id, clock_timestamp())
    ON CONFLICT (integration_id) DO UPDATE
    SET run_id = excluded.run_id, since = clock_timestamp()
    WHERE lease.run_id = excluded.run_id
    -- The holder has ended. An end before it took the lease is another process's of the same run.
    OR EXISTS (
        SELECT FROM jira.run_heartbeats AS beat
        WHERE beat.run_id = lease.run_id AND beat.finished_at >= lease.since
        AND beat.finished_at < clock_timestamp() - make_interval(secs => :taken_back)
    )
    -- Or it is dead. An old beat says nothing against who has only just taken the lease.
    OR lease.since < clock_timestamp() - make_interval(secs => :dead_after)
    AND NOT EXISTS (
        SELECT FROM jira.run_heartbeats AS beat
        WHERE beat.run_id = lease.run_id
        AND beat.heartbeat_at >= clock_timestamp() - make_interval(secs => :dead_after)
    )
    RETURNING since
    """
)

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lease:
    """Which run reads an integration, and since when (by the database's clock)."""

    integration_id: int
    run_id: str
    since: datetime


def take(engine: sa.Engine, owner: Owner, run_id: str, *, dead_after: float) -> Lease | None:
    """Take the lease of an integration for a run; None while another living run has it.

    The run that has it gets it anew. Who asks must beat, or the lease falls ``dead_after`` seconds
    after it was taken.

    Args:
        engine: the warehouse's.
        owner: the integration.
        run_id: who asks.
        dead_after: after how many seconds without a sign of life its holder counts as dead.

    Raises:
        UnknownIntegrationError: the integration was purged.
    """
    asked = {
        "integration_id": owner.integration_id,
        "tenant_id": owner.tenant_id,
        "run_id": run_id,
        "dead_after": dead_after,
        "taken_back": _TAKEN_BACK_SECONDS,
    }
    with engine.begin() as connection:
        require_integration(connection, owner.integration_id)
        since = connection.scalar(_TAKE, asked)
    return None if since is None else Lease(owner.integration_id, run_id, since)


def holder(engine: sa.Engine, integration_id: int) -> Lease | None:
    """Return who has the lease of an integration, dead or alive; None if nobody has."""
    table = reading_leases.c
    query = sa.select(table.integration_id, table.run_id, table.since)
    with engine.connect() as connection:
        row = connection.execute(query.where(table.integration_id == integration_id)).one_or_none()
    return None if row is None else Lease(*row)


def release(engine: sa.Engine, lease: Lease) -> bool:
    """Give a lease back; False if it is another's by now, or a later attempt's."""
    table = reading_leases.c
    mine = sa.and_(
        table.integration_id == lease.integration_id,
        table.run_id == lease.run_id,
        table.since == lease.since,
    )
    with engine.begin() as connection:
        return connection.execute(sa.delete(reading_leases).where(mine)).rowcount == 1


@contextmanager
def reading_alone(
    engine: sa.Engine,
    owner: Owner,
    run_id: str,
    *,
    dead_after: float,
    log: Callable[[str], None],
) -> Iterator[Lease]:
    """Hold the lease of an integration for the block; wait for it, however long, before.

    ``log`` hears whom it waits for, at most once a minute, and at the end how long it waited.
    Raises what ``take`` does. A lease that cannot be given back does not fail the block: it falls
    by itself once the run has ended.
    """
    lease = _wait_for(
        lambda: take(engine, owner, run_id, dead_after=dead_after), engine, owner, log
    )
    try:
        yield lease
    finally:
        _give_back(engine, lease)


def _wait_for(
    attempt: Callable[[], Lease | None],
    engine: sa.Engine,
    owner: Owner,
    log: Callable[[str], None],
) -> Lease:
    began, pause = time.monotonic(), FIRST_PAUSE_SECONDS
    say_at = began
    while (lease := attempt()) is None:
        if time.monotonic() >= say_at:
            say_at = time.monotonic() + LOG_EVERY_SECONDS
            log(_whom(owner, holder(engine, owner.integration_id)))
        time.sleep(pause)
        pause = min(pause * _GROWTH, LONGEST_PAUSE_SECONDS)
    if say_at > began:
        log(f"waited {time.monotonic() - began:.0f} s for {owner.partition_key}")
    return lease


def _whom(owner: Owner, found: Lease | None) -> str:
    if found is None:  # given back since
        return f"{owner.partition_key} was being read until now; trying again"
    since = found.since.astimezone(UTC)
    return (
        f"{owner.partition_key} is being read by run {found.run_id} since "
        f"{since:%Y-%m-%d %H:%M:%S} UTC; waiting for it"
    )


def _give_back(engine: sa.Engine, lease: Lease) -> None:
    try:
        release(engine, lease)
    except (sa.exc.SQLAlchemyError, OSError, RuntimeError) as error:
        _logger.warning("the lease of run %s falls by itself: %s", lease.run_id, error)
