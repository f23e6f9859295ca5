"""What a client did, counted from several threads."""

import threading
from dataclasses import dataclass, field


@dataclass
class Stats:
    """Counts of one client since it was made. ``str()`` of it is a line for a log."""

    calls: int = 0
    """Calls made, retries included."""
    retries: int = 0
    rate_limited: int = 0
    """Answers of 429."""
    waited_seconds: float = 0.0
    """Summed over threads: pauses before retries and for the rate limits, Jira's and our own."""
    received_bytes: int = 0
    """Bodies, decompressed."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(
        self,
        *,
        calls: int = 0,
        retries: int = 0,
        rate_limited: int = 0,
        waited_seconds: float = 0.0,
        received_bytes: int = 0,
    ) -> None:
        """Add to the counts, all at once."""
        with self._lock:
            self.calls += calls
            self.retries += retries
            self.rate_limited += rate_limited
            self.waited_seconds += waited_seconds
            self.received_bytes += received_bytes

    def __str__(self) -> str:
        return (
            f"{self.calls:,} calls, {self.retries:,} of them retries, "
            f"{self.rate_limited:,} answered 429, {self.waited_seconds:.1f} s waited, "
            f"{self.received_bytes / 1e6:.1f} MB received"
        )
