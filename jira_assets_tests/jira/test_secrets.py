"""The token is seen by Jira and by nobody else: not in errors, tracebacks, logs or ``repr``."""

import base64
import logging
import traceback
from types import TracebackType
from typing import Any

import pytest

from jira_assets.jira.client import JiraClient, ProjectRef
from jira_assets.jira.errors import JiraError
from jira_assets_tests.jira.scripted import (
    CANARY,
    CLOUD_INFO,
    HTML,
    Reply,
    ScriptedJira,
    client,
)

IN_BASE64 = base64.b64encode(f"mia@example.com:{CANARY}".encode()).decode()
INFO = "/rest/api/2/serverInfo"
MYSELF = "/rest/api/3/myself"

FAILURES = [
    Reply(b"<html>", headers=HTML),
    Reply(status=302, headers={"Location": "https://elsewhere.example.com/"}),
    Reply(status=302, headers={"Location": "https://[elsewhere"}),
    Reply({}, 401),
    Reply({}, 403),
    Reply({}, 404),
    Reply({}, 500),
    Reply({}, 429, {"Retry-After": "20"}),
    Reply({}, cut=True),
    Reply(b"x", headers={"Content-Encoding": "gzip"}),
    Reply(b"["),
    Reply(b"-5\r\n[]\r\n", headers={"Transfer-Encoding": "chunked"}),
    Reply(
        b"ffffffffffffffffffff\r\n[]\r\n",
        headers={"Transfer-Encoding": "chunked", "Connection": "close"},
    ),
]


def _everything_about(error: BaseException | None) -> str:
    """Return an error and all it drags along, the variables of the client's own frames included."""
    if error is None:
        return ""
    told = [str(error), repr(error), repr(vars(error)), *traceback.format_exception(error)]
    return "\n".join(
        [
            *told,
            *_own_variables(error.__traceback__),
            _everything_about(error.__cause__),
            _everything_about(error.__context__),
        ]
    )


def _own_variables(frames: TracebackType | None) -> Any:
    while frames is not None:
        if "jira_assets/jira/" in frames.tb_frame.f_code.co_filename:
            for value in frames.tb_frame.f_locals.values():
                yield repr(value)
                yield repr(getattr(value, "__dict__", ""))
        frames = frames.tb_next


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_credentials_that_an_answer_quotes_are_taken_out(jira: ScriptedJira, auth: str) -> None:
    sent = {"basic": IN_BASE64, "bearer": CANARY}[auth]
    quoted = Reply({"errorMessages": [f"Authorization {sent} is not welcome"]}, 403)
    path = "/rest/api/3/project/1/statuses"
    jira.on(INFO, Reply(CLOUD_INFO)).on(MYSELF, Reply({"accountId": "1"})).on(path, quoted)
    with client(jira, auth=auth) as reader:
        (answer,) = reader.project_statuses([ProjectRef("1", "A")])
    assert answer.payload == {"errorMessages": ["Authorization *** is not welcome"]}


@pytest.mark.parametrize("auth", ["basic", "bearer"])
@pytest.mark.parametrize("failure", FAILURES)
def test_no_failure_shows_the_token(
    jira: ScriptedJira, caplog: pytest.LogCaptureFixture, failure: Reply, auth: str
) -> None:
    jira.on(INFO, Reply(CLOUD_INFO)).on(MYSELF, failure)
    with caplog.at_level(logging.DEBUG), client(jira, auth=auth) as reader:
        with pytest.raises(JiraError) as raised:
            reader.identity()
        seen = "\n".join(
            [_everything_about(raised.value), caplog.text, repr(reader), *_reprs(reader)]
        )
    assert MYSELF in seen
    assert CANARY not in seen
    assert IN_BASE64 not in seen
    sent = jira.asked[-1].headers["Authorization"]
    assert sent in {f"Basic {IN_BASE64}", f"Bearer {CANARY}"}


def _reprs(reader: JiraClient) -> list[str]:
    return [repr(value) for value in (*vars(reader).values(), reader.site)]


def test_what_is_read_well_does_not_show_the_token(
    jira: ScriptedJira, caplog: pytest.LogCaptureFixture
) -> None:
    jira.cloud().on("/rest/api/3/project/1/statuses", Reply({"message": "no"}, 404))
    with caplog.at_level(logging.DEBUG), client(jira) as reader:
        answers = list(reader.project_statuses([ProjectRef("1", "P")]))
    assert "/rest/api/3/project/1/statuses" in caplog.text
    assert CANARY not in caplog.text + repr(answers)
    assert IN_BASE64 not in caplog.text + repr(answers)
