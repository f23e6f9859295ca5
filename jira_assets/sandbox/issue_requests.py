"""What a request about issues says, from its query or its JSON body, or why Jira refuses it.

Decisions this module embodies:

* A body is read as strictly as Atlassian declares it: unknown names and wrong types are refused,
  so a reader that mistakes one dialect for the other is told.
* Tokens are opaque, and belong to the request that they were given for.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

import orjson

from jira_assets.sandbox.issue_fields import Selection

Parameters = Mapping[str, Any]
"""Texts where they come from a query, JSON where they come from a body."""

PAYLOAD: Final = "Invalid request payload. Refer to the REST API documentation and try again."
_NO_SUCH_PLACE: Final = "The provided next page token is invalid or has expired."


class RefusedError(ValueError):
    """A request that Jira answers 400; the text is what it says."""


def known(parameters: Parameters, names: frozenset[str], *, strict: bool) -> None:
    """Refuse a body that holds a name which is not one of these; queries may hold any."""
    unknown = sorted(parameters.keys() - names)
    if strict and unknown:
        raise RefusedError(PAYLOAD)


def text(parameters: Parameters, name: str) -> str:
    """Return a text; an empty one where it is missing."""
    value = parameters.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RefusedError(PAYLOAD)
    return value


def number(parameters: Parameters, name: str, default: int, least: int) -> int:
    """Return a whole number that is not below ``least``."""
    value = parameters.get(name)
    if value is None:
        return default
    try:
        found = int(value) if isinstance(value, (int, str)) else least - 1
    except ValueError:
        found = least - 1
    if found < least or isinstance(value, bool):
        raise RefusedError(f"{name} must be a whole number, {least} or more.")
    return found


def words(
    parameters: Parameters, name: str, *, lists: bool = True, texts: bool = True
) -> list[str]:
    """Return words from a list, or from a text with commas between them, as far as allowed."""
    value = parameters.get(name)
    if value is None:
        return []
    if isinstance(value, str) and texts:
        return [one.strip() for one in value.split(",") if one.strip()]
    if isinstance(value, list) and lists and all(isinstance(one, str) for one in value):
        return [part for one in value for part in one.split(",") if part]
    raise RefusedError(PAYLOAD)


def selection(parameters: Parameters, default: str) -> Selection:
    """Return which fields are asked for."""
    return Selection.of(words(parameters, "fields"), default)


def token(place: Any, *request: str) -> str:
    """Return a token that stands for a place in the results of a request."""
    return urlsafe_b64encode(orjson.dumps([_digest(request), place])).decode().rstrip("=")


def place(given: str, *request: str) -> Any:
    """Return the place that a token of this request stands for; its lists are tuples."""
    try:
        digest, found = orjson.loads(urlsafe_b64decode(given + "=" * (-len(given) % 4)))
    except ValueError as error:
        raise RefusedError(_NO_SUCH_PLACE) from error
    if digest != _digest(request):
        raise RefusedError(_NO_SUCH_PLACE)
    return _tuples(found)


def _digest(request: Sequence[str]) -> str:
    return blake2b("\0".join(request).encode(), digest_size=6).hexdigest()


def _tuples(node: Any) -> Any:
    return tuple(_tuples(one) for one in node) if isinstance(node, list) else node
