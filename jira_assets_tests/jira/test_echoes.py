"""A site that repeats our credentials: in no payload, error or log line, however spelt."""

import base64
import html
import http.client
import json
import logging
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from jira_assets.jira.client import ProjectRef
from jira_assets.jira.echoes import without_credentials
from jira_assets.jira.errors import JiraError
from jira_assets_tests.jira.scripted import (
    CANARY,
    CLOUD_ACCOUNT,
    CLOUD_INFO,
    HTML,
    Reply,
    ScriptedJira,
    client,
)

SECRET = 'Zq3+/c"\\ü😀<9&=7kV'
BASIC = "Basic " + base64.b64encode(f"mia:{SECRET}".encode()).decode()
PASSPHRASE = "correct horse=ü"
"""With what forms and Latin-1 write in their own way."""
SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "JSON": json.dumps,
    "JSON as UTF-8": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON with slashes": lambda text: json.dumps(text).replace("/", "\\/"),
    "JSON of Gson": lambda text: json.dumps(text).replace("=", "\\u003d"),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "URL": lambda text: quote(text, safe=""),
    "URL in a URL": lambda text: quote(quote(text, safe=""), safe=""),
    "HTML": html.escape,
    "HTML by numbers": lambda text: html.escape(text).replace("+", "&#x2B;").replace("/", "&#47;"),
}
STATUS = "/rest/api/3/status"
PROJECT = "/rest/api/3/project/1/statuses"
IN_BASE64 = base64.b64encode(f"mia@example.com:{CANARY}".encode()).decode()


@pytest.mark.parametrize("what", [SECRET, BASIC.partition(" ")[2]], ids=["secret", "header"])
@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("status", [200, 401])
def test_no_spelling_stays(status: int, spell: Callable[[str], str], what: str) -> None:
    quoted = spell(what)
    body = f"before {quoted} after".encode()
    told = {"X-Echo": quoted, "X-Other": "a"} if quoted.isascii() else {"X-Other": "a"}
    headers, cleaned = without_credentials(status, told, body, BASIC)
    expected = quoted.replace(quoted.strip('"\\'), "***")
    assert cleaned == f"before {expected} after".encode()
    assert dict(headers) == {
        name: expected if value == quoted else value for name, value in told.items()
    }


def test_what_holds_nothing_of_it_stays_as_it_is() -> None:
    told, body = {"X-Other": "a"}, json.dumps(["Zq3", "7kV", BASIC[:-6]]).encode()
    headers, cleaned = without_credentials(200, told, body, BASIC)
    assert headers is told
    assert cleaned is body
    assert without_credentials(200, told, body, None) == (told, body)


@pytest.mark.parametrize(
    "spelt",
    [
        quote_plus(PASSPHRASE).encode(),
        quote_plus(quote_plus(PASSPHRASE)).encode(),
        quote(PASSPHRASE, encoding="latin-1").encode(),
        quote_plus(PASSPHRASE, encoding="latin-1").encode(),
        PASSPHRASE.encode("latin-1"),
        rb"correct\x20horse\x3d\xfc",
    ],
    ids=["form", "form in a form", "Latin-1 URL", "Latin-1 form", "Latin-1", "script"],
)
def test_no_spelling_of_a_passphrase_stays(spelt: bytes) -> None:
    secret = "Basic " + base64.b64encode(f"mia:{PASSPHRASE}".encode()).decode()
    _, cleaned = without_credentials(401, {}, b"before " + spelt + b" after", secret)
    assert cleaned == b"before *** after"


@pytest.mark.parametrize(("status", "stays"), [(200, True), (403, False)])
def test_a_password_that_is_a_word_stays_in_what_is_no_error(status: int, *, stays: bool) -> None:
    header = "Basic " + base64.b64encode(b"mia:workflow").decode()
    body = b'{"name": "workflows of mia"}'
    _, cleaned = without_credentials(status, {}, body, header)
    assert cleaned == (body if stays else b'{"name": "***s of mia"}')


def test_what_lands_and_where_a_redirect_leads_hold_no_echo(
    jira: ScriptedJira, caplog: pytest.LogCaptureFixture
) -> None:
    jira.on("/rest/api/2/serverInfo", Reply(CLOUD_INFO))
    jira.on("/rest/api/3/myself", Reply(CLOUD_ACCOUNT))
    jira.on(STATUS, Reply([{"id": "1", "description": f"Basic {IN_BASE64}, mia:{CANARY}"}]))
    back = f"/rest/elsewhere?by={quote(IN_BASE64, safe='')}&token={CANARY}"
    jira.on(PROJECT, Reply(status=302, headers={"Location": back}))
    with caplog.at_level(logging.DEBUG), client(jira) as reader:
        (answer,) = reader.statuses()
        (redirected,) = reader.project_statuses([ProjectRef("1", "A")])
    seen = repr(answer) + repr(redirected) + caplog.text
    assert answer.payload == [{"id": "1", "description": "Basic ***, mia:***"}]
    assert "/rest/elsewhere?by=" in caplog.text
    assert CANARY not in seen
    assert IN_BASE64.rstrip("=") not in seen


def test_headers_that_cannot_be_read_are_not_quoted(
    jira: ScriptedJira, caplog: pytest.LogCaptureFixture
) -> None:
    echo = {"Connection": "close", "no header at all": f"Basic {IN_BASE64}", "": f": {CANARY}"}
    jira.on("/rest/api/2/serverInfo", Reply(b"<html>", 403, {**HTML, **echo}))
    with caplog.at_level(logging.DEBUG), client(jira) as reader, pytest.raises(JiraError):
        reader.identity()
    assert "/rest/api/2/serverInfo" in caplog.text
    assert CANARY not in caplog.text
    assert IN_BASE64 not in caplog.text


def test_what_http_client_prints_at_its_debug_level_is_not_ours(
    jira: ScriptedJira, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    jira.cloud()
    with client(jira) as reader:
        assert reader.identity().version
    assert jira.asked[-1].headers["Authorization"] == f"Basic {IN_BASE64}"
    assert not capsys.readouterr().out
