from collections.abc import Mapping
from typing import Any

import pytest
from requests.structures import CaseInsensitiveDict

from jira_assets.jira import errors
from jira_assets.jira.answers import payload_of, words_of
from jira_assets.jira.transport import HttpAnswer
from jira_assets_tests.jira.scripted import NOW

URL = "https://jira.example.com/rest/api/2/status"
JSON = "application/json;charset=UTF-8"
LOGIN_PAGE = b"\n<!DOCTYPE html><html><title>Log in</title></html>"


def _answer(
    body: bytes, status: int = 200, kind: str = JSON, headers: Mapping[str, str] | None = None
) -> HttpAnswer:
    sent = CaseInsensitiveDict({"content-type": kind, **(headers or {})})
    return HttpAnswer(URL, status, sent, body)


def _payload(answer: HttpAnswer, *, anonymous: bool = False) -> Any:
    return payload_of(answer, anonymous=anonymous, now=NOW)


def _error(answer: HttpAnswer) -> errors.JiraError:
    with pytest.raises(errors.JiraError) as raised:
        _payload(answer)
    assert raised.value.url == URL
    assert raised.value.status == answer.status
    return raised.value


@pytest.mark.parametrize(
    ("body", "payload"),
    [
        (b'[{"id": "1", "name": "\xc3\x9cber"}]', [{"id": "1", "name": "Über"}]),
        (b" [] ", []),
        (b'\xef\xbb\xbf{"id": 1}', {"id": 1}),
        (b'{"name": "a\\ud83db"}', {"name": "a\ufffdb"}),
        (b'{"name": "\\udc00\\ud83d\\ude00"}', {"name": "\ufffd😀"}),
        (b'{"\\ud83d": NaN}', {"\ufffd": None}),
        (b'{"name": "\xff\xc3"}', {"name": "\ufffd\ufffd"}),
        (b'{"name": "a\\u0000b"}', {"name": "a\x00b"}),
    ],
)
def test_json_is_read_even_where_it_is_not_quite_json(body: bytes, payload: Any) -> None:
    assert _payload(_answer(body)) == payload


@pytest.mark.parametrize("kind", ["text/html", "", "text/plain"])
def test_json_is_json_however_it_is_labelled(kind: str) -> None:
    assert _payload(_answer(b'[{"id": "1"}]', kind=kind)) == [{"id": "1"}]


@pytest.mark.parametrize(
    "body",
    [
        b'[{"id": "1"}, {"id',
        b"\xef\xbb\xbf{",
        b'{"a": ',
        b"[" * 100_000,
        b"OK",
        b'[{"id": "1"}] trailing',
    ],
)
def test_a_cut_answer_is_worth_another_try(body: bytes) -> None:
    error = _error(_answer(body))
    assert isinstance(error, errors.MalformedAnswerError)
    assert "cut off or malformed JSON" in str(error)


@pytest.mark.parametrize("body", [b"", b" \r\n ", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("status", [200, 204])
def test_an_empty_answer_is_worth_another_try(body: bytes, status: int) -> None:
    assert isinstance(_error(_answer(body, status)), errors.MalformedAnswerError)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (LOGIN_PAGE, "text/html"),
        (LOGIN_PAGE, ""),
        (b"\xef\xbb\xbf" + b"\r\n" * 200 + LOGIN_PAGE, ""),
        (b"Hello", "text/html"),
    ],
)
def test_a_page_for_people_is_not_jira(body: bytes, kind: str) -> None:
    error = _error(_answer(body, kind=kind))
    assert type(error) is errors.NotJiraError
    assert "a login page or a wrong base URL" in str(error)
    assert "Check the integration's base URL" in str(error)


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({"X-AUSERNAME": "anonymous"}, errors.AnonymousViewError),
        ({"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}, errors.AnonymousViewError),
        ({"X-Seraph-LoginReason": "AUTHENTICATION_DENIED"}, errors.CaptchaError),
    ],
)
def test_the_anonymous_view_is_refused_and_is_fine_where_it_was_asked_for(
    headers: dict[str, str], kind: type[errors.JiraError]
) -> None:
    answer = _answer(b"[]", headers=headers)
    assert type(_error(answer)) is kind
    assert _payload(answer, anonymous=True) == []


MARKED = {"X-AUSERNAME": "anonymous", "X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, errors.AnonymousViewError),
        (400, errors.AnonymousViewError),
        (403, errors.AnonymousViewError),
        (404, errors.AnonymousViewError),
        (401, errors.CredentialsRefusedError),
        (429, errors.RateLimitedError),
        (503, errors.UnavailableError),
    ],
)
def test_an_answer_that_speaks_for_itself_is_not_the_anonymous_view(
    status: int, kind: type[errors.JiraError]
) -> None:
    assert type(_error(_answer(b"[]", status, headers=MARKED))) is kind


