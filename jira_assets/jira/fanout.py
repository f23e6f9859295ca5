"""Many calls at once, their results as they arrive, and nothing left behind.

A slow taker slows the callers down, and nothing piles up: never more than twice the number of
threads are handed out and not yet taken. Where one item has many results, no more than one a thread
waits to be taken, beside the one that each thread has in hand.
"""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from itertools import count, islice
from queue import Empty, Queue, SimpleQueue
from typing import Any, Final, TypeVar

T = TypeVar("T")
R = TypeVar("R")

MOST_PUT_OFF: Final = 3
_CUT_AGAIN_SECONDS: Final = 0.05


def _never(_error: Exception) -> bool:
    return False


def as_they_arrive(
    call: Callable[[T, threading.Event], R],
    items: Iterable[T],
    *,
    threads: int,
    cut: Callable[[], None],
) -> Generator[R, None, None]:
    """Yield ``call(item, stop)`` of every item, in the order in which the results arrive.

    The first exception of a call, or closing the generator, sets ``stop``, drops what has not
    begun, and comes out when every thread has ended; ``cut`` ends the calls in flight meanwhile.
    """
    stop = threading.Event()
    remaining = iter(items)
    arrived: SimpleQueue[Future[R]] = SimpleQueue()
    handed_out: set[Future[R]] = set()
    with ThreadPoolExecutor(threads, thread_name_prefix="jira") as executor:

        def hand_out(most: int) -> None:
            for item in islice(remaining, most):
                future = executor.submit(call, item, stop)
                handed_out.add(future)
                future.add_done_callback(arrived.put)

        try:
            hand_out(2 * threads)
            while handed_out:
                future = arrived.get()
                handed_out.remove(future)
                hand_out(1)
                yield future.result()
        finally:
            end_all(executor, stop, handed_out, cut)


@dataclass(frozen=True)
class _Ended:
    """An item has no more results, or reading it failed."""

    number: int


class _PutOff:
    """The exceptions that come out at the end, or with the last that is put off."""

    def __init__(self, put_off: Callable[[Exception], bool]) -> None:
        self._put_off = put_off
        self._errors: list[BaseException] = []

    def take(self, error: BaseException | None, *, at_the_end: bool = False) -> None:
        """Take how an item ended, and raise what is to come out now."""
        if error is not None and not (isinstance(error, Exception) and self._put_off(error)):
            raise error
        if error is not None:
            self._errors.append(error)
        if self._errors and (at_the_end or len(self._errors) == MOST_PUT_OFF):
            raise self._errors[0]


def as_they_stream(
    read: Callable[[T, threading.Event], Iterator[R]],
    items: Iterable[T],
    *,
    threads: int,
    cut: Callable[[], None],
    put_off: Callable[[Exception], bool] = _never,
) -> Generator[R, None, None]:
    """Yield the results of ``read(item, stop)`` of every item: in order those of one item.

    Each item is read by one thread. What ends it early does so as in ``as_they_arrive``, but for
    exceptions that ``put_off`` is true of: the first of them comes out when all other items were
    read. With the third there is something wrong with more than an item, and it ends.
    """
    stop = threading.Event()
    remaining = zip(count(), items, strict=False)
    # Few: each thread holds one more that waits for a place, and a page of issues is megabytes.
    waiting: Queue[R | _Ended] = Queue(2)
    reading: dict[int, Future[None]] = {}

    def work(number: int, item: T) -> None:
        try:
            for result in read(item, stop):
                waiting.put(result)
                if stop.is_set():
                    return
        finally:
            waiting.put(_Ended(number))

    def cut_and_make_room() -> None:
        cut()
        with suppress(Empty):
            while True:
                waiting.get_nowait()

    with ThreadPoolExecutor(threads, thread_name_prefix="jira") as executor:

        def hand_out(most: int) -> None:
            for number, item in islice(remaining, most):
                reading[number] = executor.submit(work, number, item)

        late = _PutOff(put_off)
        try:
            hand_out(2 * threads)
            while reading:
                result = waiting.get()
                if isinstance(result, _Ended):
                    hand_out(1)
                    late.take(reading.pop(result.number).exception())
                else:
                    yield result
            late.take(None, at_the_end=True)
        finally:
            end_all(executor, stop, reading.values(), cut_and_make_room)


def end_all(
    executor: ThreadPoolExecutor,
    stop: threading.Event,
    futures: Iterable[Future[Any]],
    cut: Callable[[], None],
) -> None:
    """Set ``stop``, drop what has not begun, and ``cut`` calls until those in flight have ended."""
    stop.set()
    executor.shutdown(wait=False, cancel_futures=True)
    in_flight = {future for future in futures if not future.done()}
    while in_flight:
        # Again and again: a thread may have been just about to connect.
        cut()
        in_flight = wait(in_flight, timeout=_CUT_AGAIN_SECONDS).not_done
