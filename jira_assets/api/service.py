"""What the service stands on: the warehouse, its batched readers, and the settings of its answers.

Decisions this module embodies:

* Who asks is known from the key alone. A key that is unknown, wrong or revoked gets one answer, so
  that it tells nothing; what belongs to another tenant is, for a key, not there.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Final, TypeVar
from uuid import UUID

import sqlalchemy as sa
from fastapi import Depends, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from jira_assets.api.batching import Batched
from jira_assets.api.problems import Problem, not_found
from jira_assets.api.readiness import Readiness, look
from jira_assets.api.row_counts import RowCounts
from jira_assets.api.stream_tokens import StreamToken
from jira_assets.warehouse.api_keys import ApiKey, find_keys, split_key
from jira_assets.warehouse.request_progress import RequestProgress, read_progress

K = TypeVar("K")
V = TypeVar("V")


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
        self.progress: Batched[UUID, RequestProgress] = Batched(_reading(engine, read_progress))
        self.readiness: Batched[str, Readiness] = Batched(
            lambda asked: dict.fromkeys(asked, look(engine, broker_url))
        )
        self.rows = RowCounts()
        self.stopping = asyncio.Event()
        """Set when the server is told to end: streams end with it."""


def _reading(
    engine: sa.Engine, read: Callable[[sa.Connection, Collection[K]], Mapping[K, V]]
) -> Callable[[Collection[K]], Mapping[K, V]]:
    def in_a_connection(keys: Collection[K]) -> Mapping[K, V]:
        with engine.connect() as connection:
            return read(connection, list(keys))

    return in_a_connection


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


# Few dependencies, and none below another: FastAPI takes longer over one than Postgres over a key.
async def caller_of(request: Request, credentials: _Credentials) -> Caller:
    """Return who asks by a key in the header; raises a 401."""
    service = await service_of(request)
    parts = None if credentials is None else split_key(credentials.credentials)
    if parts is not None:
        key = await service.keys.get(parts[0])
        if key is not None and key.opens_with(parts[1]):
            return Caller(key, service)
    raise refused(
        "Send a key as `Authorization: Bearer ja_…`; this request has none."
        if credentials is None
        else "This key is unknown, or was revoked. `jira-assets key create` makes one."
    )


async def watcher_of(
    request_id: UUID,
    request: Request,
    credentials: _Credentials,
    token: Annotated[
        str | None,
        Query(description="A stream token, in place of the header.", max_length=100),
    ] = None,
) -> Caller:
    """Return who watches a request by a key in the header, or by a stream token; raises a 401."""
    if token is None:
        return await caller_of(request, credentials)
    service = await service_of(request)
    parsed = StreamToken.parse(token)
    key = None if parsed is None else await service.keys.get(parsed.key_id)
    if parsed is not None and key is not None and parsed.opens(request_id, key, time.time()):
        return Caller(key, service)
    raise refused(
        "This stream token is wrong, has expired, or its key was revoked: make another one with "
        "POST /requests/{id}/stream-token."
    )


def refused(detail: str) -> Problem:
    """Return the 401 for a key or token that opens nothing."""
    headers = {"WWW-Authenticate": "Bearer"}
    return Problem(HTTPStatus.UNAUTHORIZED, "unauthorized", detail, headers=headers)


TheService = Annotated[Service, Depends(service_of)]
TheCaller = Annotated[Caller, Depends(caller_of)]
TheWatcher = Annotated[Caller, Depends(watcher_of)]


async def visible_request(caller: Caller, request_id: UUID) -> RequestProgress:
    """Return how far a request is; raises a 404 for one that is not there, or another tenant's."""
    found = await caller.service.progress.get(request_id)
    if found is None or caller.key.tenant_id not in {None, found.tenant_id}:
        raise not_found(f"There is no request {request_id}.")
    return found
