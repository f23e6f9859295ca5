"""In which order Dagster's queue launches what reads Jira: by the tag ``dagster/priority``.

Decisions this module embodies:

* A job of priority 1 runs first, and Dagster launches a higher number first: the tag is the
  priority with its sign turned. An overdue job has that of the first, or it would wait in the queue
  for ever where there is more to do than time.
* A run that waits in the queue holds up the jobs of its integration. Where one of them is overdue,
  the run inherits its priority. Else the overdue jobs of other integrations went before it for
  ever, and nothing of its own was read any more: in an hour of ``make soak``, ten integrations took
  all the places, and forty stood still behind their nightly runs.
* Only runs of our jobs and of our night inherit: what a person starts has the priority that it was
  given.
"""

from collections.abc import Collection, Mapping
from typing import Final

import dagster as dg

from jira_assets.jobs.schedules import NIGHTLY, SCHEDULE_TAG
from jira_assets.queue.runs import PARTITION_TAG
from jira_assets.warehouse.due_jobs import DueJob
from jira_assets.warehouse.job_settings import JOB_TAG

PRIORITY_TAG: Final = "dagster/priority"
OVERDUE: Final = -1


def priority(job: DueJob) -> int:
    """Return the priority in Dagster of the run that a job asks for."""
    return OVERDUE if job.overdue else -job.priority


def hurry(instance: dg.DagsterInstance, due: Collection[DueJob]) -> list[str]:
    """Let waiting runs inherit the priority of overdue jobs that they hold up; say which."""
    overdue = {job.partition_key: job.job_name for job in reversed([*due]) if job.overdue}
    if not overdue:
        return []
    words = []
    for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED])):
        partition = run.tags.get(PARTITION_TAG, "")
        if partition in overdue and _comes_last(run.tags):
            instance.add_run_tags(run.run_id, {PRIORITY_TAG: str(OVERDUE)})
            words.append(
                f"{partition} {overdue[partition]}: overdue behind run {run.run_id}, which now "
                "goes as it would"
            )
    return words


def _comes_last(tags: Mapping[str, str]) -> bool:
    """Whether a run is ours, and goes after an overdue job."""
    is_ours = JOB_TAG in tags or tags.get(SCHEDULE_TAG) == NIGHTLY
    return is_ours and int(tags.get(PRIORITY_TAG, "0")) < OVERDUE
