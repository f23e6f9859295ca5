from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import orjson
import pytest
import requests
from requests.exceptions import ChunkedEncodingError, JSONDecodeError, ReadTimeout

from jira_assets.sandbox.faults import KINDS, Fault, Faults
from jira_assets.sandbox.server import SandboxServer
from jira_assets.sandbox.synthetic import synthetic_site

PATHS = [f"/rest/api/3/project/{number}/statuses" for number in range(2000)]


def struck(faults: Faults, paths: list[str]) -> list[str]:
    return [path for path in paths if faults.hit(path) is not None]


def test_a_share_of_the_calls_is_hit_the_same_ones_in_any_order() -> None:
    hit = struck(Faults([Fault("http_500", 0.1)], seed=1), PATHS)
    assert 150 < len(hit) < 250
    backwards = struck(Faults([Fault("http_500", 0.1)], seed=1), PATHS[::-1])
    assert sorted(backwards) == sorted(hit)
    assert struck(Faults([Fault("http_500", 0.1)], seed=2), PATHS) != hit


def test_a_retry_is_another_draw() -> None:
    faults = Faults([Fault("http_500", 0.5)])
    hits = [faults.hit("/same") is not None for _ in range(200)]
    assert 60 < sum(hits) < 140


def test_shares_of_none_and_all() -> None:
    assert struck(Faults([Fault("http_500", 0)]), PATHS) == []
    assert struck(Faults([Fault("http_500")]), PATHS) == PATHS


def test_a_fault_may_be_about_some_paths_and_some_calls() -> None:
    faults = Faults([Fault("http_500", path="*/project/7*/statuses", count=2)])
    assert struck(faults, ["/rest/api/3/status", PATHS[71], PATHS[8], PATHS[7], PATHS[72]]) == [
        PATHS[71],
        PATHS[7],
    ]


def test_the_first_fault_that_hits_decides() -> None:
    faults = Faults([Fault("http_500", count=1), Fault("html_200")])
    assert [fault.kind for fault in map(faults.hit, PATHS[:2]) if fault] == ["http_500", "html_200"]


def test_a_fault_is_read_from_its_text() -> None:
    assert Fault.parse("http_429=0.25") == Fault("http_429", 0.25)
    assert Fault.parse("hang") == Fault("hang", 1.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("http_50=0.1", r"no fault 'http_50'. Did you mean http_500\?"),
        ("zzz", r"no fault 'zzz'. Known: \d+ kinds; `jira-assets sandbox --list-faults`"),
        ("http_500=2", "'http_500=2' is no fault: write KIND=SHARE"),
        ("http_500=x", "'http_500=x' is no fault: write KIND=SHARE"),
    ],
)
def test_what_is_no_fault_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Fault.parse(text)


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with SandboxServer(synthetic_site(), context_path="/jira") as running:
        yield running


def ask(server: SandboxServer, fault: Fault, path: str = "status") -> requests.Response:
    server.faults = (fault,)
    return requests.get(
        f"{server.url}/rest/api/3/{path}", timeout=10, allow_redirects=False, stream=True
    )


