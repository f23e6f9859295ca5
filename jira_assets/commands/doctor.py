"""``jira-assets doctor``: what in this set-up will bite you, and what to do about it."""

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from jira_assets.diagnosis import Finding


@click.command()
def doctor() -> None:
    """Look at the settings, Postgres, the broker and the Dagster instance. Changes nothing.

    Exits 1 when something is broken, 0 when there is advice at most.
    """
    from jira_assets.diagnosis import examine
    from jira_assets.settings import Settings

    findings = examine(Settings.from_environment())
    for finding in findings:
        click.echo(_line(finding))
    if not findings:
        click.echo("Nothing to complain of.")
    sys.exit(1 if any(finding.broken for finding in findings) else 0)


def _line(finding: "Finding") -> str:
    return f"{'BROKEN' if finding.broken else 'advice'}: {finding.what} {finding.remedy}"
