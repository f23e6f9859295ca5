"""Connections that can be cut from another thread, so that nobody waits for answers nobody wants.

A thread inside ``requests`` waits for its answer up to the read timeout, and Python cannot
interrupt it. Shutting down its socket can: the read ends at once, as if the site had closed it.

What goes over them is in no log, at no level: ``http.client`` prints nothing of it, and ``urllib3``
says nothing of headers that cannot be read, which may quote our own.
"""

import contextlib
import logging
import socket
import threading
from dataclasses import dataclass
from typing import Any, cast
from weakref import WeakSet

import requests
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool

from jira_assets.jira.addresses import refuse_off_limits
from jira_assets.jira.bounds import answers_within


@dataclass(frozen=True)
class Opened:
    """A pool of connections to one site, by the way that the environment prescribes."""

    pool: HTTPConnectionPool
    by_whole_url: bool
    """Whether calls name the whole URL: to a proxy that forwards plain http, and to nobody else."""


class CuttableAdapter(HTTPAdapter):
    """An adapter with one pool of at most ``max_concurrency`` connections a host.

    An answer may take ``seconds`` as a whole. ``link_local``: connect to whatever a name leads to,
    also to where there is no Jira (``addresses.py``): else ``OffLimitsError``.
    """

    def __init__(self, max_concurrency: int, seconds: float, *, link_local: bool = False) -> None:
        self._link_local = link_local
        self._response_class = answers_within(seconds)
        self._lock = threading.Lock()
        self._connections: WeakSet[Any] = WeakSet()
        super().__init__(pool_connections=2, pool_maxsize=max_concurrency, pool_block=True)

    def open(self, base_url: str, ca_bundle: str | None) -> Opened:
        """Return the pool for a site, with the environment's proxies and CA bundle.

        Args:
            base_url: the site; all of its calls go to this host.
            ca_bundle: trusted instead of what the environment or ``certifi`` names; None: those.

        Raises ``OSError`` where a CA bundle is missing.
        """
        request = requests.Request("GET", base_url).prepare()
        url = str(request.url)
        with requests.Session() as session:
            chosen = session.merge_environment_settings(url, {}, None, ca_bundle, None)
        verify, cert = chosen["verify"], chosen["cert"]
        pool = self.get_connection_with_tls_context(request, verify, chosen["proxies"], cert)
        self.cert_verify(pool, url, verify, cert)  # type: ignore[no-untyped-call] # by its stubs
        whole = self.request_url(request, chosen["proxies"]).startswith("http")
        return Opened(pool, by_whole_url=whole)

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> HTTPConnectionPool:
        """Return the pool of ``requests``, made to remember the connections that it opens."""
        pool = super().get_connection_with_tls_context(*args, **kwargs)
        if "ConnectionCls" not in vars(pool):
            self._remember_connections_of(pool)
        return cast("HTTPConnectionPool", pool)

    def cut(self) -> None:
        """Shut down every open connection. A call in flight fails, a later one connects anew."""
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            if isinstance(connection.sock, socket.socket):
                with contextlib.suppress(OSError):
                    # Not the method of SSLSocket: it drops the TLS state that the reader is using.
                    socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)

    def _remember_connections_of(self, pool: Any) -> None:
        opened_by = pool.ConnectionCls

        def remembered(*args: Any, **kwargs: Any) -> Any:
            connection = opened_by(*args, **kwargs)
            connection.response_class = self._response_class
            # What http.client prints where somebody has switched it on for a whole process is the
            # header with the token.
            connection.debuglevel = 0
            if pool.proxy is None and not self._link_local:
                _look_where_it_leads(connection)
            with self._lock:
                self._connections.add(connection)
            return connection

        vars(pool)["ConnectionCls"] = remembered


class _NoQuotes(logging.Filter):
    """Holds back the warning that quotes the headers of an answer."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith("Failed to parse headers")


logging.getLogger("urllib3.connection").addFilter(_NoQuotes())


def _look_where_it_leads(connection: Any) -> None:
    """Let a connection of ``urllib3`` look at its peer before anything is sent to it."""
    connect = connection._new_conn  # noqa: SLF001  # where both of its classes open the socket

    def looking() -> Any:
        sock = connect()
        refuse_off_limits(sock)
        return sock

    connection._new_conn = looking  # noqa: SLF001  # that place, of this connection alone
