"""What a soak found, as Markdown: the pace, who got how much of it, and a line a series."""

from collections import Counter
from dataclasses import dataclass
from statistics import median
from typing import Final

from jira_assets.warehouse.job_settings import TEMPLATES
from jira_assets_tests.soak.clock import DAY, KEEP_DAYS, KEEP_EXTRACTIONS, NIGHTS, PRUNINGS
from jira_assets_tests.soak.verdict import LEAST, SHARE_PER_HOUR, Verdict

SHOWN: Final = (
    "memory: daemon, MB",
    "memory: code server, MB",
    "memory: largest run, MB",
    "runs: ended in a minute, count",
    "runs: queued, count",
    "lag: latest job, s",
    "lag: median job, s",
    "queue: open messages, count",
    "rows: jira.raw_extraction_data, count",
    "rows: jira.etl_job_queue, count",
    "rows: dagster.event_logs, count",
    "rows: dagster.job_ticks, count",
)
"""The series of the picture."""


@dataclass(frozen=True)
class Soak:
    """How it was set up, and what it came to."""

    integrations: int
    interval_minutes: int
    runs_at_once: int
    cores: int
    seconds: float
    verdicts: list[Verdict]
    starts: Counter[tuple[int, str]]
    """How often each job of each integration started."""

    @property
    def growing(self) -> list[Verdict]:
        """Those that do not level off."""
        return [each for each in self.verdicts if each.levels_off is False]


def pace(soak: Soak) -> list[str]:
    """Say how many jobs started, how far their intervals were stretched, and how evenly."""
    minutes = soak.seconds / 60
    total = sum(soak.starts.values())
    on_time = soak.integrations * len(TEMPLATES) / soak.interval_minutes
    head = (
        f"{total:,} runs of jobs started in {minutes:.0f} minutes, {total / minutes:.1f} a minute; "
        f"on time would be {on_time:.0f} a minute."
    )
    lines = [
        head,
        "",
        "| job | starts of an integration: fewest | median | most | integrations without any |",
        "|---|---|---|---|---|",
    ]
    for job in (template.job_name for template in TEMPLATES):
        counts = [count for (_, name), count in soak.starts.items() if name == job]
        none = soak.integrations - len(counts)
        counts += [0] * none
        lines.append(f"| {job} | {min(counts)} | {median(counts):g} | {max(counts)} | {none} |")
    return lines


def markdown(soak: Soak) -> str:
    """Return the whole report."""
    units = ", ".join(f"{least:g} {unit}" for unit, least in LEAST.items())
    what = (
        f"{soak.integrations} integrations, four jobs each, all due every "
        f"{soak.interval_minutes} minutes, for {soak.seconds / 60:.0f} minutes on {soak.cores} "
        f"cores; {soak.runs_at_once} runs at once."
    )
    kept = (
        f"A day of retention is {DAY.total_seconds() / 60:.0f} minutes; raw data, runs and ticks "
        f"are kept for {KEEP_DAYS} such day, of each entity the {KEEP_EXTRACTIONS} newest "
        f"extractions besides. `nightly_full_refresh` ticks at `{NIGHTS}` and reads issues in "
        f"full, `retention_of_raw` at `{PRUNINGS}`."
    )
    rule = (
        f"A series levels off where the Theil-Sen slope of its last two thirds is at most "
        f"{SHARE_PER_HOUR:.0%} of its level an hour (or {units}, where that is more), or where its "
        "last third comes no higher than its second and what it may gain meanwhile."
    )
    lines = [
        *(what, "", kept, "", *pace(soak), "", rule, ""),
        "| series | first third | second | last | highest | slope an hour | verdict |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {each.name} | {each.first:,.1f} | {each.second:,.1f} | {each.last:,.1f} "
            f"| {each.highest:,.1f} "
            f"| {each.per_hour:+,.1f} | {each.word} |"
            for each in sorted(soak.verdicts, key=lambda one: one.name)
        ),
    ]
    return "\n".join(lines) + "\n"
