"""What is read off a running deployment, every few seconds: figures by name, and their series.

A name is ``part: what, unit``; the part groups the report. Nothing here changes what it reads.
"""

import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import psutil
import sqlalchemy as sa

from jira_assets_tests.soak.deployment import WATCHER, Deployment

DATA: Final = frozenset(
    {
        "projects",
        "issue_types",
        "statuses",
        "projects_issue_types",
        "projects_statuses",
        "projects_issue_types_statuses",
        "custom_fields",
        "projects_custom_fields",
        "issues",
        "issue_changelogs",
    }
)
"""Tables that grow as Jira does."""
_MEGABYTE: Final = 1e6
_SIZES: Final = sa.text(
    """
    SELECT relnamespace::regnamespace::text AS room, relname AS name,
        pg_total_relation_size(oid) / 1e6 AS size
    FROM pg_class WHERE relkind = 'r'
    AND relnamespace IN (to_regnamespace('jira'), to_regnamespace('dagster'))
    """
)
_CONNECTIONS: Final = sa.text(
    """
    SELECT coalesce(nullif(application_name, ''), 'dagster (unnamed)') AS name, count(*) AS count
    FROM pg_stat_activity
    WHERE datname = current_database() AND application_name <> :watcher GROUP BY 1
    """
)
_QUEUE: Final = sa.text(
    """
    SELECT count(*) FILTER (WHERE is_open) AS open,
        count(*) FILTER (WHERE state = 'failed') AS failed,
        coalesce(extract(epoch FROM
            clock_timestamp() - min(created_at) FILTER (WHERE is_open)), 0) AS oldest
    FROM (
        SELECT *, state IN ('pending', 'published', 'received', 'launched') AS is_open
        FROM jira.etl_job_queue
    ) AS message
    """
)
_LAG: Final = sa.text(
    """
    SELECT
        coalesce(max(late), 0) AS most,
        coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY late), 0) AS median
    FROM (
        SELECT extract(epoch FROM greatest(
            clock_timestamp() - next_run_at, interval '0')) AS late
        FROM jira.etl_jobs WHERE enabled
    ) AS job
    """
)
_RUNS: Final = sa.text(
    """
    SELECT count(*) FILTER (WHERE status = 'QUEUED') AS queued,
        count(*) FILTER (WHERE status IN ('STARTING', 'STARTED')) AS going,
        count(*) FILTER (WHERE status = 'FAILURE') AS failed,
        count(*) FILTER (WHERE status IN ('SUCCESS', 'FAILURE', 'CANCELED')
            AND update_timestamp > (clock_timestamp() AT TIME ZONE 'UTC') - interval '1 minute')
            AS ended
    FROM dagster.runs
    """
)
_STARTS: Final = sa.text(
    """
    SELECT integration_id, job_name, last_run_started_at FROM jira.etl_jobs
    WHERE enabled AND last_run_started_at IS NOT NULL
    """
)


@dataclass
class Series:
    """All figures of a soak."""

    began: float = field(default_factory=time.monotonic)
    figures: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """By name: seconds since the beginning, and the value."""
    starts: Counter[tuple[int, str]] = field(default_factory=Counter)
    """How often each job of each integration was seen to have started anew."""
    _started: dict[tuple[int, str], Any] = field(default_factory=dict)

    def take(self, deployment: Deployment) -> dict[str, float]:
        """Take a sample, keep it and return it."""
        now = time.monotonic() - self.began
        sample = {**_processes(deployment), **_database(deployment), **_broker(deployment)}
        for name, value in sample.items():
            self.figures.setdefault(name, []).append((now, value))
        self._count_starts(deployment)
        return sample

    def _count_starts(self, deployment: Deployment) -> None:
        with deployment.engine.connect() as connection:
            for integration_id, job, started in connection.execute(_STARTS):
                if self._started.get((integration_id, job)) != started:
                    self._started[integration_id, job] = started
                    self.starts[integration_id, job] += 1


def _processes(deployment: Deployment) -> dict[str, float]:
    """Return memory, CPU and open files of the processes that stay, and the memory of runs."""
    found: dict[str, float] = {}
    dagster = deployment.dagster
    for name, process in (("daemon", dagster.daemon), ("code server", dagster.code_server)):
        with suppress(psutil.Error):
            leader = psutil.Process(process.groups[-1])
            found[f"memory: {name}, MB"] = leader.memory_info().rss / _MEGABYTE
            found[f"files: {name}, open"] = leader.num_fds()
            found[f"threads: {name}, count"] = leader.num_threads()
            found[f"restarts: {name}, count"] = len(process.groups) - 1
    sizes = []
    for run in dagster.runs():
        with suppress(psutil.Error):
            sizes.append(run.memory_info().rss / _MEGABYTE)
    found["memory: largest run, MB"] = max(sizes, default=0.0)
    found["processes: of runs, count"] = len(sizes)
    found["harness: memory of sites and watcher, MB"] = (
        psutil.Process().memory_info().rss / _MEGABYTE
    )
    found["machine: CPU, %"] = psutil.cpu_percent()
    return found


def _database(deployment: Deployment) -> dict[str, float]:
    found: dict[str, float] = {}
    with deployment.engine.connect() as connection:
        for room, name, size in connection.execute(_SIZES):
            part = "data" if room == "jira" and name in DATA else "size"
            found[f"{part}: {room}.{name}, MB"] = float(size)
            counted = connection.exec_driver_sql(f'SELECT count(*) FROM {room}."{name}"')
            kind = "data rows" if part == "data" else "rows"
            found[f"{kind}: {room}.{name}, count"] = float(counted.scalar_one())
        for name, count in connection.execute(_CONNECTIONS, {"watcher": WATCHER}):
            found[f"connections: {name}, count"] = float(count)
        queue = connection.execute(_QUEUE).one()
        found["queue: open messages, count"] = float(queue.open)
        found["queue: oldest open message, s"] = float(queue.oldest)
        found["failed: messages, count"] = float(queue.failed)
        lag = connection.execute(_LAG).one()
        found["lag: latest job, s"] = float(lag.most)
        found["lag: median job, s"] = float(lag.median)
        runs = connection.execute(_RUNS).one()
        found["runs: queued, count"] = float(runs.queued)
        found["runs: going on, count"] = float(runs.going)
        found["runs: ended in a minute, count"] = float(runs.ended)
        found["failed: runs that are kept, count"] = float(runs.failed)
    return found


def _broker(deployment: Deployment) -> dict[str, float]:
    depths = deployment.broker.depths()
    return {f"broker: {name}, messages": float(depth) for name, depth in depths.items()}
