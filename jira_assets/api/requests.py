"""Asking for a run, and how far it is.

Decisions this module embodies:

* Asking writes a row and nothing else: Dagster's sensor turns it into a run. So an answer of 202
  holds whatever dies afterwards, and the service needs neither Dagster nor the broker.
* What may be asked for is decided by the warehouse, the same for the command line.
"""

import time
from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Header, Path, Response
from pydantic import BaseModel, ConfigDict

from jira_assets.api.answers import json_answer
from jira_assets.api.places import ThePlace
from jira_assets.api.service import Caller, Seen, TheCaller, TheRequest
from jira_assets.api.stream_tokens import make_token
from jira_assets.api.views import RequestView, StreamTokenView, request_view
from jira_assets.warehouse.job_requests import request_job
from jira_assets.warehouse.places import Place
from jira_assets.warehouse.request_progress import read_progress

router: Final = APIRouter(tags=["requests"])
METADATA_JOB: Final = "jira_metadata"

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="A repeat with the same key is the same request. Unique in a tenant.",
        min_length=1,
        max_length=200,
        pattern=r"^[!-~]+$",
    ),
]
JobName = Annotated[str, Path(description="As `GET /integrations/{id}/jobs` lists it.")]


class RunOptions(BaseModel):
    """There is nothing to choose yet: the body is `{}`, or none."""

    model_config = ConfigDict(extra="forbid")


@router.post(
    "/jira/extract/statuses-and-relationships/{integration_id}",
    status_code=202,
    response_model=RequestView,
    summary="Read projects, issue types, statuses and their relationships anew",
)
def extract_statuses_and_relationships(
    place: ThePlace,
    caller: TheCaller,
    idempotency_key: IdempotencyKey = None,
    options: RunOptions | None = None,
) -> Response:
    """Ask for a run of `jira_metadata`; the answer's `Location` tells how far it is."""
    del options
    return _ask(caller, place, METADATA_JOB, idempotency_key)


@router.post(
    "/integrations/{integration_id}/jobs/{job_name}/run",
    status_code=202,
    response_model=RequestView,
    summary="Run a job now",
)
def run_job(
    place: ThePlace,
    job_name: JobName,
    caller: TheCaller,
    idempotency_key: IdempotencyKey = None,
    options: RunOptions | None = None,
) -> Response:
    """Ask for a run of any job; the answer's `Location` tells how far it is."""
    del options
    return _ask(caller, place, job_name, idempotency_key)


@router.get("/requests/{request_id}", response_model=RequestView, summary="How far a request is")
async def get_request(seen: TheRequest) -> Response:
    """Return a request over its whole way: queued, extracting, landed, transforming, done, failed.

    Read as often as you like: those who read at the same time are answered by one query.
    """
    return answer_seen(seen)


@router.post(
    "/requests/{request_id}/stream-token",
    status_code=201,
    response_model=StreamTokenView,
    summary="Make a token for the events of a request",
)
async def make_stream_token(seen: TheRequest) -> Response:
    """Return what a browser's `EventSource`, which sends no header, opens the events with.

    It opens this request's events only, for ten minutes, and dies with the key.
    """
    request_id = seen.told.progress.request_id
    token, expires = make_token(seen.caller.key, request_id, time.time())
    made = {
        "token": token,
        "expires_at": datetime.fromtimestamp(expires, UTC),
        "events": f"/requests/{request_id}/events?token={token}",
    }
    return json_answer(made, 201)


def answer_seen(seen: Seen) -> Response:
    """Answer with a request as it was read."""
    return json_answer(seen.told.body)


def _ask(caller: Caller, place: Place, job_name: str, repeat: str | None) -> Response:
    service, key = caller.service, caller.key
    asked = request_job(
        caller.engine,
        place.key,
        job_name,
        requested_by=f"key {key.key_id} ({key.name})",
        idempotency_key=repeat,
    )
    with caller.engine.connect() as connection:
        progress = read_progress(connection, [asked.request_id])[asked.request_id]
    view = request_view(progress, service.dagster_url)
    return json_answer(view, 202, {"Location": view["links"]["self"]})
