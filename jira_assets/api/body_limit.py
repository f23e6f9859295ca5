"""A bound on bodies, answered like every other error; FastAPI's own answers in plain text."""

from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BYTES: Final = 64 * 1024


class BodyLimit:
    """Refuses a body of more than ``MAX_BYTES``, announced or not, before it is read whole."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with its body counted."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        size = int(announced) if announced.isdecimal() else 0

        async def counted() -> Message:
            nonlocal size
            if size > MAX_BYTES:
                raise too_large()
            message = await receive()
            if "content-length" not in Headers(scope=scope):
                size += len(message.get("body", b""))
                if size > MAX_BYTES:
                    raise too_large()
            return message

        await self._app(scope, counted, send)


def too_large() -> HTTPException:
    """Return the refusal."""
    detail = f"The body is larger than {MAX_BYTES:,} bytes."
    return HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
