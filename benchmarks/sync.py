"""``jira-assets sync`` of a 10-project site: where its time goes."""

import json

from benchmarks.home import home
from benchmarks.section import Section
from benchmarks.site import served_site

KEY = "bench/site"


def run() -> Section:
    with home() as place, served_site(10, latency=0.02) as site:
        # The first sync fills the tables.
        place.jira_assets("integration", "add", KEY, f"--base-url={site.url}", "--auth=none")
        place.jira_assets("sync", KEY)
        parts = json.loads(place.module("benchmarks.sync_parts"))
    start = parts["imports, CPU"] + parts["Dagster's start, CPU"]
    rows = [[part, f"{seconds:.2f}"] for part, seconds in parts.items()]
    rows.append(["imports and Dagster's start together, CPU (at most 4)", f"{start:.2f}"])
    return Section(
        title="One sync, part by part",
        question="A second sync of 10 projects, 20 ms a call, in one process. Seconds.",
        command="python -m benchmarks sync",
        columns=["part", "seconds"],
        rows=rows,
    )
