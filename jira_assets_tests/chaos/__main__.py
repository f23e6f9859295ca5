"""``python -m jira_assets_tests.chaos --rounds 100 --seed 1``: what breaks, and what is lost."""

import signal
import sys
from pathlib import Path

import click
from rich.console import Console

from jira_assets_tests.chaos.deployment import deployed
from jira_assets_tests.chaos.plan import KINDS
from jira_assets_tests.chaos.report import Report, told
from jira_assets_tests.chaos.rounds import play
from jira_assets_tests.chaos.sabotage import SABOTAGES


@click.command()
@click.option("--rounds", default=1, show_default=True, help="How many.")
@click.option("--seed", default=1, show_default=True, help="Of the first; the next has the next.")
@click.option("--only", type=click.Choice(KINDS), help="Inject one kind of fault alone.")
@click.option("--sabotage", type=click.Choice(sorted(SABOTAGES)), help="Break a rule on purpose.")
@click.option("--report", "target", type=click.Path(path_type=Path), help="Write it as Markdown.")
def main(
    rounds: int, seed: int, only: str | None, sabotage: str | None, target: Path | None
) -> None:
    """Play rounds of changes, faults and judgement; exit 1 on any difference."""
    console, report = Console(), Report()
    # What was started is ended, too, by whom a supervisor tells to end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Told to end."))
    with deployed(sabotage=sabotage) as deployment:
        for outcome in play(deployment, range(seed, seed + rounds), only):
            report.add(outcome)
            console.print(told(outcome), markup=False, highlight=False, soft_wrap=True)
    console.print(report.table())
    if deployment.keep:
        console.print(f"Logs and data are kept in {deployment.folder}.", soft_wrap=True)
    if target is not None:
        target.write_text(report.markdown())
    sys.exit(bool(report.differences))


if __name__ == "__main__":
    main()
