"""A merge of a million relationships against a bare COPY of the same rows, frame and all."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Final
from uuid import uuid4

import pandas as pd
import sqlalchemy as sa

from benchmarks.section import Section
from jira_assets.partitions import PartitionKey
from jira_assets.sandbox.postgres import EmbeddedPostgres
from jira_assets.warehouse.connect import close_engines, engine_for
from jira_assets.warehouse.contracts import Landing, Owner, Reading, Snapshot
from jira_assets.warehouse.copying import copy_text
from jira_assets.warehouse.integrations import add_integration
from jira_assets.warehouse.landing import land
from jira_assets.warehouse.merge import merge
from jira_assets.warehouse.migrate import migrate
from jira_assets.warehouse.scope import everything

ROWS: Final = 1_000_000
STATUSES_A_PROJECT: Final = 50
ROUNDS: Final = 3
TABLE: Final = "projects_statuses"
COLUMNS: Final = ["integration_id", "project_jira_id", "status_jira_id", "tenant_id"]
OWNER: Final = Owner(tenant_id=1, integration_id=1, partition_key="bench/site")


def run() -> Section:
    frame = relationships(ROWS)
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder)) as postgres:
        migrate(postgres.owner_url, postgres.runtime_url)
        owner = engine_for(postgres.owner_url)
        runtime = everything(engine_for(postgres.runtime_url), "a benchmark")
        # The first one of an empty database is integration 1 of tenant 1.
        key = PartitionKey.parse(OWNER.partition_key)
        add_integration(runtime, key, base_url="https://bench.invalid", auth="none")
        _execute(owner, f"CREATE TABLE jira.rival (LIKE jira.{TABLE} INCLUDING ALL)")
        rounds = [one_round(owner, runtime, frame) for _ in range(ROUNDS)]
        close_engines()
    seconds = {what: median(each[what] for each in rounds) for what in rounds[0]}
    bare, limits = seconds["bare COPY, indexed"], {"first load": "2.5", "unchanged load": "1"}
    rows = [
        [what, f"{taken:.2f}", f"{taken / bare:.2f}", limits.get(what, "")]
        for what, taken in seconds.items()
    ]
    return Section(
        title="Merging relationships",
        question=(
            f"{ROWS:,} rows of {TABLE}; the rival copies the same frame into an identical table "
            f"with the same index. Medians of {ROUNDS} rounds; the unchanged load wrote no row."
        ),
        command="python -m benchmarks merge",
        columns=["what", "seconds", "ratio to the bare COPY", "at most"],
        rows=rows,
    )


def relationships(rows: int) -> pd.DataFrame:
    """Return that many rows, fifty statuses a project."""
    return pd.DataFrame(
        {
            "tenant_id": OWNER.tenant_id,
            "integration_id": OWNER.integration_id,
            "project_jira_id": [str(10_000 + row // STATUSES_A_PROJECT) for row in range(rows)],
            "status_jira_id": [str(1 + row % STATUSES_A_PROJECT) for row in range(rows)],
        }
    )


def one_round(owner: sa.Engine, runtime: sa.Engine, frame: pd.DataFrame) -> dict[str, float]:
    """Return the seconds of each part, on emptied tables."""
    _execute(owner, f"TRUNCATE jira.rival, jira.{TABLE}, jira.applied_extractions")
    seconds = {
        "frame to text": _timed(lambda: sum(map(len, copy_text(frame, COLUMNS)))),
        "bare COPY, indexed": _timed(lambda: bare_copy(owner, frame)),
    }
    first, second, third = (landed(runtime) for _ in range(3))
    seconds["first load"] = _timed(lambda: merge(runtime, snapshot(frame, first)))
    newest = _newest_writer(owner)
    seconds["unchanged load"] = _timed(lambda: merge(runtime, snapshot(frame, second)))
    if _newest_writer(owner) != newest:
        raise RuntimeError("the unchanged load wrote rows")
    changed = frame[: len(frame) * 99 // 100]
    seconds["1 % gone"] = _timed(lambda: merge(runtime, snapshot(changed, third)))
    return seconds


def bare_copy(engine: sa.Engine, frame: pd.DataFrame) -> None:
    """Do what a loader without a merge would do."""
    with engine.begin() as connection:
        cursor = connection.connection.cursor()
        with cursor.copy(f"COPY jira.rival ({', '.join(COLUMNS)}) FROM STDIN") as copy:
            for text in copy_text(frame, COLUMNS):
                copy.write(text)


def landed(engine: sa.Engine) -> Landing:
    """Return the marker of one more extraction, for a merge asks for it; its pages play no part."""
    nothing = Reading(OWNER, uuid4(), "project_statuses", lambda _left: iter(()))
    return land(engine, nothing, run_id=None)


def snapshot(frame: pd.DataFrame, source: Landing) -> Snapshot:
    """Wrap the frame as what an extraction found."""
    return Snapshot(TABLE, OWNER, frame, (source,), "1")


def _newest_writer(engine: sa.Engine) -> int:
    """Return the newest transaction that wrote a row of the table."""
    with engine.connect() as connection:
        newest = connection.scalar(sa.text(f"SELECT max(xmin::text::bigint) FROM jira.{TABLE}"))
    return int(newest)


def _execute(engine: sa.Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text(statement))


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
