import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from jira_assets.sandbox.captured import captured_site
from jira_assets.sandbox.credentials import Credentials
from jira_assets.sandbox.faults import Fault
from jira_assets.sandbox.rate_limit import RateLimit
from jira_assets.sandbox.server import SandboxServer
from jira_assets.sandbox.synthetic import synthetic_site


@pytest.fixture
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


def test_a_site_is_served_as_it_changes(http: requests.Session) -> None:
    site = synthetic_site()
    with SandboxServer(site) as server:
        url = f"{server.url}/rest/api/3/status"
        before = http.get(url, timeout=10).json()
        site.rename_status("1", "Renamed")
        after = http.get(url, timeout=10).json()
        assert {row["name"] for row in after if row["id"] == "1"} == {"Renamed"}
        assert len(before) == len(after)
        site.remove_status("1")
        assert len(http.get(url, timeout=10).json()) == len(before) - 1


def test_several_sites_are_served_below_their_prefixes(http: requests.Session) -> None:
    sites = {"/one": synthetic_site(), "/two/jira": synthetic_site(deployment="data_center")}
    with SandboxServer(sites) as server:
        for prefix, kind in (("/one", "Cloud"), ("/two/jira", "Server")):
            info = http.get(f"{server.url}{prefix}/rest/api/2/serverInfo", timeout=10).json()
            assert info["deploymentType"] == kind
            assert info["baseUrl"] == server.url + prefix
        stray = http.get(f"{server.url}/three/rest/api/2/serverInfo", timeout=10)
        assert stray.status_code == 404
        assert "html" in stray.headers["content-type"]


def test_versions_of_the_api_are_those_of_the_deployment(http: requests.Session) -> None:
    with SandboxServer(synthetic_site(deployment="data_center")) as server:
        codes = {
            version: http.get(f"{server.url}/rest/api/{version}/status", timeout=10).status_code
            for version in ("2", "latest", "3")
        }
    assert codes == {"2": 200, "latest": 200, "3": 404}


def test_outside_the_context_path_there_is_a_web_servers_page(http: requests.Session) -> None:
    with SandboxServer(synthetic_site(), context_path="/jira") as server:
        root = server.url.removesuffix("/jira")
        for path in ("/rest/api/3/status", "/jirax/rest/api/3/status", "/jira/nix"):
            response = http.get(root + path, timeout=10)
            assert response.status_code == 404
            assert "html" in response.headers["content-type"]


def test_pages_link_to_the_server_itself(http: requests.Session) -> None:
    with SandboxServer(synthetic_site(projects=30), context_path="/jira") as server:
        first = http.get(f"{server.url}/rest/api/3/project/search?maxResults=20", timeout=10).json()
        second = http.get(first["nextPage"], timeout=10).json()
    assert first["nextPage"].startswith(server.url)
    assert len(second["values"]) == first["total"] - 20


def test_only_reading_is_served(http: requests.Session) -> None:
    with SandboxServer(synthetic_site()) as server:
        response = http.post(f"{server.url}/rest/api/3/status", json={}, timeout=10)
    assert (response.status_code, response.headers["allow"]) == (405, "GET")


@pytest.mark.parametrize("username", ["reader", None])
def test_only_the_right_credentials_are_let_in(
    http: requests.Session, username: str | None
) -> None:
    right = Credentials("s3cret", username)
    wrong = Credentials("guess", username)
    assert "s3cret" not in repr(right)
    with SandboxServer(synthetic_site(), credentials=right) as server:

        def status(path: str, who: Credentials | None) -> int:
            headers = {"authorization": who.header.decode()} if who else {}
            url = f"{server.url}/rest/api/3/{path}"
            return http.get(url, headers=headers, timeout=10).status_code

        assert [status("myself", who) for who in (right, wrong, None)] == [200, 401, 401]
        assert [status("serverInfo", who) for who in (right, wrong, None)] == [200, 401, 200]
        assert [request.authorized for request in server.requests][:3] == [True, True, False]


def test_a_refusal_is_json_on_cloud_and_a_page_on_data_center(http: requests.Session) -> None:
    sites = {"/one": synthetic_site(), "/two": synthetic_site(deployment="data_center")}
    with SandboxServer(sites, credentials=Credentials("s")) as server:
        cloud, data_center = (
            http.get(f"{server.url}{prefix}/rest/api/2/myself", timeout=10) for prefix in sites
        )
    assert cloud.json()["errorMessages"]
    assert "html" in data_center.headers["content-type"]
    assert data_center.headers["x-seraph-loginreason"] == "AUTHENTICATED_FAILED"


