"""Reading Dagster's runs: which of them live, and which transform runs were asked for what.

Decisions this module embodies:

* Dagster's status alone does not tell: a killed run stays STARTED for ever. A run that beat is dead
  when its beats stop; one that never beat, when Dagster's record of it has not changed for minutes.
* A run that waits in the queue is never dead, however long it waits.
* A run that this Dagster does not know may live in another one on the same warehouse (a laptop's
  ``jira-assets sync`` beside a platform): its heartbeat tells.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from dagster import (
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    RunRecord,
    RunsFilter,
)

from jira_assets.partitions import PARTITIONS_NAME
from jira_assets.queue.planning import QueueRow
from jira_assets.queue.run_state import Phase, RunState
from jira_assets.warehouse.heartbeat import Beat, last_beats
from jira_assets.warehouse.jsonb import clean_text

MESSAGE_IDS_TAG: Final = "jira_assets/message_ids"
PARTITION_TAG: Final = "dagster/partition"
RUN_KEY_TAG: Final = "dagster/run_key"
SENSOR_NAME_TAG: Final = "dagster/sensor_name"
_RANGE_TAGS: Final = (
    "dagster/asset_partition_range_start",
    "dagster/asset_partition_range_end",
)
_RAW: Final = "raw_"
STARTING_SECONDS: Final = 300.0
"""How long a run may take to its first sign of life."""
_CHUNK: Final = 200
_MAX_ERROR: Final = 2000
_UNEXPLAINED: Final = "This run has been marked as failed from outside the execution context."
"""What Dagster says of a run whose process ended without a word; the event before says more."""

WAITING: Final = (DagsterRunStatus.QUEUED, DagsterRunStatus.NOT_STARTED)
WORKING: Final = (
    DagsterRunStatus.MANAGED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
)
IN_FLIGHT: Final = (*WAITING, *WORKING)
_PHASES: Final = {
    **dict.fromkeys(WAITING, Phase.WAITING),
    **dict.fromkeys(WORKING, Phase.WORKING),
    DagsterRunStatus.SUCCESS: Phase.SUCCEEDED,
    DagsterRunStatus.FAILURE: Phase.FAILED,
    DagsterRunStatus.CANCELED: Phase.CANCELED,
}


def is_dead(
    status: DagsterRunStatus, beat: Beat | None, unchanged_seconds: float, dead_after: float
) -> bool:
    """Say whether a run that Dagster shows as going on has been killed.

    One whose steps of ours came to a clean end is not: others' steps may go on in it.

    Args:
        status: Dagster's.
        beat: the run's last sign of life; None if it never gave one.
        unchanged_seconds: how long Dagster's record of the run has not changed.
        dead_after: after how many seconds without a sign of life a run counts as dead.
    """
    if status is DagsterRunStatus.QUEUED or status not in IN_FLIGHT:
        return False
    if beat is None:
        return unchanged_seconds > STARTING_SECONDS
    return beat.finished_at is None and beat.age_seconds > dead_after


def run_states(
    instance: DagsterInstance,
    connection: sa.Connection,
    rows: Collection[QueueRow],
    *,
    sensor_name: str,
    dead_after: float,
) -> list[RunState]:
    """Return the runs that the plan for ``rows`` asks about.

    Those that landed them, those that claimed them, those asked for under their run keys, and every
    transform run in flight that ``sensor_name`` asked for.
    """
    claimed = {row.run_id for row in rows if row.run_id}
    ids = claimed | {row.extraction_run_id for row in rows if row.extraction_run_id}
    keys = {row.run_key for row in rows}
    asked = RunsFilter(tags={SENSOR_NAME_TAG: sensor_name}, statuses=list(IN_FLIGHT))
    records = {
        record.dagster_run.run_id: record
        for filters in [*_by_ids(ids), *_by_keys(keys), asked]
        for record in instance.get_run_records(filters)
    }
    beats = last_beats(connection, ids | records.keys())
    states = [_state(each, beats.get(run_id), dead_after) for run_id, each in records.items()]
    return [
        *(
            _explained(instance, state)
            if state.run_id in claimed or state.run_key in keys
            else state
            for state in states
        ),
        *_elsewhere(ids - records.keys(), beats, dead_after),
    ]


def partitions_in_flight(instance: DagsterInstance) -> set[str]:
    """Return the partition keys that a run is on, or waits to be.

    A run over a range of our partitions (a backfill in few runs) names only its ends, and the range
    follows the order in which keys were added: it counts as being on every key. A range of other
    people's partitions counts for nothing.
    """
    return _partitions_of(instance, instance.get_runs(RunsFilter(statuses=list(IN_FLIGHT))))


def partitions_being_read(instance: DagsterInstance, not_reading: Collection[str]) -> set[str]:
    """Return those of ``partitions_in_flight`` whose Jira a run may read.

    Args:
        instance: Dagster's.
        not_reading: names of jobs whose runs do not. Nor do runs that somebody narrowed to assets
            none of which is a raw one.
    """
    runs = instance.get_runs(RunsFilter(statuses=list(IN_FLIGHT)))
    reading = [run for run in runs if run.job_name not in not_reading and _may_read(run)]
    return _partitions_of(instance, reading)


def _partitions_of(instance: DagsterInstance, runs: Collection[DagsterRun]) -> set[str]:
    if any(_RANGE_TAGS[0] in run.tags for run in runs):
        ours = set(instance.get_dynamic_partitions(PARTITIONS_NAME))
        if any({run.tags.get(tag) for tag in _RANGE_TAGS} <= ours for run in runs):
            return ours
    return {key for run in runs if (key := run.tags.get(PARTITION_TAG)) is not None}


def _may_read(run: DagsterRun) -> bool:
    chosen = run.asset_selection
    return not chosen or any(key.path[-1].startswith(_RAW) for key in chosen)


def unchanged_seconds(record: RunRecord) -> float:
    """Return how long ago Dagster last changed its record of a run."""
    return (datetime.now(UTC) - record.update_timestamp).total_seconds()


def _by_ids(ids: Collection[str]) -> list[RunsFilter]:
    return [RunsFilter(run_ids=chunk) for chunk in _chunks(ids)]


def _by_keys(keys: Collection[str]) -> list[RunsFilter]:
    return [RunsFilter(tags={RUN_KEY_TAG: chunk}) for chunk in _chunks(keys)]


def runs_by_key(instance: DagsterInstance, keys: Collection[str]) -> dict[str, RunRecord]:
    """Return the newest run that was asked for under each of these run keys, by key."""
    found: dict[str, RunRecord] = {}
    for filters in _by_keys(keys):
        for record in instance.get_run_records(filters, ascending=True):
            found[record.dagster_run.tags[RUN_KEY_TAG]] = record
    return found


def _chunks(values: Collection[str]) -> list[list[str]]:
    ordered = sorted(values)
    return [ordered[start : start + _CHUNK] for start in range(0, len(ordered), _CHUNK)]


def _state(record: RunRecord, beat: Beat | None, dead_after: float) -> RunState:
    run = record.dagster_run
    return RunState(
        run_id=run.run_id,
        phase=_phase(record, beat, dead_after),
        run_key=run.tags.get(RUN_KEY_TAG),
        partition_key=run.tags.get(PARTITION_TAG),
        covers=_covers(run.tags),
    )


def _explained(instance: DagsterInstance, state: RunState) -> RunState:
    if state.phase is not Phase.FAILED:
        return state
    return replace(state, error=why_it_failed(instance, state.run_id))


def _phase(record: RunRecord, beat: Beat | None, dead_after: float) -> Phase:
    status = record.dagster_run.status
    if is_dead(status, beat, unchanged_seconds(record), dead_after):
        return Phase.DEAD
    phase = _PHASES[status]
    if phase is Phase.WORKING and beat is not None and has_long_ended(beat):
        return Phase.DONE
    return phase


def has_long_ended(beat: Beat) -> bool:
    """Say whether a run's steps of ours came to a clean end, minutes ago."""
    return beat.finished_at is not None and beat.age_seconds > STARTING_SECONDS