HTML = "text/html;charset=UTF-8"
JSON = "application/json;charset=UTF-8"
SENT = {
    "html_200": (200, HTML, b"Log in"),
    "logged_in_200": (200, HTML, b"already logged in"),
    "html_404": (404, HTML, b"404 Not Found"),
    "empty_body": (200, JSON, b""),
    "anonymous_view": (200, JSON, b"[]"),
    "anonymous_by_name": (200, JSON, b"[]"),
    "anonymous_by_reason": (200, JSON, b"[]"),
    "anonymous_unmarked": (200, JSON, b"[]"),
    "empty_list": (200, JSON, b"[]"),
    "captcha_403": (403, HTML, b"Log in"),
    "scope_401": (401, JSON, b"scope does not match"),
    "login_redirect": (302, HTML, b""),
    "redirect_other_host": (302, HTML, b""),
    "redirect_other_port": (302, HTML, b""),
    "redirect_circle": (302, HTML, b""),
    "redirect_nowhere": (302, HTML, b""),
    "redirect_within_site": (302, HTML, b""),
    "error_400_messages": (400, JSON, b'{"errorMessages":["The value is wrong."],"errors":{}}'),
    "error_400_fields": (400, JSON, b'"errors":{"status":"The value is wrong."}'),
    "error_400_status": (400, JSON, b'"status-code":400'),
    "error_400_code": (400, JSON, b'"code":400'),
    "error_400_message": (400, JSON, b'{"errorMessage":"The value is wrong."}'),
    "error_400_list": (400, JSON, b'"errors":["The value is wrong.",null]'),
    "error_400_text": (400, JSON, b'{"errorMessages":"The value is wrong.","errors":null}'),
    "error_400_empty": (400, JSON, b'{"errorMessages":[],"errors":{}}'),
    "error_200": (200, JSON, b"errorMessages"),
    "wrong_shape": (200, JSON, b"unexpected"),
    "gone_410": (410, JSON, b"removed"),
    "http_500": (500, JSON, b"errorMessages"),
    "http_502_html": (502, HTML, b"502 Bad Gateway"),
    "http_502_untyped": (502, None, b"502 Bad Gateway"),
    "http_503_html": (503, HTML, b"503 Service Unavailable"),
    "http_503_untyped": (503, None, b"503 Service Unavailable"),
    "http_503_retry_after": (503, None, b""),
    "http_503_date": (503, None, b""),
    "http_429": (429, JSON, b"errorMessages"),
    "http_429_bare": (429, None, b""),
    "http_429_date": (429, JSON, b"errorMessages"),
    "http_429_now": (429, JSON, b"errorMessages"),
    "http_429_quota": (429, JSON, b"errorMessages"),
    "cut_json": (200, JSON, b'[{"self"'),
    "repeated_items": (200, JSON, b"statusCategory"),
    "repeated_older": (200, JSON, b"Before it was renamed"),
    "category_undefined": (200, JSON, b"No Category"),
    "category_null": (200, JSON, b'"statusCategory":null'),
    "category_translated": (200, JSON, b"In Arbeit"),
    "nul_in_strings": (200, JSON, b"T\\u0000o Do\\u0000"),
    "nul_in_keys": (200, JSON, b'"na\\u0000me"'),
    "numeric_ids": (200, JSON, b'"id":10005'),
    "text_ids": (200, JSON, b'"id":"4"'),
    "description_null": (200, JSON, b'"description":null'),
    "description_document": (200, JSON, b'"description":{"type":"doc"'),
    "description_wiki": (200, JSON, b'"description":"h2. First line'),
}
AS_IT_WAS = (200, JSON, b"statusCategory")
"""Right answers, as far as a look at ``/status`` can tell."""


def test_every_kind_is_in_the_table_of_what_is_sent() -> None:
    assert SENT.keys() <= KINDS.keys()
    assert [kind for kind, (words, _) in KINDS.items() if not words or kind != kind.lower()] == []


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"early_close", "category_missing"}))
def test_what_each_kind_sends(server: SandboxServer, kind: str) -> None:
    status, content_type, body = SENT.get(kind, AS_IT_WAS)
    response = ask(server, Fault(kind, seconds=0))
    assert response.status_code == status
    assert response.headers.get("content-type") == content_type
    assert body in response.content
    assert bool(response.content) == bool(body)


def test_redirects_say_where_to(server: SandboxServer) -> None:
    login = ask(server, Fault("login_redirect")).headers["location"]
    assert login.startswith(f"{server.url}/login.jsp?os_destination=")
    other = ask(server, Fault("redirect_other_host")).headers["location"]
    assert other.startswith("https://sso.other-host.invalid/")
    chosen = ask(server, Fault("redirect_other_host", location="http://localhost:1/x"))
    assert chosen.headers["location"] == "http://localhost:1/x"


def test_redirects_that_lead_nowhere(server: SandboxServer) -> None:
    path = "/jira/rest/api/3/status"
    assert ask(server, Fault("redirect_circle")).headers["location"] == path
    assert "location" not in ask(server, Fault("redirect_nowhere")).headers
    port = ask(server, Fault("redirect_other_port")).headers["location"]
    assert port == f"http://127.0.0.1:1{path}"


def test_a_redirect_within_the_site_leads_to_the_right_answer(server: SandboxServer) -> None:
    server.faults = (Fault("redirect_within_site"),)
    url = f"{server.url}/rest/api/3/project/search"
    response = requests.get(url, params={"maxResults": "2"}, timeout=10)
    assert response.url == url.replace("/3/", "/latest/") + "?maxResults=2"
    assert len(response.json()["values"]) == 2


def test_the_login_page_is_there(server: SandboxServer) -> None:
    server.faults = (Fault("login_redirect", path="*/status"),)
    response = requests.get(f"{server.url}/rest/api/3/status", timeout=10)
    assert response.status_code == 200
    assert "Log in" in response.text


def test_retry_after_is_what_the_fault_says(server: SandboxServer) -> None:
    for kind in ("http_429", "http_503_retry_after"):
        assert ask(server, Fault(kind, seconds=7)).headers["retry-after"] == "7"
    assert ask(server, Fault("http_429")).headers["ratelimit-reason"] == "jira-burst-based"
    assert "retry-after" not in ask(server, Fault("http_429_bare")).headers


