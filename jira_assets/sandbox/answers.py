"""What any request of a Jira is answered with: a status, and JSON that is built when needed."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Final

from jira_assets.sandbox.documents import Root

OK: Final = 200
BAD_REQUEST: Final = 400
UNAUTHORIZED: Final = 401
FORBIDDEN: Final = 403
NOT_FOUND: Final = 404


@dataclass(frozen=True, slots=True)
class Answer:
    """HTTP status and JSON. Answers of one state with equal keys are equal; no key: not kept."""

    status: int
    build: Callable[[], Any]
    key: Hashable = None


def error(status: int, *messages: str) -> Answer:
    """Answer with the shape that most of Jira's errors have."""
    return Answer(status, lambda: {"errorMessages": list(messages), "errors": {}})


def not_found(root: Root, path: str) -> Answer:
    """Answer for a path that this API does not have."""
    message = f"null for uri: {root.api}/{path}"
    return Answer(NOT_FOUND, lambda: {"message": message, "status-code": NOT_FOUND})
