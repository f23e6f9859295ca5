"""What the jobs sensor would launch: a pure function of due jobs and Dagster's runs.

Decisions this module embodies:

* One run of an integration at a time, however it was started: where any run that may read its Jira
  is in flight, its jobs wait. Of several that may run, the one with the first priority does.
* A job waits for one that it depends on and that may run as well: that one goes first, unless the
  job is overdue and it came due later. Where jobs come due faster than they can run, the first of
  them would else hold up the others for ever.
* A run that was asked for under a job's key, and ended without ever having written the job's row,
  is an attempt that failed.
* Only partitions that Dagster has are asked for: one bad request fails a whole tick.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from jira_assets.warehouse.due_jobs import DueJob

MAX_LAUNCHES: Final = 50
"""Runs asked for in one tick; the next one is seconds away."""


@dataclass(frozen=True)
class AskedRun:
    """A run that was asked for under a job's key before."""

    run_id: str
    is_over: bool
    error: str = ""
    """Why it failed, if it did."""


@dataclass(frozen=True)
class World:
    """What Dagster knows."""

    partitions: Collection[str]
    busy: Collection[str]
    """Partition keys that a run is on which may read their Jira."""
    asked: Mapping[str, AskedRun]
    """By run key."""
    job_types: Collection[str]
    """The types that this code location can run."""


@dataclass
class JobsPlan:
    """What to do."""

    launches: list[DueJob] = field(default_factory=list)
    given_up: list[tuple[DueJob, str]] = field(default_factory=list)
    """Jobs whose run ended before it began, with the reason."""
    waiting: list[str] = field(default_factory=list)
    """What waits, and for what, in words."""


def plan(due: Sequence[DueJob], world: World, *, most: int = MAX_LAUNCHES) -> JobsPlan:
    """Decide which of the due jobs to launch, in the order in which they come."""
    made = JobsPlan()
    by_partition = sorted(due, key=lambda job: job.partition_key)
    for partition, jobs in groupby(by_partition, key=lambda job: job.partition_key):
        _plan_partition(made, partition, list(jobs), world)
    order = {job: place for place, job in enumerate(due)}
    made.launches.sort(key=order.__getitem__)
    if len(made.launches) > most:
        made.waiting.append(
            f"{len(made.launches) - most} more are due, and come with the next tick"
        )
        del made.launches[most:]
    return made


def _plan_partition(made: JobsPlan, partition: str, jobs: list[DueJob], world: World) -> None:
    made.waiting += [
        f"{partition} {job.job_name}: nothing here runs a job of type {job.job_type}"
        for job in jobs
        if job.job_type not in world.job_types
    ]
    runnable = [job for job in jobs if job.job_type in world.job_types]
    if not runnable:
        return
    job = _first(runnable)
    if partition not in world.partitions:
        made.waiting.append(f"{partition} {job.job_name}: it has no partition yet")
        return
    asked = world.asked.get(job.run_key)
    if asked is not None and asked.is_over:
        why = asked.error or "it was canceled, or ended without reading anything"
        made.given_up.append((job, f"run {asked.run_id} ended before it began: {why}"))
    elif asked is not None:
        made.waiting.append(f"{partition} {job.job_name}: run {asked.run_id} is about to begin")
    elif partition in world.busy:
        made.waiting.append(f"{partition} {job.job_name}: another run is on {partition}")
    else:
        made.launches.append(job)


def _first(jobs: list[DueJob]) -> DueJob:
    """Return the job of one integration that goes first; they are in the order of priority."""
    due_since = {job.job_name: job.next_run_at for job in jobs}
    free = [
        job
        for job in jobs
        if job.depends_on not in due_since
        or (job.overdue and due_since[job.depends_on] > job.next_run_at)
        or job.request_id is not None
    ]
    return (free or jobs)[0]