def test_a_quota_says_so_and_asks_for_a_long_pause(server: SandboxServer) -> None:
    headers = ask(server, Fault("http_429_quota")).headers
    assert headers["retry-after"] == "1847"
    assert headers["ratelimit-reason"] == "jira-quota-global-based"
    assert headers["x-ratelimit-remaining"] == "0"
    assert headers["x-ratelimit-reset"]


@pytest.mark.parametrize("kind", ["http_429_date", "http_503_date"])
def test_retry_after_may_be_a_date(server: SandboxServer, kind: str) -> None:
    said = ask(server, Fault(kind, seconds=90)).headers["retry-after"]
    ahead = parsedate_to_datetime(said) - datetime.now(UTC)
    assert timedelta(seconds=30) < ahead <= timedelta(seconds=90)


@pytest.mark.parametrize("kind", ["http_429_now", "retry_after_zero"])
def test_retry_after_may_be_zero(server: SandboxServer, kind: str) -> None:
    assert ask(server, Fault(kind)).headers["retry-after"] == "0"


@pytest.mark.parametrize(
    ("kind", "marks"),
    [
        ("anonymous_by_name", {"x-ausername"}),
        ("anonymous_by_reason", {"x-seraph-loginreason"}),
        ("anonymous_unmarked", set()),
    ],
)
def test_marks_of_the_anonymous_view(server: SandboxServer, kind: str, marks: set[str]) -> None:
    known = {"x-ausername", "x-seraph-loginreason", "x-aaccountid"}
    assert known & {name.lower() for name in ask(server, Fault(kind)).headers} == marks


def test_an_empty_list_is_sent_to_somebody_who_is_known(server: SandboxServer) -> None:
    response = ask(server, Fault("empty_list"), "project/search")
    assert (response.json()["values"], response.json()["total"]) == ([], 0)
    assert response.headers["x-aaccountid"]
    assert ask(server, Fault("empty_list"), "project/NA/statuses").json()
    assert ask(server, Fault("empty_list"), "myself").json()["accountId"]


def test_only_long_urls_are_refused(server: SandboxServer) -> None:
    assert ask(server, Fault("long_url_414"), f"status?jql={'x' * 1900}").status_code == 200
    refused = ask(server, Fault("long_url_414"), f"status?jql={'x' * 2000}")
    assert (refused.status_code, refused.headers["content-type"]) == (414, HTML)


def test_the_anonymous_view_is_an_empty_site_with_its_marks(server: SandboxServer) -> None:
    response = ask(server, Fault("anonymous_view"), "project/search")
    assert response.json()["values"] == []
    assert response.headers["x-ausername"] == "anonymous"
    assert response.headers["x-seraph-loginreason"] == "AUTHENTICATED_FAILED"
    assert ask(server, Fault("anonymous_view"), "myself").status_code == 401


def test_a_captcha_says_so(server: SandboxServer) -> None:
    reason = ask(server, Fault("captcha_403")).headers["x-authentication-denied-reason"]
    assert reason.startswith("CAPTCHA_CHALLENGE")


def test_cut_json_is_a_whole_answer_of_half_the_bytes(server: SandboxServer) -> None:
    with pytest.raises(JSONDecodeError):
        ask(server, Fault("cut_json")).json()


def test_an_early_close_ends_the_connection_within_the_body(server: SandboxServer) -> None:
    with pytest.raises((ChunkedEncodingError, requests.ConnectionError)):
        _ = ask(server, Fault("early_close")).content


def test_a_hanging_call_outlasts_a_clients_patience(server: SandboxServer) -> None:
    server.faults = (Fault("hang", seconds=30),)
    with pytest.raises(ReadTimeout):
        requests.get(f"{server.url}/rest/api/3/status", timeout=0.2)


def test_a_wrong_shape_is_never_the_right_one(server: SandboxServer) -> None:
    assert isinstance(ask(server, Fault("wrong_shape"), "status").json(), dict)
    assert isinstance(ask(server, Fault("wrong_shape"), "project/search").json(), list)


@pytest.mark.parametrize("path", ["status", "project/search"])
def test_repeated_items_come_twice(server: SandboxServer, path: str) -> None:
    once = ask(server, Fault("hang", seconds=0), path).json()
    twice = ask(server, Fault("repeated_items"), path).json()
    if isinstance(once, dict):
        once, twice = once["values"], twice["values"]
    assert twice == [*once, *once]


def test_faults_assigned_while_it_serves_count_from_then_on(server: SandboxServer) -> None:
    server.faults = [Fault("http_500", count=2)]
    url = f"{server.url}/rest/api/3/myself"
    assert [requests.get(url, timeout=10).status_code for _ in range(4)] == [500, 500, 200, 200]
    server.faults = ()
    assert orjson.loads(requests.get(url, timeout=10).content)["accountId"]
