"""What real sites send that is no answer: what the client raises, and how often it tried."""

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from jira_assets.jira import errors
from jira_assets.jira.client import JiraClient, ProjectRef
from jira_assets.jira.transport import Timeouts
from jira_assets_tests.jira.scripted import (
    CLOUD_ACCOUNT,
    CLOUD_INFO,
    DATA_CENTER_INFO,
    HTML,
    POLICY,
    FakeClock,
    Reply,
    ScriptedJira,
    client,
    site,
)

STATUS = "/rest/api/3/status"
PROJECTS = "/rest/api/3/project/search"
INFO = "/rest/api/2/serverInfo"
MYSELF = "/rest/api/3/myself"
PAGE = Reply(b"<html>Log in</html>", headers=HTML)


def _statuses(reader: JiraClient) -> Any:
    return list(reader.statuses())


def _identity(reader: JiraClient) -> Any:
    return reader.identity()


def _refused(jira: ScriptedJira, read: Callable[[JiraClient], Any], **settings: Any) -> Any:
    """Return what ``read`` raises, having checked that nothing was waited for."""
    clock = FakeClock()
    with client(jira, clock, **settings) as reader, pytest.raises(errors.JiraError) as raised:
        read(reader)
    assert isinstance(raised.value, errors.PermanentJiraError)
    assert clock.waits == []
    assert raised.value.tries == 1
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None
    return raised.value


# --------------------------------------------------------------- permanent: nobody tries again

NO_JIRA: list[tuple[Reply, type[errors.JiraError], str]] = [
    (PAGE, errors.NotJiraError, "a login page or a wrong base URL"),
    (Reply(b"<html>404</html>", 404, HTML), errors.WrongPathError, "context path"),
    (Reply({"message": "no", "status-code": 404}, 404), errors.NotFoundError, "base URL"),
    (
        Reply(status=302, headers={"Location": "/login.jsp?os_destination=%2F"}),
        errors.RedirectedError,
        "its login page",
    ),
    (
        Reply(status=302, headers={"Location": "https://sso.example.com/saml?token=1"}),
        errors.RedirectedError,
        "sends us to https://sso.example.com, where no token is sent",
    ),
    (Reply(status=307, headers={"Location": INFO}), errors.RedirectedError, "in a circle"),
    (Reply(status=302), errors.RedirectedError, "without saying where to"),
]


@pytest.mark.parametrize(("reply", "kind", "complaint"), NO_JIRA)
def test_a_base_url_that_is_no_jira(
    jira: ScriptedJira, reply: Reply, kind: type[errors.JiraError], complaint: str
) -> None:
    error = _refused(jira.on(INFO, reply), _identity)
    assert type(error) is kind
    assert complaint in str(error)
    assert error.url == jira.url + INFO


def test_a_wrong_context_path_is_named_as_such() -> None:
    with ScriptedJira(context="/jira") as jira:
        jira.data_center()
        jira.context = "/jria"
        jira.on(INFO, Reply(b"<html>404</html>", 404, HTML))
        assert isinstance(_refused(jira, _identity), errors.WrongPathError)


def test_a_redirect_within_the_site_is_followed_with_the_credentials(jira: ScriptedJira) -> None:
    jira.cloud().on(INFO, Reply(status=301, headers={"Location": "/moved"}))
    jira.on("/moved", Reply(CLOUD_INFO))
    with client(jira) as reader:
        assert reader.identity().deployment == "cloud"
    assert "Authorization" in jira.asked[1].headers


def test_a_redirect_to_another_port_never_arrives_there(jira: ScriptedJira) -> None:
    with ScriptedJira() as other:
        jira.on(INFO, Reply(status=302, headers={"Location": f"{other.url}{INFO}"}))
        assert isinstance(_refused(jira, _identity), errors.RedirectedError)
        assert other.asked == []


