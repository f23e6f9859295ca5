"""Tokens that another process renews while we read: taken up by the next call, at any time."""

import threading
from pathlib import Path

import pytest

from jira_assets.jira import errors
from jira_assets.jira.client import ProjectRef
from jira_assets.secrets import resolve_secret
from jira_assets_tests.jira.scripted import CLOUD_ACCOUNT, CLOUD_INFO, Reply, ScriptedJira, client

STATUS = "/rest/api/3/status"
EXPIRED = Reply({"code": 401, "message": "Unauthorized"}, 401)
PROJECT = "/rest/api/3/project/1/statuses"


def _sent(jira: ScriptedJira, path: str) -> list[str]:
    return [asked.headers["Authorization"] for asked in jira.asked if asked.path == path]


def test_a_token_in_a_file_is_read_anew_for_every_call(jira: ScriptedJira, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    jira.cloud().on(STATUS, Reply([{"id": "1"}]))
    token = f"file:{file}"
    with client(jira, auth="bearer", secret=lambda: resolve_secret(token)) as reader:
        list(reader.statuses())
        file.write_text("second\n")
        list(reader.statuses())
    assert _sent(jira, STATUS) == ["Bearer first", "Bearer second"]


class _RenewedAfter:
    """A secret that is another one after so many uses."""

    def __init__(self, uses: int) -> None:
        self._left = uses
        self._lock = threading.Lock()

    def __call__(self) -> str:
        with self._lock:
            self._left -= 1
            return "old" if self._left >= 0 else "new"


def test_a_call_that_was_refused_while_its_token_was_renewed_is_sent_again(
    jira: ScriptedJira,
) -> None:
    jira.cloud().on(STATUS, EXPIRED, Reply([{"id": "1"}]))
    with client(jira, auth="bearer", secret=_RenewedAfter(3)) as reader:
        (answer,) = reader.statuses()
        assert reader.stats.retries == 0
    assert answer.payload == [{"id": "1"}]
    assert _sent(jira, STATUS) == ["Bearer old", "Bearer new"]


def test_a_renewed_token_that_is_refused_as_well_is_the_end(jira: ScriptedJira) -> None:
    jira.cloud().on(STATUS, EXPIRED)
    reader = client(jira, auth="bearer", secret=_RenewedAfter(3))
    with reader, pytest.raises(errors.CredentialsRefusedError):
        list(reader.statuses())
    assert _sent(jira, STATUS) == ["Bearer old", "Bearer new"]


def test_a_token_that_is_the_same_is_not_sent_again(jira: ScriptedJira) -> None:
    jira.cloud().on(STATUS, EXPIRED)
    with client(jira, auth="bearer") as reader, pytest.raises(errors.CredentialsRefusedError):
        list(reader.statuses())
    assert len(_sent(jira, STATUS)) == 1


def test_a_reading_goes_on_over_a_renewal(jira: ScriptedJira) -> None:
    jira.on("/rest/api/2/serverInfo", Reply(CLOUD_INFO))
    jira.on("/rest/api/3/myself", Reply(CLOUD_ACCOUNT))
    jira.on(PROJECT, Reply([{"id": "5"}]), Reply([{"id": "5"}]), EXPIRED, Reply([{"id": "5"}]))
    refs = [ProjectRef("1", "A")] * 6
    with client(jira, auth="bearer", secret=_RenewedAfter(5), max_concurrency=1) as reader:
        assert [answer.status for answer in reader.project_statuses(refs)] == [200] * 6
    assert _sent(jira, PROJECT) == ["Bearer old"] * 3 + ["Bearer new"] * 4
