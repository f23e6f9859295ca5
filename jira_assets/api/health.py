"""Whether it lives, and whether it can work.

Decisions this module embodies:

* Both are open: a probe has no key. They say what is wrong, not where: that is in the log.
* Ready is who can answer: with a Postgres of the right revision. Without the broker everything here
  works, and what was asked for waits; so it is told, and changes nothing.
"""

from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Response
from pydantic import BaseModel

from jira_assets.api.answers import json_answer
from jira_assets.api.problems import Problem, documented
from jira_assets.api.service import TheService

router: Final = APIRouter(tags=["service"])
_RETRY: Final = {"Retry-After": "10"}


class HealthView(BaseModel):
    """What was found."""

    status: str
    checks: dict[str, str] = {}


@router.get("/healthz", summary="Whether the process lives")
async def healthz() -> HealthView:
    """Answer, without looking at anything else."""
    return HealthView(status="ok")


@router.get(
    "/readyz",
    response_model=HealthView,
    summary="Whether it can work",
    responses=documented(503),
)
async def readyz(service: TheService) -> Response:
    """Look at Postgres, the revision of its tables, and the broker."""
    found = await service.readiness.get("now")
    if found is None:
        raise LookupError("nobody looked")
    checks = {"postgres": found.postgres, "broker": found.broker}
    if not found.ready:
        said = ", ".join(f"{name}: {each}" for name, each in checks.items())
        status = HTTPStatus.SERVICE_UNAVAILABLE
        raise Problem(status, "unavailable", f"Not ready ({said}). {found.who}", headers=_RETRY)
    return json_answer({"status": "ok", "checks": checks})
