"""Dagster's own queue launches runs in the order that our priorities mean: 1 first, nights last.

The queue is the daemon's; what it launches is only written down, for the runs do nothing here.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
import pytest
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.test_utils import instance_for_test
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import (
    QueuedRunCoordinatorDaemon,
)

from jira_assets.jobs.schedules import night_request
from jira_assets.jobs.sensor import run_tags
from jira_assets.warehouse.due_jobs import DueJob
from jira_assets_tests.jobs import idle_definitions

NOW = datetime(2026, 3, 1, 2, tzinfo=UTC)
ONE_AT_A_TIME = {
    "run_launcher": {"module": "dagster._core.test_utils", "class": "MockedRunLauncher"},
    "run_coordinator": {
        "module": "dagster._core.run_coordinator.queued_run_coordinator",
        "class": "QueuedRunCoordinator",
    },
    "concurrency": {"runs": {"max_concurrent_runs": 1}},
}


@pytest.fixture
def workspace() -> Iterator[WorkspaceProcessContext]:
    """A Dagster with a queue for one run at a time."""
    origin = InProcessCodeLocationOrigin(
        LoadableTargetOrigin(module_name=idle_definitions.__name__), location_name="idle"
    )
    with (
        instance_for_test(overrides=ONE_AT_A_TIME) as instance,
        WorkspaceProcessContext(instance, InProcessWorkspaceLoadTarget(origin)) as made,
    ):
        yield made


def queue(workspace: WorkspaceProcessContext, tags: dict[str, str]) -> str:
    """Queue a run with these tags, as a sensor's or a schedule's tick does."""
    request = workspace.create_request_context()
    (location,) = request.code_locations
    (repository,) = location.get_repositories().values()
    remote = repository.get_full_job("idle")
    run = workspace.instance.create_run_for_job(
        idle_definitions.idle,
        tags={each: tags[each] for each in tags if each != "dagster/partition"},
        status=dg.DagsterRunStatus.NOT_STARTED,
        remote_job_origin=remote.get_remote_origin(),
        job_code_origin=remote.get_python_origin(),
    )
    workspace.instance.submit_run(run.run_id, request)
    return run.run_id


def job_tags(priority: int, *, overdue: bool = False) -> dict[str, str]:
    job = DueJob(1, "acme/cloud", "any", "metadata", priority, 0, NOW, overdue=overdue)
    return run_tags(job)


def test_who_is_overdue_waits_behind_nobody_that_came_later() -> None:
    assert job_tags(9, overdue=True) == job_tags(1)
    assert job_tags(9) != job_tags(1)


def test_priority_1_is_launched_first_and_the_night_last(
    workspace: WorkspaceProcessContext,
) -> None:
    instance = workspace.instance
    night = queue(workspace, dict(night_request("acme/cloud", "2026-03-01").tags))
    fifth, first = queue(workspace, job_tags(5)), queue(workspace, job_tags(1))
    daemon = QueuedRunCoordinatorDaemon(interval_seconds=1)
    launching = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTING])
    launched = []
    for _ in range(3):
        list(daemon.run_iteration(workspace))
        (run,) = instance.get_runs(launching)
        launched.append(run.run_id)
        instance.report_run_failed(run, "over")
    assert launched == [first, fifth, night]
