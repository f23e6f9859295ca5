"""What a hostile site, or whoever sets a base URL, can make of a reading: an error, and no more."""

import gzip
import json
import socket
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from jira_assets.jira import errors, transport
from jira_assets.jira.client import JiraClient
from jira_assets.jira.retry import RetryPolicy
from jira_assets.jira.site import Site
from jira_assets.jira.thin_pages import read_search
from jira_assets.lenient_json import read_json
from jira_assets_tests.jira.scripted import FakeClock, Reply, ScriptedJira, client, site

STATUS = "/rest/api/3/status"
INFO = "/rest/api/2/serverInfo"
BOMB_BYTES = 60_000_000


def deflated(body: bytes) -> bytes:
    return zlib.compress(body)


def twice(body: bytes) -> bytes:
    return gzip.compress(gzip.compress(body))


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("deflate", deflated), ("gzip, gzip", twice)],
)
def test_a_bomb_is_cut_off_before_it_has_unpacked(
    jira: ScriptedJira,
    monkeypatch: pytest.MonkeyPatch,
    encoding: str,
    pack: Callable[[bytes], bytes],
) -> None:
    monkeypatch.setattr(transport, "MOST_BYTES", 1_000_000)
    jira.cloud().on(STATUS, Reply(pack(bytes(BOMB_BYTES)), headers={"Content-Encoding": encoding}))
    with client(jira) as reader:
        reader.identity()
        tracemalloc.start()
        try:
            with pytest.raises(errors.OversizedAnswerError):
                list(reader.statuses())
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < BOMB_BYTES / 4


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip, gzip, gzip, gzip, gzip, gzip"])
def test_a_packing_that_was_not_asked_for_is_no_answer(jira: ScriptedJira, encoding: str) -> None:
    packed = Reply(b"\x8b\x01\x80 bomb", headers={"Content-Encoding": encoding})
    jira.cloud().on(STATUS, packed)
    with client(jira) as reader, pytest.raises(errors.TransientJiraError):
        list(reader.statuses())
    assert all("br" not in asked.headers["Accept-Encoding"] for asked in jira.asked)


@contextmanager
def without_end(start: bytes, piece: bytes) -> Iterator[str]:
    """Serve an answer that goes on as fast as somebody takes it; yields its base URL."""

    def pour(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            try:
                connection.sendall(start)
                while True:
                    connection.sendall(piece)
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=pour, args=(listener,))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("start", "piece", "refused"),
    [
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"8000\r\n" + b" " * 0x8000 + b"\r\n",
            errors.OversizedAnswerError,
        ),
        (b"HTTP/1.1 200 OK\r\n\r\n", b" " * 0x8000, errors.OversizedAnswerError),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x" * 0x8000, errors.ConnectionFailedError),
        (b"HTTP/1.1 200 OK\r\n", b"X-Many: 1\r\n" * 1000, errors.ConnectionFailedError),
        (b"", b"x" * 0x8000, errors.ConnectionFailedError),
    ],
    ids=["chunks", "no length", "a header", "headers", "a status line"],
)
def test_what_has_no_end_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, start: bytes, piece: bytes, refused: type[Exception]
) -> None:
    monkeypatch.setattr(transport, "MOST_BYTES", 1_000_000)
    with without_end(start, piece) as url:
        reader = JiraClient(site(url), policy=RetryPolicy(max_tries=1), clock=FakeClock())
        with reader, pytest.raises(refused):
            reader.identity()


def _deep(levels: int) -> Iterator[bytes]:
    for deep in (
        b"[" * levels + b"]" * levels,
        b'{"a":' * levels + b"1" + b"}" * levels,
        b"[" * levels,
    ):
        yield deep
        yield b'{"issues": [{"id": ' + deep + b"}]}"
        yield b'{"issues": [{"fields": {"customfield_1": ' + deep + b"}}]}"
        yield b'{"names": ' + deep + b', "issues": []}'
        yield b'{"issues": [{"changelog": {"histories": [{"items": [{"field": ' + deep + b"}]}]}}]}"


@pytest.mark.parametrize("read", [read_json, read_search])
@pytest.mark.parametrize("levels", [10_000, 1_000_000])
def test_what_is_nested_without_end_is_no_json(read: Callable[[bytes], Any], levels: int) -> None:
    for document in _deep(levels):
        with pytest.raises(ValueError, match="nested too deeply"):
            read(document)


@pytest.mark.parametrize("status", [200, 403, 500])
def test_a_site_that_answers_so_is_an_error(jira: ScriptedJira, status: int) -> None:
    jira.cloud().on(STATUS, Reply(b"[" * 100_000 + b"]" * 100_000, status))
    with client(jira) as reader, pytest.raises(errors.JiraError) as raised:
        list(reader.statuses())
    assert len(str(raised.value)) < 1000


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "//169.254.169.254/latest",
        "http://[::ffff:169.254.169.254]/",
        "http://0xa9fea9fe/",
        "https://127.0.0.1:{port}/rest",
        "http://127.0.0.1:{port}@169.254.169.254/",
        "http://mia@127.0.0.1:{port}/rest",
        "http://localhost:{port}/rest",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/",
    ],
)
def test_no_redirect_leads_out_of_the_site(jira: ScriptedJira, location: str) -> None:
    port = jira.url.rpartition(":")[2]
    there = location.replace("{port}", port)
    jira.on(INFO, Reply(status=302, headers={"Location": there}))
    with client(jira) as reader, pytest.raises(errors.RedirectedError):
        reader.identity()
    assert {asked.path for asked in jira.asked} == {INFO}


@pytest.mark.parametrize(
    "base_url",
    [
        "https://jira.example.com@169.254.169.254/",
        "https://169.254.169.254\\@jira.example.com/",
        "https://169.254.169.254#@jira.example.com/",
        "https://169.254.169.254?jira.example.com",
        "https://[::ffff:169.254.169.254]/",
        "https://[fe80::1%25eth0]/",
        "https://2852039166/",
        "https://0251.0376.0251.0376/",
        "https://169.254.169.254./",
        "https://169.254.169.254:443/jira",
        "file:///etc/passwd",
        "ftp://169.254.169.254/",
    ],
)
def test_no_base_url_leads_to_metadata(base_url: str) -> None:
    with pytest.raises(errors.InvalidSiteError):
        Site(base_url, auth="none")


def test_a_number_of_a_million_digits_costs_nothing() -> None:
    assert read_json(json.dumps([1]).encode()[:-1] + b", " + b"9" * 1_000_000 + b"]") == [1, None]
