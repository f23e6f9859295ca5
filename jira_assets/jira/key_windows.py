"""Data Center's search, read by windows of keys: whole, whatever changes meanwhile.

Decisions this module embodies:

* Offsets lose issues. One that is updated under the reading moves to the end of a list that is
  ordered by that, and what was behind it moves up, over the page border, while the total stays what
  it was. Offsets past 10,000 are refused by some sites.
* The moment of the last update is no better a bookmark: the index that orders the page is not the
  database that fills it. What changed in between shows its new moment in its old place, and whoever
  went on from there would leave out everything that lies between the two.
* A key within its project changes with neither. So every page is asked for from offset 0, ordered
  by key, beginning with the last issue that has arrived. It comes twice, and that is the proof: if
  it does not, it was moved or deleted meanwhile (Jira follows a moved key into the other project,
  or refuses one that is gone), and the one before it is the bookmark instead; after a few of them,
  the beginning.
* A page says how much there is from its beginning on; the one that holds all of it is the last.
  What is counted and not shown was deleted, and the index does not know yet: a page that could have
  held all of it, and shows nothing new, is the last one, too. Else such a page is asked for again.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from jira_assets.jira.errors import PagingError
from jira_assets.jira.shapes import ids_of, items_of, number

_MOST_SETBACKS: Final = 10
_MOST_BOOKMARKS: Final = 5

Page = Mapping[str, Any]


@dataclass(frozen=True)
class Bookmark:
    """An issue that has arrived: by its id it is known again, from its key on is asked."""

    id: str
    key: str

    @property
    def number(self) -> int:
        """Its number within its project, which keys are ordered by."""
        return int(self.key.rpartition("-")[2])


Fetch = Callable[[Bookmark | None], Page | None]


def key_windows(fetch: Fetch, url: str) -> Iterator[tuple[Bookmark | None, Page]]:
    """Yield the pages of a search ordered by key, each with the bookmark that was asked for.

    Args:
        fetch: returns the first page of what follows a bookmark, itself included; of everything
            for None. Returns None if the site knows no such issue (any more).
        url: where they come from, for the error.

    Raises:
        PagingError: the pages repeat, stay empty or keep moving, before the end.
    """
    windows = _Windows(url)
    while not windows.ended:
        bookmark = windows.bookmark
        page = fetch(bookmark)
        if page is None or not windows.begins_well(page):
            windows.go_back()
            continue
        windows.take(page)
        yield bookmark, page


@dataclass
class _Windows:
    url: str
    bookmark: Bookmark | None = None
    ended: bool = False
    earlier: list[Bookmark] = field(default_factory=list)
    """Where to go on if the bookmark is gone: the last one is the nearest."""
    setbacks: int = 0
    restarts: int = 0

    def begins_well(self, page: Page) -> bool:
        """Whether the bookmark is on the page."""
        return self.bookmark is None or self.bookmark.id in ids_of(page)

    def go_back(self) -> None:
        """Go on from the issue before the bookmark, which is gone, or from the beginning."""
        if self.earlier:
            self.bookmark = self.earlier.pop()
            return
        self.bookmark = None
        self.restarts += 1
        if self.restarts > _MOST_SETBACKS:
            raise self._error("the issues to go on from are not where they should be")

    def take(self, page: Page) -> None:
        """Move on to the next window, or to the end, by what ``page`` says and holds."""
        found = sorted(_bookmarks(page), key=lambda each: each.number)
        known = self.bookmark
        fresh = [each for each in found if known is None or each.number > known.number]
        total = number(page, "total")
        if len(items_of(page)) >= total if total is not None else not fresh:
            self.ended = True
        elif fresh:
            before = [known] if known else []
            *self.earlier, self.bookmark = [*before, *fresh][-_MOST_BOOKMARKS:]
            self.setbacks = 0
        else:
            self._take_nothing_new(page, total or 0)

    def _take_nothing_new(self, page: Page, total: int) -> None:
        self.setbacks += 1
        enough = self.setbacks > _MOST_SETBACKS
        if (number(page, "maxResults") or 0) >= total:
            self.ended = bool(items_of(page)) or enough
        elif enough:
            raise self._error("they hold nothing new, and there should be more")

    def _error(self, what: str) -> PagingError:
        return PagingError(f"Jira's pages do not hang together: {what}.", url=self.url, status=200)


def _bookmarks(page: Page) -> Iterator[Bookmark]:
    for item in items_of(page):
        if isinstance(item, dict) and item.get("id") and isinstance(item.get("key"), str):
            digits = item["key"].rpartition("-")[2]
            if digits.isascii() and digits.isdecimal():
                yield Bookmark(str(item["id"]), item["key"])
