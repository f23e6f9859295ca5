"""``python -m jira_assets_tests.chaos --rounds 100 --seed 1``: what breaks, and what is lost."""

import signal
import sys
from pathlib import Path

import click
from rich.console import Console

from jira_assets_tests.chaos.plan import KINDS
from jira_assets_tests.chaos.report import Report, told
from jira_assets_tests.chaos.sabotage import SABOTAGES
from jira_assets_tests.chaos.workers import rounds_of


@click.command()
@click.option("--rounds", default=1, show_default=True, help="How many.")
@click.option("--seed", default=1, show_default=True, help="Of the first; the next has the next.")
@click.option("--only", type=click.Choice(KINDS), help="Inject one kind of fault alone.")
@click.option("--sabotage", type=click.Choice(sorted(SABOTAGES)), help="Break a rule on purpose.")
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, 8),
    help="How many deployments, each with servers of its own, share the rounds.",
)
@click.option("--report", "target", type=click.Path(path_type=Path), help="Write it as Markdown.")
def main(
    rounds: int,
    seed: int,
    only: str | None,
    sabotage: str | None,
    workers: int,
    target: Path | None,
) -> None:
    """Play rounds of changes, faults and judgement; exit 1 on any difference."""
    console, report = Console(), Report()
    # What was started is ended, too, by whom a supervisor tells to end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Told to end."))
    for outcome in rounds_of(range(seed, seed + rounds), workers, only=only, sabotage=sabotage):
        report.add(outcome)
        console.print(f"{len(report.outcomes)} of {rounds}: ", end="")
        console.print(told(outcome), markup=False, highlight=False, soft_wrap=True)
        if target is not None:
            target.write_text(report.markdown())
    console.print(report.table())
    sys.exit(bool(report.differences))


if __name__ == "__main__":
    main()
