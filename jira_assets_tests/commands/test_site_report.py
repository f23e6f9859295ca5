"""`jira-assets integration test`: one screen that says who, what, how much and how fast."""

import re

import pytest

from jira_assets.sandbox.faults import Fault
from jira_assets.sandbox.rate_limit import RateLimit
from jira_assets.sandbox.server import SandboxServer
from jira_assets.sandbox.synthetic import synthetic_site
from jira_assets_tests.commands.desk import Desk
from jira_assets_tests.commands.shell import KEY, Shell


def _said(desk: Desk, *options: str) -> str:
    typed = desk.shell("integration", "test", KEY, *options)
    assert typed.code == 0, typed.said
    assert len(typed.out.splitlines()) <= 24
    return typed.said


def test_one_screen_says_it_all(desk: Desk) -> None:
    said = _said(desk)
    assert f"site {desk.server.url} answers: " in said
    assert "Jira Cloud, version 1001.0.0-SNAPSHOT" in said
    assert "account anonymous, time zone unknown" in said
    assert "may Browse Projects: yes; Administer Jira: no" in said
    assert "sees 6 projects (6 after include and exclude), 23 statuses, 7 issue types" in said
    assert "7 issue types, 20 custom fields" in said
    assert "reads the statuses of 6 of 6 sampled projects" in said
    assert "calls at once of 10 allowed" in said
    assert "projects a second, all 6 in about" in said
    assert "limit the site says nothing of a rate limit" in said
    assert "0 answered 429" in said


def test_projects_that_cannot_be_read_are_named(desk: Desk) -> None:
    keys = sorted(project.key for project in desk.site.state.projects.values())
    desk.site.make_unreadable(keys[0], 403)
    desk.site.make_unreadable(keys[1], 404)
    said = _said(desk)
    assert f"4 of 6 sampled projects; not those of {keys[0]}, {keys[1]}" in said


def test_the_sample_is_bounded_and_may_be_left_out(desk: Desk) -> None:
    assert "of 2 sampled projects" in _said(desk, "--sample", "2")
    asked = [request.path for request in desk.server.requests if "/statuses" in request.path]
    assert len(asked) == 2
    said = _said(desk, "--sample", "0")
    assert "no project was asked for its statuses" in said
    assert "limit not looked for" in said


@pytest.mark.parametrize("deployment", ["cloud", "data_center"])
def test_a_rate_limit_is_told_as_the_site_tells_it(shell: Shell, deployment: str) -> None:
    model = synthetic_site(projects=100, deployment=deployment)  # type: ignore[arg-type] # a literal
    limit = RateLimit(requests_per_second=40, burst=20)
    with SandboxServer(model, rate_limit=limit) as server:
        add = ("integration", "add", KEY, "--base-url", server.url, "--auth", "none")
        assert shell(*add).code == 0
        said = shell("integration", "test", KEY).said
    [rate] = re.findall(r"limit 20 calls at once, then about (\d+\.\d) a second", said)
    if deployment == "data_center":
        assert float(rate) == 40.0
    else:  # Found by being refused: no more than the limit; on a busy machine, of what it could do.
        assert 20 <= float(rate) <= 46


def test_a_rate_that_so_few_calls_do_not_show_is_not_made_up(desk: Desk) -> None:
    desk.server.rate_limit = RateLimit(requests_per_second=40, burst=20)
    said = _said(desk)
    assert "limit 20 calls at once; too few were made to tell how fast they come back" in said


def test_a_site_that_does_not_tell_permissions_is_no_failure(desk: Desk) -> None:
    desk.server.faults = [Fault("html_404", path="*/mypermissions")]
    assert "may the site does not say" in _said(desk)


def test_an_account_that_may_not_browse_is_told_so(desk: Desk) -> None:
    desk.site.revoke("BROWSE_PROJECTS")
    said = _said(desk)
    assert "Browse Projects: no" in said
    assert "without Browse Projects nothing can be read" in said
