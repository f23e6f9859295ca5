"""Pages that do not hang together: of projects and of issues, while the site changes.

A page that follows from a token is no offset page: only ``same_page_again`` is about it.
``faults.KINDS`` names each and says it in words. Answers that are no pages stay as they are.
"""

from collections.abc import Callable
from typing import Any

from jira_assets.sandbox.hit import Hit, items_name
from jira_assets.sandbox.wire import Reply

Page = dict[str, Any]


def same_page_again(hit: Hit) -> Reply:
    """Ignore ``startAt`` and tokens: every page is the first one."""
    return hit.healthy(startAt=0) if hit.says("startAt") else hit.healthy(nextPageToken="")


def page_overlap(hit: Hit) -> Reply:
    """Begin every page but the first one item too early, and say nothing of it.

    So it is when a project appears before the border of two pages and another one vanishes.
    """
    start = hit.number("startAt")
    early = hit.healthy(startAt=start - 1) if start > 0 else hit.healthy()

    def pretended(page: Page, name: str) -> Page:
        last = start + len(page[name]) >= page["total"]
        return _ending({**page, "startAt": start}, is_last=last)

    return _paged(hit, early, pretended)


def total_shrinks(hit: Hit) -> Reply:
    """Hold the first item twice while the first page is read, and once afterwards.

    What stood at the end of that page then moves up, over its border.
    """

    def longer(page: Page, name: str) -> Page:
        items = page[name]
        if page["startAt"] > 0 or not items:
            return page
        more = [items[0], *items][: page["maxResults"]]
        total = page["total"] + 1
        return _ending({**page, name: more, "total": total}, is_last=len(more) >= total)

    return _paged(hit, hit.healthy(), longer)


def total_grows(hit: Hit) -> Reply:
    """Let the last item appear only after the first page was read."""

    def shorter(page: Page, name: str) -> Page:
        total = max(len(page[name]), page["total"] - 1)
        return page if page["startAt"] > 0 else {**page, "total": total}

    return _paged(hit, hit.healthy(), shorter)


def empty_page_in_the_middle(hit: Hit) -> Reply:
    """Empty every page but the first, and say that more are to come."""

    def emptied(page: Page, name: str) -> Page:
        if not 0 < page["startAt"] < page["total"]:
            return page
        return _ending({**page, name: []}, is_last=False)

    return _paged(hit, hit.healthy(), emptied)


def _paged(hit: Hit, reply: Reply, change: Callable[[Page, str], Page]) -> Reply:
    """Change a page; what is none stays."""

    def changed(content: Any) -> Any:
        name = items_name(content)
        if name is None or not {"startAt", "total"} <= content.keys():
            return content
        return change(content, name)

    return hit.rewritten(changed, reply)


def _ending(page: Page, *, is_last: bool) -> Page:
    """Let a page say whether it is the last one, if it says so at all."""
    return {**page, "isLast": is_last} if "isLast" in page else page