def test_the_caller_is_told_whom_the_site_takes_it_for(http: requests.Session) -> None:
    sites = {"/one": synthetic_site(), "/two": synthetic_site(deployment="data_center")}
    with SandboxServer(sites) as server:
        cloud, data_center = (
            http.get(f"{server.url}{prefix}/rest/api/2/status", timeout=10) for prefix in sites
        )
    assert cloud.headers["x-aaccountid"]
    assert data_center.headers["x-ausername"] == "sandbox-reader"


def test_a_limited_site_answers_429_and_says_when_to_come_back(http: requests.Session) -> None:
    limit = RateLimit(0.01, burst=2)
    with SandboxServer(synthetic_site(), rate_limit=limit) as server:
        url = f"{server.url}/rest/api/3/myself"
        first, second, third = (http.get(url, timeout=10) for _ in range(3))
        assert [one.status_code for one in (first, second, third)] == [200, 200, 429]
        assert first.headers["x-ratelimit-remaining"] == "1"
        assert second.headers["x-ratelimit-nearlimit"] == "true"
        assert 95 <= int(third.headers["retry-after"]) <= 100
        assert server.requests.statuses == {200: 2, 429: 1}
        server.rate_limit = None
        assert http.get(url, timeout=10).status_code == 200


def test_each_site_has_a_bucket_of_its_own(http: requests.Session) -> None:
    sites = {"/one": synthetic_site(), "/two": synthetic_site()}
    with SandboxServer(sites, rate_limit=RateLimit(0.01)) as server:
        codes = [
            http.get(f"{server.url}{prefix}/rest/api/3/myself", timeout=10).status_code
            for prefix in ("/one", "/two", "/one")
        ]
    assert codes == [200, 200, 429]


def test_the_latency_is_that_of_a_call_and_calls_wait_together() -> None:
    with SandboxServer(synthetic_site(), latency=0.15) as server:
        url = f"{server.url}/rest/api/3/myself"
        threads = [threading.Thread(target=requests.get, args=(url,)) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.requests.peak_in_flight > 1
        assert requests.get(url, timeout=10).elapsed.total_seconds() >= 0.14


def test_the_log_tells_what_was_asked(http: requests.Session) -> None:
    with SandboxServer(synthetic_site()) as server:
        http.get(f"{server.url}/rest/api/3/project/search?startAt=5", timeout=10)
        http.get(f"{server.url}/rest/api/3/project/nix/statuses", timeout=10)
        http.get(f"{server.url}/rest/api/3/project/nix/statuses", timeout=10)
        assert [(one.method, one.path, one.query, one.status) for one in server.requests][:2] == [
            ("GET", "/rest/api/3/project/search", "startAt=5", 200),
            ("GET", "/rest/api/3/project/nix/statuses", "", 404),
        ]
        assert server.requests.counts["/rest/api/3/project/nix/statuses"] == 2
        server.requests.clear()
        assert len(server.requests) == 0


def test_stopping_ends_calls_that_hang_and_the_port_serves_again() -> None:
    server = SandboxServer(synthetic_site(), faults=(Fault("hang", seconds=600),))
    server.start()
    answers: list[int] = []
    url = f"{server.url}/rest/api/3/myself"
    caller = threading.Thread(target=lambda: answers.append(requests.get(url).status_code))
    caller.start()
    while not server.requests.peak_in_flight:
        caller.join(0.01)
    server.stop()
    server.stop()
    caller.join(10)
    assert answers == [200]
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=10)
    server.faults = ()
    with server:
        assert requests.get(url, timeout=10).status_code == 200


def test_a_port_that_is_taken_is_told_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = SandboxServer(synthetic_site(), port=taken.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            server.start()


@pytest.mark.parametrize("path", ["jira", "/jira/", "/"])
def test_a_context_path_begins_with_a_slash_and_ends_with_none(path: str) -> None:
    with pytest.raises(ValueError, match="is no path"):
        SandboxServer(synthetic_site(), context_path=path)


def test_captured_answers_are_served_in_their_dialect(
    real_jira_dir: Path, http: requests.Session
) -> None:
    with SandboxServer(captured_site(real_jira_dir / "apache-data-center")) as server:
        projects = http.get(f"{server.url}/rest/api/2/project", timeout=10).json()
        assert len(projects) == 567
        found = http.get(
            f"{server.url}/rest/api/2/project/{projects[0]['key']}/statuses", timeout=10
        ).json()
    assert found[0]["statuses"]
