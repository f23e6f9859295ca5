"""The site's clock: in time where the site says it, and never ahead of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jira_assets_tests.jira.scripted import (
    DATA_CENTER_INFO,
    NOW,
    FakeClock,
    Reply,
    ScriptedJira,
    client,
)

SITE = datetime(2026, 3, 8, 6, 30, 15, 123_000, tzinfo=UTC)
STATED = "2026-03-08T01:30:15.123-0500"
DATE = {"Date": "Sun, 08 Mar 2026 06:30:15 GMT"}
OURS = datetime.fromtimestamp(NOW, UTC)


def _site(jira: ScriptedJira, server_time: Any, headers: dict[str, str] | None = None) -> None:
    info = {**DATA_CENTER_INFO, "serverTime": server_time}
    jira.data_center().on("/rest/api/2/serverInfo", Reply(info, headers=headers or {}))


@pytest.mark.parametrize("headers", [{}, {"Date": "Thu, 01 Jan 2026 00:00:00 GMT"}])
def test_the_server_s_time_is_moved_on_by_our_monotonic_clock(
    jira: ScriptedJira, headers: dict[str, str]
) -> None:
    _site(jira, STATED, headers)
    clock = FakeClock()
    with client(jira, clock) as reader:
        assert reader.site_time() == SITE
        clock.elapsed += 3600.5
        assert reader.site_time() == SITE + timedelta(seconds=3600.5)
        assert reader.site_time().tzinfo is UTC
    assert jira.calls_of("/rest/api/2/serverInfo") == 1


def test_time_that_passed_before_the_answer_came_is_not_counted(jira: ScriptedJira) -> None:
    _site(jira, STATED)
    info = Reply({**DATA_CENTER_INFO, "serverTime": STATED})
    jira.on("/rest/api/2/serverInfo", Reply({}, 429, {"Retry-After": "900"}), info)
    with client(jira) as reader:
        assert reader.site_time() == SITE


@pytest.mark.parametrize("server_time", [None, "soon", "2026-03-08T01:30:15", []])
def test_without_it_the_date_of_an_answer_will_do(jira: ScriptedJira, server_time: Any) -> None:
    _site(jira, server_time, DATE)
    with client(jira) as reader:
        assert reader.site_time() == SITE.replace(microsecond=0)


@pytest.mark.parametrize("headers", [{}, {"Date": "noon"}, {"Date": ""}])
def test_a_site_that_does_not_say_has_our_time(jira: ScriptedJira, headers: dict[str, str]) -> None:
    _site(jira, None, headers)
    with client(jira) as reader:
        assert reader.site_time() == OURS
