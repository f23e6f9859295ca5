"""``python -m jira_assets_tests.poison --cases 100000``: bad answers, and what they make."""

import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import sqlalchemy as sa
from rich.console import Console

from jira_assets.sandbox.postgres import EmbeddedPostgres
from jira_assets.warehouse.connect import close_engines, engine_for
from jira_assets.warehouse.scope import everything
from jira_assets_tests.conftest import PostgresServer
from jira_assets_tests.poison.bases import bases
from jira_assets_tests.poison.mutate import KINDS
from jira_assets_tests.poison.progress import told
from jira_assets_tests.poison.run import Report, run
from jira_assets_tests.poison.stored import play_stored

_SHOWN = 20
_BATCH = 250
"""Cases whose pages of one entity are merged together."""


@click.command()
@click.option("--cases", default=1, show_default=True, help="How many.")
@click.option("--seed", default=1, show_default=True, help="Of the first; the next has the next.")
@click.option("--only", multiple=True, help="A change, an entity, a shape or a site; repeatable.")
@click.option("--report", "target", type=click.Path(path_type=Path), help="Write it as Markdown.")
@click.option("--stored", default=0, show_default=True, help="How many through Postgres, too.")
@click.option("--show", is_flag=True, help="Print the answers of each case.")
def main(
    cases: int, seed: int, only: tuple[str, ...], target: Path | None, stored: int, *, show: bool
) -> None:
    """Change answers, read and transform them, judge what comes of it; exit 1 on any difference."""
    console, report = Console(), Report()
    known = {name for each in bases() for name in (each.site, each.entity, each.shape)}
    if wrong := set(only) - known - set(KINDS):
        names = ", ".join([*KINDS, *sorted(known)])
        raise click.BadParameter(f"{', '.join(sorted(wrong))} is none of: {names}")
    console.print(f"poisoned: {', '.join(dict.fromkeys(each.site for each in bases()))}")
    played = run(range(seed, seed + cases), only)
    for case, outcome in told(played, "poison", cases, console):
        report.add(case, outcome, only)
        for body in case.bodies if show else ():
            console.print(body[:20_000], markup=False, highlight=False, soft_wrap=True)
    console.print(report.table())
    for failure in report.failures[:_SHOWN]:
        console.print(failure, markup=False, highlight=False, soft_wrap=True)
    if target is not None:
        target.write_text(report.markdown())
    problems = _through_postgres(console, seed, stored, only) if stored else []
    sys.exit(bool(report.failures or problems))


def _through_postgres(console: Console, seed: int, cases: int, only: tuple[str, ...]) -> list[str]:
    """Land, merge and judge some cases; return what is wrong."""
    counts: Counter[str] = Counter()
    problems: list[str] = []
    batches = [
        range(at, min(at + _BATCH, seed + cases)) for at in range(seed, seed + cases, _BATCH)
    ]
    with migrated() as engine:
        for seeds in told(batches, "through Postgres", len(batches), console):
            done = play_stored(engine, seeds, only)
            counts += done.counts
            problems += done.problems
    came_to = ", ".join(
        f"{counts[name]:,} {name}" for name in ("cases", "rows", "rejected", "refused")
    )
    console.print(f"through Postgres: {came_to}, {len(problems):,} differences")
    for each in problems[:_SHOWN]:
        console.print(each, markup=False, highlight=False, soft_wrap=True)
    return problems


@contextmanager
def migrated() -> Iterator[sa.Engine]:
    """Start a Postgres of its own, with our tables; the engine is the runtime role's."""
    home = Path(tempfile.mkdtemp(prefix="jira-assets-poison-"))
    try:
        with EmbeddedPostgres(home, durable=False) as embedded:
            made = PostgresServer(embedded).create("poison")
            yield everything(engine_for(made.runtime_url), "the judge looks at all")
            close_engines()
    finally:
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
