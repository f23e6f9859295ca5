"""``jira-assets replay``: rebuild an integration's tables from what has landed, without Jira."""

import sys
from typing import TYPE_CHECKING

import click

from jira_assets.commands.partition import PARTITION

if TYPE_CHECKING:
    from uuid import UUID

    from jira_assets.partitions import PartitionKey


@click.command()
@click.argument("partition", type=PARTITION)
@click.option(
    "--extraction",
    type=click.UUID,
    help="apply this extraction instead of the newest one, even if it is older than what is there",
)
@click.option(
    "--accept-deletions",
    is_flag=True,
    help="delete the issues that the last sweep withheld, half a project or more: they are gone",
)
def replay(partition: "PartitionKey", extraction: "UUID | None", *, accept_deletions: bool) -> None:
    """Rebuild the tables of PARTITION (tenant/integration) from raw."""
    from jira_assets.commands.output import print_outcome
    from jira_assets.local_runs import open_local_runs

    with open_local_runs(partition) as runs:
        outcome = runs.replay(str(partition), extraction, accept_deletions=accept_deletions)
    print_outcome(outcome)
    sys.exit(0 if outcome.ok else 1)
