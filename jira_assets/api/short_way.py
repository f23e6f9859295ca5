"""The short way to ``GET /requests/{id}``: the one path that many ask again and again.

Decisions this module embodies:

* FastAPI's way through routes, dependencies and validation costs several times what the answer
  does. So the plain call of this path, and only that, is answered before FastAPI sees it, by the
  function that checks keys there, too, and in the same words.
* What is not plain (another form of the id, a body, a header twice) goes FastAPI's way: there is
  one place that says what is wrong with a call.
* FastAPI's route stays, and is what the OpenAPI document describes.
"""

import re
from typing import Final, NamedTuple
from uuid import UUID

from starlette.types import ASGIApp, Receive, Scope, Send

from jira_assets.api.problems import AWAY, Problem, unavailable
from jira_assets.api.requests import answer_seen
from jira_assets.api.service import Service, seen_with

_PATH: Final = re.compile(
    "/requests/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})", re.ASCII
)
_BODIES: Final = frozenset({b"content-length", b"transfer-encoding"})
_BEARER: Final = re.compile(b"Bearer ([!-~]+)")


class PlainCall(NamedTuple):
    """A call of this path that can be answered the short way."""

    request_id: UUID
    key_text: str


class ShortWay:
    """Answers plain calls of one path; passes everything else on to ``app``."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call, or pass it on."""
        call = plain_call(scope)
        if call is None:
            await self._app(scope, receive, send)
            return
        try:
            response = answer_seen(await seen_with(self._service, *call))
        except Problem as problem:
            response = problem.response()
        except AWAY as error:
            response = unavailable(error).response()
        await response(scope, receive, send)


def plain_call(scope: Scope) -> PlainCall | None:
    """Return what a plain call asks for; None for any other."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return None
    matched = _PATH.fullmatch(scope["path"])
    if matched is None:
        return None
    authorization: bytes | None = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            if authorization is not None:
                return None
            authorization = value
        elif name in _BODIES:
            return None
    bearer = None if authorization is None else _BEARER.fullmatch(authorization)
    return None if bearer is None else PlainCall(UUID(matched[1]), bearer[1].decode())
