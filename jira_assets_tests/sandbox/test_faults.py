from collections.abc import Iterator

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
        ("zzz", "no fault 'zzz'. Known: anonymous_view, "),
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
    "html_404": (404, HTML, b"404 Not Found"),
    "login_redirect": (302, HTML, b""),
    "redirect_other_host": (302, HTML, b""),
    "empty_body": (200, JSON, b""),
    "http_500": (500, JSON, b"errorMessages"),
    "http_502_html": (502, HTML, b"502 Bad Gateway"),
    "http_503_retry_after": (503, None, b""),
    "http_429": (429, JSON, b"errorMessages"),
    "http_429_bare": (429, None, b""),
    "anonymous_view": (200, JSON, b"[]"),
    "captcha_403": (403, HTML, b"Log in"),
    "scope_401": (401, JSON, b"scope does not match"),
    "hang": (200, JSON, b"statusCategory"),
    "wrong_shape": (200, JSON, b"unexpected"),
    "gone_410": (410, JSON, b"removed"),
    "cut_json": (200, JSON, b'[{"self"'),
    "repeated_items": (200, JSON, b"statusCategory"),
}


def test_every_kind_is_in_the_table_of_what_is_sent() -> None:
    assert SENT.keys() | {"early_close"} == KINDS.keys()


@pytest.mark.parametrize("kind", SENT)
def test_what_each_kind_sends(server: SandboxServer, kind: str) -> None:
    status, content_type, body = SENT[kind]
    response = ask(server, Fault(kind, seconds=0))
    assert response.status_code == status
    assert response.headers.get("content-type") == content_type
    assert body in response.content
    assert bool(response.content) == bool(body)


def test_redirects_say_where_to(server: SandboxServer) -> None:
    login = ask(server, Fault("login_redirect")).headers["location"]
    assert login.startswith(f"{server.url}/login.jsp?os_destination=")
    other = ask(server, Fault("redirect_other_host")).headers["location"]
    assert other.startswith("https://login.other-host.invalid/")
    chosen = ask(server, Fault("redirect_other_host", location="http://localhost:1/x"))
    assert chosen.headers["location"] == "http://localhost:1/x"


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
