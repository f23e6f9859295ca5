"""The jobs sensor: from what is due, or asked for, to runs.

Decisions this module embodies:

* Nothing is kept between ticks: what is to be done is read off the rows and Dagster's runs.
* In which order Dagster launches the runs is ``launch_order``'s.
* The run's tags say which job it is. By them it finds its row; a run that somebody starts by hand
  has none, and changes no job.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import dagster as dg
import sqlalchemy as sa

from jira_assets.jobs.launch_order import PRIORITY_TAG, hurry, priority
from jira_assets.jobs.planning import AskedRun, JobsPlan, World, plan
from jira_assets.partitions import PARTITIONS_NAME, PartitionKey
from jira_assets.queue.runs import IN_FLIGHT, partitions_being_read, runs_by_key, why_it_failed
from jira_assets.warehouse.connect import WarehouseUnavailableError
from jira_assets.warehouse.due_jobs import DueJob, bring_back, due_jobs, held_up_jobs
from jira_assets.warehouse.job_runs import give_up
from jira_assets.warehouse.job_settings import JOB_TAG, MAX_RETRIES_TAG, RETRIES_LEFT_TAG
from jira_assets.warehouse.new_jobs import ensure_jobs
from jira_assets.warehouse.resource import WarehouseResource

SENSOR_NAME: Final = "launch_due_jobs"
INTERVAL_SECONDS: Final = 5
MAX_DUE: Final = 1000
_MAX_LINES: Final = 30
_NOTHING: Final = "No job is due."


@dataclass
class JobsTick:
    """What a tick asks for, and what it says."""

    launches: list[DueJob] = field(default_factory=list)
    words: list[str] = field(default_factory=list)


def jobs_tick(
    instance: dg.DagsterInstance,
    engine: sa.Engine,
    *,
    job_types: Collection[str],
    not_reading: Collection[str] = (),
) -> JobsTick:
    """Do what is due about the jobs, and return the runs to ask for.

    Args:
        instance: Dagster's.
        engine: the warehouse's.
        job_types: the types that can be run here.
        not_reading: names of Dagster jobs whose runs do not read Jira.

    Raises:
        WarehouseUnavailableError: Postgres is away; the next tick goes on from there.
    """
    with engine.begin() as connection:
        ensure_jobs(connection)
        bring_back(connection)
    with engine.connect() as connection:
        due = due_jobs(connection, limit=MAX_DUE, job_types=job_types)
        held_up = [
            f"{partition} {name}: waits for {awaited}, which is switched off and has not succeeded"
            for partition, name, awaited in held_up_jobs(
                connection, limit=_MAX_LINES, job_types=job_types
            )
        ]
    if not due:
        return JobsTick(words=held_up)
    made = plan(due, _world(instance, due, job_types, not_reading))
    words = [f"{job.partition_key} {job.job_name}: launched, {_why(job)}" for job in made.launches]
    words += hurry(instance, due)
    return JobsTick(made.launches, words + _give_up(engine, made) + made.waiting + held_up)


def _world(
    instance: dg.DagsterInstance,
    due: Collection[DueJob],
    job_types: Collection[str],
    not_reading: Collection[str],
) -> World:
    asked = {
        key: _asked(instance, record)
        for key, record in runs_by_key(instance, {job.run_key for job in due}).items()
    }
    return World(
        partitions=set(instance.get_dynamic_partitions(PARTITIONS_NAME)),
        busy=partitions_being_read(instance, not_reading),
        asked=asked,
        job_types=job_types,
    )


def _asked(instance: dg.DagsterInstance, record: dg.RunRecord) -> AskedRun:
    run = record.dagster_run
    if run.status in IN_FLIGHT:
        return AskedRun(run.run_id, is_over=False)
    failed = run.status is dg.DagsterRunStatus.FAILURE
    return AskedRun(run.run_id, True, why_it_failed(instance, run.run_id) if failed else "")


def _why(job: DueJob) -> str:
    if job.request_id is not None:
        return f"for request {job.request_id}"
    return f"due since {job.next_run_at:%Y-%m-%d %H:%M:%S} UTC, attempt {job.attempt + 1}"


def _give_up(engine: sa.Engine, made: JobsPlan) -> list[str]:
    return [
        f"{job.partition_key} {job.job_name}: {error}"
        for job, error in made.given_up
        if give_up(engine, job, error)
    ]


def run_tags(job: DueJob) -> dict[str, str]:
    """Return the tags of a run that a job asks for."""
    return {
        **PartitionKey.parse(job.partition_key).tags(),
        JOB_TAG: job.job_name,
        MAX_RETRIES_TAG: str(job.max_retries),
        RETRIES_LEFT_TAG: str(max(0, job.max_retries - job.attempt) if job.enabled else 0),
        PRIORITY_TAG: str(priority(job)),
        # The attempts are counted on the row; Dagster's own retries would come on top.
        "dagster/max_retries": "0",
    }


def build_jobs_sensor(
    *,
    jobs: Mapping[str, Any],
    not_reading: Collection[str] = (),
    default_status: dg.DefaultSensorStatus = dg.DefaultSensorStatus.STOPPED,
) -> dg.SensorDefinition:
    """Build the sensor that launches what is due.

    Args:
        jobs: the Dagster job of each type of job that this code location can run.
        not_reading: names of Dagster jobs whose runs do not read Jira, and hold nothing up.
        default_status: whether the sensor starts switched on.
    """
    names = {job_type: job.name for job_type, job in jobs.items()}

    @dg.sensor(
        name=SENSOR_NAME,
        jobs=list(jobs.values()),
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=default_status,
        description="Launches the jobs of etl_jobs that are due, and those that were asked for.",
    )
    def launch_due_jobs(
        context: dg.SensorEvaluationContext, warehouse: WarehouseResource
    ) -> dg.SensorResult | dg.SkipReason:
        try:
            tick = jobs_tick(
                context.instance,
                warehouse.everything("the jobs sensor launches what is due of all tenants"),
                job_types=names,
                not_reading=not_reading,
            )
        except WarehouseUnavailableError as error:
            return dg.SkipReason(f"Nothing was launched. {error}")
        for line in tick.words[:_MAX_LINES]:
            context.log.info(line)
        if not tick.launches:
            return dg.SkipReason("\n".join(tick.words[:_MAX_LINES]) or _NOTHING)
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(
                    run_key=job.run_key,
                    job_name=names[job.job_type],
                    partition_key=job.partition_key,
                    tags=run_tags(job),
                )
                for job in tick.launches
            ]
        )

    return launch_due_jobs
