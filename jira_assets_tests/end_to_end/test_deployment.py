"""The whole path on real processes. What SIGKILL leaves of it, ``chaos/test_chaos.py`` looks at."""

import pytest
import sqlalchemy as sa
from dagster import DagsterRunStatus

from jira_assets.warehouse.job_settings import JOB_TAG
from jira_assets.warehouse.jobs import Job
from jira_assets.warehouse.tables import DATA_TABLES
from jira_assets_tests.end_to_end.conftest import RAW, Deployment, Filling
from jira_assets_tests.patience import wait_for

pytestmark = pytest.mark.timeout(400)


def _updates(deployment: Deployment) -> dict[str, object]:
    with deployment.engine.connect() as connection:
        return {
            name: connection.scalar(sa.select(sa.func.max(table.c.updated_at)))
            for name, table in DATA_TABLES.items()
        }


def test_materializing_raw_assets_fills_the_tables_by_the_sensor(
    deployment: Deployment, filling: Filling
) -> None:
    run = deployment.instance.get_run_by_id(filling.run_id)
    assert run is not None
    assert run.tags["tenant"] == "acme"
    assert run.tags["integration"] == "cloud"
    assert len(filling.asked_for) == 1
    assert filling.states == {"completed"}


def test_runs_and_events_are_kept_in_postgres(filled: Deployment) -> None:
    with filled.engine.connect() as connection:
        runs = connection.scalar(sa.text("SELECT count(*) FROM dagster.runs"))
        events = connection.scalar(sa.text("SELECT count(*) FROM dagster.event_logs"))
    assert runs
    assert events


def test_raw_assets_and_tables_together_transform_once(filled: Deployment) -> None:
    filled.wait_until_equal()
    before = filled.runs_of_the_sensor()
    updates = _updates(filled)

    run_id = filled.dev.materialize(filled.key, [*RAW, *DATA_TABLES])
    wait_for("the run", lambda: _succeeded(filled, run_id))
    wait_for("quiet", filled.quiet)

    assert filled.runs_of_the_sensor() == before
    assert _updates(filled) == updates, "a sync of an unchanged site wrote rows"


def _succeeded(deployment: Deployment, run_id: str) -> bool:
    run = deployment.instance.get_run_by_id(run_id)
    assert run is not None
    assert not run.is_failure_or_canceled
    return run.status is DagsterRunStatus.SUCCESS


def test_a_job_that_is_due_runs_by_itself_and_its_tables_follow(
    deployment: Deployment, job_that_ran: Job
) -> None:
    job = job_that_ran
    assert (job.status, job.progress_percentage, job.error_message) == ("COMPLETED", 100, None)
    assert job.next_run_at is not None
    assert job.last_run_finished_at is not None
    assert job.next_run_at > job.last_run_finished_at
    assert job.run_id is not None
    run = deployment.instance.get_run_by_id(job.run_id)
    assert run is not None
    assert run.tags[JOB_TAG] == "jira_metadata"
    assert run.tags["dagster/sensor_name"] == "launch_due_jobs"
    assert run.tags["tenant"] == "acme"
