"""One failure, or nobody listening any more, ends all calls at once and leaves nothing behind."""

import threading
import time
from collections.abc import Iterator

import pytest

from jira_assets.jira import errors
from jira_assets.jira.client import JiraClient, ProjectRef
from jira_assets.jira.retry import RetryPolicy
from jira_assets_tests.jira.scripted import Reply, ScriptedJira, client, site

STATUS = "/rest/api/3/status"


def _jira_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("jira")]


def _hanging(jira: ScriptedJira, never: threading.Event) -> list[ProjectRef]:
    jira.cloud()
    for project in range(40):
        jira.on(f"/rest/api/3/project/{project}/statuses", Reply([{"id": "1"}], after=never))
    return [ProjectRef(str(project), "P") for project in range(40)]


def test_a_failure_cuts_the_calls_in_flight_and_leaves_no_thread(jira: ScriptedJira) -> None:
    never = threading.Event()
    refs = _hanging(jira, never)
    jira.on("/rest/api/3/project/3/statuses", Reply({}, 401))
    began = time.monotonic()
    with client(jira) as reader, pytest.raises(errors.CredentialsRefusedError):
        list(reader.project_statuses(refs))
    assert time.monotonic() - began < 5
    assert _jira_threads() == []
    assert len(jira.asked) < 30
    never.set()


def test_closing_early_cuts_the_calls_in_flight_and_leaves_no_thread(jira: ScriptedJira) -> None:
    never = threading.Event()
    refs = _hanging(jira, never)
    jira.on("/rest/api/3/project/0/statuses", Reply([]))
    jira.on(STATUS, Reply([{"id": "1"}]))
    with client(jira) as reader:
        answers = reader.project_statuses(refs)
        assert next(answers).payload == []
        answers.close()
        assert _jira_threads() == []
        assert len(list(reader.statuses())) == 1
    never.set()


def test_a_failure_wakes_those_who_wait_for_a_retry(jira: ScriptedJira) -> None:
    jira.cloud().on("/rest/api/3/project/1/statuses", Reply({}, 429, {"Retry-After": "3600"}))
    told_to_wait = threading.Event()

    def jitter() -> float:
        told_to_wait.set()
        return 0.5

    def refs() -> Iterator[ProjectRef]:
        yield ProjectRef("1", "WAITS")
        assert told_to_wait.wait(10)
        raise LookupError("the roster broke")

    reader = JiraClient(site(jira.url, max_concurrency=2), policy=RetryPolicy(jitter=jitter))
    with reader, pytest.raises(LookupError):
        list(reader.project_statuses(refs()))
    assert _jira_threads() == []
