"""What the service stands on: the warehouse, its batched readers, and the settings of its answers.

Decisions this module embodies:

* Who asks is known from the key alone. A key that is unknown, wrong or revoked gets one answer, so
  that it tells nothing; what belongs to another tenant is, for a key, not there.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Annotated, Final, NamedTuple, TypeVar
from uuid import UUID

import sqlalchemy as sa
from fastapi import Depends, Path, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from jira_assets.api.batching import Batched
from jira_assets.api.problems import Problem, not_found
from jira_assets.api.readiness import Readiness, look
from jira_assets.api.row_counts import RowCounts
from jira_assets.api.stream_tokens import StreamToken
from jira_assets.api.views import Told
from jira_assets.warehouse.api_keys import ApiKey, find_keys, split_key
from jira_assets.warehouse.request_progress import read_progress

K = TypeVar("K")
V = TypeVar("V")


class Look(NamedTuple):
    """A key and a request, each as it is now; None where it is not there (any more)."""

    key: ApiKey | None
    told: Told | None


def read_looks(
    dagster_url: str, connection: sa.Connection, wanted: Collection[tuple[str, UUID]]
) -> dict[tuple[str, UUID], Look]:
    """Return each pair of a key's id and a request's id as they are now."""
    keys = find_keys(connection, {key_id for key_id, _ in wanted})
    requests = read_progress(connection, {request_id for _, request_id in wanted})
    told = {request_id: Told(each, dagster_url) for request_id, each in requests.items()}
    return {each: Look(keys.get(each[0]), told.get(each[1])) for each in wanted}


class Service:
    """One per application, made with what it stands on.

    Args:
        engine: the warehouse's.
        dagster_url: where people open the Dagster UI.
        broker_url: the broker whose absence `/readyz` tells of; None: it is not looked at.
        dead_after_seconds: after how long without a sign of life a run counts as dead.
    """

    def __init__(
        self,
        engine: sa.Engine,
        *,
        dagster_url: str,
        broker_url: str | None = None,
        dead_after_seconds: float = 60,
    ) -> None:
        self.engine = engine
        self.dagster_url = dagster_url.rstrip("/")
        self.dead_after_seconds = dead_after_seconds
        self.keys: Batched[str, ApiKey] = Batched(_reading(engine, find_keys))
        self.looks: Batched[tuple[str, UUID], Look] = Batched(
            _reading(engine, partial(read_looks, self.dagster_url))
        )
        self.readiness: Batched[str, Readiness] = Batched(
            lambda asked: dict.fromkeys(asked, look(engine, broker_url))
        )
        self.rows = RowCounts()
        self.stopping = asyncio.Event()
        """Set when the server is told to end: streams end with it."""


def _reading(
    engine: sa.Engine, read: Callable[[sa.Connection, Collection[K]], Mapping[K, V]]
) -> Callable[[Collection[K]], Mapping[K, V]]:
    # One statement is its own transaction: without a begin and an end of it, two trips fewer.
    alone = engine.execution_options(isolation_level="AUTOCOMMIT")

    def in_a_connection(keys: Collection[K]) -> Mapping[K, V]:
        with alone.connect() as connection:
            return read(connection, list(keys))

    return in_a_connection


RequestId = Annotated[UUID, Path(description="As answered when it was made.")]
_bearer: Final = HTTPBearer(
    auto_error=False, scheme_name="key", description="A key of `jira-assets key create`."
)
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


async def service_of(request: Request) -> Service:
    """Return the service that a request is made to."""
    service: Service = request.app.state.service
    return service


@dataclass(frozen=True)
class Caller:
    """Who asks, and what answers."""

    key: ApiKey
    service: Service


@dataclass(frozen=True)
class Seen:
    """A request that the caller may see."""

    caller: Caller
    told: Told


async def caller_of(request: Request, credentials: _Credentials) -> Caller:
    """Return who asks by a key in the header; raises a 401."""
    service = await service_of(request)
    key_id, secret = _parts(None if credentials is None else credentials.credentials)
    return Caller(_opened(await service.keys.get(key_id), secret), service)


async def request_of(request_id: RequestId, request: Request, credentials: _Credentials) -> Seen:
    """Return the request of a path, for a key in the header; raises a 401 or a 404."""
    key = None if credentials is None else credentials.credentials
    return await seen_with(await service_of(request), request_id, key)


# Of its own, though it looks like `caller_of`: read often, it looks at key and request at once.
async def seen_with(service: Service, request_id: UUID, key_text: str | None) -> Seen:
    """Return a request for a key as it was handed in, None for none; raises a 401 or a 404."""
    key_id, secret = _parts(key_text)
    found = await service.looks.get((key_id, request_id))
    key = _opened(None if found is None else found.key, secret)
    return Seen(Caller(key, service), visible(found, request_id))


async def watched_request_of(
    request_id: RequestId,
    request: Request,
    credentials: _Credentials,
    token: Annotated[
        str | None,
        Query(description="A stream token, in place of the header.", max_length=100),
    ] = None,
) -> Seen:
    """Return the request of a path, for a key in the header or a stream token."""
    if token is None:
        return await request_of(request_id, request, credentials)
    service, parsed = await service_of(request), StreamToken.parse(token)
    found = None if parsed is None else await service.looks.get((parsed.key_id, request_id))
    key = None if found is None else found.key
    if parsed is None or key is None or not parsed.opens(request_id, key, time.time()):
        raise refused(
            "This stream token is wrong, has expired, or its key was revoked: make another one "
            "with POST /requests/{id}/stream-token."
        )
    return Seen(Caller(key, service), visible(found, request_id))


def visible(found: Look | None, request_id: UUID) -> Told:
    """Return a request that its key may see.

    Raises a 401 for a key that is gone, and a 404 for a request that is not there, or another
    tenant's.
    """
    if found is None or found.key is None:
        raise refused("The key was revoked.")
    told = found.told
    if told is None or found.key.tenant_id not in {None, told.progress.tenant_id}:
        raise not_found(f"There is no request {request_id}.")
    return told


def _parts(key_text: str | None) -> tuple[str, str]:
    if key_text is None:
        raise refused("Send a key as `Authorization: Bearer ja_…`; this request has none.")
    parts = split_key(key_text)
    if parts is None:
        raise refused(_NO_KEY)
    return parts


def _opened(key: ApiKey | None, secret: str) -> ApiKey:
    if key is None or not key.opens_with(secret):
        raise refused(_NO_KEY)
    return key


_NO_KEY: Final = "This key is unknown, or was revoked. `jira-assets key create` makes one."


def refused(detail: str) -> Problem:
    """Return the 401 for a key or token that opens nothing."""
    headers = {"WWW-Authenticate": "Bearer"}
    return Problem(HTTPStatus.UNAUTHORIZED, "unauthorized", detail, headers=headers)


TheService = Annotated[Service, Depends(service_of)]
TheCaller = Annotated[Caller, Depends(caller_of)]
TheRequest = Annotated[Seen, Depends(request_of)]
TheWatchedRequest = Annotated[Seen, Depends(watched_request_of)]
