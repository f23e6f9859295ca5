"""``jira-assets sync``: extract, queue, transform, in this process, and a table of what changed."""

import sys
from typing import TYPE_CHECKING, Final

import click

from jira_assets.commands.partition import PARTITION

if TYPE_CHECKING:
    from datetime import datetime

    from jira_assets.partitions import PartitionKey

_MOMENTS: Final = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M")


def _entities(_context: click.Context, _option: click.Parameter, text: str | None) -> list[str]:
    from jira_assets.warehouse.tables import ENTITIES

    wanted = list(ENTITIES) if text is None else [part.strip() for part in text.split(",")]
    unknown = [name for name in wanted if name not in ENTITIES]
    if unknown:
        raise click.BadParameter(f"{', '.join(unknown)}: choose from {', '.join(ENTITIES)}.")
    return wanted


@click.command()
@click.argument("partition", type=PARTITION)
@click.option(
    "--only",
    "entities",
    callback=_entities,
    metavar="ENTITIES",
    help="comma-separated, instead of all: projects, issue_types, statuses, project_statuses, "
    "fields, issue_samples, issue_ids (finds deleted issues), issues",
)
@click.option("--full", is_flag=True, help="read all issues again, not only what is new")
@click.option(
    "--since",
    type=click.DateTime(_MOMENTS),
    help="read again the issues that changed from this moment on (UTC); where a project was never "
    "read, only these",
)
@click.option(
    "--rendered",
    is_flag=True,
    help="ask for the texts of the issues that are read as HTML, too; raw only",
)
def sync(
    partition: "PartitionKey",
    entities: list[str],
    *,
    full: bool,
    since: "datetime | None",
    rendered: bool,
) -> None:
    """Extract, queue, transform PARTITION (tenant/integration): here and now."""
    from jira_assets.commands.output import print_outcome, progress_shown
    from jira_assets.local_runs import ReadOptions, open_local_runs

    if full and since is not None:
        raise click.UsageError("--full reads everything: leave out --since.")
    if "issues" not in entities and (full or rendered or since is not None):
        raise click.UsageError("--full, --since and --rendered are about issues: --only has none.")
    options = ReadOptions(full=full, since=since, rendered_fields=rendered)
    with progress_shown() as say, open_local_runs(partition, say) as runs:
        outcome = runs.sync(str(partition), entities, options)
    print_outcome(outcome)
    sys.exit(0 if outcome.ok else 1)
