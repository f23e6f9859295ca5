"""Statuses of 1,000 and 10,000 projects, ten at once, against what the latency allows."""

import json
import subprocess
import sys
from itertools import product

from benchmarks.database import migrated_postgres
from benchmarks.section import Section
from benchmarks.site import served_site

PROJECTS, LATENCIES, CONCURRENCY = (1_000, 10_000), (0.02, 0.05, 0.2), 10


def run() -> Section:
    with migrated_postgres() as database_url:
        rows = [
            measured(projects, latency, database_url)
            for projects, latency in product(PROJECTS, LATENCIES)
        ]
    return Section(
        title="Reading project statuses",
        question=(
            f"{CONCURRENCY} calls at once are allowed. The ideal is calls x latency / "
            f"{CONCURRENCY}; the sandbox runs in another process, and each reading in one of its "
            "own. Ratios to the ideal: of urllib3 in a loop, which is a rival without retries, "
            "budget or checks; of HTTP alone, at most 1.10; of reading into the landing table; of "
            "the latter with the list of the projects, 100 a page, before it. CPU a call is that "
            "of HTTP alone, at most 1.5 ms; memory is the reading process's peak, landing included."
        ),
        command="python -m benchmarks reading",
        columns=[
            "projects",
            "ms a call",
            "ideal, s",
            "bare urllib3",
            "HTTP alone",
            "with landing",
            "with landing and list",
            "CPU a call, ms",
            "memory, MB",
        ],
        rows=rows,
    )


def measured(projects: int, latency: float, database_url: str) -> list[str]:
    """Return one row of the table."""
    with served_site(projects, latency=latency) as site:
        alone = _read(site.url)
        landed = _read(site.url, database_url)
    for took in (alone, landed):
        if took["answers"] != projects:
            raise RuntimeError(f"{took['answers']} answers for {projects} projects")
    ideal = projects * latency / CONCURRENCY
    ideal_with_list = (projects + projects // 100) * latency / CONCURRENCY
    return [
        f"{projects:,}",
        f"{latency * 1000:.0f}",
        f"{ideal:.1f}",
        f"{alone['bare'] / ideal:.3f}",
        f"{alone['seconds'] / ideal:.3f}",
        f"{landed['seconds'] / ideal:.3f}",
        f"{landed['with the list'] / ideal_with_list:.3f}",
        f"{alone['cpu a call'] * 1000:.2f}",
        f"{landed['peak']:.0f}",
    ]


def _read(url: str, *database_url: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.reading_parts", url, str(CONCURRENCY)]
    done = subprocess.run([*command, *database_url], check=True, stdout=subprocess.PIPE, text=True)
    took: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return took
