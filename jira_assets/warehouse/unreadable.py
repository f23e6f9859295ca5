"""Why an object could not be read, in Jira's own words.

Jira says it in four shapes, told apart by nothing but their keys:
``{"errorMessages": [], "errors": {}}`` (either may be empty, or no list or dict at all),
``{"message", "status-code"}``, ``{"code", "message"}`` and ``{"errorMessage"}``.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

from jira_assets.warehouse.contracts import RawPage

MAX_REASON: Final = 500


def reason_of(page: RawPage) -> str:
    """Return the page's status and the first message on it, e.g. ``404: No project``."""
    message = next(_messages(page.payload), None) or _phrase(page.http_status)
    return f"{page.http_status}: {message}"[:MAX_REASON]


def _messages(payload: Any) -> Iterator[str]:
    if not isinstance(payload, dict):
        return
    listed, by_field = payload.get("errorMessages"), payload.get("errors")
    if isinstance(listed, list):
        yield from (message for message in listed if _is_message(message))
    if isinstance(by_field, dict):
        yield from (f"{name}: {text}" for name, text in by_field.items() if _is_message(text))
    for key in ("message", "errorMessage", "errorMessages"):
        if _is_message(payload.get(key)):
            yield payload[key]


def _is_message(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "no reason given"
