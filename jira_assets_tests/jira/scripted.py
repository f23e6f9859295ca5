"""A Jira of a few lines: answers what a test tells it to, and remembers what was asked."""

import json
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from jira_assets.jira.client import JiraClient
from jira_assets.jira.retry import RetryPolicy
from jira_assets.jira.site import Site

CANARY = "c4nary-t0ken-th4t-must-stay-unse3n"
NOW = 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT
HTML = {"Content-Type": "text/html;charset=UTF-8"}


@dataclass(frozen=True)
class Reply:
    """One answer. ``body`` is sent as JSON unless it is bytes."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    """Announce more than is sent, then close the connection."""
    after: threading.Event | threading.Barrier | None = None
    """Answer only when this is over."""

    @property
    def closes(self) -> bool:
        """Whether the connection is closed behind it: nobody then waits for more."""
        return self.cut or self.headers.get("Connection") == "close"

    def encoded(self) -> bytes:
        """Return the whole answer as it goes over the wire."""
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        headers = {"Content-Type": "application/json", **self.headers}
        headers["Content-Length"] = str(len(body) + 100 * self.cut)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {self.status} Scripted\r\n{lines}\r\n".encode("latin-1") + body


@dataclass(frozen=True)
class Asked:
    """One request that arrived."""

    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    method: str = "GET"
    body: Any = None
    """Of a POST, parsed."""


CLOUD_INFO = {"deploymentType": "Cloud", "version": "1001.0.0", "serverTitle": "Acme"}
DATA_CENTER_INFO = {"deploymentType": "Server", "version": "9.12.0", "serverTitle": "Acme DC"}
CLOUD_ACCOUNT = {"accountId": "5b10", "displayName": "Mia", "timeZone": "Australia/Sydney"}
DATA_CENTER_ACCOUNT = {"name": "mia", "key": "JIRAUSER1", "displayName": "Mia"}


class ScriptedJira:
    """A server on loopback. The last reply given for a path repeats; other paths answer 404."""

    def __init__(self, context: str = "", tls: ssl.SSLContext | None = None) -> None:
        self.context = context
        self._scheme = "http" if tls is None else "https"
        self.asked: list[Asked] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self._replies: dict[str, list[Reply]] = {}
        self._answers: dict[str, Callable[[Asked], Reply]] = {}
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler_for(self))
        if tls is not None:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The base URL, with the context path."""
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}{self.context}"

    def on(self, path: str, *replies: Reply) -> Self:
        """Answer calls of ``path``, below the context path, with one reply after the other."""
        self._replies[self.context + path] = list(replies)
        return self

    def by(self, path: str, answer: Callable[[Asked], Reply]) -> Self:
        """Answer calls of ``path``, below the context path, with what ``answer`` makes of them."""
        self._answers[self.context + path] = answer
        return self

    def cloud(self) -> Self:
        """Be a Cloud site whose account is fine."""
        self.on("/rest/api/2/serverInfo", Reply(CLOUD_INFO))
        self.on("/rest/api/3/serverInfo", Reply(CLOUD_INFO))
        return self.on("/rest/api/3/myself", Reply(CLOUD_ACCOUNT))

    def data_center(self) -> Self:
        """Be a Data Center site whose account is fine."""
        self.on("/rest/api/2/serverInfo", Reply(DATA_CENTER_INFO))
        return self.on("/rest/api/2/myself", Reply(DATA_CENTER_ACCOUNT))

    def calls_of(self, path: str) -> int:
        """Return how often ``path`` was asked for."""
        return sum(asked.path == self.context + path for asked in self.asked)

    def reply_to(self, asked: Asked) -> Reply:
        """Remember the request and pick its reply."""
        with self._lock:
            self.asked.append(asked)
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            if asked.path in self._answers:
                return self._answers[asked.path](asked)
            replies = self._replies.get(asked.path)
            if not replies:
                return Reply({"message": "null for uri", "status-code": 404}, 404)
            return replies.pop(0) if len(replies) > 1 else replies[0]

    def done(self) -> None:
        """Count a request as answered."""
        with self._lock:
            self.in_flight -= 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """Say nothing: clients of these tests hang up on purpose."""


def _handler_for(jira: ScriptedJira) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, body: Any) -> None:
            parts, headers = urlsplit(self.path), dict(self.headers)
            query = parse_qs(parts.query)
            reply = jira.reply_to(Asked(parts.path, query, headers, self.command, body))
            if reply.after is not None:
                reply.after.wait()
            jira.done()
            self.wfile.write(reply.encoded())
            self.close_connection = self.close_connection or reply.closes

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


class FakeClock:
    """A clock on which waiting takes no time; ``waits`` holds the seconds asked for."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        self.waits: list[float] = []
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        return self.elapsed

    def time(self) -> float:
        return NOW + self.elapsed

    def wait(self, seconds: float, stop: threading.Event) -> None:
        if stop.is_set():
            return
        with self._lock:
            self.elapsed += max(0.0, seconds)
            self.waits.append(seconds)


def half() -> float:
    """A jitter that changes nothing."""
    return 0.5


POLICY = RetryPolicy(jitter=half)


def site(base_url: str, **settings: Any) -> Site:
    """Return a site with basic auth whose token is the canary."""
    given = {"auth": "basic", "username": "mia@example.com", "secret": lambda: CANARY, **settings}
    return Site(base_url, **given)


def client(jira: ScriptedJira, clock: FakeClock | None = None, **settings: Any) -> JiraClient:
    """Return a client of ``jira`` that waits for nothing."""
    return JiraClient(site(jira.url, **settings), policy=POLICY, clock=clock or FakeClock())
