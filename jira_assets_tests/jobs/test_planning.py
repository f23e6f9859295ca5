"""Which of the due jobs are launched."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from jira_assets.jobs.planning import AskedRun, JobsPlan, World, plan
from jira_assets.warehouse.due_jobs import DueJob

WHEN = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
REQUEST = UUID(int=7)


def due(partition: str = "acme/cloud", name: str = "jira_metadata", **more: Any) -> DueJob:
    given = {"integration_id": 1, "job_type": "metadata", "priority": 1, "attempt": 0, **more}
    given = {"next_run_at": WHEN, **given}
    return DueJob(partition_key=partition, job_name=name, **given)


def world(**more: Any) -> World:
    given = {
        "partitions": {"acme/cloud", "acme/dc", "other/cloud"},
        "busy": set(),
        "asked": {},
        "job_types": {"metadata", "issues"},
        **more,
    }
    return World(**given)


def launched(made: JobsPlan) -> list[tuple[str, str]]:
    return [(job.partition_key, job.job_name) for job in made.launches]


def test_what_is_due_is_launched_in_the_order_in_which_it_comes() -> None:
    made = plan([due("other/cloud"), due("acme/dc"), due("acme/cloud")], world())
    assert [partition for partition, _ in launched(made)] == [
        "other/cloud",
        "acme/dc",
        "acme/cloud",
    ]
    assert made.waiting == []


def test_of_one_integration_only_the_first_is() -> None:
    made = plan([due(), due(name="jira_issues", job_type="issues", priority=5)], world())
    assert launched(made) == [("acme/cloud", "jira_metadata")]


def test_a_job_goes_after_the_one_that_it_waits_for_whatever_their_priorities() -> None:
    first = due(name="jira_issues", job_type="issues", depends_on="jira_metadata")
    assert launched(plan([first, due(priority=5)], world())) == [("acme/cloud", "jira_metadata")]


def test_a_job_does_not_wait_for_one_that_has_run_since_it_was_due() -> None:
    awaited = due(next_run_at=WHEN + timedelta(minutes=1))
    job = due(name="jira_issues", job_type="issues", depends_on="jira_metadata", overdue=True)
    assert launched(plan([job, awaited], world())) == [("acme/cloud", "jira_issues")]


def test_who_asked_for_a_job_does_not_wait_for_another() -> None:
    asked = due(name="jira_issues", depends_on="jira_metadata", request_id=REQUEST)
    assert launched(plan([asked, due(priority=5)], world())) == [("acme/cloud", "jira_issues")]


def test_an_integration_that_is_being_read_waits() -> None:
    made = plan([due(), due("acme/dc")], world(busy={"acme/cloud"}))
    assert launched(made) == [("acme/dc", "jira_metadata")]
    assert made.waiting == ["acme/cloud jira_metadata: another run is on acme/cloud"]


def test_what_was_asked_for_is_not_asked_for_again() -> None:
    job = due()
    made = plan([job], world(asked={job.run_key: AskedRun("run-1", is_over=False)}))
    assert not made.launches
    assert not made.given_up
    assert made.waiting == ["acme/cloud jira_metadata: run run-1 is about to begin"]


def test_a_run_that_ended_before_it_began_is_an_attempt_that_failed() -> None:
    job, canceled = due(), due("acme/dc", request_id=REQUEST)
    asked = {
        job.run_key: AskedRun("run-1", is_over=True, error="no module named x"),
        canceled.run_key: AskedRun("run-2", is_over=True),
    }
    made = plan([job, canceled], world(asked=asked))
    assert made.launches == []
    assert {given.partition_key: why for given, why in made.given_up} == {
        "acme/cloud": "run run-1 ended before it began: no module named x",
        "acme/dc": (
            "run run-2 ended before it began: it was canceled, or ended without reading anything"
        ),
    }


def test_an_integration_without_a_partition_holds_up_nobody() -> None:
    made = plan([due("new/cloud"), due()], world())
    assert launched(made) == [("acme/cloud", "jira_metadata")]
    assert made.waiting == ["new/cloud jira_metadata: it has no partition yet"]


def test_a_type_that_nothing_here_runs_hides_no_other_job() -> None:
    made = plan([due(name="other", job_type="other"), due()], world())
    assert launched(made) == [("acme/cloud", "jira_metadata")]
    assert made.waiting == ["acme/cloud other: nothing here runs a job of type other"]


def test_a_tick_is_bounded() -> None:
    partitions = [f"t{number}/cloud" for number in range(7)]
    made = plan([due(each) for each in partitions], world(partitions=partitions), most=5)
    assert [partition for partition, _ in launched(made)] == partitions[:5]
    assert made.waiting == ["2 more are due, and come with the next tick"]


def test_each_attempt_and_each_request_has_a_run_key_of_its_own() -> None:
    keys = {due().run_key, due(attempt=1).run_key, due(request_id=REQUEST).run_key}
    assert keys == {
        "1:jira_metadata:2027-01-15T08:00:00+00:00:0",
        "1:jira_metadata:2027-01-15T08:00:00+00:00:1",
        f"request:{REQUEST}",
    }
