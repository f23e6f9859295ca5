"""Issues with 60 custom fields and their changelogs, from Jira to typed tables."""

import json
from typing import Any

from benchmarks.home import Home, home
from benchmarks.section import Section
from benchmarks.site import served_site

KEY = "bench/site"
PROJECTS = 20
SIZES = (10_000, 100_000)
CHANGED = 0.01
LATENCY = 0.02
RIVALS = {"Meltano's tap, no changelogs": 5.0, "Airbyte's connector 4.0.0": 14.0}
"""Seconds for 10,000 such issues on two cores, to standard output alone."""


def run() -> Section:
    rows = [row for issues in SIZES for row in measured(issues)]
    return Section(
        title="Issues, from Jira to tables",
        question=(
            f"A synthetic Cloud site of {PROJECTS} projects in another process, 60 custom fields, "
            f"{LATENCY * 1000:.0f} ms a call: all issues with all fields and changelogs into "
            "`issues` and `issue_changelogs`, then a second time with nothing changed but one in a "
            "hundred. Wall seconds from the first call to the merged tables; memory is the peak of "
            "the process that does it all. For 10,000 such issues and reading to standard output "
            "alone, public connectors were measured at "
            + " and ".join(f"{seconds:.0f} s ({name})" for name, seconds in RIVALS.items())
            + "."
        ),
        command="python -m benchmarks issues",
        columns=[
            "issues",
            "reading",
            "issues a second",
            "seconds",
            "extraction",
            "queue and transform",
            "calls",
            "memory, MB",
            "rows written",
        ],
        rows=rows,
    )


def measured(issues: int) -> list[list[str]]:
    """Return the rows of one size: all of it, then one in a hundred changed."""
    sizes = {"issues": issues, "custom_fields": 60}
    with home() as place, served_site(PROJECTS, sizes=sizes, latency=LATENCY) as site:
        place.jira_assets("integration", "add", KEY, f"--base-url={site.url}", "--auth=none")
        first = _synced(place)
        changed = site.change_issues(CHANGED)
        second = _synced(place)
    for took in (first, second):
        if took["rows"]["issues"][2] != issues:
            raise RuntimeError(f"{took['rows']} for {issues} issues")
    return [
        _row(issues, "all", issues, first),
        _row(issues, f"{changed:,} changed", changed, second),
    ]


def _synced(place: Home) -> dict[str, Any]:
    took: dict[str, Any] = json.loads(place.module("benchmarks.issues_sync", KEY))
    return took


def _row(issues: int, what: str, read: int, took: dict[str, Any]) -> list[str]:
    written = sum(inserted + updated for inserted, updated, _ in took["rows"].values())
    return [
        f"{issues:,}",
        what,
        f"{read / took['seconds']:,.0f}",
        f"{took['seconds']:.1f}",
        f"{took['extract']:.1f}",
        f"{took['transform']:.1f}",
        f"{took['calls']:,}",
        f"{took['peak']:.0f}",
        f"{written:,}",
    ]
