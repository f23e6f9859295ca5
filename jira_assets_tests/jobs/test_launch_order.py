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

from jira_assets.jobs.launch_order import hurry
from jira_assets.jobs.schedules import NIGHTLY, night_request
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


def due(partition: str, priority: int = 1, *, overdue: bool = False) -> DueJob:
    return DueJob(1, partition, "any", "metadata", priority, 0, NOW, overdue=overdue)


def job_tags(priority: int, *, overdue: bool = False) -> dict[str, str]:
    return run_tags(due("acme/cloud", priority, overdue=overdue))


def test_who_is_overdue_waits_behind_nobody_that_came_later() -> None:
    assert job_tags(9, overdue=True) == job_tags(1)
    assert job_tags(9) != job_tags(1)


def test_priority_1_is_launched_first_and_the_night_last(
    workspace: WorkspaceProcessContext,
) -> None:
    night = queue(workspace, dict(night_request("acme/cloud", "2026-03-01", {}).tags))
    fifth, first = queue(workspace, job_tags(5)), queue(workspace, job_tags(1))
    assert launched(workspace) == [first, fifth, night]


def launched(workspace: WorkspaceProcessContext) -> list[str]:
    """Let the daemon launch what is in the queue, one after the other; the runs in that order."""
    instance, order = workspace.instance, []
    daemon = QueuedRunCoordinatorDaemon(interval_seconds=1)
    launching = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTING])
    while instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED])):
        list(daemon.run_iteration(workspace))
        (run,) = instance.get_runs(launching)
        order.append(run.run_id)
        instance.report_run_failed(run, "over")
    return order


def on(partition: str, workspace: WorkspaceProcessContext, tags: dict[str, str]) -> str:
    """Queue a run that is on a partition."""
    run_id = queue(workspace, tags)
    workspace.instance.add_run_tags(run_id, {"dagster/partition": partition})
    return run_id


def test_a_night_that_holds_up_an_overdue_job_goes_before_others_overdue_jobs(
    workspace: WorkspaceProcessContext,
) -> None:
    """Else these go before it for ever, and its integration stands still."""
    nightly = {"dagster/schedule_name": NIGHTLY}
    acme, dull = (
        on(key, workspace, {**night_request(key, "2026-03-01", {}).tags, **nightly})
        for key in ("acme/cloud", "dull/cloud")
    )
    fourth = on("acme/cloud", workspace, job_tags(4))
    theirs = on("acme/cloud", workspace, {"dagster/priority": "-50"})
    globex = on("globex/cloud", workspace, job_tags(1, overdue=True))
    assert hurry(workspace.instance, [due("acme/cloud"), due("dull/cloud")]) == []

    late = due("acme/cloud", overdue=True)
    said = hurry(workspace.instance, [late, due("dull/cloud")])
    assert sorted(said) == sorted(
        f"acme/cloud any: overdue behind run {run_id}, which now goes as it would"
        for run_id in (acme, fourth)
    )
    assert hurry(workspace.instance, [late]) == []
    assert launched(workspace) == [acme, fourth, globex, theirs, dull]
