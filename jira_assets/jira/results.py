"""What is asked of the client, and what it yields."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

OK: Final = 200


@dataclass(frozen=True)
class ProjectRef:
    """A project by its numeric id, which stays, and its key, which may change."""

    id: str
    key: str


@dataclass(frozen=True)
class Answer:
    """One answer of Jira.

    ``path`` is below the context path. ``params`` is the query of a GET, the body of a POST.
    ``status`` is 200, or, of one project, 400, 403 or 404: then ``payload`` is the error's body, as
    JSON or as text, or None. ``issue_id`` is there where it is about one issue. ``text`` is there
    where it is a page of issues: all of it, JSON in UTF-8. Then ``payload`` is only what of it the
    reading goes by (``thin_pages.py``).
    """

    path: str
    params: Mapping[str, Any]
    status: int
    payload: Any
    project: ProjectRef | None = None
    issue_id: str | None = None
    method: str = "GET"
    text: bytes | None = None


@dataclass(frozen=True)
class IssueQuery:
    """What of one project's issues to read."""

    project: ProjectRef
    since: datetime | None
    """What changed from then on, an aware moment by Jira's clock; None: all."""
    fields: tuple[str, ...]
    """Jira's names; ``("*all",)`` is possible."""
    rendered: bool = False
    """Whether to ask for ``renderedFields``, too."""
    whole_changelogs: bool = False
    """Whether histories older than ``since`` may not have landed yet, and are to be read, too."""


@dataclass(frozen=True)
class ProjectEnd:
    """A project's issues were read to their end, or could not be read."""

    project: ProjectRef
    issues: int
    """Issues on its pages; some may be on two."""
    unreadable: Answer | None = None
    """The refusal of its first search: 400, 403 or 404; no other answer of it came."""
