"""Time, as one thing that tests can put another in the place of."""

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """What retries and the throttle need of time."""

    def monotonic(self) -> float:
        """Return seconds since some fixed point; never goes backwards."""
        ...

    def time(self) -> float:
        """Return seconds since the epoch, for HTTP dates."""
        ...

    def wait(self, seconds: float, stop: threading.Event) -> None:
        """Return after ``seconds``, or as soon as ``stop`` is set."""
        ...


class SystemClock:
    """The machine's own time."""

    def monotonic(self) -> float:
        """Return ``time.monotonic()``."""
        return time.monotonic()

    def time(self) -> float:
        """Return ``time.time()``."""
        return time.time()

    def wait(self, seconds: float, stop: threading.Event) -> None:
        """Wait on ``stop``. Jira may ask for more than a thread can be told to wait at once."""
        stop.wait(min(seconds, threading.TIMEOUT_MAX))
