"""Killed runs are ended; everything else is left alone."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
import sqlalchemy as sa

from jira_assets.jobs.reconciler import (
    build_reconciler_sensor,
    end_dead_runs,
    end_jobs_of_ended_runs,
)
from jira_assets.queue.runs import STARTING_SECONDS
from jira_assets.warehouse.heartbeat import beat, finish
from jira_assets.warehouse.job_runs import claim
from jira_assets.warehouse.resource import WarehouseResource
from jira_assets.warehouse.tables import run_heartbeats
from jira_assets_tests.warehouse.jobs_data import add_jobs, job

NO_WAREHOUSE = "postgresql://user:s3cret@127.0.0.1:1/warehouse"
STARTED = dg.DagsterRunStatus.STARTED


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def add_run(
    instance: dg.DagsterInstance,
    status: dg.DagsterRunStatus = STARTED,
    job_name: str = "__ASSET_JOB",
) -> str:
    run = dg.DagsterRun(job_name=job_name, run_id=str(uuid4()), status=status)
    return instance.add_run(run).run_id


def killed(warehouse: sa.Engine, run_id: str, seconds: float = 61) -> None:
    """Make the last sign of life of a run ``seconds`` old."""
    beat(warehouse, run_id)
    then = datetime.now(UTC) - timedelta(seconds=seconds)
    with warehouse.begin() as connection:
        connection.execute(
            sa.update(run_heartbeats)
            .where(run_heartbeats.c.run_id == run_id)
            .values(heartbeat_at=then)
        )


def status_of(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


@pytest.mark.parametrize(
    "status",
    [dg.DagsterRunStatus.STARTING, STARTED, dg.DagsterRunStatus.CANCELING],
)
def test_a_killed_run_is_ended_and_says_why(
    instance: dg.DagsterInstance, warehouse: sa.Engine, status: dg.DagsterRunStatus
) -> None:
    run_id = add_run(instance, status)
    killed(warehouse, run_id)
    (words,) = end_dead_runs(instance, warehouse, dead_after=60)
    assert words.startswith(f"__ASSET_JOB {run_id}: The run was killed: it last gave one at ")
    assert status_of(instance, run_id) is dg.DagsterRunStatus.FAILURE
    (record,) = instance.get_records_for_run(
        run_id, of_type=dg.DagsterEventType.RUN_FAILURE
    ).records
    assert "The run was killed" in record.event_log_entry.message
    assert end_dead_runs(instance, warehouse, dead_after=60) == []


def test_a_run_that_lives_or_has_ended_its_work_goes_on(
    instance: dg.DagsterInstance, warehouse: sa.Engine
) -> None:
    alive, ended = add_run(instance), add_run(instance)
    killed(warehouse, alive, seconds=50)
    killed(warehouse, ended)
    finish(warehouse, ended)
    assert end_dead_runs(instance, warehouse, dead_after=60) == []
    assert status_of(instance, alive) is STARTED


def test_a_run_of_our_jobs_whose_end_dagster_did_not_take_is_ended(
    instance: dg.DagsterInstance, warehouse: sa.Engine
) -> None:
    """Its storage was away for a minute; four of these would stop everything for hours."""
    ours, theirs, lately = (
        add_run(instance, job_name=name)
        for name in ("extract_jira_site", "__ASSET_JOB", "extract_jira_site")
    )
    for run_id, seconds in (
        (ours, STARTING_SECONDS + 1),
        (theirs, STARTING_SECONDS + 1),
        (lately, 60),
    ):
        killed(warehouse, run_id, seconds)
        then = datetime.now(UTC) - timedelta(seconds=seconds)
        ended = sa.update(run_heartbeats).where(run_heartbeats.c.run_id == run_id)
        with warehouse.begin() as connection:
            connection.execute(ended.values(finished_at=then))
    (words,) = end_dead_runs(instance, warehouse, dead_after=60)
    assert words.startswith(f"extract_jira_site {ours}: The run was killed: its steps ended at ")
    assert status_of(instance, lately) is STARTED


def test_a_run_of_our_jobs_that_never_beat_is_ended_after_minutes(
    instance: dg.DagsterInstance, warehouse: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = add_run(instance, job_name="transform_jira_metadata")
    theirs = add_run(instance, job_name="somebody_elses_job")
    assert end_dead_runs(instance, warehouse, dead_after=60) == []
    later = datetime.now(UTC) + timedelta(seconds=STARTING_SECONDS + 1)
    monkeypatch.setattr(
        "jira_assets.jobs.reconciler.unchanged_seconds",
        lambda record: (later - record.update_timestamp).total_seconds(),
    )
    (words,) = end_dead_runs(instance, warehouse, dead_after=60)
    assert words.startswith(f"transform_jira_metadata {ours}: The run was killed: it never gave")
    assert status_of(instance, theirs) is STARTED


def test_a_run_that_could_not_be_submitted_is_ended_after_minutes(
    instance: dg.DagsterInstance, warehouse: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster leaves it NOT_STARTED for ever: its partition would be busy for ever."""
    created = dg.DagsterRunStatus.NOT_STARTED
    ours = add_run(instance, created, job_name="extract_jira_metadata")
    theirs = add_run(instance, created, job_name="somebody_elses_job")
    assert end_dead_runs(instance, warehouse, dead_after=60) == []
    later = datetime.now(UTC) + timedelta(seconds=STARTING_SECONDS + 1)
    monkeypatch.setattr(
        "jira_assets.jobs.reconciler.unchanged_seconds",
        lambda record: (later - record.update_timestamp).total_seconds(),
    )
    (words,) = end_dead_runs(instance, warehouse, dead_after=60)
    assert words.startswith(f"extract_jira_metadata {ours}: The run was never launched: Dagster ")
    assert status_of(instance, ours) is dg.DagsterRunStatus.FAILURE
    assert status_of(instance, theirs) is created


