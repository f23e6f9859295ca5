"""What a client did, counted from several threads."""

import threading
from dataclasses import dataclass
from operator import add, sub
from typing import Self


@dataclass(frozen=True)
class Counts:
    """Counts of what a client did. ``str()`` of it is a line for a log."""

    calls: int = 0
    """Calls made, retries included."""
    retries: int = 0
    rate_limited: int = 0
    """Answers of 429."""
    waited_seconds: float = 0.0
    """Summed over threads: pauses before retries and for the rate limits, Jira's and our own."""
    asked_to_wait_seconds: float = 0.0
    """Time for which Jira asked us to stay away, by ``Retry-After``; not summed over threads."""
    received_bytes: int = 0
    """Bodies, decompressed."""

    def __add__(self, other: Self) -> Self:
        """Return the counts of both."""
        return type(self)(*map(add, vars(self).values(), vars(other).values()))

    def __sub__(self, before: Self) -> Self:
        """Return what was counted after ``before``."""
        return type(self)(*map(sub, vars(self).values(), vars(before).values()))

    def __str__(self) -> str:
        return (
            f"{self.calls:,} calls, {self.retries:,} of them retries, "
            f"{self.rate_limited:,} answered 429, {self.waited_seconds:.1f} s waited, "
            f"{self.received_bytes / 1e6:.1f} MB received"
        )


class Stats:
    """Adds counts up, from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._total = Counts()

    @property
    def total(self) -> Counts:
        """The counts of this moment."""
        return self._total

    def add(self, counts: Counts) -> None:
        """Add to the counts, all at once."""
        with self._lock:
            self._total += counts
