"""What a run writes of itself, what is due then, and how requests fare."""

from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from jira_assets.partitions import PartitionKey
from jira_assets.warehouse import heartbeat
from jira_assets.warehouse.due_jobs import DueJob, due_jobs, held_up_jobs
from jira_assets.warehouse.integrations import Integration, set_active
from jira_assets.warehouse.job_runs import (
    JobTakenError,
    claim,
    fail,
    finish,
    give_up,
    report_progress,
    running,
)
from jira_assets_tests.warehouse.jobs_data import (
    add_jobs,
    ask,
    job,
    minutes_from_now,
    requests,
    write,
)

JOB = "jira_metadata"


@pytest.fixture
def site(warehouse: sa.Engine) -> Integration:
    return add_jobs(warehouse)


def begin(engine: sa.Engine, site: Integration, name: str = JOB) -> str:
    run_id = str(uuid4())
    claim(engine, site.id, name, run_id, dead_after=60)
    return run_id


def due(engine: sa.Engine) -> list[DueJob]:
    with engine.connect() as connection:
        return due_jobs(connection, limit=100)


def names(engine: sa.Engine) -> list[str]:
    return [each.job_name for each in due(engine)]


def test_a_new_job_is_due_and_what_waits_for_it_is_not(
    warehouse: sa.Engine, site: Integration
) -> None:
    (found,) = due(warehouse)
    assert (found.integration_id, found.partition_key) == (site.id, "acme/cloud")
    assert (found.job_name, found.job_type, found.priority) == (JOB, "metadata", 1)
    assert found.request_id is None


def test_a_run_writes_its_row(warehouse: sa.Engine, site: Integration) -> None:
    run_id = begin(warehouse, site)
    assert due(warehouse) == []
    with warehouse.connect() as connection:
        assert running(connection) == [run_id]
    now = {"entity": "projects", "done": 1, "total": 4, "per_second": 2.0, "seconds_left": 1.5}
    assert report_progress(warehouse, run_id, 37.5, now)
    at_work = job(warehouse)
    assert (at_work.status, at_work.run_id, at_work.progress_percentage, at_work.progress) == (
        "RUNNING",
        run_id,
        37.5,
        now,
    )
    assert finish(warehouse, run_id)
    ended = job(warehouse)
    assert (ended.status, ended.progress_percentage, ended.progress, ended.error_message) == (
        "COMPLETED",
        100,
        None,
        None,
    )
    assert ended.last_run_finished_at is not None
    assert not finish(warehouse, run_id)
    assert not report_progress(warehouse, run_id, 1.0)


def test_once_it_has_succeeded_what_waits_for_it_is_due(
    warehouse: sa.Engine, site: Integration
) -> None:
    finish(warehouse, begin(warehouse, site))
    assert names(warehouse) == ["jira_issues"]


def test_a_job_is_next_due_on_the_grid_of_its_interval(
    warehouse: sa.Engine, site: Integration
) -> None:
    write(warehouse, due_at="-10", next_run_at="-10")
    finish(warehouse, begin(warehouse, site))
    assert minutes_from_now(warehouse, "next_run_at") == pytest.approx(1430, abs=0.5)


def test_a_day_of_silence_is_one_run(warehouse: sa.Engine, site: Integration) -> None:
    write(warehouse, schedule_interval_minutes=7, due_at="-1440", next_run_at="-1440")
    finish(warehouse, begin(warehouse, site))
    assert 0 < minutes_from_now(warehouse, "next_run_at") <= 7
    assert names(warehouse) == ["jira_issues"]


def test_a_run_before_its_time_leaves_the_grid_alone(
    warehouse: sa.Engine, site: Integration
) -> None:
    write(warehouse, due_at="+100", next_run_at="+100")
    finish(warehouse, begin(warehouse, site))
    assert minutes_from_now(warehouse, "next_run_at") == pytest.approx(100, abs=0.5)


def test_a_failed_job_is_tried_again_until_its_retries_are_used_up(
    warehouse: sa.Engine, site: Integration
) -> None:
    write(warehouse, max_retries=2, due_at="-1", next_run_at="-1")
    for attempt in (1, 2):
        assert fail(warehouse, begin(warehouse, site), "Jira is out of order.")
        failed = job(warehouse)
        assert (failed.status, failed.attempt) == ("FAILED", attempt)
        assert failed.error_message == "Jira is out of order."
        assert minutes_from_now(warehouse, "next_run_at") == pytest.approx(60, abs=0.5)
    fail(warehouse, begin(warehouse, site), "Still out of order.")
    given_up = job(warehouse)
    assert (given_up.status, given_up.attempt) == ("FAILED", 0)
    assert given_up.error_message == "Still out of order."
    assert minutes_from_now(warehouse, "next_run_at") == pytest.approx(1439, abs=0.5)


