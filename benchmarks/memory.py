"""Peak memory of the whole path, without Dagster, at 1,000 and at 10,000 projects."""

import json
import subprocess
import sys

from benchmarks.database import migrated_postgres
from benchmarks.section import Section
from benchmarks.site import served_site

SIZES = (1_000, 10_000)


def run() -> Section:
    measured = [measure(projects) for projects in SIZES]
    rows = [
        [f"{projects:,}", *(f"{peak:.0f}" for peak in peaks.values())]
        for projects, peaks in zip(SIZES, measured, strict=True)
    ]
    return Section(
        title="Peak memory",
        question="Resident memory of the process, in MB, after each part; no latency, ten at once.",
        command="python -m benchmarks memory",
        columns=["projects", *measured[0]],
        rows=rows,
    )


def measure(projects: int) -> dict[str, float]:
    with served_site(projects) as site, migrated_postgres() as database_url:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.memory_parts", site.url, database_url],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    peaks: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return peaks
