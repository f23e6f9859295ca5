"""A Jira that repeats the credentials of every call: in bodies, in headers, in redirects."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

import requests


@dataclass
class EchoingJira:
    """Stands before a sandbox (``behind``), and lets in who is in ``accepted``."""

    behind: str
    accepted: set[str] = field(default_factory=set)
    redirects: bool = False
    """Send everybody to another host, with what they have sent."""
    before: Callable[[str], None] = lambda _: None
    """Called with the path of each call before anything is decided."""
    asked: list[tuple[str, str, int]] = field(default_factory=list)
    """Path, ``Authorization`` and status of each call."""
    url: str = ""

    def answer(
        self, method: str, path: str, sent: str, body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        self.before(path)
        told = {"X-Echo": sent, "WWW-Authenticate": f'Basic realm="{sent}"'}
        echoes = _spellings(sent)
        if self.redirects:
            port = self.url.rpartition(":")[2]
            there = f"http://localhost:{port}/elsewhere?a={quote(sent, safe='')}"
            return 302, told | {"Location": there}, b""
        if sent not in self.accepted:
            said = {"errorMessages": [f"{sent} is not welcome", *echoes], "errors": {"a": sent}}
            told["X-Broken"] = "1\r\nno header at all " + sent
            return 401, told | {"RateLimit-Reason": sent}, json.dumps(said).encode()
        kind = {"Content-Type": "application/json"}
        answer = requests.request(method, self.behind + path, data=body, headers=kind, timeout=60)
        return answer.status_code, told | _kept(answer), _echoed(answer, echoes)


def _spellings(sent: str) -> list[str]:
    kind, _, carried = sent.partition(" ")
    opened = base64.b64decode(carried).decode() if kind == "Basic" else carried
    return [sent, opened, quote(sent, safe=""), quote(opened, safe=""), json.dumps(opened)]


def _kept(answer: requests.Response) -> dict[str, str]:
    return {"Content-Type": answer.headers.get("Content-Type", "application/json")}


def _echoed(answer: requests.Response, echoes: list[str]) -> bytes:
    try:
        document = answer.json()
    except ValueError:
        return answer.content
    for item in document if isinstance(document, list) else [document]:
        if isinstance(item, dict):
            item["echo"] = echoes
    return json.dumps(document).replace("/", "\\/").encode()


@contextmanager
def echoing(behind: str) -> Iterator[EchoingJira]:
    """Serve before the sandbox at the URL ``behind`` while the block runs."""
    jira = EchoingJira(behind)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            sent = self.headers.get("Authorization", "")
            asked = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            status, told, body = jira.answer(self.command, self.path, sent, asked)
            jira.asked.append((self.path, sent, status))
            self.send_response(status)
            # The length first: nobody reads what comes after a header that is none.
            for name, value in {"Content-Length": str(len(body)), **told}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    jira.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield jira
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
