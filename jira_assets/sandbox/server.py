"""The sandbox as a server: uvicorn in a thread of this process, on the loopback interface only.

The socket is bound before the thread starts, so the URL is known at once and a port that is taken
is an ordinary ``OSError`` of ``start``. Stopping ends every call that hangs: it takes no time.
"""

import asyncio
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

import uvicorn

from jira_assets.sandbox.app import App, Behaviour
from jira_assets.sandbox.mount import Mount
from jira_assets.sandbox.request_log import RequestLog
from jira_assets.sandbox.site import JiraSite

HOST: Final = "127.0.0.1"
_START_SECONDS: Final = 20.0
_STOP_SECONDS: Final = 20.0
_KEEP_ALIVE_SECONDS: Final = 60


class _Uvicorn(uvicorn.Server):
    """Says when it is up, and in which loop."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = threading.Event()
        self.loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.loop = asyncio.get_running_loop()
        self.up.set()


@dataclass(kw_only=True)
class _Place(Behaviour):
    """Where a server is found."""

    port: int = 0
    """0: any free one."""
    context_path: str = ""
    """What stands before every path, such as ``/jira``."""


@dataclass(eq=False)
class SandboxServer(_Place):
    """Serves a site, or several by their prefix, until ``stop``; a context manager.

    ``SandboxServer(site)`` serves it at ``url``; ``SandboxServer({"/one": a, "/two/jira": b})``
    serves ``a`` at ``url + "/one"``. The fields of ``Behaviour`` may be assigned while it serves.
    """

    site: JiraSite | Mapping[str, JiraSite]
    requests: RequestLog = field(default_factory=RequestLog, init=False, repr=False)

    def __post_init__(self) -> None:
        for path in (self.context_path, *self.sites):
            if path and (not path.startswith("/") or path.endswith("/")):
                raise ValueError(f"{path!r} is no path: it begins with a slash and ends with none.")
        self._server: _Uvicorn | None = None

    @property
    def url(self) -> str:
        """The base URL, context path included, without a slash at the end."""
        return self._origin + self.context_path

    def start(self) -> None:
        """Begin to serve; returns when calls are answered. ``OSError`` if the port is taken."""
        listener = socket.create_server((HOST, self.port))
        self.port = listener.getsockname()[1]
        mounts = [
            Mount(site, self.context_path + prefix, self._origin)
            for prefix, site in self.sites.items()
        ]
        self._app = App(mounts, self, self.requests)
        self._server = _Uvicorn(_config(self._app))
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="jira-sandbox", daemon=True
        )
        self._thread.start()
        if not self._server.up.wait(_START_SECONDS):
            raise RuntimeError(f"The sandbox at {self.url} did not start: see the error above.")

    def stop(self) -> None:
        """End calls that hang, answer those under way, close the port. Repeatable."""
        server, self._server = self._server, None
        if server is None or server.loop is None:
            return
        server.loop.call_soon_threadsafe(self._app.wake)
        server.should_exit = True
        self._thread.join(_STOP_SECONDS)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def _origin(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def sites(self) -> Mapping[str, JiraSite]:
        """The sites served, by the path that they are below; a single one is at ``""``."""
        return {"": self.site} if isinstance(self.site, JiraSite) else self.site


@contextmanager
def told_to_end() -> Iterator[threading.Event]:
    """Give an event that SIGINT and SIGTERM set, meanwhile. In the main thread only."""
    told = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: told.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _config(app: App) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        interface="asgi3",
        lifespan="off",
        ws="none",
        log_config=None,
        log_level="critical",
        access_log=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )
