"""How long Dagster keeps our runs: their events are most of what its database holds.

Decisions this module embodies:

* Dagster deletes no run by itself. Ended runs of ours that are older than
  ``JIRA_ASSETS_KEEP_RUN_DAYS`` go, by Dagster's own ``delete_run``; runs of other people's jobs on
  the same instance are not ours to delete.
* A run that made what an asset's partition shows last stays, however old it is: else the UI would
  say that nobody ever made it. So a site that is read no more keeps its last runs.
* ``delete_run`` leaves the executions of asset checks. They go with their run, from Dagster's own
  table, where the instance keeps its events in a database as ours does.
* What is old is listed once, before anything is deleted. A pruning that was stopped needs no state.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final

import dagster as dg
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


@dataclass
class PrunedRuns:
    """What a pruning of runs did, or would do."""

    deleted: int = 0
    kept: int = 0
    """Old ones that made what a partition shows last."""


class LastMade:
    """Which run made what each partition of each asset shows last."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self._known: dict[tuple[dg.AssetKey, str], str | None] = {}

    def by(self, run_id: str) -> bool:
        """Tell whether a run made something that no run has made since."""
        made = self._instance.get_records_for_run(
            run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
        )
        events = [record.event_log_entry.dagster_event for record in made.records]
        return any(
            self._last(event.asset_key, event.partition) == run_id
            for event in events
            if event is not None and event.asset_key is not None and event.partition is not None
        )

    def _last(self, key: dg.AssetKey, partition: str) -> str | None:
        # By its run and not by its id: where runs have a file each, so have the ids of events.
        if (key, partition) not in self._known:
            only = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[partition])
            records = self._instance.fetch_materializations(only, limit=1).records
            self._known[key, partition] = records[0].run_id if records else None
        return self._known[key, partition]


def cutoff(days: int) -> datetime:
    """Return the moment before which runs are old."""
    return datetime.now(UTC) - timedelta(days=days)


def prune_runs(
    instance: dg.DagsterInstance,
    days: int,
    *,
    jobs: Sequence[str] = (),
    dry_run: bool = False,
    log: Callable[[str], None] = lambda _: None,
) -> PrunedRuns:
    """Delete our ended runs that changed last more than ``days`` ago.

    Args:
        instance: Dagster's.
        days: so many days of runs stay.
        jobs: names of Dagster jobs that are ours though their runs have no partition.
        dry_run: only count.
        log: hears how it goes on.
    """
    pruned, last = PrunedRuns(), LastMade(instance)
    for run_id in _old_runs(instance, days, set(jobs)):
        if last.by(run_id):
            pruned.kept += 1
            continue
        if not dry_run:
            _delete(instance, run_id)
        pruned.deleted += 1
        if pruned.deleted % _SAY_EVERY == 0:
            log(f"{pruned.deleted:,} old runs so far")
    return pruned


def _old_runs(instance: dg.DagsterInstance, days: int, jobs: set[str]) -> Iterator[str]:
    filters = dg.RunsFilter(statuses=list(ENDED), updated_before=cutoff(days))
    ids = iter(instance.get_run_ids(filters))
    while batch := list(islice(ids, _AT_ONCE)):
        for run in instance.get_runs(dg.RunsFilter(run_ids=batch)):
            if run.job_name in jobs or run.tags.keys() >= OUR_TAGS:
                yield run.run_id


def _delete(instance: dg.DagsterInstance, run_id: str) -> None:
    instance.delete_run(run_id)
    storage: Any = instance.event_log_storage
    if isinstance(storage, SqlEventLogStorage):
        executions = AssetCheckExecutionsTable
        with storage.index_connection() as connection:
            connection.execute(executions.delete().where(executions.c.run_id == run_id))
