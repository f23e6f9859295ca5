"""`jira-assets job`: what people read and change, and what cannot be."""

import pytest
import sqlalchemy as sa

from jira_assets.warehouse.tables import job_requests
from jira_assets_tests.commands.desk import Desk
from jira_assets_tests.commands.shell import KEY

JOB = "jira_metadata"


def test_an_integration_comes_with_its_jobs(desk: Desk) -> None:
    typed = desk.shell("job", "list", KEY)
    assert typed.code == 0
    assert f"{KEY} │ {JOB} │ every 24 h │ 1 │ │ READY │ never │" in typed.said


def test_the_job_of_the_fields_comes_after_that_of_the_metadata(desk: Desk) -> None:
    said = desk.shell("job", "list", KEY).said
    line = f"{KEY} │ jira_discovery │ every 24 h │ 1 │ {JOB} │ READY │ never │ after {JOB} │"
    assert line in said
    assert "waits for" not in said


def test_jobs_are_listed_in_the_order_in_which_they_wait(desk: Desk) -> None:
    lines = [line.split() for line in desk.shell("job", "list", KEY).out.splitlines()]
    listed = [line[3] for line in lines if KEY in line]
    assert listed == ["jira_metadata", "jira_discovery", "jira_issues", "jira_deletions"]


def test_what_waits_for_a_job_that_is_off_is_told_with_what_to_do(desk: Desk) -> None:
    waits = f"{KEY} jira_discovery: waits for {JOB}, which is switched off and has not succeeded."
    assert waits in desk.shell("job", "update", KEY, JOB, "--off").said
    said = desk.shell("job", "list", KEY).said
    assert waits in said
    assert f"jira-assets job run {KEY} {JOB}" in said
    assert f'jira-assets job update {KEY} jira_discovery --after ""' in said
    assert waits not in desk.shell("job", "update", KEY, "jira_discovery", "--after", "").said
    listed = desk.shell("job", "list", KEY).said
    assert "waits for" not in listed
    assert f"after {JOB}" not in listed


def test_a_job_that_waits_and_is_off_itself_is_not_told(desk: Desk) -> None:
    desk.shell("job", "update", KEY, JOB, "--off")
    said = desk.shell("job", "update", KEY, "jira_discovery", "--off").said
    assert "jira_discovery: waits for" not in said
    assert f"{KEY} jira_issues: waits for jira_discovery, which is switched off" in said


def test_an_interval_is_changed_and_a_job_switched_off(desk: Desk) -> None:
    said = desk.shell("job", "update", KEY, JOB, "--every", "1", "--priority", "3").said
    assert said.startswith(f"now {KEY} {JOB}: every 1 min, next run ")
    assert "off (every 1 min), next run when asked for" in (
        desk.shell("job", "update", KEY, JOB, "--off").said
    )
    assert "off (every 1 min) │ 3 │" in desk.shell("job", "list").said


def test_a_job_that_is_due_is_not_called_next(desk: Desk) -> None:
    with desk.engine.begin() as connection:
        connection.execute(sa.text("UPDATE jira.etl_jobs SET next_run_at = '2026-01-02 03:04:05Z'"))
    due = "due since 2026-01-02 03:04:05"
    assert due in desk.shell("job", "list", KEY).said
    said = desk.shell("job", "update", KEY, JOB, "--priority", "2").said
    assert f"next run {due} (UTC)" in said
    with desk.engine.begin() as connection:
        connection.execute(sa.text("UPDATE jira.etl_jobs SET status = 'RUNNING'"))
    assert "due since" not in desk.shell("job", "list", KEY).said


@pytest.mark.parametrize(
    ("minutes", "said"), [("90", "90 min"), ("120", "2 h"), ("1441", "1,441 min")]
)
def test_whole_hours_are_told_as_hours(desk: Desk, minutes: str, said: str) -> None:
    assert (
        f": every {said}, next run "
        in desk.shell("job", "update", KEY, JOB, "--every", minutes).said
    )


def test_a_run_is_asked_for(desk: Desk) -> None:
    said = desk.shell("job", "run", KEY).said
    assert said.startswith(f"asked for {KEY} {JOB}: request ")


@pytest.mark.parametrize(
    ("typed", "code", "complaint"),
    [
        (("update", KEY, JOB), 2, "nothing to change"),
        (("update", KEY, JOB, "--every", "0"), 1, "schedule_interval_minutes is 1 up to"),
        (("update", KEY, JOB, "--after", JOB), 1, "none of them would ever run"),
        (("update", KEY, JOB, "--after", "x"), 1, "cannot wait for x"),
        (("update", KEY, "jira_metadat", "--off"), 1, "no job jira_metadat. Near to it: jira_meta"),
        (("update", "acme/clod", JOB, "--off"), 1, "There is no integration acme/clod."),
        (("list", "acme/clod"), 1, "There is no integration acme/clod."),
        (("run", "acme/clod"), 1, "There is no integration acme/clod."),
        (("run", KEY, "x"), 1, "has no job x."),
    ],
)
def test_what_cannot_be_is_a_sentence(
    desk: Desk, typed: tuple[str, ...], code: int, complaint: str
) -> None:
    answered = desk.shell("job", *typed)
    assert answered.code == code
    assert complaint in answered.said


def test_that_a_run_is_asked_for_is_shown_until_it_begins(desk: Desk) -> None:
    assert desk.shell("job", "run", KEY, "jira_issues").code == 0
    listed = desk.shell("job", "list", KEY).said
    assert listed.count("asked for at 20") == 1
    with desk.engine.begin() as connection:
        connection.execute(sa.update(job_requests).values(state="landed"))
    assert "asked for at" not in desk.shell("job", "list", KEY).said


def test_a_run_of_a_disabled_integration_is_refused(desk: Desk) -> None:
    desk.shell("integration", "disable", KEY)
    assert "is disabled" in desk.shell("job", "run", KEY).said
    assert (
        f"{JOB} │ every 24 h │ 1 │ │ READY │ never │ never: disabled"
        in desk.shell("job", "list", KEY).said
    )