@pytest.mark.parametrize(
    "headers", [{"X-AUSERNAME": "mia"}, {"X-Seraph-LoginReason": "OK"}, {"X-AUSERNAME": ""}]
)
def test_an_accounts_own_view_is_taken(headers: dict[str, str]) -> None:
    assert _payload(_answer(b"[]", headers=headers)) == []


ERRORS = [
    (400, errors.RefusedRequestError),
    (401, errors.CredentialsRefusedError),
    (403, errors.ForbiddenError),
    (404, errors.NotFoundError),
    (405, errors.RefusedRequestError),
    (408, errors.UnavailableError),
    (410, errors.GoneError),
    (414, errors.RefusedRequestError),
    (425, errors.UnavailableError),
    (429, errors.RateLimitedError),
    (500, errors.UnavailableError),
    (502, errors.UnavailableError),
    (503, errors.UnavailableError),
    (504, errors.UnavailableError),
]


@pytest.mark.parametrize(("status", "kind"), ERRORS)
def test_every_status_says_who_must_act(status: int, kind: type[errors.JiraError]) -> None:
    error = _error(_answer(b'{"errorMessages": ["No  way\\n at all."], "errors": {}}', status))
    assert type(error) is kind
    assert ": No way at all. " in str(error)
    assert f"({URL}; 1 try; last answer {status})" in str(error)


@pytest.mark.parametrize("status", [502, 503])
@pytest.mark.parametrize("kind", ["text/html", ""])
def test_a_proxys_page_is_worth_another_try(status: int, kind: str) -> None:
    error = _error(_answer(b"<html>Bad gateway</html>", status, kind))
    assert isinstance(error, errors.UnavailableError)
    assert "<html>" not in str(error)


def test_a_page_for_people_at_404_is_a_wrong_context_path() -> None:
    error = _error(_answer(b"<html>Not found</html>", 404, "text/html"))
    assert isinstance(error, errors.WrongPathError)
    assert "context path" in str(error)
    assert error.body == "<html>Not found</html>"


def test_a_missing_scope_is_told_from_a_wrong_token() -> None:
    body = b'{"code":401,"message":"Unauthorized; scope does not match"}'
    error = _error(_answer(body, 401))
    assert isinstance(error, errors.ScopeError)
    assert "read:jira-work" in str(error)


@pytest.mark.parametrize("status", [401, 403])
def test_a_captcha_needs_a_person(status: int) -> None:
    denied = "CAPTCHA_CHALLENGE; login-url=https://jira.example.com/login.jsp"
    error = _error(_answer(LOGIN_PAGE, status, headers={"X-Authentication-Denied-Reason": denied}))
    assert isinstance(error, errors.CaptchaError)
    assert "browser" in str(error)


@pytest.mark.parametrize("status", [429, 503])
def test_what_jira_asks_to_wait_is_kept_as_seconds(status: int) -> None:
    error = _error(_answer(b"{}", status, headers={"Retry-After": "1847"}))
    assert isinstance(error, errors.TransientJiraError)
    assert error.retry_after == 1847.0


def test_a_limit_says_which_and_for_how_long() -> None:
    headers = {"Retry-After": "1847", "RateLimit-Reason": "jira-quota-global-based"}
    error = _error(_answer(b'{"message": "Slow down"}', 429, headers=headers))
    assert str(error).startswith(
        "Jira takes no more calls for now (jira-quota-global-based) and asks to wait 1,847 s: "
        "Slow down. It is worth another try later."
    )


@pytest.mark.parametrize("status", [300, 302, 304])
def test_a_redirect_to_nowhere_is_about_the_base_url(status: int) -> None:
    error = _error(_answer(b"", status))
    assert type(error) is errors.RedirectedError
    assert "Check the integration's base URL" in str(error)


@pytest.mark.parametrize("status", [414, 431])
def test_a_url_that_a_proxy_finds_too_long_is_measured(status: int) -> None:
    error = _error(_answer(b"<html>Too large</html>", status, "text/html"))
    assert isinstance(error, errors.RefusedRequestError)
    assert f"refuses the URL as too long ({len(URL)} bytes)" in str(error)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"errorMessages": ["One.", "Two."], "errors": {}}, "One.; Two."),
        ({"errorMessages": [], "errors": {"jql": "Wrong"}}, "jql: Wrong"),
        ({"errorMessages": "One", "errors": ["Two"]}, "One; Two"),
        ({"errorMessages": None, "errors": 5}, ""),
        ({"errorMessages": [None, ""], "errors": {"jql": None}}, ""),
        ({"message": "null for uri", "status-code": 404}, "null for uri"),
        ({"code": 401, "message": "Unauthorized"}, "Unauthorized"),
        ({"errorMessage": "Site\n  temporarily   unavailable"}, "Site temporarily unavailable"),
        ({"message": "x" * 999}, "x" * 299 + "…"),
        (["One"], ""),
        ("<html>", ""),
        (None, ""),
    ],
)
def test_the_four_shapes_of_error_bodies(body: Any, words: str) -> None:
    assert words_of(body) == words
