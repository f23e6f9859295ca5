"""Many calls at once, their results as they arrive, and nothing left behind.

Never more than twice the number of threads are handed out and not yet taken: a slow taker slows the
callers down, and 10,000 projects do not pile up.
"""

import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import islice
from queue import SimpleQueue
from typing import Any, Final, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_CUT_AGAIN_SECONDS: Final = 0.05


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

        def hand_out(count: int) -> None:
            for item in islice(remaining, count):
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
