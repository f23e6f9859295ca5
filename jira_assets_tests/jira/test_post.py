"""Reads that are POSTed go by the rules of every call."""

from typing import Any

import pytest

from jira_assets.jira import errors
from jira_assets.jira.client import Answer, JiraClient, ProjectRef
from jira_assets_tests.jira.scripted import (
    CANARY,
    DATA_CENTER_ACCOUNT,
    DATA_CENTER_INFO,
    POLICY,
    FakeClock,
    Reply,
    ScriptedJira,
    client,
    site,
)

SEARCH = "/rest/api/2/search"
FOUND = Reply({"startAt": 0, "maxResults": 100, "total": 0, "issues": []})
REF = ProjectRef("10", "P")


def _sample(jira: ScriptedJira, **settings: Any) -> Answer:
    with client(jira, **settings) as reader:
        [answer] = reader.issue_samples([REF])
    return answer


def _posts(jira: ScriptedJira) -> list[Any]:
    return [asked.body for asked in jira.asked if asked.method == "POST"]


def test_the_body_is_json_and_says_that_it_is_no_forgery(jira: ScriptedJira) -> None:
    jira.data_center().on(SEARCH, FOUND)
    answer = _sample(jira)
    asked = jira.asked[-1]
    assert (asked.method, asked.path, asked.query) == ("POST", SEARCH, {})
    assert asked.headers["Content-Type"] == "application/json"
    assert asked.headers["X-Atlassian-Token"] == "no-check"
    assert asked.headers["Authorization"].startswith("Basic ")
    assert asked.body == answer.params
    assert (answer.method, answer.path) == ("POST", SEARCH)


def test_a_get_has_no_header_of_a_post(jira: ScriptedJira) -> None:
    with client(jira.data_center()) as reader:
        reader.identity()
    assert all("X-Atlassian-Token" not in asked.headers for asked in jira.asked)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_on_the_site_is_followed_with_the_body(jira: ScriptedJira, status: int) -> None:
    jira.data_center().on(SEARCH, Reply({}, status, {"Location": "/elsewhere"}))
    jira.on("/elsewhere", FOUND)
    assert _sample(jira).status == 200
    first, second = _posts(jira)
    assert first == second


def test_a_redirect_to_another_host_is_refused(jira: ScriptedJira) -> None:
    jira.data_center().on(SEARCH, Reply({}, 307, {"Location": "https://other.example.com/"}))
    with pytest.raises(errors.RedirectedError, match=r"other\.example\.com"):
        _sample(jira)


def test_what_failed_is_tried_again_with_the_same_body(jira: ScriptedJira) -> None:
    limited = Reply({}, 429, {"Retry-After": "2"})
    jira.data_center().on(SEARCH, Reply({}, 503), limited, Reply(b'{"iss'), FOUND)
    assert _sample(jira).status == 200
    bodies = _posts(jira)
    assert len(bodies) == 4
    assert all(body == bodies[0] for body in bodies)


def test_credentials_that_were_renewed_meanwhile_are_sent_with_the_body(
    jira: ScriptedJira,
) -> None:
    jira.on("/rest/api/2/serverInfo", Reply(DATA_CENTER_INFO))
    jira.on("/rest/api/2/myself", Reply(DATA_CENTER_ACCOUNT))
    jira.on(SEARCH, Reply({}, 401), FOUND)
    secrets = iter(["old", "old", "old", "new"])
    settings = site(jira.url, auth="bearer", secret=lambda: next(secrets))
    with JiraClient(settings, policy=POLICY, clock=FakeClock()) as reader:
        [answer] = reader.issue_samples([REF])
    assert answer.status == 200
    refused, taken = jira.asked[-2:]
    assert [refused.headers["Authorization"], taken.headers["Authorization"]] == [
        "Bearer old",
        "Bearer new",
    ]
    assert refused.body == taken.body


def test_an_answer_that_is_no_search_is_malformed(jira: ScriptedJira) -> None:
    jira.data_center().on(SEARCH, Reply({"values": []}))
    with pytest.raises(errors.MalformedAnswerError):
        _sample(jira)


def test_a_proxy_that_quotes_the_call_shows_no_secret(jira: ScriptedJira) -> None:
    jira.data_center()
    jira.by(SEARCH, lambda asked: Reply({"message": f"got {asked.headers}"}, 400))
    with pytest.raises(errors.RefusedRequestError) as raised:
        _sample(jira, auth="bearer")
    assert CANARY not in f"{raised.value!r} {raised.value} {raised.value.body}"
