"""One line a request in the log: never its query, which may hold a stream token."""

import logging
import time
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log: Final = logging.getLogger(__name__)
_SILENT: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked every few seconds by machines; logged only when they fail."""
_FAILED: Final = 400


class AccessLog:
    """Logs method, path, status and milliseconds of each request when its answer begins."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http" or not _log.isEnabledFor(logging.INFO):
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def logged(message: Message) -> None:
            if message["type"] == "http.response.start":
                _tell(scope, message["status"], time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, logged)


def _tell(scope: Scope, status: int, seconds: float) -> None:
    if scope["path"] in _SILENT and status < _FAILED:
        return
    path = ascii(scope["path"])[1:-1]  # no line of the log can be forged by a path
    _log.info("%s %s %d %.1f ms", scope["method"], path, status, 1000 * seconds)
