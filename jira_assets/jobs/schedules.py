"""What is about the clock: a nightly full refresh of every partition, and retention of raw data.

Decisions this module embodies:

* A tick asks for runs and writes nothing, so that "Preview tick result" in the UI only shows what
  it would ask for. Rows of ``job_requests`` would have been written by a test, too.
* A nightly run belongs to no job of ``etl_jobs``, as one by hand does: the jobs of its integration
  wait until it is over, and where a run reads the integration already, it waits for that one (the
  lease of the extraction step). Those that would have to wait come last, and all of them after what
  is due or was asked for.
* A partition that Dagster has not (any more) would fail the whole tick, and so would not be a skip:
  keys are compared with Dagster's in the tick. One whose nightly run is not over is left out.
* What it reads of issues is what is new, and all of a project every so often: else raw data of
  issues would add up for ever (see ``retention``), for nothing else does so regularly.
* An error fails the tick, other than in the sensors: it comes once a night, and a skipped night is
  to be seen.
* Both are off until somebody switches them on: the one calls other people's servers, the other
  deletes.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import dagster as dg

from jira_assets.jobs.retention import PRUNE_JOB
from jira_assets.partitions import PARTITIONS_NAME, PartitionKey
from jira_assets.queue.runs import IN_FLIGHT, PARTITION_TAG, partitions_being_read
from jira_assets.settings import Settings
from jira_assets.warehouse.integrations import list_integrations
from jira_assets.warehouse.resource import WarehouseResource

NIGHTLY: Final = "nightly_full_refresh"
RETENTION: Final = "retention_of_raw"
CRONS: Final = {NIGHTLY: "0 2 * * *", RETENTION: "30 3 * * *"}
"""When each schedule ticks, in UTC."""
PRIORITY: Final = -100
"""After the runs of jobs; until it holds up an overdue one: see ``launch_order``."""
SCHEDULE_TAG: Final = "dagster/schedule_name"


@dataclass(frozen=True)
class Night:
    """Which partitions to ask for, in this order, and why others are left out. Partition keys."""

    ask: tuple[str, ...]
    without_partition: tuple[str, ...]
    not_over: tuple[str, ...]

    def words(self) -> list[str]:
        """Say what is left out, and why."""
        reasons = (
            ("have no partition yet", self.without_partition),
            ("are still being refreshed since an earlier night", self.not_over),
        )
        return [f"left out: {', '.join(keys)} {why}" for why, keys in reasons if keys]


def plan_night(
    active: Collection[str],
    partitions: Collection[str],
    nightly: Collection[str],
    busy: Collection[str],
) -> Night:
    """Decide which partitions a night refreshes.

    Args:
        active: those of the active integrations.
        partitions: those that Dagster has.
        nightly: those that a run of an earlier night is on, or waits to be.
        busy: those that any run is on which may read their Jira.
    """
    there = [key for key in active if key in partitions]
    ask = [key for key in there if key not in nightly]
    return Night(
        ask=tuple(sorted(ask, key=lambda key: (key in busy, key))),
        without_partition=tuple(sorted(set(active) - set(partitions))),
        not_over=tuple(sorted(set(there) & set(nightly))),
    )


def build_nightly_schedule(
    job: Any, *, read_step: str, cron: str = CRONS[NIGHTLY], not_reading: Sequence[str] = ()
) -> dg.ScheduleDefinition:
    """Build the schedule that has every active integration read in the night.

    Args:
        job: the Dagster job that reads a site.
        read_step: the name of its step, which takes ``full_after_days``.
        cron: when, in UTC.
        not_reading: names of Dagster jobs whose runs do not read Jira.
    """

    @dg.schedule(
        name=NIGHTLY,
        job=job,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Reads every active integration, whatever its jobs say; the tables follow.",
    )
    def nightly_full_refresh(
        context: dg.ScheduleEvaluationContext, warehouse: WarehouseResource
    ) -> list[dg.RunRequest] | dg.SkipReason:
        integrations = list_integrations(
            warehouse.everything("a night refreshes the integrations of all tenants"),
            active_only=True,
        )
        night = plan_night(
            [each.partition_key for each in integrations],
            set(context.instance.get_dynamic_partitions(PARTITIONS_NAME)),
            _on_them(context.instance, NIGHTLY),
            partitions_being_read(context.instance, not_reading),
        )
        for line in night.words():
            context.log.info(line)
        if not night.ask:
            return dg.SkipReason("\n".join(night.words()) or "There is no active integration.")
        date = context.scheduled_execution_time.strftime("%Y-%m-%dT%H:%M")
        config = {"full_after_days": Settings.from_environment().full_after_days}
        return [night_request(key, date, {read_step: config}) for key in night.ask]

    return nightly_full_refresh


def night_request(key: str, night: str, steps: Mapping[str, Mapping[str, Any]]) -> dg.RunRequest:
    """Return the request for one partition in one night; the same run key for both, ever.

    ``steps`` configures the steps of the job, by name.
    """
    return dg.RunRequest(
        run_key=f"{night}:{key}",
        partition_key=key,
        run_config={"ops": {step: {"config": dict(config)} for step, config in steps.items()}},
        tags={**PartitionKey.parse(key).tags(), "dagster/priority": str(PRIORITY)},
    )


def _on_them(instance: dg.DagsterInstance, schedule: str) -> set[str]:
    """Return the partitions that a run of the schedule is on, or waits to be."""
    filters = dg.RunsFilter(tags={SCHEDULE_TAG: schedule}, statuses=list(IN_FLIGHT))
    return {run.tags.get(PARTITION_TAG, "") for run in instance.get_runs(filters)}


def build_retention_schedule(
    job: dg.JobDefinition, *, cron: str = CRONS[RETENTION]
) -> dg.ScheduleDefinition:
    """Build the schedule that removes old raw data; ``cron`` is in UTC."""

    @dg.schedule(
        name=RETENTION,
        job=job,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description=(
            "Removes raw extractions that neither JIRA_ASSETS_KEEP_EXTRACTIONS nor "
            "JIRA_ASSETS_KEEP_DAYS keep. `jira-assets prune --dry-run` says what would go."
        ),
    )
    def retention_of_raw(
        context: dg.ScheduleEvaluationContext,
    ) -> dg.RunRequest | dg.SkipReason:
        going = dg.RunsFilter(job_name=PRUNE_JOB, statuses=list(IN_FLIGHT))
        for run in context.instance.get_runs(going, limit=1):
            return dg.SkipReason(f"Run {run.run_id} is still at it.")
        return dg.RunRequest(run_key=context.scheduled_execution_time.isoformat())

    return retention_of_raw
