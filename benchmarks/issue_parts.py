"""Issues part by part, each alone: reading, landing, shaping, merging; and COPY as an ideal."""

import json
import subprocess
import sys

from benchmarks.database import migrated_postgres
from benchmarks.section import Section
from benchmarks.site import served_site

ISSUES, PROJECTS, LATENCY = 10_000, 20, 0.02


def run() -> Section:
    sizes = {"issues": ISSUES, "custom_fields": 60}
    with (
        served_site(PROJECTS, sizes=sizes, latency=LATENCY, rendered="changelog") as site,
        migrated_postgres() as database_url,
    ):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.issue_parts_alone", site.url, database_url],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    took = json.loads(done.stdout.splitlines()[-1])
    megabytes = took.pop("megabytes")
    copy = took["COPY of the same pages into jsonb"]
    rows = [
        [part, f"{seconds:.2f}", f"{ISSUES / seconds:,.0f}", f"{megabytes / seconds:.0f}"]
        for part, seconds in took.items()
    ]
    share = copy / took["landing"]
    return Section(
        title="Issues, part by part",
        question=(
            f"{ISSUES:,} issues of {PROJECTS} projects with 60 custom fields, all fields and "
            f"changelogs, {megabytes:.0f} MB of JSON, {LATENCY * 1000:.0f} ms a call: each part "
            "alone, one after the other, in one process beside Postgres and the site. In a sync "
            "they overlap. The ideal of landing is Postgres' own COPY of the same texts into a "
            f"table of jsonb: landing ran at {share:.2f} of its speed (at least 0.5)."
        ),
        command="python -m benchmarks issue_parts",
        columns=["part", "seconds", "issues a second", "MB a second"],
        rows=rows,
    )
