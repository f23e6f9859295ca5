"""The service as a process: uvicorn, its log, and an end that waits for nobody who watches.

Decisions this module embodies:

* Told to end, it takes no new call, answers those under way, and ends the streams at once: their
  browsers connect again, to whoever serves then.
* uvicorn's own access log writes whole URLs, with stream tokens in them: it is off.
"""

import logging
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import uvicorn

from jira_assets.api.app import build_app
from jira_assets.api.service import Service

_LAST_SECONDS: Final = 10


class Server(uvicorn.Server):
    """Ends the streams before it waits for the connections to close."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End in order on SIGINT and SIGTERM.

        uvicorn's own would raise the signal again afterwards, and so end the process before it
        has given up its share in the embedded Postgres.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {
            number: signal.signal(number, self.handle_exit)
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close everything."""
        self._service.stopping.set()
        await super().shutdown(sockets)


def make_server(service: Service, allowed_origins: Sequence[str] = ()) -> Server:
    """Return the server; ``run(sockets=[…])`` serves until SIGINT or SIGTERM."""
    config = uvicorn.Config(
        build_app(service, allowed_origins),
        lifespan="off",
        ws="none",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=_LAST_SECONDS,
    )
    return Server(config, service)


def log_to_stderr() -> None:
    """Write a line a call, and what fails, to standard error."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s"
    )
    logging.getLogger("jira_assets").setLevel(logging.INFO)
