"""Windows of keys, where a site's pages are odd. What they are good for: test_changing_issues."""

from collections.abc import Callable
from typing import Any

import pytest

from jira_assets.jira.errors import PagingError
from jira_assets.jira.key_windows import Bookmark, key_windows

URL = "https://acme.example.com/rest/api/2/search"


def _issues(*numbers: int) -> list[dict[str, str]]:
    return [{"id": str(1000 + number), "key": f"P-{number}"} for number in numbers]


def _page(*numbers: int, total: int | None, size: int = 3) -> dict[str, Any]:
    page = {"startAt": 0, "maxResults": size, "total": total, "issues": _issues(*numbers)}
    return {name: value for name, value in page.items() if value is not None}


def _read(
    fetch: Callable[[Bookmark | None], dict[str, Any] | None],
) -> tuple[list[str | None], set[str]]:
    """Return what was asked for and yielded, and the ids that came."""
    asked: list[str | None] = []
    ids: set[str] = set()
    for bookmark, page in key_windows(fetch, URL):
        asked.append(bookmark.key if bookmark else None)
        ids |= {issue["id"] for issue in page["issues"] if isinstance(issue, dict)}
    return asked, ids


def _script(*pages: dict[str, Any] | None) -> Callable[[Any], dict[str, Any] | None]:
    left = iter(pages)
    return lambda _: next(left)


def test_an_empty_project_is_one_page() -> None:
    assert _read(_script(_page(total=0))) == ([None], set())


def test_every_page_begins_with_the_last_issue_of_the_one_before() -> None:
    pages = _page(1, 2, 5, total=6), _page(5, 7, 9, total=4), _page(9, 10, total=2)
    asked, ids = _read(_script(*pages))
    assert asked == [None, "P-5", "P-9"]
    assert len(ids) == 6


@pytest.mark.parametrize("size", [2, 3])
def test_a_site_that_caps_its_pages_without_a_word_is_read_whole(size: int) -> None:
    def fetch(bookmark: Bookmark | None) -> dict[str, Any]:
        left = [n for n in range(1, 12) if bookmark is None or n >= bookmark.number]
        return _page(*left[:size], total=len(left), size=size)

    assert len(_read(fetch)[1]) == 11


def test_without_a_total_a_page_without_anything_new_is_the_end() -> None:
    pages = _page(1, 2, 3, total=None), _page(3, 4, total=None), _page(4, total=None)
    assert _read(_script(*pages))[0] == [None, "P-3", "P-4"]


def test_keys_are_ordered_by_their_numbers() -> None:
    asked, _ = _read(_script(_page(9, 10, 8, total=4), _page(10, 11, total=2)))
    assert asked[1] == "P-10"


def test_the_site_may_know_the_bookmark_no_more() -> None:
    pages = _page(1, 2, 3, total=5), None, _page(2, 4, 5, total=3)
    assert _read(_script(*pages))[0] == [None, "P-2"]


def test_when_no_bookmark_is_left_it_begins_anew() -> None:
    pages = _page(1, 2, 3, total=5), None, None, None, _page(4, 5, total=2)
    assert _read(_script(*pages))[0] == [None, None]


def test_only_the_last_few_bookmarks_are_tried() -> None:
    asked: list[str | None] = []

    def fetch(bookmark: Bookmark | None) -> dict[str, Any] | None:
        asked.append(bookmark.key if bookmark else None)
        return _page(*range(1, 101), total=102, size=100) if bookmark is None else None

    with pytest.raises(PagingError, match="not where they should be") as raised:
        _read(fetch)
    assert asked[:7] == [None, "P-100", "P-99", "P-98", "P-97", "P-96", None]
    assert len(asked) < 100
    assert URL in str(raised.value)


def test_what_the_index_counts_and_the_site_does_not_show_is_gone() -> None:
    """As it could be on the last page, and is not, nothing else can be missing."""
    asked, ids = _read(_script(_page(1, 2, total=3), _page(2, total=2)))
    assert asked == [None, "P-2"]
    assert len(ids) == 2


def test_a_page_that_could_not_hold_the_rest_and_shows_nothing_new_is_asked_for_again() -> None:
    """All that was found with the bookmark was deleted before it could be shown."""
    asked, ids = _read(_script(_page(1, 2, 3, total=9), _page(3, total=7), _page(3, 9, total=2)))
    assert asked == [None, "P-3", "P-3"]
    assert len(ids) == 4


def test_a_project_with_nothing_but_what_is_gone_is_empty() -> None:
    asked, ids = _read(lambda _: _page(total=2))
    assert (set(asked), ids) == ({None}, set())
    assert len(asked) > 1


def test_issues_without_a_key_are_yielded() -> None:
    odd = [{"id": "1"}, {"id": "2", "key": 3}, {"id": "3", "key": "P-x"}, "odd"]
    first = {**_page(total=8), "issues": [*odd, *_issues(4)]}
    asked, ids = _read(_script(first, {**_page(total=2), "issues": [*_issues(4, 5)]}))
    assert asked == [None, "P-4"]
    assert ids == {"1", "2", "3", "1004", "1005"}


def test_empty_pages_that_promise_more_end_in_an_error() -> None:
    with pytest.raises(PagingError, match="hold nothing new"):
        _read(lambda _: _page(total=5))


def test_a_site_that_ignores_the_bookmark_ends_in_an_error() -> None:
    with pytest.raises(PagingError, match="hold nothing new"):
        _read(lambda _: _page(1, 2, 3, total=1000))
