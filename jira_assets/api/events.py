"""A request as server-sent events: one when it changes, until it is done or failed.

Decisions this module embodies:

* Every stream looks at the same moment, once a second, through the batched readers: a thousand
  watchers are two statements a second, and hold no thread and no connection between.
* A stream ends with its key: revoked is revoked for those who watch already, too.
* Postgres that is away for a while ends no stream; it says so in a comment and goes on.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Any, Final
from uuid import UUID

import orjson
from fastapi import APIRouter, Header, Response
from fastapi.responses import StreamingResponse

from jira_assets.api.problems import AWAY, Problem, unavailable
from jira_assets.api.service import Caller, Service, TheWatchedRequest, visible
from jira_assets.warehouse.request_progress import FINAL_STATES

router: Final = APIRouter(tags=["requests"])
EVERY_SECONDS: Final = 1.0
HEARTBEAT_SECONDS: Final = 15.0
_EVENT: Final = {
    "type": "object",
    "required": ["data", "event"],
    "properties": {
        "event": {"enum": ["message", "end", "problem"]},
        "id": {"type": "string"},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

LastEventId = Annotated[
    str | None,
    Header(alias="Last-Event-ID", description="Set by a browser that connects again."),
]


@router.get(
    "/requests/{request_id}/events",
    summary="Watch a request",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "An event whenever the request changes; the last one is named `end`.",
            "content": {"text/event-stream": {"schema": _EVENT}},
        },
        204: {"description": "This browser has seen the end: do not connect again."},
    },
)
async def watch_request(
    seen: TheWatchedRequest,
    last_event_id: LastEventId = None,
) -> Response:
    """Send what `GET /requests/{id}` returns, now and whenever it changes.

    Events named `message` while it goes on, one named `end` when it is done or failed, one named
    `problem` if it can be watched no longer. Comments in between keep the connection open.
    """
    view = seen.told.view
    if view["state"] in FINAL_STATES and last_event_id == _identity(view):
        return Response(status_code=204)
    return StreamingResponse(
        _events(seen.caller, seen.told.progress.request_id),
        media_type="text/event-stream",
        headers=_HEADERS,
    )


async def _events(watcher: Caller, request_id: UUID) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    sent, said_at, is_away = "", loop.time(), False
    while not watcher.service.stopping.is_set():
        try:
            view = await _look(watcher, request_id)
        except Problem as problem:
            yield b"event: problem\ndata: " + problem.body() + b"\n\n"
            return
        except AWAY as error:
            # Said and logged once: hundreds of streams look every second, however long it lasts.
            if not is_away:
                yield f": {unavailable(error).detail}\n\n".encode()
                said_at, is_away = loop.time(), True
        else:
            is_away = False
            identity = _identity(view)
            if identity != sent:
                yield _event(view, identity)
                sent, said_at = identity, loop.time()
            if view["state"] in FINAL_STATES:
                return
        if loop.time() - said_at >= HEARTBEAT_SECONDS:
            yield b": still watching\n\n"
            said_at = loop.time()
        await _next_look(watcher.service, loop.time())


async def _look(watcher: Caller, request_id: UUID) -> dict[str, Any]:
    found = await watcher.service.looks.get((watcher.key.key_id, request_id))
    return visible(found, request_id).view


async def _next_look(service: Service, now: float) -> None:
    """Wait for the next full second, the same one for every stream; or for the end."""
    with suppress(TimeoutError):
        await asyncio.wait_for(service.stopping.wait(), EVERY_SECONDS - now % EVERY_SECONDS)


def _identity(view: dict[str, Any]) -> str:
    """Return what is the same as long as nothing has changed, time itself aside."""
    reading = view["reading"]
    lasting = {**view, "reading": None if reading is None else reading["percentage"]}
    return hashlib.sha256(orjson.dumps(lasting)).hexdigest()[:16]


def _event(view: dict[str, Any], identity: str) -> bytes:
    name = "end" if view["state"] in FINAL_STATES else "message"
    return f"event: {name}\nid: {identity}\ndata: ".encode() + orjson.dumps(view) + b"\n\n"
