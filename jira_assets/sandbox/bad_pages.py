"""Offset pages that do not hang together: Cloud's ``/project/search`` while the site changes.

``faults.KINDS`` names each and says it in words. Answers that are no pages stay as they are.
"""

from collections.abc import Callable
from typing import Any

from jira_assets.sandbox.hit import Hit
from jira_assets.sandbox.wire import Reply

Page = dict[str, Any]


def same_page_again(hit: Hit) -> Reply:
    """Ignore ``startAt``: every page is the first one."""
    return hit.healthy(startAt=0)


def page_overlap(hit: Hit) -> Reply:
    """Begin every page but the first one item too early, and say nothing of it.

    So it is when a project appears before the border of two pages and another one vanishes.
    """
    start = hit.number("startAt")
    early = hit.healthy(startAt=start - 1) if start > 0 else hit.healthy()

    def pretended(page: Page) -> Page:
        return {**page, "startAt": start, "isLast": start + len(page["values"]) >= page["total"]}

    return _paged(hit, early, pretended)


def total_shrinks(hit: Hit) -> Reply:
    """Hold the first item twice while the first page is read, and once afterwards.

    What stood at the end of that page then moves up, over its border.
    """

    def longer(page: Page) -> Page:
        if page["startAt"] > 0 or not page["values"]:
            return page
        values = [page["values"][0], *page["values"]][: page["maxResults"]]
        total = page["total"] + 1
        return {**page, "values": values, "total": total, "isLast": len(values) >= total}

    return _paged(hit, hit.healthy(), longer)


def total_grows(hit: Hit) -> Reply:
    """Let the last item appear only after the first page was read."""

    def shorter(page: Page) -> Page:
        total = max(len(page["values"]), page["total"] - 1)
        return page if page["startAt"] > 0 else {**page, "total": total}

    return _paged(hit, hit.healthy(), shorter)


def empty_page_in_the_middle(hit: Hit) -> Reply:
    """Empty every page but the first, and say that more are to come."""

    def emptied(page: Page) -> Page:
        if not 0 < page["startAt"] < page["total"]:
            return page
        return {**page, "values": [], "isLast": False}

    return _paged(hit, hit.healthy(), emptied)


def _paged(hit: Hit, reply: Reply, change: Callable[[Page], Page]) -> Reply:
    """Change a page; what is none stays."""

    def changed(content: Any) -> Any:
        is_page = isinstance(content, dict) and {"startAt", "total", "values"} <= content.keys()
        return change(content) if is_page else content

    return hit.rewritten(changed, reply)