def evaluate(instance: dg.DagsterInstance, database_url: str) -> Any:
    context = dg.build_sensor_context(
        instance=instance, resources={"warehouse": WarehouseResource(database_url=database_url)}
    )
    return build_reconciler_sensor().evaluate_tick(context)


def test_the_sensor_says_what_it_did(
    instance: dg.DagsterInstance,
    warehouse: sa.Engine,
    runtime_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert evaluate(instance, runtime_url).skip_message == "No run of ours is dead."
    run_id = add_run(instance)
    killed(warehouse, run_id, seconds=20)
    assert evaluate(instance, runtime_url).skip_message == "No run of ours is dead."
    monkeypatch.setenv("JIRA_ASSETS_DEAD_AFTER_SECONDS", "12")
    assert run_id in evaluate(instance, runtime_url).skip_message


def test_the_sensor_does_nothing_without_postgres(instance: dg.DagsterInstance) -> None:
    run_id = add_run(instance)
    data = evaluate(instance, NO_WAREHOUSE)
    assert data.skip_message.startswith("Nothing was done. Postgres is not available")
    assert "s3cret" not in data.skip_message
    assert status_of(instance, run_id) is STARTED


@pytest.fixture
def at_work(warehouse: sa.Engine) -> str:
    """A run that works on the job of an integration, and has just given a sign of life."""
    site = add_jobs(warehouse)
    run_id = str(uuid4())
    claim(warehouse, site.id, "jira_metadata", run_id, dead_after=60)
    beat(warehouse, run_id)
    return run_id


def known(instance: dg.DagsterInstance, run_id: str, status: dg.DagsterRunStatus) -> None:
    instance.add_run(dg.DagsterRun(job_name="extract_jira_metadata", run_id=run_id, status=status))


@pytest.mark.parametrize(
    ("status", "written", "error"),
    [
        (dg.DagsterRunStatus.SUCCESS, "COMPLETED", None),
        (dg.DagsterRunStatus.CANCELED, "FAILED", "its run was canceled"),
        (dg.DagsterRunStatus.FAILURE, "FAILED", "its log does not say why"),
    ],
)
def test_a_job_whose_run_is_over_is_ended(
    instance: dg.DagsterInstance,
    warehouse: sa.Engine,
    at_work: str,
    status: dg.DagsterRunStatus,
    written: str,
    error: str | None,
) -> None:
    known(instance, at_work, status)
    (words,) = end_jobs_of_ended_runs(instance, warehouse, dead_after=60)
    assert at_work in words
    assert (job(warehouse).status, job(warehouse).error_message) == (written, error)
    assert end_jobs_of_ended_runs(instance, warehouse, dead_after=60) == []


def test_a_job_at_work_goes_on_here_and_in_another_dagster(
    instance: dg.DagsterInstance, warehouse: sa.Engine, at_work: str
) -> None:
    assert end_jobs_of_ended_runs(instance, warehouse, dead_after=60) == []
    known(instance, at_work, STARTED)
    killed(warehouse, at_work)
    assert end_jobs_of_ended_runs(instance, warehouse, dead_after=60) == []
    assert job(warehouse).status == "RUNNING"


def test_a_job_whose_run_nobody_knows_and_that_is_silent_is_ended(
    instance: dg.DagsterInstance, warehouse: sa.Engine, at_work: str
) -> None:
    killed(warehouse, at_work)
    (words,) = end_jobs_of_ended_runs(instance, warehouse, dead_after=60)
    assert "unknown to Dagster" in words
    assert (job(warehouse).status, job(warehouse).attempt) == ("FAILED", 1)


def test_a_killed_run_is_ended_and_its_job_with_it_in_one_tick(
    instance: dg.DagsterInstance, warehouse: sa.Engine, runtime_url: str, at_work: str
) -> None:
    known(instance, at_work, STARTED)
    killed(warehouse, at_work)
    sensor = build_reconciler_sensor()
    resources = {"warehouse": WarehouseResource(database_url=runtime_url)}
    said = sensor(dg.build_sensor_context(instance=instance, resources=resources))
    assert "The run was killed" in str(said)
    assert job(warehouse).status == "FAILED"
    assert "was killed" in str(job(warehouse).error_message)
