"""What has landed: extractions, and their pages as Jira sent them, a payload at a time."""

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, Field

from jira_assets.api.answers import json_answer
from jira_assets.api.paging import Page, TheWindow, page_response
from jira_assets.api.places import ThePlaceIfAny
from jira_assets.api.problems import not_found, wrong
from jira_assets.api.service import TheCaller
from jira_assets.api.views import RunView, run_view
from jira_assets.warehouse.catalogue import Part, Slice, extractions_of, page_of, pages_of
from jira_assets.warehouse.contracts import SITE_SCOPE
from jira_assets.warehouse.tables import ENTITIES

router: Final = APIRouter(tags=["extractions"])
_LARGEST: Final = 2**31 - 1

ExtractionId = Annotated[UUID, Path(description="As `GET /extractions` lists it.")]


def part_of(
    entity: Annotated[str | None, Query(description=f"One of {', '.join(ENTITIES)}.")] = None,
    scope: Annotated[
        str | None,
        Query(description="Of issues a project's id, else `site`.", pattern=r"^[^\x00]*$"),
    ] = None,
) -> Part:
    """Return which part of what has landed is asked for; raises a 422 for no entity of ours."""
    _known(entity)
    return Part(entity, scope)


ThePart = Annotated[Part, Depends(part_of)]


class ExtractionView(BaseModel):
    """An entity of an extraction that has landed whole."""

    extraction_id: UUID
    entity: str
    scope: str = Field(
        description="the part of it that is read as a whole: of issues a project's id, else `site`"
    )
    is_full: bool = Field(description="false: what changed since the one before it")
    integration: str
    integration_id: int
    pages: int
    items: int
    unreadable_projects: int
    run: RunView | None = Field(description="the Dagster run that landed it")
    started_at: datetime
    landed_at: datetime


class RawPageView(BaseModel):
    """An answer of Jira, without what it said."""

    entity: str
    scope: str
    page: int
    request: dict[str, Any] = Field(description="what was asked")
    http_status: int
    extracted_at: datetime


class PayloadView(RawPageView):
    """An answer of Jira, as it came."""

    payload: Any


@router.get("/extractions", response_model=Page[ExtractionView], summary="What has landed")
def get_extractions(
    request: Request,
    caller: TheCaller,
    wanted: TheWindow,
    place: ThePlaceIfAny,
    part: ThePart,
) -> Response:
    """Return what has landed whole, the newest first; of one integration or of all."""
    with caller.engine.connect() as connection:
        found = extractions_of(
            connection,
            wanted,
            within=caller.key.tenant_id,
            integration_id=None if place is None else place.integration_id,
            part=part,
        )
    items = [_extraction(item, caller.service.dagster_url) for item in found.items]
    return page_response(request, Slice(items, found.total), wanted)


@router.get(
    "/extractions/{extraction_id}/pages",
    response_model=Page[RawPageView],
    summary="The pages of an extraction",
)
def get_pages(
    request: Request,
    extraction_id: ExtractionId,
    caller: TheCaller,
    wanted: TheWindow,
    part: ThePart,
) -> Response:
    """Return the answers of Jira that landed, without their payloads."""
    with caller.engine.connect() as connection:
        found = pages_of(
            connection,
            wanted,
            extraction_id,
            within=caller.key.tenant_id,
            part=part,
        )
    if found is None:
        raise not_found(f"Nothing of an extraction {extraction_id} has landed.")
    return page_response(request, found, wanted)


@router.get(
    "/extractions/{extraction_id}/pages/{entity}/{page}",
    response_model=PayloadView,
    summary="One page, as it came",
)
def get_page(
    extraction_id: ExtractionId,
    entity: str,
    page: Annotated[int, Path(ge=0, le=_LARGEST)],
    caller: TheCaller,
    scope: Annotated[str, Query(pattern=r"^[^\x00]*$")] = SITE_SCOPE,
) -> Response:
    """Return one answer of Jira with its payload."""
    _known(entity, "path")
    with caller.engine.connect() as connection:
        found = page_of(
            connection, extraction_id, (entity, scope, page), within=caller.key.tenant_id
        )
    if found is None:
        raise not_found(f"No page {page} of {entity} has landed with extraction {extraction_id}.")
    payload = found["payload"]
    whole = {**found, "payload": None if payload is None else orjson.Fragment(payload)}
    return json_answer(whole)


def _known(entity: str | None, place: str = "query") -> None:
    if entity is not None and entity not in ENTITIES:
        detail = f"There is no such entity: choose from {', '.join(ENTITIES)}."
        raise not_found(detail) if place == "path" else wrong(place, "entity", detail)


def _extraction(item: dict[str, Any], dagster_url: str) -> dict[str, Any]:
    names = [name for name in ExtractionView.model_fields if name != "run"]
    run_id = item["run_id"]
    run = None if run_id is None else run_view("extraction", run_id, dagster_url)
    return {**{name: item[name] for name in names}, "run": run}
