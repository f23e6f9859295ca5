"""The sandbox as a bare ASGI application: no router, no middleware, one lookup a request.

Benchmarks measure a client on the cores that this runs on, so a request must cost next to nothing.
The order in which a real site's layers act is kept: the gateway's rate limit, then what goes wrong,
then who is asking, then the answer. It is made at once, and sent when the call has taken its time.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from jira_assets.sandbox.answers import error
from jira_assets.sandbox.credentials import Credentials, refusal
from jira_assets.sandbox.faults import KINDS, Fault, Faults
from jira_assets.sandbox.hit import Hit
from jira_assets.sandbox.mount import Mount
from jira_assets.sandbox.rate_limit import RateLimit, limit_headers, refusal_headers
from jira_assets.sandbox.request_log import Request, RequestLog
from jira_assets.sandbox.timing import Timing
from jira_assets.sandbox.wire import HTML, NOT_FOUND_PAGE, TOO_LARGE_PAGE, Call, Reply, encode

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

MAX_BODY: Final = 1 << 20
"""Bytes of a request's body that are read; a longer one is answered 413."""

_logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Behaviour:
    """How a server treats its callers. Each may be assigned anew while it serves."""

    latency: float = 0.0
    """Seconds that every call takes, from its arrival to its answer, the work included."""
    rate_limit: RateLimit | None = None
    faults: Sequence[Fault] = ()
    fault_seed: int = 0
    credentials: Credentials | None = None


class App:
    """Serves mounts; the longest prefix that fits a path answers."""

    def __init__(self, mounts: Sequence[Mount], behaviour: Behaviour, log: RequestLog) -> None:
        self._mounts = sorted(mounts, key=lambda mount: -len(mount.prefix))
        self._behaviour = behaviour
        self._log = log
        self._faults_of = behaviour.faults
        self._faults = Faults(behaviour.faults, behaviour.fault_seed)
        self._timing = Timing()
        self._asleep: set[asyncio.Future[None]] = set()
        self._awake = False

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer one request."""
        came, path = time.monotonic(), scope["path"]
        authorization = dict(scope["headers"]).get(b"authorization")
        self._log.begin()
        try:
            body = b"" if scope["method"] == "GET" else await _body(receive)
            reply = await self._reply(scope, body, authorization, came)
        except Exception:
            _logger.exception("The sandbox itself failed to answer %s.", path)
            raise
        query = scope["query_string"].decode("ascii", "replace")
        self._log.end(
            Request(
                scope["method"],
                path,
                query,
                reply.status,
                authorization is not None,
                came,
                body or b"",
            )
        )
        await send({"type": "http.response.start", "status": reply.status, "headers": reply.head()})
        cut = reply.promised is not None
        await send({"type": "http.response.body", "body": reply.body, "more_body": cut})

    def wake(self) -> None:
        """End every pause, and let no other begin: the server is about to stop."""
        self._awake = True
        for pause in self._asleep:
            if not pause.done():
                pause.set_result(None)

    async def _reply(
        self, scope: "Scope", body: bytes | None, authorization: bytes | None, came: float
    ) -> Reply:
        mount = self._mount(scope["path"])
        if mount is None:
            return Reply(404, NOT_FOUND_PAGE, HTML)
        if body is None:
            return Reply(413, TOO_LARGE_PAGE, HTML)
        bucket = mount.bucket(self._behaviour.rate_limit)
        if bucket is None:
            return await self._treated(mount, scope, body, authorization, came)
        verdict = bucket.take()
        headers = limit_headers(bucket.limit, verdict, cloud=mount.cloud)
        if not verdict.allowed:
            explains = mount.cloud and not bucket.limit.silent
            why = refusal_headers(verdict.retry_after, cloud=explains)
            return encode(error(429, "Rate limit exceeded."), headers + why)
        reply = await self._treated(mount, scope, body, authorization, came)
        return replace(reply, headers=reply.headers + headers)

    async def _treated(
        self,
        mount: Mount,
        scope: "Scope",
        body: bytes,
        authorization: bytes | None,
        came: float,
    ) -> Reply:
        """Hit a call with what goes wrong, if it is its turn, and let it take its time."""
        call = Call(scope["method"], scope["path"], scope["query_string"], body)
        due = came + self._behaviour.latency

        def answer(call: Call) -> Reply:
            methods = mount.methods(call.path)
            if call.method not in methods:
                return Reply(405, headers=((b"allow", ", ".join(methods).encode()),))
            if not self._welcome(mount, call.path, authorization):
                return refusal(cloud=mount.cloud)
            return mount.reply(call)

        fault = self._current_faults().hit(call.path)
        if fault is None:
            reply = answer(call)
        else:
            reply = _hit(fault, mount, call, answer)
            due += fault.seconds if fault.kind == "hang" else 0.0
        await self._pause_until(due)
        return reply

    def _welcome(self, mount: Mount, path: str, authorization: bytes | None) -> bool:
        credentials = self._behaviour.credentials
        if credentials is None or (authorization is None and mount.public(path)):
            return True
        return credentials.accepts(authorization)

    def _mount(self, path: str) -> Mount | None:
        for mount in self._mounts:
            if path == mount.prefix or path.startswith(mount.prefix + "/"):
                return mount
        return None

    def _current_faults(self) -> Faults:
        assigned = self._behaviour.faults
        if assigned is not self._faults_of:
            self._faults_of = assigned
            self._faults = Faults(assigned, self._behaviour.fault_seed)
        return self._faults

    async def _pause_until(self, due: float) -> None:
        """Return at ``due`` of the monotonic clock, on average; at once when the server stops."""
        seconds = self._timing.plan(due - time.monotonic())
        if seconds <= 0 or self._awake:
            return
        loop = asyncio.get_running_loop()
        pause = loop.create_future()
        timer = loop.call_later(seconds, _finish, pause)
        began = time.monotonic()
        self._asleep.add(pause)
        try:
            await pause
        finally:
            timer.cancel()
            self._asleep.discard(pause)
        self._timing.took(time.monotonic() - began, seconds)


def _hit(fault: Fault, mount: Mount, call: Call, answer: Callable[[Call], Reply]) -> Reply:
    def anonymous() -> Reply:
        return mount.reply(call, anonymous=True)

    _, make = KINDS[fault.kind]
    return make(
        Hit(
            call=call,
            base_url=mount.base_url,
            cloud=mount.cloud,
            seconds=fault.seconds,
            location=fault.location,
            answer=answer,
            anonymous=anonymous,
        )
    )


async def _body(receive: "Receive") -> bytes | None:
    """Read a request's body; None if it is too long to be read."""
    read = b""
    while True:
        message = await receive()
        read += bytes(message.get("body", b""))
        if len(read) > MAX_BODY:
            return None
        if not message.get("more_body", False):
            return read


def _finish(pause: asyncio.Future[None]) -> None:
    if not pause.done():
        pause.set_result(None)
