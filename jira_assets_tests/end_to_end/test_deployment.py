"""The whole path on real processes, and what SIGKILL at the worst moments leaves of it: nothing."""

import pytest
import sqlalchemy as sa
from dagster import DagsterRunStatus
from dagster._core.storage.dagster_run import RunsFilter

from jira_assets.warehouse.job_settings import JOB_TAG
from jira_assets.warehouse.tables import DATA_TABLES
from jira_assets_tests.end_to_end import trapdoors
from jira_assets_tests.end_to_end.conftest import RAW, Deployment
from jira_assets_tests.patience import wait_for

pytestmark = pytest.mark.timeout(400)


def _runs_of_the_sensor(deployment: Deployment) -> list[str]:
    made = RunsFilter(tags={"dagster/sensor_name": "transform_landed_extractions"})
    return [run.run_id for run in deployment.instance.get_runs(filters=made)]


def _updates(deployment: Deployment) -> dict[str, object]:
    with deployment.engine.connect() as connection:
        return {
            name: connection.scalar(sa.select(sa.func.max(table.c.updated_at)))
            for name, table in DATA_TABLES.items()
        }


def test_materializing_raw_assets_fills_the_tables_by_the_sensor(deployment: Deployment) -> None:
    before = set(_runs_of_the_sensor(deployment))
    extraction = deployment.extract()
    deployment.wait_until_equal()

    run = deployment.instance.get_run_by_id(extraction)
    assert run is not None
    assert run.tags["tenant"] == "acme"
    assert run.tags["integration"] == "cloud"
    assert len(set(_runs_of_the_sensor(deployment)) - before) == 1
    assert set(deployment.states()) == {"completed"}


def test_runs_and_events_are_kept_in_postgres(deployment: Deployment) -> None:
    deployment.extract()
    deployment.wait_until_equal()
    with deployment.engine.connect() as connection:
        runs = connection.scalar(sa.text("SELECT count(*) FROM dagster.runs"))
        events = connection.scalar(sa.text("SELECT count(*) FROM dagster.event_logs"))
    assert runs
    assert events


def test_raw_assets_and_tables_together_transform_once(deployment: Deployment) -> None:
    deployment.wait_until_equal()
    before = _runs_of_the_sensor(deployment)
    updates = _updates(deployment)

    run_id = deployment.dev.materialize(deployment.key, [*RAW, *DATA_TABLES])
    wait_for("the run", lambda: _succeeded(deployment, run_id))
    wait_for("quiet", deployment.quiet)

    assert _runs_of_the_sensor(deployment) == before
    assert _updates(deployment) == updates, "a sync of an unchanged site wrote rows"


def _succeeded(deployment: Deployment, run_id: str) -> bool:
    run = deployment.instance.get_run_by_id(run_id)
    assert run is not None
    assert not run.is_failure_or_canceled
    return run.status is DagsterRunStatus.SUCCESS


def test_a_job_that_is_due_runs_by_itself_and_its_tables_follow(deployment: Deployment) -> None:
    deployment.wait_until_equal()
    deployment.site.rename_status(next(iter(deployment.site.state.statuses)), "renamed by day")

    job = deployment.let_the_job_run()

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


@pytest.mark.parametrize(
    "trapdoor", [trapdoors.AFTER_MARKER, trapdoors.AFTER_INBOX, trapdoors.MID_MERGE]
)
def test_a_killed_process_loses_nothing(deployment: Deployment, trapdoor: str) -> None:
    deployment.wait_until_equal()
    renamed = f"renamed before {trapdoor}"
    deployment.site.rename_status(next(iter(deployment.site.state.statuses)), renamed)
    deployment.arm(trapdoor)

    run_id = deployment.extract()
    wait_for(f"the kill {trapdoor}", lambda: deployment.fallen(trapdoor))
    if trapdoor == trapdoors.AFTER_INBOX:
        # It is the code server that evaluates sensors. `dagster dev` does not start a dead one
        # again; a supervisor (systemd, Kubernetes) would.
        deployment.dev.kill()
        deployment.dev.start()
    if trapdoor == trapdoors.AFTER_MARKER:
        # Its statuses never landed; what landed goes on by itself, the rest is read again by whom
        # Dagster lets retry the crashed run.
        wait_for("the end of the killed run", lambda: _over(deployment, run_id))
    deployment.wait_until_equal()


def _over(deployment: Deployment, run_id: str) -> bool:
    run = deployment.instance.get_run_by_id(run_id)
    return run is not None and run.is_finished


def test_killing_everything_between_request_and_run_loses_nothing(deployment: Deployment) -> None:
    deployment.wait_until_equal()
    deployment.site.rename_status(next(iter(deployment.site.state.statuses)), "renamed at last")
    before = set(_runs_of_the_sensor(deployment))
    deployment.extract()
    requested = wait_for("the request", lambda: set(_runs_of_the_sensor(deployment)) - before)
    deployment.dev.kill()
    (run_id,) = requested
    run = deployment.instance.get_run_by_id(run_id)
    assert run is not None
    assert run.status in {
        DagsterRunStatus.NOT_STARTED,
        DagsterRunStatus.QUEUED,
        DagsterRunStatus.STARTING,
    }
    deployment.dev.start()
    deployment.wait_until_equal()
