from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jira_assets.jira.errors import PagingError
from jira_assets.jira.paging import offset_pages, token_pages

URL = "https://acme.example.com/rest/api/3/project/search"


def _items(*ids: int) -> list[dict[str, str]]:
    return [{"id": str(number)} for number in ids]


class Site:
    """A list of ids behind offsets. ``before(n)`` runs before the n-th page is made."""

    def __init__(self, ids: list[int], size: int, *, hide: tuple[str, ...] = ()) -> None:
        self.ids, self.size, self.hide = ids, size, hide
        self.asked: list[int] = []
        self.before: Callable[[int], None] = lambda _: None

    def page(self, start: int) -> dict[str, Any]:
        self.before(len(self.asked))
        self.asked.append(start)
        page = {
            "values": _items(*self.ids[start : start + self.size]),
            "startAt": start,
            "maxResults": self.size,
            "total": len(self.ids),
            "isLast": start + self.size >= len(self.ids),
        }
        return {name: value for name, value in page.items() if name not in self.hide}


def _read(fetch: Callable[[int], dict[str, Any]]) -> list[int]:
    pages = offset_pages(fetch, URL)
    return [int(item["id"]) for _, page in pages for item in page["values"]]


HIDDEN = [(), ("isLast",), ("total",), ("isLast", "total"), ("isLast", "total", "maxResults")]


@pytest.mark.parametrize("hide", HIDDEN)
@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250])
def test_every_item_arrives_once_whatever_the_pages_say_of_themselves(
    count: int, hide: tuple[str, ...]
) -> None:
    site = Site(list(range(1, count + 1)), 100, hide=hide)
    assert _read(site.page) == list(range(1, count + 1))


def test_pages_come_as_they_are_with_the_offset_that_was_asked_for() -> None:
    site = Site([1, 2, 3], 2)
    pages = list(offset_pages(site.page, URL))
    assert [start for start, _ in pages] == [0, 2]
    assert pages[1][1] == {
        "values": [{"id": "3"}],
        "startAt": 2,
        "maxResults": 2,
        "total": 3,
        "isLast": True,
    }


def test_a_short_page_is_not_the_end() -> None:
    site = Site([1, 2, 3, 4, 5], 50)
    assert _read(lambda start: {**site.page(start), **_short(site, start)}) == [1, 2, 3, 4, 5]


def _short(site: Site, start: int) -> dict[str, Any]:
    """A site that was asked for 50 and caps its pages at 2."""
    return {"values": _items(*site.ids[start : start + 2]), "isLast": start + 2 >= len(site.ids)}


def test_a_last_page_that_the_total_contradicts_is_not_believed() -> None:
    site = Site([1, 2, 3, 4], 2)
    assert _read(lambda start: {**site.page(start), "isLast": True}) == [1, 2, 3, 4]


def test_a_total_that_promises_too_much_ends_with_an_empty_last_page() -> None:
    site = Site([1, 2, 3], 2)
    assert _read(lambda start: {**site.page(start), "total": 5}) == [1, 2, 3]


def test_the_same_item_on_two_pages_is_kept_and_does_not_loop() -> None:
    site = Site([1, 2, 2, 3, 3], 2)
    assert _read(site.page) == [1, 2, 2, 3, 3]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7])
def test_what_overlapping_pages_push_over_the_end_is_fetched(count: int) -> None:
    site = Site(list(range(1, count + 1)), 2)

    def overlapping(start: int) -> dict[str, Any]:
        page = site.page(max(0, start - 1))
        return {**page, "isLast": start + 2 >= count}

    assert set(_read(overlapping)) == set(site.ids)


def test_items_repeated_on_one_page_do_not_push_others_out() -> None:
    site = Site([1, 2, 3, 4, 5], 2)

    def doubled(start: int) -> dict[str, Any]:
        page = site.page(start)
        return {**page, "values": page["values"] * 2}

    assert set(_read(doubled)) == {1, 2, 3, 4, 5}


def test_a_growing_total_is_followed() -> None:
    site = Site([1, 2, 3], 2)
    site.before = lambda page: site.ids.append(11) if page == 1 else None
    assert _read(site.page) == [1, 2, 3, 11]


def test_a_list_that_loses_half_of_itself_while_it_is_read_is_no_list() -> None:
    """An incident, or pages of an anonymous visitor in between: what is missing is not deleted."""
    site = Site([*range(300)], 100)
    gone = {"values": [], "startAt": 0, "maxResults": 100, "total": 0, "isLast": True}
    answers = iter([site.page(0), site.page(100), gone, gone, gone])
    with pytest.raises(PagingError, match="there were 300 of them, and are 0 now"):
        _read(lambda _: next(answers))


