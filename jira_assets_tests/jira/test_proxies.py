"""Proxies that the environment names: honoured for http and https, and where it says so, not."""

import select
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Final

import pytest
import trustme

from jira_assets.jira import errors
from jira_assets.jira.client import JiraClient
from jira_assets.jira.site import Site
from jira_assets_tests.jira.scripted import POLICY, FakeClock, ScriptedJira, client

HOST: Final = "jira.internal"


class TunnelProxy(ThreadingTCPServer):
    """Takes CONNECT for ``HOST`` and tunnels to ``jira``; anything else it refuses."""

    daemon_threads = True

    def __init__(self, jira: ScriptedJira) -> None:
        super().__init__(("127.0.0.1", 0), _Tunnel)
        self.jira_port = int(jira.url.rsplit(":", 1)[1])
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Tunnel(StreamRequestHandler):
    server: TunnelProxy

    def handle(self) -> None:
        head = [line.decode("latin-1").strip() for line in iter(self.rfile.readline, b"\r\n")]
        self.server.asked.append("\n".join(head))
        if not head[0].startswith(f"CONNECT {HOST}:"):
            self.wfile.write(b"HTTP/1.1 403 Not through me\r\nContent-Length: 0\r\n\r\n")
            return
        self.wfile.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        with socket.create_connection(("127.0.0.1", self.server.jira_port)) as jira:
            _pump(self.connection, jira)


def _pump(one: socket.socket, other: socket.socket) -> None:
    to = {one: other, other: one}
    while True:
        for ready in select.select([*to], [], [])[0]:
            data = ready.recv(65536)
            if not data:
                return
            to[ready].sendall(data)


@pytest.fixture(autouse=True)
def _no_exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY", "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def jira(authority: trustme.CA) -> Iterator[ScriptedJira]:
    """A site behind the certificate of ``HOST``, which no name server knows."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST).configure_cert(context)
    with ScriptedJira(tls=context) as server:
        yield server.cloud()


@pytest.fixture
def proxy(jira: ScriptedJira) -> Iterator[TunnelProxy]:
    with TunnelProxy(jira) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _behind(bundle: Path) -> JiraClient:
    site = Site(f"https://{HOST}", auth="bearer", secret=lambda: "t0k3n", ca_bundle=str(bundle))
    return JiraClient(site, policy=POLICY, clock=FakeClock())


def test_https_goes_through_a_tunnel_that_sees_no_token(
    jira: ScriptedJira,
    proxy: TunnelProxy,
    authority: trustme.CA,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(bundle)
    monkeypatch.setenv("https_proxy", proxy.url)
    with _behind(bundle) as reader:
        assert reader.identity().display_name == "Mia"
    assert {asked.headers["Authorization"] for asked in jira.asked} == {"Bearer t0k3n"}
    assert proxy.asked
    assert not any("t0k3n" in head for head in proxy.asked)


def test_what_the_tunnel_leads_to_is_verified(
    jira: ScriptedJira, proxy: TunnelProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(bundle)
    monkeypatch.setenv("https_proxy", proxy.url)
    with _behind(bundle) as reader, pytest.raises(errors.UntrustedCertificateError):
        reader.identity()
    assert proxy.asked
    assert jira.asked == []


def test_plain_http_names_the_whole_url_to_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedJira() as plain:
        plain.data_center()
        monkeypatch.setenv("http_proxy", plain.url)
        behind = Site(f"http://{HOST}", auth="bearer", secret=lambda: "t", allow_plain_http=True)
        with JiraClient(behind, policy=POLICY, clock=FakeClock()) as reader:
            assert reader.identity().display_name == "Mia"
        assert {asked.headers["Host"] for asked in plain.asked} == {HOST}


def test_what_the_environment_excepts_is_called_directly(
    proxy: TunnelProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ScriptedJira() as plain, client(plain.data_center()) as reader:
        assert reader.identity().display_name == "Mia"
    assert proxy.asked == []


def test_a_proxy_that_is_away_is_said_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
    site = Site(f"https://{HOST}", auth="bearer", secret=lambda: "t")
    with (
        JiraClient(site, policy=POLICY, clock=FakeClock()) as reader,
        pytest.raises(
            errors.ConnectionFailedError, match=r"The proxy before jira\.internal took no"
        ),
    ):
        reader.identity()


def test_a_proxy_that_does_not_let_us_through_is_said_as_such(
    proxy: TunnelProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", proxy.url)
    site = Site("https://elsewhere.internal", auth="bearer", secret=lambda: "t")
    with (
        JiraClient(site, policy=POLICY, clock=FakeClock()) as reader,
        pytest.raises(errors.ConnectionFailedError, match=r"The proxy before elsewhere\.internal"),
    ):
        reader.identity()
