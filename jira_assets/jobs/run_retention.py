"""How long Dagster keeps our runs: their events are most of what its database holds.

Decisions this module embodies:

* Dagster deletes no run by itself. Ended runs of ours that are older than
  ``JIRA_ASSETS_KEEP_RUN_DAYS`` go, by Dagster's own ``delete_run``; runs of other people's jobs on
  the same instance are not ours to delete.
* What is ours is told by its code location, where Dagster knows it, and by the tags that every step
  of ours sets, or its job's name: others may have tags of the same names.
* A run that made what an asset, or a partition of one, shows last stays, however old it is: else
  the UI would say that nobody ever made it. So does one whose check is the last of its kind. A site
  that is read no more keeps its last runs.
* ``delete_run`` leaves the executions of asset checks. They go with their run, from Dagster's own
  table, where the instance keeps its events in a database as ours does.
* What is old is listed once, before anything is deleted. A pruning that was stopped needs no state.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from itertools import islice
from typing import Any, Final

import dagster as dg
from dagster._core.event_api import PartitionKeyFilter
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

ENDED: Final = (
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
)
OUR_TAGS: Final = frozenset({"tenant", "integration"})
"""Every step of ours sets both on its run."""
_AT_ONCE: Final = 200
_SAY_EVERY: Final = 2000


@dataclass(frozen=True)
class Ours:
    """What tells our runs from those of others on the same instance.

    ``jobs`` are names of Dagster jobs that are ours though their runs have no partition.
    ``location`` is the name of our code location: runs that came from another one are not ours.
    """

    jobs: frozenset[str] = frozenset()
    location: str | None = None

    def has(self, run: dg.DagsterRun) -> bool:
        """Tell whether a run is one of ours."""
        came_from = location_of(run)
        if None not in {came_from, self.location} and came_from != self.location:
            return False
        return run.job_name in self.jobs or run.tags.keys() >= OUR_TAGS


@dataclass
class PrunedRuns:
    """What a pruning of runs did, or would do."""

    deleted: int = 0
    kept: int = 0
    """Old ones that made what a partition shows last."""


class LastMade:
    """Which run made what each asset, partition and check shows last; each is asked for once."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self._asset = cache(partial(_last_of_asset, instance))
        self._check = cache(partial(_last_of_check, instance))

    def by(self, run_id: str) -> bool:
        """Tell whether a run made something that no run has made since."""
        return any(
            event.asset_key is not None and self._asset(event.asset_key, event.partition) == run_id
            for event in self._events(run_id, dg.DagsterEventType.ASSET_MATERIALIZATION)
        ) or any(
            self._check(made.asset_check_key, made.partition) == run_id
            for event in self._events(run_id, dg.DagsterEventType.ASSET_CHECK_EVALUATION)
            for made in [event.asset_check_evaluation_data]
        )

    def _events(self, run_id: str, kind: dg.DagsterEventType) -> Iterator[dg.DagsterEvent]:
        for record in self._instance.get_records_for_run(run_id, of_type=kind).records:
            if record.event_log_entry.dagster_event is not None:
                yield record.event_log_entry.dagster_event


def _last_of_asset(
    instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None
) -> str | None:
    # By its run and not by its id: where runs have a file each, so have the ids of events.
    partitions = None if partition is None else [partition]
    only = dg.AssetRecordsFilter(asset_key=key, asset_partitions=partitions)
    records = instance.fetch_materializations(only, limit=1).records
    return records[0].run_id if records else None


def _last_of_check(
    instance: dg.DagsterInstance, key: dg.AssetCheckKey, partition: str | None
) -> str | None:
    records = instance.event_log_storage.get_latest_asset_check_execution_by_key(
        [key], partition_filter=PartitionKeyFilter(key=partition)
    )
    return records[key].run_id if key in records else None


def cutoff(days: int) -> datetime:
    """Return the moment before which runs are old."""
    return datetime.now(UTC) - timedelta(days=days)


def prune_runs(
    instance: dg.DagsterInstance,
    days: int,
    *,
    ours: Ours,
    dry_run: bool = False,
    log: Callable[[str], None] = lambda _: None,
) -> PrunedRuns:
    """Delete our ended runs that changed last more than ``days`` ago.

    Args:
        instance: Dagster's.
        days: so many days of runs stay.
        ours: which runs may go.
        dry_run: only count.
        log: hears how it goes on.
    """
    pruned, last = PrunedRuns(), LastMade(instance)
    for run_id in _old_runs(instance, days, ours):
        if last.by(run_id):
            pruned.kept += 1
            continue
        if not dry_run:
            _delete(instance, run_id)
        pruned.deleted += 1
        if pruned.deleted % _SAY_EVERY == 0:
            log(f"{pruned.deleted:,} old runs so far")
    return pruned


def location_of(run: dg.DagsterRun) -> str | None:
    """Return the name of the code location that a run came from; None of one without any."""
    origin = run.remote_job_origin
    if origin is None:
        return None
    return origin.repository_origin.code_location_origin.location_name


def _old_runs(instance: dg.DagsterInstance, days: int, ours: Ours) -> Iterator[str]:
    filters = dg.RunsFilter(statuses=list(ENDED), updated_before=cutoff(days))
    ids = iter(instance.get_run_ids(filters))
    while batch := list(islice(ids, _AT_ONCE)):
        for run in instance.get_runs(dg.RunsFilter(run_ids=batch)):
            if ours.has(run):
                yield run.run_id


def _delete(instance: dg.DagsterInstance, run_id: str) -> None:
    instance.delete_run(run_id)
    storage: Any = instance.event_log_storage
    if isinstance(storage, SqlEventLogStorage):
        executions = AssetCheckExecutionsTable
        with storage.index_connection() as connection:
            connection.execute(executions.delete().where(executions.c.run_id == run_id))