def test_a_shrinking_total_loses_nothing_that_moved_over_the_border() -> None:
    site = Site([1, 2, 3, 4, 5, 6], 2)
    site.before = lambda page: site.ids.remove(1) if page == 1 else None
    assert _read(site.page) == [1, 2, 4, 5, 3, 4, 5, 6]
    assert site.asked == [0, 2, 1, 3]


@given(
    count=st.integers(0, 60),
    size=st.integers(1, 10),
    removals=st.dictionaries(
        st.integers(1, 8), st.lists(st.integers(1, 60), max_size=12), max_size=5
    ),
)
def test_whatever_is_removed_meanwhile_what_stays_is_read(
    count: int, size: int, removals: dict[int, list[int]]
) -> None:
    site = Site(list(range(1, count + 1)), size)

    def remove(page: int) -> None:
        site.ids = [item for item in site.ids if item not in removals.get(page, [])]

    site.before = remove
    assert set(_read(site.page)) >= set(site.ids)


def test_an_empty_page_in_the_middle_is_asked_for_again() -> None:
    site = Site([1, 2, 3, 4, 5], 2)

    def hiccup(start: int) -> dict[str, Any]:
        page = site.page(start)
        return {**page, "values": []} if site.asked == [0, 2] else page

    assert _read(hiccup) == [1, 2, 3, 4, 5]
    assert site.asked == [0, 2, 2, 4]


def test_what_an_empty_page_keeps_from_us_is_an_error() -> None:
    site = Site([1, 2, 3, 4, 5], 2)
    with pytest.raises(PagingError, match="only 3 of 5 arrived") as raised:
        _read(lambda start: {**site.page(start), **({"values": []} if start == 2 else {})})
    assert URL in str(raised.value)


def test_empty_pages_that_promise_more_end_in_an_error() -> None:
    with pytest.raises(PagingError, match="still empty"):
        _read(lambda _: {"values": [], "isLast": False})


def test_a_total_that_never_settles_ends_in_an_error() -> None:
    totals = iter([50, 40] * 20)
    fresh = iter(range(1000))
    with pytest.raises(PagingError, match="still moving"):
        _read(lambda _: {"values": _items(next(fresh), next(fresh)), "total": next(totals)})


@pytest.mark.parametrize("hide", HIDDEN)
def test_a_server_that_ignores_offsets_ends_in_an_error(hide: tuple[str, ...]) -> None:
    site = Site([1, 2, 3, 4, 5], 2, hide=hide)
    with pytest.raises(PagingError, match="do not hang together"):
        _read(lambda _: site.page(0))


def test_a_server_that_turns_back_to_an_earlier_page_ends_in_an_error() -> None:
    site = Site([1, 2, 3, 4, 5, 6, 7], 2, hide=("total",))
    with pytest.raises(PagingError, match="the page at 4 repeats an earlier one"):
        _read(lambda start: site.page(start % 4))


def _search(pages: list[dict[str, Any]]) -> tuple[list[str | None], list[int]]:
    """Read scripted pages by token; return the tokens asked for and what arrived."""
    asked: list[str | None] = []
    left = iter(pages)

    def fetch(token: str | None) -> dict[str, Any]:
        asked.append(token)
        return next(left)

    arrived = [int(item["id"]) for _, page in token_pages(fetch, URL) for item in page["issues"]]
    return asked, arrived


LAST: list[dict[str, Any]] = [
    {"isLast": True},
    {"isLast": True, "nextPageToken": "more?"},
    {"isLast": False},
    {},
    {"nextPageToken": None},
    {"nextPageToken": ""},
]


@pytest.mark.parametrize("last", LAST)
@given(pages=st.lists(st.integers(0, 4), max_size=8), says=st.booleans())
def test_every_page_behind_a_token_arrives_once_in_order(
    last: dict[str, Any], pages: list[int], *, says: bool
) -> None:
    count = iter(range(1000))
    script: list[dict[str, Any]] = [
        {
            "issues": _items(*[next(count) for _ in range(size)]),
            "nextPageToken": f"token {number}",
            **({"isLast": False} if says else {}),
        }
        for number, size in enumerate(pages)
    ]
    asked, arrived = _search([*script, {"issues": _items(next(count)), **last}])
    assert arrived == list(range(sum(pages) + 1))
    assert asked == [None, *[f"token {number}" for number in range(len(pages))]]


@given(tokens=st.lists(st.sampled_from("abc"), min_size=4, max_size=6))
def test_a_token_that_comes_again_ends_in_an_error(tokens: list[str]) -> None:
    pages = [{"issues": _items(1), "isLast": False, "nextPageToken": token} for token in tokens]
    with pytest.raises(PagingError, match="a token repeats an earlier one") as raised:
        _search(pages)
    assert URL in str(raised.value)
