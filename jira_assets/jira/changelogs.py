"""What a search's page leaves out of changelogs. Pure.

Decisions this module embodies:

* A page embeds the newest histories of an issue only, at most 40 on Cloud, and says how many there
  are: where fewer came, the older ones are missing.
* Of a reading of what changed since some moment, an issue's missing histories have landed before if
  they are older than that moment: older than an embedded one that is older itself. Unless the issue
  came from another project since, which may never have been read, or from another security level,
  which may not have been for us.
* What cannot be understood is read again rather than left out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from jira_assets.jira.moments import moment_of
from jira_assets.jira.shapes import items_of, number

_MOVED: Final = frozenset({"project", "key", "security"})

Page = Mapping[str, Any]


@dataclass
class ShortChangelog:
    """An issue whose changelog came in part."""

    issue_id: str
    total: int | None
    """Histories that it has; None where the page does not say."""
    arrived: set[str]
    """Ids of the histories that came."""
    older: int | None
    """Histories that are older than those of the page; None: not known."""
    told: bool = False
    """Whether a page of many issues' changelogs spoke of it."""

    @property
    def missing(self) -> int | None:
        """Histories that have not come; None: not known."""
        return None if self.total is None else max(0, self.total - len(self.arrived))


def short_changelogs(page: Page, since: datetime | None) -> Iterator[ShortChangelog]:
    """Yield the issues of a search's page whose missing histories must be read.

    Args:
        page: the page, as it came.
        since: the moment that the search begins at; None: it is of everything.
    """
    for issue in items_of(page):
        if not isinstance(issue, dict) or not issue.get("id"):
            continue
        changelog = issue.get("changelog")
        histories = _histories(changelog, "histories")
        total = number(changelog, "total")
        if (total is None or len(histories) < total) and _wanted(issue, histories, since):
            older = None if total is None else total - len(histories)
            yield ShortChangelog(str(issue["id"]), total, _ids(histories), older)


def take_in(page: Page, short: Mapping[str, ShortChangelog]) -> None:
    """Note what a page of many issues' changelogs brings of those that are ``short``, by id."""
    for told in page["issueChangeLogs"]:
        if isinstance(told, dict) and str(told.get("issueId")) in short:
            changelog = short[str(told["issueId"])]
            changelog.arrived |= _ids(_histories(told, "changeHistories"))
            changelog.told = True


def _wanted(issue: Mapping[str, Any], histories: list[Any], since: datetime | None) -> bool:
    if since is None or not histories:
        return True
    moments = [moment_of(history.get("created")) for history in histories]
    known = [moment for moment in moments if moment is not None]
    if len(known) < len(moments) or min(known) >= since:
        return True
    fields = issue.get("fields")
    created = moment_of(fields.get("created")) if isinstance(fields, dict) else None
    if created is not None and created >= since:
        return True
    dated = zip(known, histories, strict=True)
    return any(moment >= since and _moves(history) for moment, history in dated)


def _moves(history: Mapping[str, Any]) -> bool:
    items = history.get("items")
    return any(
        isinstance(item, dict) and str(item.get("field")).lower() in _MOVED
        for item in (items if isinstance(items, list) else [])
    )


def _histories(changelog: Any, name: str) -> list[dict[str, Any]]:
    histories = changelog.get(name) if isinstance(changelog, dict) else None
    listed = histories if isinstance(histories, list) else []
    return [history for history in listed if isinstance(history, dict)]


def _ids(histories: list[dict[str, Any]]) -> set[str]:
    return {str(history["id"]) for history in histories if history.get("id")}
