"""``jira-assets status``: integrations, last sync, rows, queue, failures."""

from typing import TYPE_CHECKING, Final

import click

from jira_assets.commands.printable import printable
from jira_assets.commands.warehouse import warehouse_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jira_assets.warehouse.overview import IntegrationOverview

_SHOWN: Final = {
    "projects": "projects",
    "types": "issue_types",
    "statuses": "statuses",
    "in use": "projects_statuses",
    "fields": "custom_fields",
    "issues": "issues",
}
"""Heading to the table whose living rows it counts; --json has all tables."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="one JSON array on standard output")
def status(*, as_json: bool) -> None:
    """Show each integration: last sync, rows, queue, failures.

    "data" is how old they are against the interval of the job: fresh, late or stale; unwatched
    where the job is off. "in use" counts which project uses which status.
    """
    import orjson

    overviews = _read()
    _say_dead_letters(beside_json=as_json)
    if as_json:
        listed = [overview.as_json() for overview in overviews]
        click.echo(orjson.dumps(listed, option=orjson.OPT_INDENT_2).decode())
        return
    if not overviews:
        click.echo("No integrations. Add one: jira-assets integration add acme/cloud --base-url …")
        return
    _print(overviews)


def _read() -> "list[IntegrationOverview]":
    from jira_assets.warehouse.overview import read_overview

    with warehouse_engine().connect() as connection:
        return read_overview(connection)


def _say_dead_letters(*, beside_json: bool) -> None:
    """Say how many dead letters there are, if any; they belong to no integration."""
    from jira_assets.queue.broker import Broker, BrokerUnavailableError, InvalidBrokerUrlError
    from jira_assets.services import connect_services
    from jira_assets.settings import Settings

    try:
        broker = Broker(connect_services(Settings.from_environment()).broker_url)
        count = broker.depths()[broker.names.dead]
    except (BrokerUnavailableError, InvalidBrokerUrlError) as error:
        click.echo(f"Whether there are dead letters is not known: {error}", err=beside_json)
        return
    if count:
        letters = _counted(count, "dead letter")
        click.echo(f"{letters} in {broker.names.dead}: jira-assets queue list", err=beside_json)


def _print(overviews: "list[IntegrationOverview]") -> None:
    from jira_assets.commands.output import print_table

    columns = ["integration", "data", "last landed", "last applied", "queue", *_SHOWN]
    print_table("Integrations (times in UTC)", columns, [_row(overview) for overview in overviews])
    for overview in overviews:
        if overview.unreadable_projects or overview.rejected_records:
            projects = _counted(overview.unreadable_projects, "unreadable project")
            records = _counted(overview.rejected_records, "rejected record")
            click.echo(f"{overview.partition_key}: {projects}, {records}")
        for line in _issues_read(overview):
            click.echo(line)
        for each in overview.jobs:
            if each.job.error_message:
                name = f"{overview.partition_key} {each.job.job_name}"
                click.echo(f"{name}: FAILED: {printable(each.job.error_message)}")
        for failure in overview.failures:
            click.echo(f"{overview.partition_key}: FAILED: {failure}")
    if any(overview.failures for overview in overviews):
        click.echo("Messages that failed: jira-assets queue list, jira-assets queue retry")


def _issues_read(overview: "IntegrationOverview") -> "Iterator[str]":
    """Say how far issues were read, and what stands in the way; nothing where none were."""
    read = overview.issues
    if read.read_until is not None:
        until = f"{read.read_until:%Y-%m-%d %H:%M:%S}"
        yield f"{overview.partition_key}: issues of all projects are read up to {until}"
    if read.unreadable_projects:
        projects = _counted(read.unreadable_projects, "project")
        where = "jira.issue_watermarks says of which and why"
        yield f"{overview.partition_key}: the issues of {projects} could not be read: {where}"
    if read.withheld_deletions:
        deletions = _counted(read.withheld_deletions, "deletion")
        asked = "are these issues gone? The check no_withheld_deletions of issues says what to do"
        yield f"{overview.partition_key}: {deletions} withheld: {asked}"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _row(overview: "IntegrationOverview") -> list[object]:
    def moment(value: object) -> str:
        return "never" if value is None else f"{value:%Y-%m-%d %H:%M:%S}"

    queue = ", ".join(f"{count} {state}" for state, count in sorted(overview.queue.items()))
    return [
        overview.partition_key,
        str(overview.freshness) if overview.active else "disabled",
        moment(overview.last_landed_at),
        moment(overview.last_applied_at),
        queue or "empty",
        *(overview.rows[table] for table in _SHOWN.values()),
    ]
