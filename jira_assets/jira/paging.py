"""Paging by offsets (``startAt``, ``maxResults``, ``isLast``, ``total``) and by tokens. Pure.

Decisions this module embodies; what is missed here would read as deleted later:

* A list ends where ``isLast`` and ``total`` agree that it does. Where they differ the reading goes
  on until a page is empty. A short page is not the end: sites cap pages as they like.
* The next offset follows from what arrived, never from what was asked for.
* A total that shrinks between two pages means that items moved up, over the border of the pages:
  the next page begins as much before the one that showed it. The same item twice does no harm.
* An empty page before the end is asked for again, once; what is still missing at the end then is
  an error.
* Where the total is reached with fewer different items than it counts, pages overlapped, and what
  they pushed over the end is asked for until a page is empty.
* A page that repeats an earlier one, where something new is due, is a server that ignores offsets:
  an error.
* By tokens, Cloud says itself what comes next: ``isLast`` or the lack of a token is the end, and
  neither a short nor an empty page is. A token that comes again is a loop: an error.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from jira_assets.jira.errors import PagingError
from jira_assets.jira.shapes import ids_of, items_of, number

_FEW: Final = 50
"""So many items may go while a list is read: a page of Cloud's has a hundred."""
_MOST_SETBACKS: Final = 10

Page = Mapping[str, Any]


def offset_pages(fetch: Callable[[int], Page], url: str) -> Iterator[tuple[int, Page]]:
    """Yield the pages of a list, each as it came and with the offset asked for, in order.

    Args:
        fetch: returns the page that begins at an offset, its items under ``values``.
        url: where they come from, for the error.

    Raises:
        PagingError: the pages repeat, stay empty or keep moving, before the list's end.
    """
    progress = _Progress(url)
    while not progress.ended:
        start = progress.start
        page = fetch(start)
        progress.take(page)
        yield start, page


def token_pages(fetch: Callable[[str | None], Page], url: str) -> Iterator[tuple[str | None, Page]]:
    """Yield the pages of a search, each as it came and with the token asked for, in order.

    Args:
        fetch: returns the page behind a token, the first one for None.
        url: where they come from, for the error.

    Raises:
        PagingError: a token leads back to where it was already followed.
    """
    token: str | None = None
    followed: set[str | None] = {None}
    while True:
        page = fetch(token)
        yield token, page
        if page.get("isLast") is True or not page.get("nextPageToken"):
            return
        token = str(page["nextPageToken"])
        if token in followed:
            raise _loose(url, f"after {len(followed)} of them a token repeats an earlier one")
        followed.add(token)


@dataclass
class _Progress:
    url: str
    start: int = 0
    ended: bool = False
    pages: set[frozenset[str]] = field(default_factory=set)
    total: int | None = None
    most: int = 0
    """The largest total that a page has told."""
    frontier: int = 0
    setbacks: int = 0
    empty_at: int | None = None
    skipped: bool = False

    def take(self, page: Page) -> None:
        """Move on to the next offset, or to the end, by what ``page`` says and holds."""
        reached = self.start + _step(page)
        shrunk_by = self._shrunk_by(page)
        self._look_for_repetition(frozenset(ids_of(page)))
        self.frontier = max(self.frontier, reached)
        if shrunk_by:
            self._set_back(self.start - shrunk_by)
        elif _is_end(page, self.start, reached) and not self._overlapped(page):
            self._end()
        elif reached == self.start:
            self._pass_over(page)
        else:
            self.start = reached

    def _look_for_repetition(self, ids: frozenset[str]) -> None:
        if ids and ids in self.pages and self.start >= self.frontier:
            raise self._error(f"the page at {self.start} repeats an earlier one")
        self.pages.add(ids)

    def _overlapped(self, page: Page) -> bool:
        """Whether the end is reached with a part of the list only: an empty page settles it."""
        return bool(items_of(page)) and self._arrived() < (self.total or 0)

    def _arrived(self) -> int:
        return len(frozenset().union(*self.pages))

    def _end(self) -> None:
        arrived, expected = self._arrived(), self.total or 0
        if self.skipped and arrived < expected:
            raise self._error(f"only {arrived} of {expected} arrived")
        # Read anew, the list is what it then is; taken as it came, what it lacks would be deleted.
        if self.total is not None and expected < self.most / 2 > _FEW:
            raise self._error(f"there were {self.most} of them, and are {expected} now")
        self.ended = True

    def _pass_over(self, page: Page) -> None:
        self._count_setback()
        if self.empty_at == self.start:
            self.skipped = True
            self.start += max(1, number(page, "maxResults") or 0)
        self.empty_at = self.start

    def _set_back(self, start: int) -> None:
        self._count_setback()
        self.start = max(0, start)

    def _count_setback(self) -> None:
        self.setbacks += 1
        if self.setbacks > _MOST_SETBACKS:
            raise self._error(f"at {self.start} they are still empty, or still moving")

    def _shrunk_by(self, page: Page) -> int:
        before, self.total = self.total, number(page, "total")
        self.most = max(self.most, self.total or 0)
        return max(0, (before or 0) - self.total) if self.total is not None else 0

    def _error(self, what: str) -> PagingError:
        return _loose(self.url, what)


def _loose(url: str, what: str) -> PagingError:
    return PagingError(f"Jira's pages do not hang together: {what}.", url=url, status=200)


def _is_end(page: Page, start: int, reached: int) -> bool:
    total, is_last, empty = number(page, "total"), page.get("isLast"), reached == start
    if is_last is True:
        return empty or total is None or reached >= total
    if is_last is False:
        return empty and total is not None and reached >= total
    return empty if total is None else reached >= total


def _step(page: Page) -> int:
    """Return how far a page reaches: an item that is on it twice must not count for two."""
    count = len(items_of(page))
    return min(count, number(page, "maxResults") or count)
