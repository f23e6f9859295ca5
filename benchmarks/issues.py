"""Issues with 60 custom fields and their changelogs, from Jira to typed tables."""

import json
from statistics import median
from typing import Any

from benchmarks.airbyte import seconds_of_airbyte
from benchmarks.home import Home, home
from benchmarks.section import Section
from benchmarks.site import served_site

KEY = "bench/site"
PROJECTS = 20
SIZES = (10_000, 100_000)
CHANGED = 0.01
SITE: dict[str, Any] = {"latency": 0.02}
RIVAL: dict[str, Any] = {
    **SITE,
    "old_search": True,
    "rendered": "changelog,renderedFields,transitions",
}
OURS: dict[str, Any] = {**SITE, "rendered": "changelog"}
ROUNDS = 3
TAP = 5.0 / 14.0
"""Of the seconds that Airbyte's connector takes, those of Meltano's tap, which reads no changelogs:
so they were measured once, beside each other. The tap is on no package index."""


def run() -> Section:
    few, many = SIZES
    rounds = [(seconds_of_rival(few), measured(few)) for _ in range(ROUNDS)]
    rival = median(seconds for seconds, _ in rounds)
    ours = sorted((took for _, took in rounds), key=lambda took: took[0]["seconds"])[ROUNDS // 2]
    ratio = rival / ours[0]["seconds"]
    return Section(
        title="Issues, from Jira to tables",
        question=(
            f"A synthetic Cloud site of {PROJECTS} projects in another process, 60 custom fields, "
            f"{SITE['latency'] * 1000:.0f} ms a call, its answers written beforehand: "
            "all issues with all fields and changelogs into `issues` and `issue_changelogs`, then "
            "again with nothing changed but one in a hundred. Wall seconds from the first call to "
            "the merged tables; memory is the peak of the process that does it all. The rival, "
            "Airbyte's connector 4.0.0, reads the same "
            f"site and writes {few:,} issues to a pipe, no more; its imports are not counted. It "
            f"and ours were measured {ROUNDS} times in turn, medians are given: ours was "
            f"{ratio:.1f} times as fast (at least 3). Meltano's tap, which reads no changelogs, "
            f"takes {TAP:.2f} of what Airbyte's does: {rival * TAP:.1f} s."
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
        rows=[
            [f"{few:,}", "Airbyte, to a pipe", f"{few / rival:,.0f}", f"{rival:.1f}", *[""] * 5],
            *_rows(few, ours),
            *_rows(many, measured(many)),
        ],
    )


def seconds_of_rival(issues: int) -> float:
    sizes = {"issues": issues, "custom_fields": 60}
    with served_site(PROJECTS, sizes=sizes, **RIVAL) as site:
        return seconds_of_airbyte(site, issues)


def measured(issues: int) -> list[dict[str, Any]]:
    """Return what it took to read all of so many issues, and then what had changed."""
    sizes = {"issues": issues, "custom_fields": 60}
    with home() as place, served_site(PROJECTS, sizes=sizes, **OURS) as site:
        place.jira_assets("integration", "add", KEY, f"--base-url={site.url}", "--auth=none")
        first = {"read": issues, **_synced(place)}
        second = {"read": site.change_issues(CHANGED), **_synced(place)}
    for took in (first, second):
        if took["rows"]["issues"][2] != issues:
            raise RuntimeError(f"{took['rows']} for {issues} issues")
    return [first, second]


def _rows(issues: int, took: list[dict[str, Any]]) -> list[list[str]]:
    first, second = took
    return [
        _row(issues, "all", first),
        _row(issues, f"{second['read']:,} changed", second),
    ]


def _synced(place: Home) -> dict[str, Any]:
    took: dict[str, Any] = json.loads(place.module("benchmarks.issues_sync", KEY))
    return took


def _row(issues: int, what: str, took: dict[str, Any]) -> list[str]:
    written = sum(inserted + updated for inserted, updated, _ in took["rows"].values())
    return [
        f"{issues:,}",
        what,
        f"{took['read'] / took['seconds']:,.0f}",
        f"{took['seconds']:.1f}",
        f"{took['extract']:.1f}",
        f"{took['transform']:.1f}",
        f"{took['calls']:,}",
        f"{took['peak']:.0f}",
        f"{written:,}",
    ]
