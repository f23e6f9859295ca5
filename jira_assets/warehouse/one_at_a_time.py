"""Jobs in a thread beside, one at a time: what is written while the reading goes on."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self


class OneAtATime:
    """Runs jobs one after the other in a thread of its own; never is more than one handed over.

    What a job raises comes out of the next call of whichever method, and of every later one: no
    job runs after one that failed. Leaving the ``with`` block waits for the job in flight.
    """

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._job: Future[None] | None = None

    def run(self, job: Callable[[], None]) -> None:
        """Begin ``job``, once the one before it has ended."""
        self.wait()
        self._job = self._executor.submit(job)

    def check(self) -> None:
        """Raise what the last job raised, if it has ended; do not wait for it."""
        if self._job is not None and self._job.done():
            self.wait()

    def wait(self) -> None:
        """Wait for the last job to end."""
        if self._job is not None:
            self._job.result()
            self._job = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._executor.shutdown()
