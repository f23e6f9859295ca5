"""``jira-assets sync``: extract, queue, transform, in this process, and a table of what changed."""

import sys
from typing import TYPE_CHECKING

import click

from jira_assets.commands.partition import PARTITION

if TYPE_CHECKING:
    from jira_assets.partitions import PartitionKey


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
    help="comma-separated: projects, issue_types, statuses, project_statuses, fields",
)
def sync(partition: "PartitionKey", entities: list[str]) -> None:
    """Extract, queue, transform PARTITION (tenant/integration): here and now."""
    from jira_assets.commands.output import print_outcome, progress_shown
    from jira_assets.local_runs import open_local_runs

    with progress_shown() as say, open_local_runs(partition, say) as runs:
        outcome = runs.sync(str(partition), entities)
    print_outcome(outcome)
    sys.exit(0 if outcome.ok else 1)
