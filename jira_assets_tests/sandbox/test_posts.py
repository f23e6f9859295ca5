"""POST over HTTP: which paths have it, what a body may be, and faults that hit it."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import requests

from jira_assets.sandbox.credentials import Credentials
from jira_assets.sandbox.faults import KINDS, Fault
from jira_assets.sandbox.model import Deployment
from jira_assets.sandbox.server import SandboxServer
from jira_assets.sandbox.site import JiraSite
from jira_assets.sandbox.synthetic import synthetic_site

CONTENT_KINDS = sorted(
    kind
    for kind in KINDS
    if kind.startswith(("category_", "description_", "nul_", "repeated_", "numeric", "text_"))
)


@pytest.fixture(scope="module")
def sites() -> dict[Deployment, JiraSite]:
    return {
        "cloud": synthetic_site(issues=120),
        "data_center": synthetic_site(issues=120, deployment="data_center"),
    }


@pytest.fixture(scope="module")
def server(sites: dict[Deployment, JiraSite]) -> Iterator[SandboxServer]:
    with SandboxServer({f"/{name}": site for name, site in sites.items()}) as running:
        yield running


@pytest.fixture
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


def search(deployment: Deployment) -> str:
    path = "3/search/jql" if deployment == "cloud" else "2/search"
    return f"/{deployment}/rest/api/{path}"


def whole(site: JiraSite) -> str:
    project = max(site.state.issues_by_project.values(), key=len)[0].project_id
    return f"project = {project} ORDER BY updated ASC, key ASC"


@pytest.mark.parametrize("deployment", ["cloud", "data_center"])
def test_get_and_post_answer_the_same(
    server: SandboxServer,
    http: requests.Session,
    sites: dict[Deployment, JiraSite],
    deployment: Deployment,
) -> None:
    url, jql = server.url + search(deployment), whole(sites[deployment])
    asked = {"jql": jql, "fields": "summary,status", "expand": "changelog", "maxResults": "9"}
    body = {**asked, "fields": ["summary", "status"], "maxResults": 9}
    got = http.get(url, params=asked, timeout=10).json()
    posted = http.post(url, json=body, timeout=10).json()
    assert got == posted
    assert len(got["issues"]) == 9
    last = list(server.requests)[-1]
    assert (last.method, orjson.loads(last.body)) == ("POST", body)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "status", "GET"),
        ("POST", "issue/1", "GET"),
        ("GET", "changelog/bulkfetch", "POST"),
        ("GET", "search/approximate-count", "POST"),
        ("DELETE", "search/jql", "GET, POST"),
    ],
)
def test_a_path_has_the_methods_that_it_has(
    server: SandboxServer, http: requests.Session, method: str, path: str, allow: str
) -> None:
    response = http.request(method, f"{server.url}/cloud/rest/api/3/{path}", timeout=10)
    assert (response.status_code, response.headers["allow"]) == (405, allow)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff"], ids=repr)
def test_a_body_that_is_no_object_is_refused(
    server: SandboxServer, http: requests.Session, body: bytes
) -> None:
    response = http.post(server.url + search("cloud"), data=body, timeout=10)
    assert response.status_code == 400
    assert "Invalid request payload" in response.json()["errorMessages"][0]


def test_a_body_that_is_too_long_is_not_read(server: SandboxServer, http: requests.Session) -> None:
    response = http.post(server.url + search("cloud"), data=b" " * (2 << 20), timeout=10)
    assert response.status_code == 413


def test_a_post_needs_credentials_too(http: requests.Session) -> None:
    with SandboxServer(synthetic_site(), credentials=Credentials("pa55")) as server:
        url = f"{server.url}/rest/api/3/search/jql"
        assert http.post(url, json={"jql": "x"}, timeout=10).status_code == 401
        told = http.post(
            url, json={"jql": "id = 1"}, headers={"Authorization": "Bearer pa55"}, timeout=10
        )
        assert told.status_code == 400


def faulty(
    server: SandboxServer, http: requests.Session, kind: str, deployment: Deployment, **body: Any
) -> requests.Response:
    server.faults = (Fault(kind),)
    try:
        return http.post(server.url + search(deployment), json=body, timeout=10)
    finally:
        server.faults = ()


@pytest.mark.parametrize("kind", CONTENT_KINDS)
def test_odd_content_comes_in_pages_of_any_depth(
    server: SandboxServer,
    http: requests.Session,
    sites: dict[Deployment, JiraSite],
    kind: str,
) -> None:
    asked: dict[str, Any] = {"jql": "id in (100036, 100037, 100038)", "fields": ["*all"]}
    right = http.post(server.url + search("cloud"), json=asked, timeout=10)
    odd = faulty(server, http, kind, "cloud", **asked)
    assert (right.status_code, odd.status_code) == (200, 200)
    assert odd.content != right.content
    assert len(odd.json()["issues"]) == (6 if kind.startswith("repeated_") else 3)


def test_what_hits_every_call_hits_posts(server: SandboxServer, http: requests.Session) -> None:
    asked = {"jql": "id > 0"}
    assert faulty(server, http, "http_429", "cloud", **asked).status_code == 429
    assert faulty(server, http, "http_500", "data_center", **asked).status_code == 500
    assert faulty(server, http, "anonymous_view", "cloud", jql="project = NA").status_code == 400
    assert faulty(server, http, "empty_body", "cloud", **asked).content == b""


def test_an_empty_list_is_a_page_without_issues_and_the_last(
    server: SandboxServer, http: requests.Session
) -> None:
    asked = {"jql": "created > 0", "maxResults": 5}
    assert faulty(server, http, "empty_list", "cloud", **asked).json() == {
        "issues": [],
        "isLast": True,
    }
    page = faulty(server, http, "empty_list", "data_center", **asked).json()
    assert (page["issues"], page["total"]) == ([], 0)


def test_a_site_that_ignores_tokens_and_offsets_gives_its_first_page_again(
    server: SandboxServer, http: requests.Session
) -> None:
    asked = {"jql": "created > 0", "maxResults": 5}
    url = server.url + search("cloud")
    first = http.post(url, json=asked, timeout=10).json()
    token = {"nextPageToken": first["nextPageToken"]}
    assert faulty(server, http, "same_page_again", "cloud", **asked, **token).json() == first
    first = http.post(server.url + search("data_center"), json=asked, timeout=10).json()
    again = faulty(server, http, "same_page_again", "data_center", **asked, startAt=5).json()
    assert again == first


@pytest.mark.parametrize("kind", ["page_overlap", "total_shrinks", "total_grows"])
def test_offset_pages_of_issues_may_not_hang_together(
    server: SandboxServer, http: requests.Session, kind: str
) -> None:
    asked: dict[str, Any] = {"jql": "created > 0 ORDER BY key", "maxResults": 5, "fields": ["id"]}
    url = server.url + search("data_center")
    for start in (0, 5):
        right = http.post(url, json={**asked, "startAt": start}, timeout=10).json()
        odd = faulty(server, http, kind, "data_center", **asked, startAt=start).json()
        assert (odd["startAt"], odd.keys()) == (start, right.keys())
        if (start == 0) == (kind != "page_overlap"):
            assert odd != right
        else:
            assert odd == right
