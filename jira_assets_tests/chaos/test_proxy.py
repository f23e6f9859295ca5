"""The proxy between the program and its servers: what it passes on, and what it does not."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from jira_assets_tests.chaos.proxy import Proxy, to_port
from jira_assets_tests.patience import wait_for


def _accept(listener: socket.socket) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_echo, args=(client,)).start()


def _echo(client: socket.socket) -> None:
    with client, suppress(OSError):
        while chunk := client.recv(1024):
            client.sendall(chunk)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A proxy to a server that says again what it hears."""
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=_accept, args=(listener,))
    thread.start()
    with Proxy(to_port(listener.getsockname()[1])) as made:
        yield made
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def _connected(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=30)


def _says(client: socket.socket, words: bytes) -> bytes:
    client.sendall(words)
    return client.recv(1024)


def test_it_passes_on_what_comes(proxy: Proxy) -> None:
    with _connected(proxy) as client:
        assert _says(client, b"one") == b"one"
        assert _says(client, b"two") == b"two"


def test_a_cut_ends_what_is_there_and_nothing_that_comes(proxy: Proxy) -> None:
    with _connected(proxy) as client:
        _says(client, b"one")
        assert proxy.cut() == 1
        with pytest.raises(ConnectionResetError):
            client.recv(1024)
    with _connected(proxy) as client:
        assert _says(client, b"two") == b"two"


def test_nobody_gets_through_while_it_refuses(proxy: Proxy) -> None:
    proxy.refuse()
    with pytest.raises(ConnectionError), _connected(proxy) as client:
        _says(client, b"one")
    proxy.mend()
    with _connected(proxy) as client:
        assert _says(client, b"two") == b"two"


def test_what_is_stalled_comes_once_it_is_mended(proxy: Proxy) -> None:
    with _connected(proxy) as client:
        _says(client, b"one")
        proxy.stall()
        client.sendall(b"two")
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1024)
        client.settimeout(30)
        proxy.mend()
        assert client.recv(1024) == b"two"


def test_a_client_that_is_gone_is_gone_for_the_server(proxy: Proxy) -> None:
    with _connected(proxy) as client:
        _says(client, b"one")
    assert wait_for("the end of the connection", lambda: not proxy.cut())
