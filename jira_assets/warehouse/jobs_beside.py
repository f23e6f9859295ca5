"""Jobs in threads beside: what is written while the reading, or the making, goes on."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Self


class JobsBeside:
    """Runs jobs in threads of its own, so many at once; never are more than these handed over.

    One at once run in the order in which they were handed over. What a job raises comes out of the
    next call of whichever method, and of every later one: no job is taken after one that failed.
    Leaving the ``with`` block waits for the jobs in flight.
    """

    def __init__(self, name: str, at_once: int = 1) -> None:
        self._executor = ThreadPoolExecutor(at_once, thread_name_prefix=name)
        self._at_once = at_once
        self._jobs: deque[Future[None]] = deque()

    def run(self, job: Callable[[], None]) -> None:
        """Begin ``job``, once fewer than so many are in flight."""
        self.check()
        while len(self._jobs) >= self._at_once:
            wait(self._jobs, return_when=FIRST_COMPLETED)
            self.check()
        self._jobs.append(self._executor.submit(job))

    def check(self) -> None:
        """Raise what a job raised, if one has ended so; do not wait for any."""
        for job in [job for job in self._jobs if job.done()]:
            job.result()
            self._jobs.remove(job)

    def wait(self) -> None:
        """Wait for the jobs in flight to end."""
        wait(self._jobs)
        self.check()

    def close(self) -> None:
        """Wait for the jobs in flight, whatever comes of them, and take no more."""
        self._executor.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