def _elsewhere(
    run_ids: Collection[str], beats: Mapping[str, Beat], dead_after: float
) -> Iterator[RunState]:
    """Yield the runs that another Dagster has at work; those it has ended are unknown here."""
    for run_id in sorted(run_ids):
        beat = beats.get(run_id)
        if beat is not None and beat.finished_at is None and beat.age_seconds <= dead_after:
            yield RunState(run_id, Phase.WORKING)


def _covers(tags: Mapping[str, str]) -> frozenset[UUID]:
    listed = tags.get(MESSAGE_IDS_TAG, "")
    return frozenset(UUID(text) for text in listed.split(",") if text)


def why_it_failed(instance: DagsterInstance, run_id: str) -> str:
    """Return the sentence with which a run failed, without Dagster's wrapping."""
    event = failure_event(instance, run_id)
    said = failure_sentence(event) if event is not None else None
    if said is None or said == _UNEXPLAINED:
        said = _last_of_the_engine(instance, run_id) or said
    return said[:_MAX_ERROR] if said else "its log does not say why"


def _last_of_the_engine(instance: DagsterInstance, run_id: str) -> str | None:
    """Return what Dagster itself last said about a run: by which signal its process ended, say."""
    kind = DagsterEventType.ENGINE_EVENT
    found = instance.get_records_for_run(run_id, of_type=kind, limit=1, ascending=False).records
    event = found[0].event_log_entry.dagster_event if found else None
    return clean_text(event.message) if event is not None and event.message else None


def failure_event(instance: DagsterInstance, run_id: str) -> DagsterEvent | None:
    """Return the event that says why a run failed: of a step, or else of the run as a whole."""
    for kind in (DagsterEventType.STEP_FAILURE, DagsterEventType.RUN_FAILURE):
        for record in instance.get_records_for_run(run_id, of_type=kind, limit=1).records:
            event = record.event_log_entry.dagster_event
            if event is not None and failure_sentence(event):
                return event
    return None


def failure_sentence(event: DagsterEvent) -> str | None:
    """Return what a failure event says, without Dagster's wrapping; None where it says nothing.

    Whatever raised it, the text is one that Postgres takes: else whoever keeps it would fail, too,
    each time that he comes by.
    """
    said = _sentence(event)
    return None if said is None else clean_text(said)


def _sentence(event: DagsterEvent) -> str | None:
    if not event.is_step_failure:
        return event.message
    data = event.step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return data.user_failure_data.description
    return raised(event)[1] or event.message


def raised(event: DagsterEvent) -> tuple[str | None, str | None]:
    """Return class and text of what a failed step raised, without what Dagster wraps around it."""
    error = event.step_failure_data.error
    while error is not None and error.cause is not None and _is_dagsters(error.cls_name):
        error = error.cause
    return (error.cls_name, error.message.strip()) if error is not None else (None, None)


def _is_dagsters(class_name: str | None) -> bool:
    """Say whether it is one of the errors that Dagster wraps around what a step raised."""
    wrappers = ("Dagster", "RetryRequested")
    return class_name is not None and class_name.startswith(wrappers)
