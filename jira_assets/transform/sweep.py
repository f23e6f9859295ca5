"""The sweep: which issues there are, of the projects whose ids could all be read.

Decisions this module embodies:

* A project counts as swept only if every page of it is whole: what is on a page that could not be
  read, or whose id could not be read, must not look as if it were gone.
* The ids on the good pages of such a project still say that these issues exist: an issue that moved
  there from a swept project is not gone. They come under ``NO_PROJECT``.
* A page that does not say which project it is about may be of any: then nothing is swept at all.
* The pages are walked twice, once to see which projects are whole. Ids are never all in memory.
"""

from collections.abc import Iterator
from typing import Any, Final

from jira_assets.transform.values import identifier, member
from jira_assets.warehouse.contracts import LandedEntity, RawPage, SweptPage

NO_PROJECT: Final = ""
"""No project's id: under it come ids of projects that were not swept."""


def swept_pages(source: LandedEntity) -> Iterator[SweptPage]:
    """Yield the ids of a landing of ``issue_ids``, page by page, by project."""
    unswept = _unswept(source)
    for page in source.pages():
        if not page.readable:
            continue
        project_id, issue_ids = _project_id(page), _issue_ids(page)
        swept = project_id is not None and unswept is not None and project_id not in unswept
        known = [each for each in issue_ids or () if each is not None]
        yield SweptPage(project_id if swept and project_id else NO_PROJECT, known)


def _unswept(source: LandedEntity) -> set[str] | None:
    """Return the projects of which something could not be read; None: it may be of any."""
    unswept = set(source.landing.unreadable)
    for page in source.pages():
        issue_ids = _issue_ids(page) if page.readable else None
        if issue_ids is None or None in issue_ids:
            project_id = _project_id(page)
            if project_id is None:
                return None
            unswept.add(project_id)
        elif _project_id(page) is None:
            return None
    return unswept


def _project_id(page: RawPage) -> str | None:
    return identifier(page.request.get("project_id"))


def _issue_ids(page: RawPage) -> list[str | None] | None:
    """Return the ids of a page of found issues, None for one without; None for another page."""
    found: Any = member(page.payload, "issues")
    if not isinstance(found, list):
        return None
    return [identifier(member(issue, "id")) for issue in found]
