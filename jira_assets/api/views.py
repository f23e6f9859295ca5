"""What the answers look like. Times in ISO 8601 with their zone; percentages 0 to 100."""

from datetime import datetime
from functools import cached_property
from typing import Any, Literal
from uuid import UUID

import orjson
from pydantic import BaseModel, Field

from jira_assets.warehouse.request_progress import LandedPart, RequestProgress

State = Literal["queued", "extracting", "landed", "transforming", "done", "failed"]


class EntityProgressView(BaseModel):
    """How far the entity is that is being read, in calls."""

    entity: str
    done: int
    total: int
    per_second: float
    seconds_left: float | None = Field(description="of this entity; null before the first call")


class ReadingView(BaseModel):
    """How far a reading is."""

    percentage: float = Field(description="of the whole job")
    entity: EntityProgressView | None = Field(description="null between two entities")
    percent_per_second: float | None = Field(description="null where it cannot be told yet")
    seconds_left: float | None = Field(description="at this rate; null where it cannot be told yet")


class LandedView(BaseModel):
    """One entity that has landed whole, and how far its rows are."""

    entity: str
    pages: int
    items: int
    landed_at: datetime
    scopes: int = Field(description="parts of it that landed: of issues one a project, else one")
    scopes_done: int = Field(description="those that the tables hold, or something newer")
    state: str = Field(description="of the message that is furthest back: see docs/queue.md")


class RunView(BaseModel):
    """A Dagster run."""

    kind: Literal["extraction", "transform"]
    run_id: str
    url: str = Field(description="its page in the Dagster UI")


class RequestView(BaseModel):
    """A request, and how far it is over its whole way."""

    request_id: UUID
    integration: str = Field(description="tenant/integration, by their slugs")
    integration_id: int
    job_name: str
    requested_by: str | None
    state: State
    error: str | None = Field(description="why it failed, and who must act")
    waits_for: str | None = Field(description="why it is queued, where that is known")
    reading: ReadingView | None = Field(description="while it is extracting")
    landed: list[LandedView]
    runs: list[RunView]
    created_at: datetime
    started_at: datetime | None
    extracted_at: datetime | None
    finished_at: datetime | None
    links: dict[str, str]


class StreamTokenView(BaseModel):
    """What opens the events of one request without a header."""

    token: str
    expires_at: datetime
    events: str = Field(description="the path with the token in it")


class Told:
    """A request as it was read once, put into words once for all who asked then.

    Args:
        progress: how far it was.
        dagster_url: where people open the Dagster UI.
    """

    def __init__(self, progress: RequestProgress, dagster_url: str) -> None:
        self.progress = progress
        self._dagster_url = dagster_url

    @cached_property
    def view(self) -> dict[str, Any]:
        """As ``RequestView`` says, ready for JSON."""
        return request_view(self.progress, self._dagster_url)

    @cached_property
    def body(self) -> bytes:
        """The view, in JSON."""
        return orjson.dumps(self.view)


def request_view(progress: RequestProgress, dagster_url: str) -> dict[str, Any]:
    """Return a request as ``RequestView`` says, ready for JSON."""
    path = f"/requests/{progress.request_id}"
    return {
        "request_id": progress.request_id,
        "integration": progress.partition_key,
        "integration_id": progress.integration_id,
        "job_name": progress.job_name,
        "requested_by": progress.requested_by,
        "state": progress.state,
        "error": progress.error,
        "waits_for": progress.waits_for,
        "reading": _reading(progress),
        "landed": _landed(progress.landed),
        "runs": _runs(progress, dagster_url),
        "created_at": progress.created_at,
        "started_at": progress.started_at,
        "extracted_at": progress.extracted_at,
        "finished_at": progress.finished_at,
        "links": {
            "self": path,
            "events": f"{path}/events",
            "stream_token": f"{path}/stream-token",
        },
    }


def run_view(kind: str, run_id: str, dagster_url: str) -> dict[str, str]:
    """Return a Dagster run as ``RunView`` says."""
    return {"kind": kind, "run_id": run_id, "url": f"{dagster_url}/runs/{run_id}"}


def _runs(progress: RequestProgress, dagster_url: str) -> list[dict[str, str]]:
    reads = [] if progress.run_id is None else [("extraction", progress.run_id)]
    transforms = [("transform", run_id) for run_id in progress.transform_runs]
    return [run_view(kind, run_id, dagster_url) for kind, run_id in reads + transforms]


def _reading(progress: RequestProgress) -> dict[str, Any] | None:
    if progress.percentage is None or progress.state != "extracting":
        return None
    rate = progress.percent_per_second
    left = None if rate is None else (100 - progress.percentage) / rate
    return {
        "percentage": progress.percentage,
        "entity": progress.entity_progress,
        "percent_per_second": None if rate is None else round(rate, 3),
        "seconds_left": None if left is None else round(left, 1),
    }


def _landed(parts: tuple[LandedPart, ...]) -> list[dict[str, Any]]:
    """One line an entity; where its scopes are not equally far, the state that is furthest back."""
    entities: dict[str, dict[str, Any]] = {}
    for part in sorted(parts, key=lambda part: _ORDER.index(part.state), reverse=True):
        line = entities.setdefault(part.entity, {"entity": part.entity, **_NOTHING})
        line["pages"] += part.pages
        line["items"] += part.items
        line["scopes"] += part.messages
        line["scopes_done"] += part.messages if part.state in _DONE else 0
        line["landed_at"] = max(part.landed_at, line.get("landed_at", part.landed_at))
        line["state"] = part.state
    return sorted(entities.values(), key=lambda line: (line["landed_at"], line["entity"]))


_NOTHING = {"pages": 0, "items": 0, "scopes": 0, "scopes_done": 0}
_DONE = ("completed", "superseded")
_ORDER = (
    "failed",
    "dropped",
    "pending",
    "published",
    "received",
    "launched",
    "superseded",
    "completed",
)