def test_a_next_interval_before_the_retry_is_the_retry(
    warehouse: sa.Engine, site: Integration
) -> None:
    write(warehouse, schedule_interval_minutes=5, due_at="-1", next_run_at="-1")
    fail(warehouse, begin(warehouse, site), "Jira is out of order.")
    failed = job(warehouse)
    assert (failed.status, failed.attempt) == ("FAILED", 0)
    assert minutes_from_now(warehouse, "next_run_at") == pytest.approx(4, abs=0.5)
    assert failed.due_at == failed.next_run_at


def test_a_failure_is_kept_until_a_run_succeeds(warehouse: sa.Engine, site: Integration) -> None:
    fail(warehouse, begin(warehouse, site), "Jira is out of order.")
    run_id = begin(warehouse, site)
    assert job(warehouse).error_message == "Jira is out of order."
    finish(warehouse, run_id)
    assert (job(warehouse).error_message, job(warehouse).attempt) == (None, 0)


def test_a_job_that_waits_for_a_failed_one_is_not_due(
    warehouse: sa.Engine, site: Integration
) -> None:
    fail(warehouse, begin(warehouse, site), "Jira is out of order.")
    assert due(warehouse) == []


def held_up(engine: sa.Engine) -> list[tuple[str, str, str]]:
    with engine.connect() as connection:
        return held_up_jobs(connection, limit=100)


def test_what_waits_for_a_job_that_is_off_is_held_up_until_that_has_succeeded(
    warehouse: sa.Engine, site: Integration
) -> None:
    assert held_up(warehouse) == []
    assert not job(warehouse, "jira_issues").is_held_up
    write(warehouse, enabled=False)
    assert held_up(warehouse) == [("acme/cloud", "jira_issues", "jira_metadata")]
    assert names(warehouse) == []
    assert job(warehouse, "jira_issues").is_held_up
    run_id = begin(warehouse, site)
    assert held_up(warehouse) == []
    finish(warehouse, run_id)
    assert (held_up(warehouse), names(warehouse)) == ([], ["jira_issues"])
    assert not job(warehouse, "jira_issues").waits
    fail(warehouse, begin(warehouse, site), "it broke")
    assert held_up(warehouse) == [("acme/cloud", "jira_issues", "jira_metadata")]


@pytest.mark.parametrize("changed", [{"enabled": False}, {"next_run_at": "+5"}])
def test_a_job_that_would_not_run_anyhow_is_not_held_up(
    warehouse: sa.Engine, site: Integration, changed: dict[str, Any]
) -> None:
    write(warehouse, enabled=False)
    write(warehouse, "jira_issues", **changed)
    assert held_up(warehouse) == []
    write(warehouse, "jira_issues", enabled=True, next_run_at="-5")
    assert len(held_up(warehouse)) == 1
    set_active(warehouse, PartitionKey.parse(f"{site.tenant}/{site.slug}"), active=False)
    assert held_up(warehouse) == []
    assert not job(warehouse, "jira_issues").is_held_up


def test_nothing_of_an_integration_is_due_while_one_of_its_jobs_runs(
    warehouse: sa.Engine, site: Integration
) -> None:
    finish(warehouse, begin(warehouse, site))
    write(warehouse, next_run_at="-1")
    begin(warehouse, site, "jira_issues")
    ask(warehouse, site)
    assert due(warehouse) == []


def test_jobs_that_are_off_or_of_a_disabled_integration_are_not_due(
    warehouse: sa.Engine, site: Integration
) -> None:
    write(warehouse, enabled=False)
    assert due(warehouse) == []
    write(warehouse, enabled=True)
    set_active(warehouse, PartitionKey("acme", "cloud"), active=False)
    ask(warehouse, site)
    assert due(warehouse) == []


def test_a_second_living_run_does_not_get_the_job(warehouse: sa.Engine, site: Integration) -> None:
    first = begin(warehouse, site)
    heartbeat.beat(warehouse, first)
    with pytest.raises(JobTakenError, match="another run is on the job"):
        begin(warehouse, site)
    claim(warehouse, site.id, JOB, first, dead_after=60)
    assert job(warehouse).run_id == first


def test_what_a_dead_run_left_is_taken_over_and_it_changes_nothing_any_more(
    warehouse: sa.Engine, site: Integration
) -> None:
    first = begin(warehouse, site)
    second = begin(warehouse, site)
    assert not finish(warehouse, first)
    assert not fail(warehouse, first, "late")
    assert (job(warehouse).status, job(warehouse).run_id) == ("RUNNING", second)


def test_a_retried_step_keeps_its_start(warehouse: sa.Engine, site: Integration) -> None:
    run_id = begin(warehouse, site)
    report_progress(warehouse, run_id, 40)
    before = job(warehouse)
    claim(warehouse, site.id, JOB, run_id, dead_after=60)
    after = job(warehouse)
    assert after.last_run_started_at == before.last_run_started_at
    assert after.progress_percentage == 40


