"""What was asked of a sandbox, for tests and benchmarks to look at."""

from collections import Counter, deque
from collections.abc import Iterator
from typing import Final, NamedTuple

REMEMBERED: Final = 50_000
"""How many requests the log remembers; the counters count all."""


class Request(NamedTuple):
    """One call that was answered. ``at`` is ``time.monotonic()`` when it came."""

    method: str
    path: str
    query: str
    status: int
    authorized: bool
    """Whether it carried an ``Authorization`` header."""
    at: float
    body: bytes = b""


class RequestLog:
    """The calls answered so far, oldest first when iterated, and counters of them."""

    def __init__(self) -> None:
        self._requests: deque[Request] = deque(maxlen=REMEMBERED)
        self._in_flight = 0
        self.counts: Counter[str] = Counter()
        """Calls by path, without the query."""
        self.statuses: Counter[int] = Counter()
        """Calls by HTTP status."""
        self.peak_in_flight = 0
        """The most calls that were ever under way at once."""

    def __iter__(self) -> Iterator[Request]:
        return iter(self._requests.copy())

    def __len__(self) -> int:
        return len(self._requests)

    def begin(self) -> None:
        """Count a call that has come."""
        self._in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self._in_flight)

    def end(self, request: Request) -> None:
        """Keep a call that is about to be answered."""
        self._in_flight -= 1
        self._requests.append(request)
        self.counts[request.path] += 1
        self.statuses[request.status] += 1

    def clear(self) -> None:
        """Forget what was asked so far."""
        self._requests.clear()
        self.counts.clear()
        self.statuses.clear()
        self.peak_in_flight = self._in_flight
