"""Pages of a list, asked for before their turn, several at once.

A hundred pages one after the other take as long as a thousand calls ten at once. Which page comes
next is still decided by ``paging.py`` from what arrived: pages are only guessed ahead, from the
first one's size and total. A wrong guess costs a call; a page that nobody guessed is asked for when
it is wanted.
"""

import threading
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from jira_assets.jira.fanout import end_all

Page = Mapping[str, Any]


class PagesAhead:
    """Fetches offset pages ahead of who takes them in order. Made by ``reading_ahead``."""

    def __init__(
        self,
        fetch: Callable[[int, threading.Event], Page],
        executor: ThreadPoolExecutor,
        pages: int,
    ) -> None:
        self.stop = threading.Event()
        self._fetch = fetch
        self._executor = executor
        self._pages = pages
        self._ahead: dict[int, Future[Page]] = {}

    @property
    def in_flight(self) -> set[Future[Page]]:
        """What was asked for and never taken."""
        return {future for future in self._ahead.values() if not future.done()}

    def __call__(self, start: int) -> Page:
        """Return the page that begins at ``start``; raises what fetching it raised."""
        guessed = self._ahead.pop(start, None)
        page = self._fetch(start, self.stop) if guessed is None else guessed.result()
        self._guess(start, page)
        return page

    def _guess(self, start: int, page: Page) -> None:
        step, total = len(page["values"]), page.get("total")
        if not step or not isinstance(total, int):
            return
        for offset in range(start + step, min(total, start + step * (1 + self._pages)), step):
            if offset not in self._ahead:
                self._ahead[offset] = self._executor.submit(self._fetch, offset, self.stop)


@contextmanager
def reading_ahead(
    fetch: Callable[[int, threading.Event], Page], *, pages: int, cut: Callable[[], None]
) -> Generator[Callable[[int], Page], None, None]:
    """Give a function from an offset to its page, which reads up to ``pages`` of them ahead.

    Args:
        fetch: reads the page at an offset, from any thread, until the event is set.
        pages: how many to read ahead, with as many threads.
        cut: ends the calls in flight, when the block is left.
    """
    with ThreadPoolExecutor(pages, thread_name_prefix="jira") as executor:
        ahead = PagesAhead(fetch, executor, pages)
        try:
            yield ahead
        finally:
            end_all(executor, ahead.stop, ahead.in_flight, cut)