def test_a_job_that_was_purged_is_no_longer_there(warehouse: sa.Engine, site: Integration) -> None:
    with pytest.raises(JobTakenError):
        begin(warehouse, site, "gone")


def test_a_run_serves_what_was_asked_for_before_it(warehouse: sa.Engine, site: Integration) -> None:
    write(warehouse, enabled=False)
    asked = [ask(warehouse, site), ask(warehouse, site)]
    other = ask(warehouse, site, "jira_issues")
    first = {each.job_name: each.request_id for each in due(warehouse)}
    assert first == {JOB: asked[0], "jira_issues": other}
    run_id = begin(warehouse, site)
    late = ask(warehouse, site)
    finish(warehouse, run_id)
    found = requests(warehouse)
    assert [found[each] for each in asked] == [("landed", run_id, None)] * 2
    assert found[late] == found[other] == ("queued", None, None)
    assert {each.request_id for each in due(warehouse)} == {late, other}


def test_a_retried_step_does_not_serve_what_was_asked_for_since_its_run_began(
    warehouse: sa.Engine, site: Integration
) -> None:
    early = ask(warehouse, site)
    run_id = begin(warehouse, site)
    late = ask(warehouse, site)
    claim(warehouse, site.id, JOB, run_id, dead_after=60)
    finish(warehouse, run_id)
    assert requests(warehouse) == {
        early: ("landed", run_id, None),
        late: ("queued", None, None),
    }


def test_what_a_killed_run_served_is_served_by_the_one_that_takes_its_job_over(
    warehouse: sa.Engine, site: Integration
) -> None:
    asked = ask(warehouse, site)
    begin(warehouse, site)
    heir = begin(warehouse, site)
    assert requests(warehouse)[asked] == ("running", heir, None)
    finish(warehouse, heir)
    assert requests(warehouse)[asked] == ("landed", heir, None)


def test_a_request_fails_with_its_run(warehouse: sa.Engine, site: Integration) -> None:
    asked = ask(warehouse, site)
    run_id = begin(warehouse, site)
    fail(warehouse, run_id, "Jira is out of order.")
    assert requests(warehouse)[asked] == ("failed", run_id, "Jira is out of order.")


def test_a_run_that_never_began_counts_as_an_attempt(
    warehouse: sa.Engine, site: Integration
) -> None:
    (found,) = due(warehouse)
    assert give_up(warehouse, found, "canceled")
    failed = job(warehouse)
    assert (failed.status, failed.attempt, failed.error_message) == ("FAILED", 1, "canceled")
    assert minutes_from_now(warehouse, "next_run_at") == pytest.approx(60, abs=0.5)
    assert not give_up(warehouse, found, "canceled")


def test_one_that_did_begin_does_not(warehouse: sa.Engine, site: Integration) -> None:
    (found,) = due(warehouse)
    begin(warehouse, site)
    assert not give_up(warehouse, found, "canceled")
    assert job(warehouse).status == "RUNNING"


def test_a_request_whose_run_never_began_fails(warehouse: sa.Engine, site: Integration) -> None:
    asked = ask(warehouse, site)
    (found,) = due(warehouse)
    assert give_up(warehouse, found, "canceled")
    assert requests(warehouse)[asked] == ("failed", None, "canceled")
    assert job(warehouse).status == "READY"
    assert not give_up(warehouse, found, "canceled")


# -------------------------------------------------------------------- more is due than can run


def test_a_job_that_is_late_by_its_interval_goes_first(warehouse: sa.Engine) -> None:
    add_jobs(warehouse)
    write(warehouse, status="COMPLETED", next_run_at="-700")
    write(warehouse, "jira_issues", next_run_at="-300")
    assert [(job.job_name, job.overdue) for job in due(warehouse)] == [
        ("jira_metadata", False),
        ("jira_issues", False),
    ]
    write(warehouse, "jira_issues", next_run_at="-400")
    assert [(job.job_name, job.overdue) for job in due(warehouse)] == [
        ("jira_issues", True),
        ("jira_metadata", False),
    ]
    write(warehouse, next_run_at="-2000")  # 1.4 of its intervals; the other 1.1 of its own
    assert [(job.job_name, job.overdue) for job in due(warehouse)] == [
        ("jira_metadata", True),
        ("jira_issues", True),
    ]


def test_a_request_that_waits_for_a_minute_is_late(warehouse: sa.Engine) -> None:
    of = add_jobs(warehouse)
    write(warehouse, status="COMPLETED", next_run_at="-1")
    write(warehouse, "jira_issues", next_run_at="+100", enabled=False)
    ask(warehouse, of, "jira_issues")
    assert [job.job_name for job in due(warehouse)] == ["jira_metadata", "jira_issues"]
    with warehouse.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE jira.job_requests SET created_at = created_at - interval '2 minutes'"
        )
    assert [job.job_name for job in due(warehouse)] == ["jira_issues", "jira_metadata"]
