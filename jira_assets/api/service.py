"""What the service stands on: the warehouse, its batched readers, and the settings of its answers.

Decisions this module embodies:

* Who asks is known from the key alone. A key that is unknown, wrong or revoked gets one answer, so
  that it tells nothing; what belongs to another tenant is, for a key, not there.
* From the moment that the key is known, Postgres shows the key's tenant only: an engine that sees
  more is not at hand where a tenant is answered. An admin's calls go over an engine of their own,
  which may be another role's.
"""

import asyncio
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Annotated, Final, NamedTuple
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
from jira_assets.warehouse.connect import OneTenantAtATimeError
from jira_assets.warehouse.request_progress import read_progress
from jira_assets.warehouse.scope import (
    everything,
    narrow_to_tenants,
    with_its_search_path,
    within_tenants,
)


class Look(NamedTuple):
    """A key and a request, each as it is now; None where it is not there (any more)."""

    key: ApiKey | None
    told: Told | None


def read_looks(
    engine: sa.Engine,
    admins_engine: sa.Engine,
    dagster_url: str,
    wanted: Collection[tuple[str, UUID]],
) -> dict[tuple[str, UUID], Look]:
    """Return each pair of a key's id and a request's id as they are now.

    Those of all tenants' keys are read at once, in the scope of just these tenants.
    """
    told: dict[UUID, Told] = {}

    def read(connection: sa.Connection, requests: Collection[UUID]) -> None:
        found = read_progress(connection, requests)
        told.update({request_id: Told(each, dagster_url) for request_id, each in found.items()})

    with with_its_search_path(engine).connect() as connection:
        keys = find_keys(connection, {key_id for key_id, _ in wanted})
        tenants = {key.tenant_id for key in keys.values() if key.tenant_id is not None}
        if tenants:
            narrow_to_tenants(connection, tenants)
            read(connection, {request for key, request in wanted if key in keys})
    admins = {key.key_id for key in keys.values() if key.tenant_id is None}
    unseen = {request for key, request in wanted if key in admins} - set(told)
    if unseen:
        # Where the service's role may not see all tenants, an admin finds nothing; those who are
        # answered at the same time must not fail with him.
        with suppress(OneTenantAtATimeError), admins_engine.connect() as connection:
            read(connection, unseen)
    return {each: Look(keys.get(each[0]), told.get(each[1])) for each in wanted}


class Service:
    """One per application, made with what it stands on.

    Args:
        engine: the warehouse's, as the role that answers tenants; it has no scope.
        dagster_url: where people open the Dagster UI.
        broker_url: the broker whose absence `/readyz` tells of; None: it is not looked at.
        dead_after_seconds: after how long without a sign of life a run counts as dead.
        admins_engine: as the role that answers admins; ``engine`` where it is the same one.
    """

    def __init__(
        self,
        engine: sa.Engine,
        *,
        dagster_url: str,
        broker_url: str | None = None,
        dead_after_seconds: float = 60,
        admins_engine: sa.Engine | None = None,
    ) -> None:
        self._engine = engine
        self._admins_engine = everything(
            engine if admins_engine is None else admins_engine, "an admin's key sees all tenants"
        )
        self.dagster_url = dagster_url.rstrip("/")
        self.dead_after_seconds = dead_after_seconds
        self.keys: Batched[str, ApiKey] = Batched(partial(_read_keys, engine))
        self.looks: Batched[tuple[str, UUID], Look] = Batched(
            partial(read_looks, engine, self._admins_engine, self.dagster_url)
        )
        self.readiness: Batched[str, Readiness] = Batched(
            lambda asked: dict.fromkeys(asked, look(engine, broker_url))
        )
        self.rows = RowCounts()
        self.stopping = asyncio.Event()
        """Set when the server is told to end: streams end with it."""

    def engine_of(self, key: ApiKey) -> sa.Engine:
        """Return the engine that sees what ``key`` may see."""
        if key.tenant_id is None:
            return self._admins_engine
        return within_tenants(self._engine, {key.tenant_id})


def _read_keys(engine: sa.Engine, key_ids: Collection[str]) -> dict[str, ApiKey]:
    # One statement is its own transaction: without a begin and an end of it, two trips fewer.
    alone = with_its_search_path(engine).execution_options(isolation_level="AUTOCOMMIT")
    with alone.connect() as connection:
        return find_keys(connection, key_ids)


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

    @property
    def engine(self) -> sa.Engine:
        """The warehouse's engine, seeing what the key may see."""
        return self.service.engine_of(self.key)


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
