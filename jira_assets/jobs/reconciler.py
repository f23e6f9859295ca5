"""Ends runs that were killed: Dagster shows them as started for ever, and counts them as running.

Decisions this module embodies:

* A killed run keeps its place in the queue's limits and its pool slots, so four of them can stop
  everything. Reported as failed, it gives them back; the transform sensor brings back its work.
* A run that Dagster created and could not submit (Postgres or the code server was away just then)
  is NOT_STARTED for ever, and its partition would count as busy for ever. A daemon that died in
  between submits it when it comes back; if it was ended before, the daemon passes it over.
* A run writes the end of its job itself. Where it could not (it was killed, or Postgres was away
  just then), the row still says RUNNING once the run is over, and is ended here.
* A run whose steps have ended, and whose end Dagster's storage did not take (it was away for longer
  than Dagster tries), is STARTED for ever as well. In a run of one of our jobs nothing of others
  may follow, so after some minutes it is ended.
* Only runs of our own are touched: those that gave a sign of life, and those of our jobs. Whether a
  run of somebody else's that does not beat is alive, we cannot know.
"""

from collections.abc import Collection
from typing import Final

import dagster as dg
import sqlalchemy as sa

from jira_assets.jobs.retention import PRUNE_JOB
from jira_assets.jobs.run_failures import KILLED, NEVER_LAUNCHED
from jira_assets.queue.runs import (
    IN_FLIGHT,
    WORKING,
    has_long_ended,
    is_dead,
    unchanged_seconds,
    why_it_failed,
)
from jira_assets.settings import Settings
from jira_assets.warehouse import job_runs
from jira_assets.warehouse.connect import WarehouseUnavailableError
from jira_assets.warehouse.heartbeat import Beat, last_beats
from jira_assets.warehouse.resource import WarehouseResource

SENSOR_NAME: Final = "end_dead_runs"
INTERVAL_SECONDS: Final = 30
OUR_JOBS: Final = (
    "extract_jira_metadata",
    "discover_jira_fields",
    "extract_jira_issues",
    "find_deleted_jira_issues",
    "extract_jira_site",
    "transform_jira_metadata",
    PRUNE_JOB,
)


def end_dead_runs(
    instance: dg.DagsterInstance,
    engine: sa.Engine,
    *,
    dead_after: float,
    jobs: Collection[str] = OUR_JOBS,
) -> list[str]:
    """Report as failed the runs of our own that were killed; return what was done, in words.

    Args:
        instance: Dagster's.
        engine: the warehouse's.
        dead_after: after how many seconds without a sign of life a run counts as dead.
        jobs: the names of jobs whose runs are ours even if they never gave a sign of life.

    Raises:
        WarehouseUnavailableError: the signs of life cannot be read, so nothing was done.
    """
    # One that is queued waits for its turn, however long.
    statuses = [*WORKING, dg.DagsterRunStatus.NOT_STARTED]
    records = instance.get_run_records(dg.RunsFilter(statuses=statuses))
    if not records:
        return []
    with engine.connect() as connection:
        beats = last_beats(connection, [record.dagster_run.run_id for record in records])
    return [
        _end(instance, record.dagster_run, beats.get(record.dagster_run.run_id))
        for record in records
        if _is_ours_and_dead(record, beats.get(record.dagster_run.run_id), dead_after, jobs)
    ]


def _is_ours_and_dead(
    record: dg.RunRecord, beat: Beat | None, dead_after: float, jobs: Collection[str]
) -> bool:
    run = record.dagster_run
    is_ours = run.job_name in jobs
    if beat is None and not is_ours:
        return False
    if is_ours and beat is not None and run.status in WORKING and has_long_ended(beat):
        return True
    return is_dead(run.status, beat, unchanged_seconds(record), dead_after)


def _end(instance: dg.DagsterInstance, run: dg.DagsterRun, beat: Beat | None) -> str:
    if run.status is dg.DagsterRunStatus.NOT_STARTED:
        what = f"{NEVER_LAUNCHED}: Dagster created it, and could not submit it."
    elif beat is not None and beat.finished_at is not None:
        what = f"{KILLED}: its steps ended at {beat.finished_at}, and Dagster never heard how."
    elif beat is None:
        what = f"{KILLED}: it never gave a sign of life."
    else:
        what = f"{KILLED}: it last gave one at {beat.heartbeat_at}."
    message = f"{what} Nothing is lost; what it left is done again."
    instance.report_run_failed(run, message)
    return f"{run.job_name} {run.run_id}: {message}"


def end_jobs_of_ended_runs(
    instance: dg.DagsterInstance, engine: sa.Engine, *, dead_after: float
) -> list[str]:
    """Write the end of jobs whose run is over, and could not write it; in words what was done.

    A run that Dagster does not know may live in another one on the same warehouse: its signs of
    life tell.

    Raises:
        WarehouseUnavailableError: the rows cannot be read, so nothing was done.
    """
    with engine.connect() as connection:
        run_ids = job_runs.running(connection)
        beats = last_beats(connection, run_ids)
    return [
        words
        for run_id in run_ids
        if (words := _end_job(instance, engine, run_id, beats.get(run_id), dead_after))
    ]


def _end_job(
    instance: dg.DagsterInstance,
    engine: sa.Engine,
    run_id: str,
    beat: Beat | None,
    dead_after: float,
) -> str | None:
    run = instance.get_run_by_id(run_id)
    if run is None:
        if beat is not None and beat.age_seconds <= dead_after:
            return None
        error = "its run is unknown to Dagster, and gives no sign of life"
    elif run.status in IN_FLIGHT:
        return None
    elif run.status is dg.DagsterRunStatus.SUCCESS:
        ended = job_runs.finish(engine, run_id)
        return f"the job of run {run_id}: landed" if ended else None
    elif run.status is dg.DagsterRunStatus.CANCELED:
        error = "its run was canceled"
    else:
        error = why_it_failed(instance, run_id)
    ended = job_runs.fail(engine, run_id, error)
    return f"the job of run {run_id}: failed, {error}" if ended else None


def build_reconciler_sensor(
    *, default_status: dg.DefaultSensorStatus = dg.DefaultSensorStatus.RUNNING
) -> dg.SensorDefinition:
    """Build the sensor that ends dead runs."""

    @dg.sensor(
        name=SENSOR_NAME,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=default_status,
        description="Reports runs that were killed as failed, so that they block no queue.",
    )
    def end_dead_runs_sensor(
        context: dg.SensorEvaluationContext, warehouse: WarehouseResource
    ) -> dg.SkipReason:
        dead_after = Settings.from_environment().dead_after_seconds
        try:
            engine = warehouse.everything("the reconciler looks at all runs")
            ended = end_dead_runs(context.instance, engine, dead_after=dead_after)
            ended += end_jobs_of_ended_runs(context.instance, engine, dead_after=dead_after)
        except WarehouseUnavailableError as error:
            return dg.SkipReason(f"Nothing was done. {error}")
        return dg.SkipReason("\n".join(ended) or "No run of ours is dead.")

    return end_dead_runs_sensor
