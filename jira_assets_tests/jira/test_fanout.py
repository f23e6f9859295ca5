import threading
from collections.abc import Callable, Iterator

import pytest

from jira_assets.jira.fanout import as_they_arrive, as_they_stream


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


def _count_up(item: int, _stop: threading.Event) -> Iterator[tuple[int, int]]:
    for result in range(item):
        yield item, result


def test_every_result_of_every_item_streams_once_and_in_the_order_of_its_item() -> None:
    results = list(as_they_stream(_count_up, range(40), threads=4, cut=_uncut))
    assert len(results) == sum(range(40))
    for item in range(40):
        assert [result for of, result in results if of == item] == list(range(item))
    assert _threads() == []


def test_nothing_to_stream_is_nothing_done() -> None:
    assert list(as_they_stream(_count_up, [], threads=4, cut=_uncut)) == []


def test_the_results_of_several_items_come_between_one_another() -> None:
    turns = [threading.Event() for _ in range(2)]

    def read(item: int, _stop: threading.Event) -> Iterator[int]:
        yield item
        turns[item].wait()
        yield item

    results = as_they_stream(read, [0, 1], threads=2, cut=_uncut)
    assert {next(results), next(results)} == {0, 1}
    turns[1].set()
    assert next(results) == 1
    turns[0].set()
    assert list(results) == [0]


def test_a_slow_taker_finds_at_most_two_results_a_thread_waiting() -> None:
    made: list[int] = []

    def read(item: int, _stop: threading.Event) -> Iterator[int]:
        for _ in range(200):
            made.append(item)
            yield item

    results = as_they_stream(read, range(5), threads=3, cut=_uncut)
    for taken, _ in enumerate(results, start=1):
        assert len(made) - taken <= 2 * 3
    assert len(made) == 1000


def test_a_failure_ends_the_streams_of_the_others() -> None:
    def read(item: int, stop: threading.Event) -> Iterator[int]:
        if item == 3:
            raise ValueError("the fourth one fails")
        while not stop.is_set():
            yield item

    with pytest.raises(ValueError, match="the fourth one fails"):
        list(as_they_stream(read, range(100), threads=4, cut=lambda: None))
    assert _threads() == []


def test_closing_ends_threads_that_wait_for_a_taker_or_for_an_answer() -> None:
    begun: list[int] = []

    def read(item: int, stop: threading.Event) -> Iterator[int]:
        begun.append(item)
        if item % 2:
            stop.wait()
        while True:
            yield item

    results = as_they_stream(read, range(100), threads=4, cut=lambda: None)
    assert next(results) % 2 == 0
    results.close()
    assert _threads() == []
    assert len(begun) <= 4


def test_items_that_fail_to_come_end_the_streams() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise LookupError("the roster broke")

    with pytest.raises(LookupError, match="the roster broke"):
        list(as_they_stream(_count_up, items(), threads=2, cut=lambda: None))
    assert _threads() == []


class _Late(Exception):  # noqa: N818  # what a test raises
    pass


def _fail_at(*bad: int) -> Callable[[int, threading.Event], Iterator[int]]:
    def read(item: int, _stop: threading.Event) -> Iterator[int]:
        yield item
        if item in bad:
            raise _Late(item)

    return read


def test_what_may_be_put_off_comes_out_when_all_others_were_read() -> None:
    results = as_they_stream(_fail_at(1, 5), range(40), threads=3, cut=_uncut, put_off=_is_late)
    found: list[int] = []
    with pytest.raises(_Late):
        found.extend(iter(results))
    assert sorted(found) == list(range(40))


def test_the_third_of_what_may_be_put_off_ends_it() -> None:
    results = as_they_stream(
        _fail_at(*range(1, 40)), range(40), threads=1, cut=lambda: None, put_off=_is_late
    )
    found: list[int] = []
    with pytest.raises(_Late, match="1"):
        found.extend(iter(results))
    assert found[:4] == [0, 1, 2, 3]
    assert len(found) < 10


def test_what_may_not_be_put_off_ends_it_at_once() -> None:
    def read(item: int, _stop: threading.Event) -> Iterator[int]:
        yield item
        if item:
            raise _Late(item) if item == 1 else ValueError(item)

    results = as_they_stream(read, range(40), threads=1, cut=lambda: None, put_off=_is_late)
    with pytest.raises(ValueError, match="2"):
        list(results)


def _is_late(error: Exception) -> bool:
    return isinstance(error, _Late)
