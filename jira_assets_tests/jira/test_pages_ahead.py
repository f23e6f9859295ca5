import threading
from typing import Any

import pytest

from jira_assets.jira.pages_ahead import reading_ahead
from jira_assets.jira.paging import offset_pages
from jira_assets_tests.jira.scripted import Reply, ScriptedJira, client

SEARCH = "/rest/api/3/project/search"


def _uncut() -> None:
    raise AssertionError("nothing was in flight")


class _List:
    """A list of so many items, ten a page, that remembers what was asked of it."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.asked: list[int] = []
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()

    def __call__(self, start: int, _stop: threading.Event) -> dict[str, Any]:
        with self._lock:
            self.asked.append(start)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        values = [{"id": str(number)} for number in range(start, min(start + 10, self.total))]
        with self._lock:
            self._at_once -= 1
        return {"values": values, "total": self.total, "startAt": start}


def _read(fetch: _List, pages: int = 4) -> list[int]:
    with reading_ahead(fetch, pages=pages, cut=_uncut) as page_at:
        return [start for start, _ in offset_pages(page_at, "https://acme.example.com")]


def _threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("jira")]


@pytest.mark.parametrize("total", [0, 1, 10, 11, 95, 100])
def test_every_page_is_taken_in_order_and_asked_for_once(total: int) -> None:
    fetch = _List(total)
    taken = _read(fetch)
    assert taken == sorted(fetch.asked) == list(range(0, max(total, 1), 10))
    assert _threads() == []


def test_never_more_pages_are_ahead_than_told() -> None:
    fetch = _List(500)
    with reading_ahead(fetch, pages=3, cut=_uncut) as page_at:
        for start, _ in offset_pages(page_at, "https://acme.example.com"):
            assert len(fetch.asked) <= start // 10 + 1 + 3


def test_several_pages_are_read_at_once() -> None:
    together = threading.Barrier(3, timeout=10)

    def fetch(start: int, _stop: threading.Event) -> dict[str, Any]:
        if start:
            together.wait()
        return {"values": [{"id": str(start)}], "total": 4}

    with reading_ahead(fetch, pages=3, cut=_uncut) as page_at:
        assert [start for start, _ in offset_pages(page_at, "x")] == [0, 1, 2, 3]


def test_a_page_that_nobody_guessed_is_asked_for_when_it_is_wanted() -> None:
    fetch = _List(100)
    with reading_ahead(fetch, pages=2, cut=_uncut) as page_at:
        page_at(0)
        assert page_at(7)["values"][0] == {"id": "7"}


@pytest.mark.parametrize(
    "page", [{"values": []}, {"values": [{"id": "1"}]}, {"values": [], "total": 9}]
)
def test_without_a_size_or_a_total_nothing_is_guessed(page: dict[str, Any]) -> None:
    asked = []

    def fetch(start: int, _stop: threading.Event) -> dict[str, Any]:
        asked.append(start)
        return page

    with reading_ahead(fetch, pages=2, cut=_uncut) as page_at:
        page_at(0)
    assert asked == [0]


def test_the_failure_of_a_page_comes_out_in_its_turn_and_ends_the_others() -> None:
    hanging = threading.Event()
    cuts = []

    def fetch(start: int, stop: threading.Event) -> dict[str, Any]:
        if start == 1:
            raise LookupError("the second page")
        if start > 1:
            stop.wait(10)
            hanging.wait(10)
        return {"values": [{"id": str(start)}], "total": 9}

    def cut() -> None:
        cuts.append("cut")
        hanging.set()

    with (
        pytest.raises(LookupError, match="second page"),
        reading_ahead(fetch, pages=4, cut=cut) as page_at,
    ):
        list(offset_pages(page_at, "x"))
    assert cuts
    assert _threads() == []


def test_a_clouds_projects_are_read_ahead(jira: ScriptedJira) -> None:
    together = threading.Barrier(3, timeout=10)
    page = {"values": [{"id": "1"}], "total": 4, "isLast": False}
    jira.cloud().on(SEARCH, Reply(page), *_late_pages(together))
    with client(jira) as reader:
        assert sum(len(answer.payload["values"]) for answer in reader.projects()) == 4
    assert jira.most_in_flight == 3


def _late_pages(together: threading.Barrier) -> list[Reply]:
    # None says that it is the last: which of them answers which offset is a matter of arrival.
    bodies = [{"values": [{"id": str(n)}], "total": 4} for n in (2, 3, 4)]
    return [Reply(body, after=together) for body in bodies]
