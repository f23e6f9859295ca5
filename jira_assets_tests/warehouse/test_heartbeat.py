"""Signs of life: beaten while a block runs, ended in order, and never a reason to fail."""

import logging
import threading
import time
from datetime import timedelta

import pytest
import sqlalchemy as sa

from jira_assets.warehouse import heartbeat
from jira_assets.warehouse.connect import engine_for
from jira_assets.warehouse.heartbeat import Beat, Heartbeat, beat, finish, last_beats
from jira_assets.warehouse.tables import run_heartbeats
from jira_assets_tests.conftest import Database

SOON = 10.0


def last(engine: sa.Engine, run_id: str = "run") -> Beat:
    with engine.connect() as connection:
        return last_beats(connection, [run_id])[run_id]


def test_a_run_that_beat_is_found_by_its_id_with_its_age(warehouse: sa.Engine) -> None:
    beat(warehouse, "run", "acme/cloud")
    with warehouse.begin() as connection:
        connection.execute(
            run_heartbeats.update().values(
                heartbeat_at=run_heartbeats.c.heartbeat_at - timedelta(minutes=2)
            )
        )
    with warehouse.connect() as connection:
        found = last_beats(connection, ["run", "another"])
        assert last_beats(connection, []) == {}
    assert list(found) == ["run"]
    assert found["run"].finished_at is None
    assert found["run"].age_seconds == pytest.approx(120, abs=10)


def test_a_later_beat_takes_an_end_back_and_keeps_the_rest(warehouse: sa.Engine) -> None:
    beat(warehouse, "run", "acme/cloud")
    first = last(warehouse)
    finish(warehouse, "run")
    assert last(warehouse).finished_at is not None

    beat(warehouse, "run")

    again = last(warehouse)
    assert again.finished_at is None
    assert again.heartbeat_at > first.heartbeat_at
    with warehouse.connect() as connection:
        row = connection.execute(sa.select(run_heartbeats)).one()
    assert row.partition_key == "acme/cloud"
    assert row.started_at <= first.heartbeat_at


def test_a_run_can_end_that_never_beat(warehouse: sa.Engine) -> None:
    finish(warehouse, "run")
    assert last(warehouse).finished_at is not None


@pytest.fixture
def beats(monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Released once for every beat or end that was tried."""
    tried = threading.Semaphore(0)
    original = heartbeat._record

    def record(*arguments: object, finished: bool) -> None:
        try:
            original(*arguments, finished=finished)  # type: ignore[arg-type]  # passed through
        finally:
            tried.release()

    monkeypatch.setattr(heartbeat, "_record", record)
    return tried


def test_a_block_beats_from_before_its_start_until_its_end(
    warehouse: sa.Engine, beats: threading.Semaphore
) -> None:
    with Heartbeat(warehouse, "run", "acme/cloud", interval_seconds=0.01):
        first = last(warehouse)
        assert first.finished_at is None
        for _ in range(3):
            assert beats.acquire(timeout=SOON)
        assert last(warehouse).heartbeat_at > first.heartbeat_at
    ended = last(warehouse)
    assert ended.finished_at is not None
    assert ended.finished_at >= first.heartbeat_at


def test_a_block_that_raises_ends_in_order_too(warehouse: sa.Engine) -> None:
    with pytest.raises(ZeroDivisionError), Heartbeat(warehouse, "run"):
        raise ZeroDivisionError
    assert last(warehouse).finished_at is not None


def test_a_block_ends_at_once_however_long_the_interval(warehouse: sa.Engine) -> None:
    began = time.monotonic()
    with Heartbeat(warehouse, "run", interval_seconds=3600):
        pass
    assert time.monotonic() - began < SOON
    assert "heartbeat of run run" not in {thread.name for thread in threading.enumerate()}


def test_trouble_is_said_once_and_outlived(
    database: Database,
    warehouse: sa.Engine,
    beats: threading.Semaphore,
    caplog: pytest.LogCaptureFixture,
) -> None:
    owner = engine_for(database.owner_url)
    with owner.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE jira.run_heartbeats RENAME TO away")
    with caplog.at_level(logging.WARNING), Heartbeat(warehouse, "run", interval_seconds=0.01):
        for _ in range(4):
            assert beats.acquire(timeout=SOON)
        with owner.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE jira.away RENAME TO run_heartbeats")
    assert last(warehouse).finished_at is not None
    said = [record.getMessage() for record in caplog.records if "sign of life" in record.message]
    assert len(said) == 1
    assert "jira-assets migrate" in said[0]
