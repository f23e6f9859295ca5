"""When a job runs next, as a landing says it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from jira_assets.partitions import PartitionKey
from jira_assets.warehouse.heartbeat import beat
from jira_assets.warehouse.job_runs import claim, finish
from jira_assets.warehouse.jobs import update_job
from jira_assets.warehouse.timing import next_run, timing_notes
from jira_assets_tests.warehouse.jobs_data import add_jobs, job, write

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = PartitionKey("acme", "cloud")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"next_run_at": NOON + timedelta(hours=2)}, "2026-03-01 14:00:00 UTC"),
        ({"next_run_at": NOON - timedelta(hours=2)}, "as soon as no other run is on the"),
        ({"enabled": False}, "when asked for"),
        ({"status": "RUNNING", "run_id": "me", "due_at": NOON}, "2026-03-02 12:00:00 UTC"),
        (
            {"status": "RUNNING", "run_id": "me", "due_at": NOON - timedelta(hours=49)},
            "2026-03-02 11:00:00 UTC",
        ),
        (
            {"status": "RUNNING", "run_id": "me", "due_at": NOON + timedelta(hours=1)},
            "2026-03-01 13:00:00 UTC",
        ),
        (
            {"status": "RUNNING", "run_id": "other", "next_run_at": NOON - timedelta(hours=1)},
            "as soon as no other run is on the",
        ),
    ],
)
def test_the_next_run_of_a_job(warehouse: sa.Engine, row: dict[str, Any], said: str) -> None:
    add_jobs(warehouse)
    write(warehouse, **row)
    assert next_run(job(warehouse), "me", NOON).startswith(said)


def test_what_was_said_while_it_ran_is_what_the_row_says_afterwards(warehouse: sa.Engine) -> None:
    added = add_jobs(warehouse)
    write(warehouse, due_at="-3000", next_run_at="-3000")
    beat(warehouse, "me")
    claim(warehouse, added.id, "jira_metadata", "me", dead_after=60)
    notes = timing_notes(warehouse, KEY, "statuses", "me")
    finish(warehouse, "me")
    row = job(warehouse).next_run_at
    assert row is not None
    assert notes == {
        "job": "jira_metadata",
        "interval_minutes": 1440,
        "next_run_at": f"{row.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
    }


def test_a_job_that_is_switched_off_says_so_and_an_entity_without_a_job_nothing(
    warehouse: sa.Engine,
) -> None:
    add_jobs(warehouse)
    update_job(warehouse, KEY, "jira_metadata", enabled=False)
    assert timing_notes(warehouse, KEY, "statuses", "me")["next_run_at"] == "when asked for"
    assert timing_notes(warehouse, KEY, "worklogs", "me") == {}
