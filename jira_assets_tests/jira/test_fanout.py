import threading
from collections.abc import Iterator

import pytest

from jira_assets.jira.fanout import as_they_arrive


def _uncut() -> None:
    raise AssertionError("nothing was in flight")


def _square(item: int, _stop: threading.Event) -> int:
    return item * item


def _threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("jira")]


def test_every_item_is_answered_once() -> None:
    squares = as_they_arrive(_square, range(500), threads=4, cut=_uncut)
    assert sorted(squares) == [item * item for item in range(500)]
    assert _threads() == []


def test_nothing_to_do_is_nothing_done() -> None:
    assert list(as_they_arrive(_square, [], threads=4, cut=_uncut)) == []


def test_results_come_as_they_arrive() -> None:
    second_is_out = threading.Event()

    def call(item: int, _stop: threading.Event) -> int:
        if item == 1:
            second_is_out.wait()
        return item

    results = as_they_arrive(call, [1, 2], threads=2, cut=_uncut)
    assert next(results) == 2
    second_is_out.set()
    assert list(results) == [1]


def test_never_more_than_twice_the_threads_are_taken_ahead() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(1000):
            taken.append(item)
            yield item

    results = as_they_arrive(_square, items(), threads=3, cut=_uncut)
    for yielded, _ in enumerate(results, start=1):
        assert len(taken) - yielded <= 6
    assert len(taken) == 1000


def _fail_at_once_or_hang(item: int, stop: threading.Event) -> int:
    if item == 0:
        raise ValueError("the first one fails")
    stop.wait()
    return item


def test_the_first_failure_ends_the_others_and_leaves_no_thread() -> None:
    results = as_they_arrive(_fail_at_once_or_hang, range(100), threads=4, cut=lambda: None)
    with pytest.raises(ValueError, match="the first one fails"):
        list(results)
    assert _threads() == []


def test_closing_early_ends_the_others_and_leaves_no_thread() -> None:
    def call(item: int, stop: threading.Event) -> int:
        if item:
            stop.wait()
        return item

    results = as_they_arrive(call, range(100), threads=4, cut=lambda: None)
    assert next(results) == 0
    results.close()
    assert _threads() == []


def test_calls_in_flight_are_cut_until_they_have_ended() -> None:
    released = threading.Event()
    cuts = 0

    def cut() -> None:
        nonlocal cuts
        cuts += 1
        if cuts == 3:
            released.set()

    def call(item: int, _stop: threading.Event) -> int:
        if item:
            released.wait()
        return item

    results = as_they_arrive(call, range(5), threads=2, cut=cut)
    assert next(results) == 0
    results.close()
    assert cuts >= 3
    assert _threads() == []


def test_items_that_fail_to_come_end_it_too() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise LookupError("the roster broke")

    with pytest.raises(LookupError, match="the roster broke"):
        list(as_they_arrive(_square, items(), threads=2, cut=lambda: None))
    assert _threads() == []
