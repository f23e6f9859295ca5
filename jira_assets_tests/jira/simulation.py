"""A client's budget and a site in virtual time: minutes of calls, one after the other, no thread.

Every worker asks the budget for a place, calls, waits for the answer, and begins anew; a call that
was turned away pauses what the site said. What takes no time is everything but the site.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from jira_assets.jira.budget import Budget, Ticket
from jira_assets.jira.signals import Limits, Signal
from jira_assets.sandbox.rate_limit import RateLimit, TokenBucket
from jira_assets_tests.jira.scripted import FakeClock

ENDPOINT = "/rest/api/3/project/{projectIdOrKey}/statuses"
_SOON = 0.001


class Site(Protocol):
    """What answers a call that arrives now: the seconds that it takes, and what it says."""

    def __call__(self) -> tuple[float, Signal]: ...


@dataclass
class Run:
    """What came of it. Times in seconds since the beginning."""

    answered: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)

    def rate(self, begin: float, end: float) -> float:
        """Return the calls a second that were answered well between two moments."""
        return sum(begin <= at < end for at in self.answered) / (end - begin)

    @property
    def share_refused(self) -> float:
        """The share of all calls that was turned away."""
        return len(self.refused) / (len(self.answered) + len(self.refused))


class Limited:
    """A site with a token bucket; it says what is left (Cloud), and how fast it fills, or neither.

    ``latency`` is of what passes; what is turned away takes no time.
    """

    def __init__(
        self, limit: RateLimit, clock: FakeClock, *, latency: float, says: str = "cloud"
    ) -> None:
        self._bucket = TokenBucket(limit, clock.monotonic)
        self._latency = latency
        self._says = says

    def __call__(self) -> tuple[float, Signal]:
        verdict = self._bucket.take()
        limits = self._limits(verdict.remaining)
        if verdict.allowed:
            return self._latency, Signal(limits=limits)
        self.retry_after = verdict.retry_after
        return 0.0, Signal(healthy=False, refused=True, overloaded=True, limits=limits)

    def _limits(self, remaining: int) -> Limits | None:
        limit = self._bucket.limit
        fill_rate = limit.requests_per_second if self._says == "data_center" else None
        return None if self._says == "nothing" else Limits(remaining, limit.burst, fill_rate)


def simulate(
    budget: Budget,
    clock: FakeClock,
    site: Site,
    *,
    workers: int,
    seconds: float,
    under_way: Callable[[], float] = lambda: 0.0,
) -> Run:
    """Let ``workers`` call ``site`` without a break for so many seconds of virtual time.

    ``under_way`` is asked how long each call takes to get there, in seconds.
    """
    run, order = Run(), count()
    events: list[tuple[float, int, Callable[[], None]]] = []

    def later(at: float, action: Callable[[], None]) -> None:
        heapq.heappush(events, (at, next(order), action))

    def ask() -> None:
        offered = budget.offer(ENDPOINT)
        if not isinstance(offered, Ticket):
            later(clock.elapsed + max(offered, _SOON), ask)
            return
        later(clock.elapsed + under_way(), lambda: arrive(offered))

    def arrive(ticket: Ticket) -> None:
        took, signal = site()
        later(clock.elapsed + took, lambda: answer(ticket, signal))

    def answer(ticket: Ticket, signal: Signal) -> None:
        budget.settle(ticket, signal)
        (run.refused if signal.refused else run.answered).append(clock.elapsed)
        if signal.refused:
            budget.pause(getattr(site, "retry_after", 1.0), ticket, signal)
        ask()

    for _ in range(workers):
        later(0.0, ask)
    while events and events[0][0] < seconds:
        clock.elapsed, _, action = heapq.heappop(events)
        action()
    return run
