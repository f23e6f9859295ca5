"""What ends a case that hangs: a budget of work, not of seconds, so that a busy machine is no hang.

It is counted in the process's own CPU time, by a timer that nobody else uses: pytest's own is of
the wall's clock.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

CPU_SECONDS: Final = 60.0


class HangError(BaseException):
    """A case took more work than any may. No ``Exception``: nobody on the way takes it for one."""


@contextmanager
def budget(seed: int, seconds: float = CPU_SECONDS) -> Iterator[None]:
    """End what runs within after so much CPU time, naming the seed. In the main thread only."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        raise HangError(f"seed {seed} took more than {seconds:g} s of CPU time")

    before = signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
