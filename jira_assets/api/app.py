"""The HTTP service as an ASGI application.

Decisions this module embodies:

* It never loads Dagster: it writes rows that a sensor turns into runs, and reads rows that runs
  write. So it starts in a second, is small, and goes on while Dagster is away.
* No traces by itself: a stream token is part of a URL, and traces keep URLs.
"""

from collections.abc import Sequence
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.middleware.cors import CORSMiddleware

from jira_assets import __version__
from jira_assets.api import catalogue, events, extractions, health, metrics, requests
from jira_assets.api.access_log import AccessLog
from jira_assets.api.body_limit import BodyLimit
from jira_assets.api.problems import SCHEMA, answer_with_problems, documented
from jira_assets.api.service import Service
from jira_assets.api.short_way import ShortWay

_DOCUMENTED: Final = documented(400, 401, 403, 404, 409, 413, 422, 503)


def build_app(service: Service, allowed_origins: Sequence[str] = ()) -> FastAPI:
    """Build the application.

    Args:
        service: what it stands on.
        allowed_origins: web pages that may call it from a browser, as ``https://a.example``.
    """
    app = FastAPI(
        title="jira_assets",
        version=__version__,
        summary="Ask for a reading of a Jira site, watch it, look at what is there.",
        telemetry={"tracing": False, "metrics": False, "logs": False},
        redoc_url=None,
    )
    app.state.service = service
    for router in (requests, events, catalogue, extractions):
        app.include_router(router.router, responses=_DOCUMENTED)
    for router in (health, metrics):
        app.include_router(router.router)
    answer_with_problems(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(ShortWay, service=service)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(allowed_origins),
        allow_methods=["GET", "POST", "PATCH"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID"],
        expose_headers=["Location", "Retry-After"],
    )
    app.add_middleware(AccessLog)
    _document(app)
    return app


def _document(app: FastAPI) -> None:
    """Let the OpenAPI document say what errors really look like."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title=app.title, version=app.version, summary=app.summary, routes=app.routes
            )
            made.setdefault("components", {}).setdefault("schemas", {})["Problem"] = SCHEMA
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way
