"""Ends runs that were killed: Dagster shows them as started for ever, and counts them as running.

Decisions this module embodies:

* A killed run keeps its place in the queue's limits and its pool slots, so four of them can stop
  everything. Reported as failed, it gives them back; the transform sensor brings back its work.
* Only runs of our own are touched: those that gave a sign of life, and those of our jobs. Whether a
  run of somebody else's that does not beat is alive, we cannot know.
"""

from collections.abc import Collection
from typing import Final

import dagster as dg
import sqlalchemy as sa

from jira_assets.queue.runs import WORKING, is_dead, unchanged_seconds
from jira_assets.settings import Settings
from jira_assets.warehouse.connect import WarehouseUnavailableError
from jira_assets.warehouse.heartbeat import Beat, last_beats
from jira_assets.warehouse.resource import WarehouseResource

SENSOR_NAME: Final = "end_dead_runs"
INTERVAL_SECONDS: Final = 30
OUR_JOBS: Final = ("extract_jira_metadata", "transform_jira_metadata")


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
    # A run that is not started is left to Dagster: its daemon resumes an interrupted launch.
    records = instance.get_run_records(dg.RunsFilter(statuses=list(WORKING)))
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
    if beat is None and run.job_name not in jobs:
        return False
    return is_dead(run.status, beat, unchanged_seconds(record), dead_after)


def _end(instance: dg.DagsterInstance, run: dg.DagsterRun, beat: Beat | None) -> str:
    sign = "never gave a sign of life" if beat is None else f"last gave one at {beat.heartbeat_at}"
    message = f"The run was killed: it {sign}. Nothing is lost; what it left is done again."
    instance.report_run_failed(run, message)
    return f"{run.job_name} {run.run_id}: {message}"


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
            ended = end_dead_runs(context.instance, warehouse.engine(), dead_after=dead_after)
        except WarehouseUnavailableError as error:
            return dg.SkipReason(f"Nothing was done. {error}")
        return dg.SkipReason("\n".join(ended) or "No run of ours is dead.")

    return end_dead_runs_sensor
