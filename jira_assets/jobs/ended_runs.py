"""Which runs have ended since the last tick: read off Dagster's records, each once.

Decisions this module embodies:

* Dagster's own run-failure sensors lose an event when their body raises, and see five runs a tick.
  A record is there until it was dealt with: the cursor moves over what was returned, and is kept by
  whoever has recorded that.
* A record may become visible later than one that is newer: another process wrote it, by its own
  clock. So the last minute is read again, and what of it was returned is remembered by id.
* Where Dagster itself may retry a failed run, it says so by a tag a moment after the end: until
  then the run is left for the next tick.
* A record also changes when a run gets a tag, long after its end. Only a new end counts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Self

import dagster as dg
from pydantic import BaseModel, ConfigDict, ValidationError

from jira_assets.jobs.run_failures import WILL_RETRY_TAG, EndedRun

AGAIN: Final = timedelta(seconds=60)
"""How late a record may become visible."""
DECIDING: Final = timedelta(seconds=20)
"""How long Dagster may take to say whether it retries a run."""
BEHIND: Final = timedelta(minutes=10)
"""What ended so long ago, with more to come, may have recovered since."""
_ENDED: Final = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE)


class Cursor(BaseModel):
    """How far the records were read, and how long the webhook is left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    since: datetime
    """Everything that changed until then was returned."""
    returned: tuple[str, ...] = ()
    """And these, which changed later."""
    silent_until: datetime | None = None
    because: str = ""
    """Why it is left alone until then, in words."""

    @classmethod
    def read(cls, text: str | None, now: datetime) -> Self:
        """Return the cursor of the last tick; without one, what ends from now on counts."""
        try:
            return cls.model_validate_json(text) if text else cls(since=now)
        except ValidationError:
            return cls(since=now)


@dataclass(frozen=True)
class Ended:
    """What has ended, in the order in which it did, and the cursor for when that was recorded."""

    records: list[dg.RunRecord]
    cursor: Cursor
    more: bool
    """Whether the records end long before now, since there are too many for a tick."""


def ended_runs(instance: dg.DagsterInstance, cursor: Cursor, *, most: int) -> Ended:
    """Return at most ``most`` runs that succeeded or failed and were not returned before."""
    seen = set(cursor.returned)
    records = instance.get_run_records(
        dg.RunsFilter(statuses=list(_ENDED), updated_after=cursor.since),
        limit=most + len(seen),
        order_by="update_timestamp",
        ascending=True,
    )
    full = len(records) >= most + len(seen)
    records = [record for record in records if not _undecided(instance, record)]
    new = [
        record
        for record in records
        if record.dagster_run.run_id not in seen and ended_at(record) > cursor.since
    ]
    moved = _moved(cursor, records)
    return Ended(sorted(new, key=ended_at), moved, full and _is_old(moved.since))


def _undecided(instance: dg.DagsterInstance, record: dg.RunRecord) -> bool:
    """Say whether Dagster has yet to say if it retries a failed run."""
    run = record.dagster_run
    if run.status is not dg.DagsterRunStatus.FAILURE or not instance.run_retries_enabled:
        return False
    return WILL_RETRY_TAG not in run.tags and datetime.now(UTC) - ended_at(record) < DECIDING


def _is_old(moment: datetime) -> bool:
    return datetime.now(UTC) - moment > BEHIND


def _moved(cursor: Cursor, records: Iterable[dg.RunRecord]) -> Cursor:
    changed = {record.dagster_run.run_id: _utc(record.update_timestamp) for record in records}
    since = max([cursor.since, *(moment - AGAIN for moment in changed.values())])
    later = tuple(run_id for run_id, moment in changed.items() if moment > since)
    return cursor.model_copy(update={"since": since, "returned": later})


def ended_at(record: dg.RunRecord) -> datetime:
    """Return when a run ended; by an old schema of Dagster's, when its record last changed."""
    if record.end_time is None:
        return _utc(record.update_timestamp)
    return datetime.fromtimestamp(record.end_time, UTC)


def as_ended(record: dg.RunRecord) -> EndedRun:
    """Return a record as the decisions look at it."""
    run = record.dagster_run
    succeeded = run.status is dg.DagsterRunStatus.SUCCESS
    return EndedRun(run.run_id, run.tags, succeeded, ended_at(record))


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