CAPTCHA = {"X-Authentication-Denied-Reason": "CAPTCHA_CHALLENGE; login-url=/login.jsp"}
BAD_CREDENTIALS: list[tuple[Reply, type[errors.JiraError]]] = [
    (Reply(b"<html>401</html>", 401, HTML), errors.CredentialsRefusedError),
    (Reply({"message": "Unauthorized; scope does not match"}, 401), errors.ScopeError),
    (Reply(b"", 403, CAPTCHA), errors.CaptchaError),
    (Reply(CLOUD_ACCOUNT, headers={"X-AUSERNAME": "anonymous"}), errors.AnonymousViewError),
    (
        Reply({}, headers={"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}),
        errors.AnonymousViewError,
    ),
    (Reply({"errorMessages": ["no"]}, 403), errors.ForbiddenError),
]


@pytest.mark.parametrize(("reply", "kind"), BAD_CREDENTIALS)
def test_credentials_that_jira_does_not_take(
    jira: ScriptedJira, reply: Reply, kind: type[errors.JiraError]
) -> None:
    jira.on(INFO, Reply(CLOUD_INFO)).on(MYSELF, reply).on(STATUS, Reply([{"id": "1"}]))
    assert type(_refused(jira, _statuses)) is kind
    assert jira.calls_of(STATUS) == 0


@pytest.mark.parametrize(("reply", "kind"), BAD_CREDENTIALS[:-1])
def test_credentials_that_jira_stops_taking_end_the_whole_reading(
    jira: ScriptedJira, reply: Reply, kind: type[errors.JiraError]
) -> None:
    path = "/rest/api/3/project/1/statuses"
    jira.cloud().on(path, reply)
    error = _refused(jira, lambda reader: list(reader.project_statuses([ProjectRef("1", "P")])))
    assert type(error) is kind


@pytest.mark.parametrize(
    ("status", "kind"), [(410, errors.GoneError), (400, errors.RefusedRequestError)]
)
def test_an_endpoint_that_refuses_is_not_asked_again(
    jira: ScriptedJira, status: int, kind: type[errors.JiraError]
) -> None:
    jira.cloud().on(STATUS, Reply({"errorMessages": ["removed"]}, status))
    assert type(_refused(jira, _statuses)) is kind
    assert jira.calls_of(STATUS) == 1


def test_a_site_of_another_kind_than_the_integration_says(jira: ScriptedJira) -> None:
    jira.on("/rest/api/3/serverInfo", Reply(DATA_CENTER_INFO))
    error = _refused(jira, _identity, deployment="cloud")
    assert isinstance(error, errors.WrongDeploymentError)
    assert "deployment to data_center or auto" in str(error)


EMPTY_LISTS: list[tuple[str, Any, str]] = [
    ("statuses", [], "no statuses at all to Mia"),
    ("issue_types", [], "no issue types at all to Mia"),
    ("fields", [], "no fields at all to Mia"),
    ("projects", {"values": [], "total": 0, "isLast": True}, "no projects at all to Mia"),
]


@pytest.mark.parametrize(("what", "payload", "complaint"), EMPTY_LISTS)
def test_an_empty_list_is_lost_access_and_yields_nothing(
    jira: ScriptedJira, what: str, payload: Any, complaint: str
) -> None:
    jira.cloud()
    for path in (STATUS, "/rest/api/3/issuetype", "/rest/api/3/field", PROJECTS):
        jira.on(path, Reply(payload))
    error = _refused(jira, lambda reader: next(getattr(reader, what)()))
    assert isinstance(error, errors.LostAccessError)
    assert complaint in str(error)
    assert "nothing was deleted" in str(error)


def test_a_secret_that_is_missing_is_said_before_anything_is_asked(jira: ScriptedJira) -> None:
    def missing() -> str:
        raise LookupError("env:JIRA_TOKEN is not set")

    assert isinstance(_refused(jira, _identity, secret=missing), errors.SecretError)
    assert jira.asked == []


# --------------------------------------------------------------- transient: tried again, then said

HICCUPS: list[tuple[Reply, type[errors.JiraError]]] = [
    (Reply([{"id": "1"}], cut=True), errors.ConnectionFailedError),
    (Reply(b'[{"id": "1"}, {"id'), errors.MalformedAnswerError),
    (Reply(b""), errors.MalformedAnswerError),
    (Reply({"errorMessages": ["try later"]}), errors.MalformedAnswerError),
    (Reply([{"name": "no id"}]), errors.MalformedAnswerError),
    (Reply({"values": []}), errors.MalformedAnswerError),
    (Reply({"message": "slow down"}, 429), errors.RateLimitedError),
    (Reply({}, 500), errors.UnavailableError),
    (Reply(b"<html>Bad gateway</html>", 502, HTML), errors.UnavailableError),
    (Reply(b"<html>Bad gateway</html>", 503, {"Content-Type": ""}), errors.UnavailableError),
    (Reply(b"nonsense", headers={"Content-Encoding": "gzip"}), errors.ConnectionFailedError),
]


@pytest.mark.parametrize(("hiccup", "kind"), HICCUPS)
def test_a_hiccup_is_tried_again(
    jira: ScriptedJira, hiccup: Reply, kind: type[errors.JiraError]
) -> None:
    clock = FakeClock()
    jira.cloud().on(STATUS, hiccup, hiccup, Reply([{"id": "1"}]))
    with client(jira, clock) as reader:
        (answer,) = reader.statuses()
    assert answer.payload == [{"id": "1"}]
    assert clock.waits == [2.0, 4.0]
    assert reader.stats.retries == 2


@pytest.mark.parametrize(("hiccup", "kind"), HICCUPS)
def test_what_stays_is_said_with_url_tries_and_last_answer(
    jira: ScriptedJira, hiccup: Reply, kind: type[errors.JiraError]
) -> None:
    clock = FakeClock()
    jira.cloud().on(STATUS, hiccup)
    with client(jira, clock) as reader, pytest.raises(errors.TransientJiraError) as raised:
        list(reader.statuses())
    assert type(raised.value) is kind
    answer = "no answer" if raised.value.status is None else f"last answer {hiccup.status}"
    assert f"({jira.url}{STATUS}; 5 tries; {answer})" in str(raised.value)
    assert clock.waits == [2.0, 4.0, 8.0, 16.0]
    assert jira.calls_of(STATUS) == 5


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("asked", ["1847", "Fri, 15 Jan 2027 08:30:47 GMT"])
def test_retry_after_is_obeyed(jira: ScriptedJira, status: int, asked: str) -> None:
    clock = FakeClock()
    limited = Reply({}, status, {"Retry-After": asked})
    jira.cloud().on(STATUS, limited, Reply([{"id": "1"}]))
    with client(jira, clock) as reader:
        list(reader.statuses())
    assert 1847 <= clock.elapsed <= 1848


def test_one_calls_pause_is_everybodys(jira: ScriptedJira) -> None:
    clock = FakeClock()
    limited = Reply({}, 429, {"Retry-After": "60"})
    jira.cloud().on("/rest/api/3/project/1/statuses", limited, Reply([]))
    jira.on("/rest/api/3/project/2/statuses", Reply([]))
    with client(jira, clock, max_concurrency=1) as reader:
        refs = [ProjectRef("1", "A"), *[ProjectRef("2", "B")] * 3]
        assert len(list(reader.project_statuses(refs))) == 4
    assert 60 <= clock.waits[0] <= 61


def test_a_rate_limit_that_never_ends_is_said(jira: ScriptedJira) -> None:
    jira.cloud().on(STATUS, Reply({"message": "quota"}, 429, {"Retry-After": "7"}))
    with client(jira) as reader, pytest.raises(errors.RateLimitedError, match="10 tries"):
        list(reader.statuses())


@pytest.mark.parametrize(
    "asked", ["90000", "1800000000", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"]
)
def test_who_asks_for_more_than_a_day_is_not_waited_for(jira: ScriptedJira, asked: str) -> None:
    clock = FakeClock()
    jira.cloud().on(STATUS, Reply({}, 429, {"Retry-After": asked}), Reply([{"id": "1"}]))
    with (
        client(jira, clock) as reader,
        pytest.raises(errors.RateLimitedError, match="asks to wait"),
    ):
        list(reader.statuses())
    assert (clock.waits, jira.calls_of(STATUS)) == ([], 1)


@pytest.mark.parametrize("interval", ["3600.5", "1" + "0" * 12, "9" * 400])
def test_a_bucket_that_hardly_ever_fills_is_no_bucket(jira: ScriptedJira, interval: str) -> None:
    clock = FakeClock()
    said = {
        "X-RateLimit-Limit": "5",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-FillRate": "1",
        "X-RateLimit-Interval-Seconds": interval,
    }
    jira.cloud().on("/rest/api/3/project/1/statuses", Reply([], headers=said))
    with client(jira, clock, max_concurrency=1) as reader:
        assert len(list(reader.project_statuses([ProjectRef("1", "A")] * 4))) == 4
    assert clock.elapsed < 60


def test_pages_that_repeat_are_a_failure_that_names_the_list(jira: ScriptedJira) -> None:
    path = PROJECTS
    jira.cloud().on(path, Reply({"values": [{"id": "1"}], "total": 9, "isLast": False}))
    with client(jira) as reader, pytest.raises(errors.PagingError) as raised:
        list(reader.projects())
    assert path in str(raised.value)


def test_a_site_that_does_not_answer_is_a_timeout(jira: ScriptedJira) -> None:
    never = threading.Event()
    jira.on(INFO, Reply(CLOUD_INFO, after=never))
    timeouts = Timeouts(connect=1, read=0.05)
    reader = JiraClient(site(jira.url), policy=POLICY, timeouts=timeouts, clock=FakeClock())
    with reader, pytest.raises(errors.ConnectionFailedError, match=r"within 0.05 s.*5 tries"):
        reader.identity()
    never.set()


def test_a_site_that_is_not_there_is_said_with_its_name() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        reader = JiraClient(site(f"http://{address}"), policy=POLICY, clock=FakeClock())
        with reader, pytest.raises(errors.ConnectionFailedError) as raised:
            reader.identity()
    assert f"{address} cannot be reached" in str(raised.value)
    assert "5 tries; no answer" in str(raised.value)
