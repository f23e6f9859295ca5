"""``python -m jira_assets_tests.soak --minutes 60``: what grows while it runs, and what not."""

import os
import signal
import sys
import time
from pathlib import Path
from random import Random
from typing import Final

import click

from jira_assets.dagster_home import RUNS_AT_ONCE
from jira_assets_tests.chaos.changes import CHANGES
from jira_assets_tests.soak.deployment import Deployment, deployed
from jira_assets_tests.soak.picture import picture
from jira_assets_tests.soak.report import SHOWN, Soak, markdown
from jira_assets_tests.soak.samples import Series
from jira_assets_tests.soak.verdict import judge

CHANGE_SECONDS: Final = 5.0
MINUTES_TO_JUDGE: Final = 40
"""Eight of the days that it makes of five minutes each: what is kept for one has come and gone."""
# A project that is added comes with everything below it; tables would tell how much Jira grew.
_CHANGES: Final = [each for each in CHANGES if each.name != "a project added"]
_TOLD: Final = ("runs: ended in a minute, count", "runs: queued, count", "lag: latest job, s")


@click.command()
@click.option("--minutes", default=60.0, show_default=True, help="How long.")
@click.option("--integrations", default=50, show_default=True, help="How many sites.")
@click.option("--interval", default=60, show_default=True, help="Seconds; whole minutes.")
@click.option("--every", default=15.0, show_default=True, help="Seconds between two samples.")
@click.option("--runs-at-once", default=RUNS_AT_ONCE, show_default=True, help="Of Dagster.")
@click.option("--seed", default=1, show_default=True, help="Of what changes in Jira.")
@click.option("--report", type=click.Path(path_type=Path), help="Write it as Markdown.")
@click.option("--picture", "drawn", type=click.Path(path_type=Path), help="Write curves as SVG.")
def main(
    minutes: float,
    integrations: int,
    interval: int,
    every: float,
    runs_at_once: int,
    seed: int,
    report: Path | None,
    drawn: Path | None,
) -> None:
    """Let it run and watch it; exit 1 where something grows, after 40 minutes or more."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Told to end."))
    interval_minutes = max(1, round(interval / 60))
    with deployed(integrations, interval_minutes, runs_at_once) as deployment:
        click.echo(f"It runs; logs and data are in {deployment.folder} until it has ended well.")
        series = watch(deployment, minutes * 60, every, Random(seed))
    seconds = time.monotonic() - series.began
    soak = Soak(
        integrations=integrations,
        interval_minutes=interval_minutes,
        runs_at_once=runs_at_once,
        cores=os.cpu_count() or 1,
        seconds=seconds,
        verdicts=[judge(name, points, seconds) for name, points in series.figures.items()],
        starts=series.starts,
    )
    told = markdown(soak)
    click.echo(told)
    if report is not None:
        report.write_text(told)
    if drawn is not None:
        shown = {str(name): series.figures[name] for name in SHOWN if name in series.figures}
        drawn.write_text(picture(shown, seconds))
    for each in soak.growing:
        click.echo(f"GROWS: {each.name}, {each.per_hour:+,.1f} an hour")
    if minutes < MINUTES_TO_JUDGE:
        click.echo(f"In {minutes:g} minutes everything grows; {MINUTES_TO_JUDGE} can be judged.")
        return
    sys.exit(bool(soak.growing))


def watch(deployment: Deployment, seconds: float, every: float, rng: Random) -> Series:
    """Change Jira and take samples until the time is over."""
    series = Series()
    sampled = changed = -max(every, CHANGE_SECONDS)
    while (now := time.monotonic() - series.began) < seconds:
        deployment.dagster.supervise()
        if now - changed >= CHANGE_SECONDS:
            changed = now
            rng.choice(_CHANGES).make(rng.choice(deployment.sites), rng, f"at {now:.0f} s")
        if now - sampled >= every:
            sampled = now
            sample = series.take(deployment)
            words = ", ".join(f"{name.rsplit(', ', 1)[0]} {sample[name]:.0f}" for name in _TOLD)
            click.echo(f"{now / 60:5.1f} min  {words}")
        time.sleep(0.5)
    return series


if __name__ == "__main__":
    main()
