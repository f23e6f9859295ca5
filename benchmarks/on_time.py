"""Three integrations with intervals of a minute, left alone; then a daemon that was away."""

import sys
import time
from itertools import pairwise

from dagster import DagsterRunStatus
from rich.progress import Progress

from benchmarks.deployment import Deployment, JobRun, deployed
from benchmarks.section import Section
from jira_assets.partitions import PartitionKey
from jira_assets.warehouse.jobs import list_jobs, update_job

PARTITIONS = ("acme/cloud", "acme/datacenter", "globex/cloud")
MINUTES = 10
MINUTES_AWAY = 3
_SETTLE_SECONDS = 90.0


def run() -> Section:
    with deployed(PARTITIONS) as deployment:
        for partition in PARTITIONS:
            key = PartitionKey.parse(partition)
            update_job(deployment.engine, key, "jira_metadata", schedule_interval_minutes=1)
            update_job(deployment.engine, key, "jira_discovery", enabled=False)
        _pass("left alone", 60.0 * MINUTES)
        alone = deployment.job_runs()
        deployment.dev.stop()
        stopped = time.time()
        _pass("no daemon", 60.0 * MINUTES_AWAY)
        deployment.dev.start()
        again = time.time()
        _pass("again", _SETTLE_SECONDS)
        everything = deployment.job_runs()
        _print_jobs(deployment)
    # One that waited in Dagster's queue when the daemon was stopped begins after its return, too.
    caught_up = [run for run in everything if (run.started or 0.0) >= stopped]
    rows = [_row(partition, alone, caught_up, again) for partition in PARTITIONS]
    return Section(
        title="Jobs on time",
        question=(
            f"Three integrations, each due every minute, for {MINUTES} minutes; then the daemon is "
            f"stopped for {MINUTES_AWAY} minutes and started again. Late: from the due moment to "
            "the run's start, in seconds. Intervals: started, of those that came due. Overlaps: "
            "runs of one integration that began before its last one had ended. Runs for the time "
            "without a daemon: begun since then, due before its return."
        ),
        command="python -m benchmarks on_time",
        columns=[
            "integration",
            "intervals",
            "overlaps",
            "failed",
            "late, median",
            "late, most",
            f"runs for the {MINUTES_AWAY} minutes",
        ],
        rows=rows,
    )


def _pass(what: str, seconds: float) -> None:
    with Progress() as progress:
        task = progress.add_task(what, total=seconds)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(1)
            progress.update(task, completed=seconds - (until - time.monotonic()))


def _row(partition: str, alone: list[JobRun], after: list[JobRun], again: float) -> list[str]:
    mine = [run for run in alone if run.partition_key == partition and run.started is not None]
    mine.sort(key=lambda run: run.started or 0.0)
    overlaps = sum(
        1 for one, other in pairwise(mine) if (one.ended or 1e18) > (other.started or 0.0)
    )
    failed = sum(1 for run in mine if run.status is DagsterRunStatus.FAILURE)
    late = sorted((run.started or 0.0) - run.due for run in mine)
    intervals = round((mine[-1].due - mine[0].due) / 60) + 1
    caught = [run for run in after if run.partition_key == partition and run.due <= again]
    return [
        partition,
        f"{len(mine)} of {intervals}",
        str(overlaps),
        str(failed),
        f"{late[len(late) // 2]:.1f}",
        f"{late[-1]:.1f}",
        str(len(caught)),
    ]


def _print_jobs(deployment: Deployment) -> None:
    with deployment.engine.connect() as connection:
        for job in list_jobs(connection):
            told = (job.job_name, job.status, job.error_message, job.next_run_at)
            print(job.partition_key, *told, file=sys.stderr)
