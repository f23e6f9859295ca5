"""Every error is an RFC 9457 problem: ``application/problem+json``, and the field that is wrong.

Decisions this module embodies:

* A caller reads what it did wrong and who must act; where servers are, and as whom they are called,
  is for whoever runs the service, and stands in its log only.
* What was sent is not repeated but for ids and slugs in a path: a body may hold anything.
"""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, TypedDict, TypeVar

import orjson
import sqlalchemy.exc
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from jira_assets.warehouse.connect import (
    OneTenantAtATimeError,
    PermissionMissingError,
    SchemaMissingError,
    WarehouseUnavailableError,
)
from jira_assets.warehouse.integrations import DisabledIntegrationError, UnknownIntegrationError
from jira_assets.warehouse.job_requests import RepeatedKeyError
from jira_assets.warehouse.job_settings import InvalidJobError
from jira_assets.warehouse.jobs import UnknownJobError

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_SECONDS: Final = 5
_log: Final = logging.getLogger(__name__)

SCHEMA: Final[dict[str, Any]] = {
    "title": "Problem",
    "description": "RFC 9457: what is wrong, and which field it is about.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["in", "field", "detail"],
                "properties": {
                    "in": {"enum": ["path", "query", "header", "body"]},
                    "field": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}


_E = TypeVar("_E", bound=Exception)
_MEANINGS: Final = {
    400: "The body is not JSON",
    401: "No key, or one that is unknown or revoked",
    403: "The key is not an admin's, or an admin's may not ask here",
    404: "Not there, or another tenant's",
    409: "The integration is disabled",
    413: "The body is too large",
    422: "A field is wrong: `errors` says which",
    503: "Postgres is away: try again after `Retry-After` seconds",
}
FieldError = TypedDict("FieldError", {"in": str, "field": str, "detail": str})


_REFUSED: Final[tuple[type[Exception], ...]] = (
    DisabledIntegrationError,
    UnknownIntegrationError,
    UnknownJobError,
    InvalidJobError,
    RepeatedKeyError,
)
AWAY: Final[tuple[type[Exception], ...]] = (
    WarehouseUnavailableError,
    SchemaMissingError,
    PermissionMissingError,
    sqlalchemy.exc.TimeoutError,
)
"""What is raised where Postgres cannot be used."""


_PHRASES: Final = {413: "Request Entity Too Large", 422: "Unprocessable Entity"}
"""Python 3.13 calls these otherwise, and callers go by them."""


def _phrase(status: HTTPStatus) -> str:
    return _PHRASES.get(status.value, status.phrase)


class Problem(Exception):  # noqa: N818  # RFC 9457's own name
    """An error to answer with.

    Args:
        status: of the answer.
        kind: what programs tell it by, as ``not-found``.
        detail: a sentence or two for people.
        errors: which fields are wrong, if some are.
        headers: of the answer.
    """

    def __init__(
        self,
        status: HTTPStatus,
        kind: str,
        detail: str,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail = status, kind, detail
        self.errors, self.headers = errors, headers

    def body(self) -> bytes:
        """Return the JSON document."""
        document: dict[str, Any] = {
            "type": f"urn:jira-assets:{self.kind}",
            "title": _phrase(self.status),
            "status": self.status.value,
            "detail": self.detail,
        }
        if self.errors:
            document["errors"] = self.errors
        return orjson.dumps(document)

    def response(self) -> Response:
        """Return the answer."""
        return Response(self.body(), self.status, self.headers, MEDIA_TYPE)


def wrong(place: str, field: str, detail: str) -> Problem:
    """Return the problem that one field of the ``place`` (path, query, header, body) is wrong."""
    errors: list[FieldError] = [{"in": place, "field": field, "detail": detail}]
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", detail, errors)


def not_found(detail: str) -> Problem:
    """Return the problem that something is not there, or is another tenant's."""
    return Problem(HTTPStatus.NOT_FOUND, "not-found", detail)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what the OpenAPI document says of these errors."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _MEANINGS[status], "content": content} for status in statuses}


def answer_with_problems(app: FastAPI) -> None:
    """Make every error of ``app`` a problem."""
    app.add_exception_handler(Problem, lambda _, error: _as(error, Problem).response())
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    for refused in _REFUSED:
        app.add_exception_handler(refused, _refused)
    app.add_exception_handler(OneTenantAtATimeError, _for_tenants_only)
    for away in AWAY:
        app.add_exception_handler(away, _unavailable)
    app.add_exception_handler(Exception, _defect)


def _for_tenants_only(_: Request, _error: Exception) -> Response:
    detail = (
        "This service answers tenants only, and not an admin's key: its role in Postgres sees one "
        "tenant at a time. Whoever runs it may give it another (JIRA_ASSETS_DATABASE_URL)."
    )
    return Problem(HTTPStatus.FORBIDDEN, "forbidden", detail).response()


def _refused(_: Request, error: Exception) -> Response:
    return refusal(error).response()


def refusal(error: Exception) -> Problem:
    """Return what the warehouse refused, as a problem."""
    match error:
        case DisabledIntegrationError():
            return Problem(HTTPStatus.CONFLICT, "disabled", str(error))
        case UnknownIntegrationError():
            # Not in its own words: they name integrations of others.
            return not_found("There is no such integration (any more).")
        case InvalidJobError():
            return wrong("body", error.field, str(error))
        case RepeatedKeyError():
            return wrong("header", "Idempotency-Key", str(error))
        case _:
            return not_found(str(error))


def unavailable(error: Exception, method: str = "GET") -> Problem:
    """Return that Postgres cannot be used now; what and where exactly goes to the log."""
    _log.error("%s", error)
    if isinstance(error, SchemaMissingError | PermissionMissingError):
        who = "Whoever runs this service must run `jira-assets migrate`."
    else:
        who = "Try again; if it lasts, whoever runs this service must see to its Postgres."
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "unavailable",
        f"The database cannot be used now, and {_done(method)}. {who}",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


def _done(method: str) -> str:
    """Say what is known of a call that broke off: its commit may have been made."""
    if method in {"GET", "HEAD"}:
        return "nothing was changed"
    return "whether this was taken is not known: repeat it, with the same Idempotency-Key"


def _unavailable(request: Request, error: Exception) -> Response:
    return unavailable(error, request.method).response()


def _http(_: Request, error: Exception) -> Response:
    known = _as(error, HTTPException)
    status = HTTPStatus(known.status_code)
    kind = _phrase(status).lower().replace(" ", "-")
    detail = str(known.detail)
    if status is HTTPStatus.NOT_FOUND:
        detail = "There is nothing under this path: /openapi.json lists those there are."
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (known.headers or {}).get("Allow", "others")
        detail = f"This path takes {allowed}."
    return Problem(status, kind, detail, headers=known.headers).response()


def _invalid(_: Request, error: Exception) -> Response:
    errors = [_field_error(each) for each in _as(error, RequestValidationError).errors()]
    is_json = all(
        each["type"] != "json_invalid" for each in _as(error, RequestValidationError).errors()
    )
    if not is_json:
        return Problem(
            HTTPStatus.BAD_REQUEST, "not-json", "The body is not JSON.", errors
        ).response()
    detail = " ".join(f"{each['field']}: {each['detail']}." for each in errors)
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", detail, errors).response()


def _field_error(each: Mapping[str, Any]) -> FieldError:
    place, *names = each["loc"]
    if each["type"] == "json_invalid":
        names = []  # a position in the text
    field = ".".join(map(str, names)) or str(place)
    if place == "header":
        field = field.title()
    return {"in": str(place), "field": field, "detail": str(each["msg"])}


def _defect(_: Request, _error: Exception) -> Response:
    # Starlette raises it again, and the server logs it with its traceback.
    return Problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "defect",
        "This is a defect of the service. Its log says more: tell whoever runs it, with the time.",
    ).response()


def _as(error: Exception, kind: type[_E]) -> _E:
    if not isinstance(error, kind):
        raise TypeError(f"a handler of {kind.__name__} was given a {type(error).__name__}")
    return error
