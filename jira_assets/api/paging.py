"""Lists a page at a time: ``limit`` and ``offset``, and the path of what comes next.

A page past the end is a 404: an empty one would look like a list that has shrunk.
"""

from http import HTTPStatus
from typing import Annotated, Any, Final, Generic, TypeVar

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, Field

from jira_assets.api.answers import json_answer
from jira_assets.api.problems import FieldError, Problem
from jira_assets.warehouse.catalogue import Slice, Window

T = TypeVar("T")
DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1000
_MAX_OFFSET: Final = 10**12


class Page(BaseModel, Generic[T]):
    """Part of a list."""

    items: list[T]
    total: int = Field(description="how many there are in all")
    limit: int
    offset: int
    next: str | None = Field(description="the path of the next page; null on the last one")


def window(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    offset: Annotated[int, Query(ge=0, le=_MAX_OFFSET)] = 0,
) -> Window:
    """Return which part of a list a request wants."""
    return Window(offset, limit)


TheWindow = Annotated[Window, Depends(window)]


def page_response(request: Request, found: Slice, wanted: Window) -> Response:
    """Answer with a page; raises a 404 for one past the end."""
    if wanted.offset and wanted.offset >= found.total:
        said = f"There is no page at {wanted.offset:,}: the list has {found.total:,}."
        errors: list[FieldError] = [{"in": "query", "field": "offset", "detail": said}]
        raise Problem(HTTPStatus.NOT_FOUND, "past-the-end", said, errors)
    return json_answer(_page(request, found, wanted))


def _page(request: Request, found: Slice, wanted: Window) -> dict[str, Any]:
    end = wanted.offset + wanted.limit
    following = request.url.include_query_params(offset=end, limit=wanted.limit)
    return {
        "items": found.items,
        "total": found.total,
        "limit": wanted.limit,
        "offset": wanted.offset,
        "next": f"{following.path}?{following.query}" if end < found.total else None,
    }
