"""A bound on bodies, answered like every other error; FastAPI's own answers in plain text.

Decisions this module embodies:

* Who is answered before the body has ended may go on sending: the server would take it all, and
  throw it away, to keep the connection. Where the end is not near, the connection is closed.
"""

from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
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
        headers = Headers(scope=scope)
        announced = headers.get("content-length", "0")
        size = int(announced) if announced.isdecimal() else 0
        endless = "transfer-encoding" in headers

        async def counted() -> Message:
            nonlocal size, endless
            if size > MAX_BYTES:
                raise too_large()
            message = await receive()
            if "content-length" not in headers:
                size += len(message.get("body", b""))
                if size > MAX_BYTES:
                    raise too_large()
            endless = endless and message.get("more_body", False)
            return message

        async def closing(message: Message) -> None:
            if message["type"] == "http.response.start" and (endless or size > MAX_BYTES):
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        await self._app(scope, counted, closing)


def too_large() -> HTTPException:
    """Return the refusal."""
    detail = f"The body is larger than {MAX_BYTES:,} bytes."
    return HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
