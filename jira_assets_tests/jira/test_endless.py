"""Answers without an end, in time or in size, end a call and not the reading's patience."""

import gzip
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from jira_assets.jira import errors, transport
from jira_assets.jira.client import JiraClient
from jira_assets.jira.retry import RetryPolicy
from jira_assets.jira.transport import Timeouts
from jira_assets_tests.jira.scripted import FakeClock, Reply, ScriptedJira, client, site

STATUS = "/rest/api/3/status"
DRIPPING = [
    (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b" "),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
]


@contextmanager
def dripping(start: bytes, drop: bytes) -> Iterator[str]:
    """Serve an answer that begins with ``start`` and goes on with drops; yields its base URL."""
    over = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(start)
            try:
                while not over.wait(0.01):
                    connection.sendall(drop)
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        over.set()
        thread.join()


@pytest.mark.timeout(30)
@pytest.mark.parametrize(("start", "drop"), DRIPPING)
def test_an_answer_that_drips_is_given_up(start: bytes, drop: bytes) -> None:
    timeouts = Timeouts(connect=5, read=5, whole=0.2)
    with dripping(start, drop) as url:
        once = RetryPolicy(max_tries=1)
        reader = JiraClient(site(url), policy=once, timeouts=timeouts, clock=FakeClock())
        with reader, pytest.raises(errors.ConnectionFailedError, match="had not ended after"):
            reader.identity()


@pytest.mark.parametrize("packed", [True, False])
def test_a_body_that_is_too_large_is_refused_and_the_next_one_read(
    jira: ScriptedJira, monkeypatch: pytest.MonkeyPatch, *, packed: bool
) -> None:
    monkeypatch.setattr(transport, "MOST_BYTES", 1_000_000)
    body = b"[" + b" " * 3_000_000 + b"]"
    reply = Reply(gzip.compress(body), headers={"Content-Encoding": "gzip"})
    jira.cloud().on(STATUS, reply if packed else Reply(body), Reply([{"id": "1"}]))
    with client(jira, max_concurrency=1) as reader:
        with pytest.raises(errors.OversizedAnswerError, match="larger than"):
            list(reader.statuses())
        assert [answer.payload for answer in reader.statuses()] == [[{"id": "1"}]]
