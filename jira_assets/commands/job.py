"""``jira-assets job``: when an integration's jobs run. One subcommand a verb."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from jira_assets.commands.partition import PARTITION
from jira_assets.commands.printable import printable
from jira_assets.commands.warehouse import warehouse_engine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jira_assets.partitions import PartitionKey
    from jira_assets.warehouse.jobs import Job


@click.group()
def job() -> None:
    """List, change and ask for the jobs of the integrations."""


@job.command("list")
@click.argument("partition", type=PARTITION, required=False)
def list_(partition: "PartitionKey | None") -> None:
    """Show the jobs of all integrations.

    With PARTITION (tenant/integration): those of this one.
    """
    from jira_assets.commands.output import print_table
    from jira_assets.warehouse.jobs import list_jobs

    with warehouse_engine().connect() as connection:
        jobs = list_jobs(connection, partition)
    if not jobs:
        click.echo("No jobs. They come with an integration: jira-assets integration add …")
        return
    columns = ["integration", "job", "runs", "priority", "after", "status", "last run", "next run"]
    jobs = _in_turn(jobs)
    print_table("Jobs (times in UTC)", columns, [_row(each) for each in jobs])
    for each in jobs:
        if each.error_message:
            why = printable(each.error_message)
            click.echo(f"{each.partition_key} {each.job_name}: FAILED: {why}")
    _say_what_is_held_up(jobs)


def _in_turn(jobs: "Sequence[Job]") -> "list[Job]":
    """Return the jobs of each integration in the order in which they wait for one another."""
    awaited = {(each.partition_key, each.job_name): each.depends_on for each in jobs}

    def place(each: "Job") -> tuple[str, int, int, str]:
        before, name = 0, each.depends_on
        while name is not None:
            before, name = before + 1, awaited.get((each.partition_key, name))
        return each.partition_key, before, each.priority, each.job_name

    return sorted(jobs, key=place)


@job.command()
@click.argument("partition", type=PARTITION)
@click.argument("job_name")
@click.option(
    "--every", "schedule_interval_minutes", type=int, metavar="MINUTES", help="from run to run"
)
@click.option(
    "--retry-after",
    "retry_interval_minutes",
    type=int,
    metavar="MINUTES",
    help="from a failed run to the next try",
)
@click.option("--max-retries", type=int, help="tries after a failed run")
@click.option("--priority", type=int, help="1 runs first, then 2")
@click.option("--after", "depends_on", help='the job that it waits for; "" for none')
@click.option("--on/--off", "enabled", default=None, help="whether it runs by itself")
def update(partition: "PartitionKey", job_name: str, **options: Any) -> None:
    """Change what is given of one job of PARTITION.

    JOB_NAME is one of those that `jira-assets job list PARTITION` shows: jira_metadata (projects,
    issue types, statuses, and which project uses which), jira_discovery (fields, and which project
    uses which), jira_issues or jira_deletions (of issues).
    """
    from jira_assets.warehouse.jobs import list_jobs, update_job

    given = {name: value for name, value in options.items() if value is not None}
    if not given:
        raise click.UsageError("nothing to change: give at least one option.")
    if "depends_on" in given:
        given["depends_on"] = given["depends_on"] or None
    engine = warehouse_engine()
    changed = update_job(engine, partition, job_name, **given)
    click.echo(f"now {partition} {job_name}: {_runs(changed)}, next run {_moment(changed)} (UTC)")
    with engine.connect() as connection:
        _say_what_is_held_up(list_jobs(connection, partition))


@job.command()
@click.argument("partition", type=PARTITION)
@click.argument("job_name", default="jira_metadata")
def run(partition: "PartitionKey", job_name: str) -> None:
    """Ask for a run of a job, which a Dagster daemon launches.

    Without JOB_NAME it is jira_metadata, of the integration PARTITION.
    """
    from jira_assets.warehouse.job_requests import request_job

    asked = request_job(warehouse_engine(), partition, job_name, requested_by="command line")
    click.echo(f"asked for {partition} {job_name}: request {asked.request_id}")
    click.echo(
        "a Dagster daemon, such as `jira-assets dev`, launches it, and until one does it waits; "
        f"`jira-assets job list {partition}` shows how far it is"
    )


def _row(each: "Job") -> list[object]:
    status = each.status
    if status == "RUNNING":
        status += f" {each.progress_percentage:.0f} %"
    if each.attempt:
        status += f", retry {each.attempt} of {each.max_retries}"
    return [
        each.partition_key,
        each.job_name,
        _runs(each),
        each.priority,
        each.depends_on,
        status,
        _utc(each.last_run_started_at),
        _moment(each),
    ]


def _runs(each: "Job") -> str:
    hours, minutes = divmod(each.schedule_interval_minutes, 60)
    every = f"every {hours:,} h" if hours and not minutes else f"every {60 * hours + minutes:,} min"
    return every if each.enabled else f"off ({every})"


def _moment(each: "Job") -> str:
    if not each.active:
        return "never: disabled"
    if each.asked_for_at is not None:
        return f"asked for at {_utc(each.asked_for_at)}"
    if not each.enabled:
        return "when asked for"
    if each.waits:
        return f"after {each.depends_on}"
    if each.status != "RUNNING" and each.next_run_at and each.next_run_at <= datetime.now(UTC):
        return f"due since {_utc(each.next_run_at)}"
    return _utc(each.next_run_at)


def _say_what_is_held_up(jobs: "Sequence[Job]") -> None:
    for each in jobs:
        if each.is_held_up:
            key, name, awaited = each.partition_key, each.job_name, each.depends_on
            click.echo(
                f"{key} {name}: waits for {awaited}, which is switched off and has not succeeded. "
                f"Ask for it once (jira-assets job run {key} {awaited}), or let {name} wait for "
                f'nothing (jira-assets job update {key} {name} --after "").'
            )


def _utc(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"
