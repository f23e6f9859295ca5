"""The budget of one site: when the next call may start. The one place where the limits meet.

A call waits for its turn: for a pause that Jira asked for to end, for our own rate, for the
endpoint's allowance, and for a place in the window of calls in flight. Its answer then moves the
window and sets the allowance right.

Decisions this module embodies:

* What is learned of rates and latencies belongs to an endpoint, since Cloud limits each of them
  apart; the window and our own rate belong to the site.
* A pause that one call was asked for holds for all of them, or for all of its endpoint where Jira
  says that only that is meant. It is told to whoever listens, once, since it may last half an hour.
* An event is answered once: what was in flight when the window was cut is part of the event.
* Of those who wait for an endpoint's turn only the first looks at the clock; the others queue.
"""

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from jira_assets.jira.allowance import Allowance, Taken
from jira_assets.jira.clock import Clock
from jira_assets.jira.latency import LatencyWatch
from jira_assets.jira.signals import Signal
from jira_assets.jira.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable

WORTH_A_LINE_SECONDS: Final = 10.0
_LOOK_AGAIN_SECONDS: Final = 0.1
_LONGEST_DATED_SECONDS: Final = 366 * 86_400.0


@dataclass
class _Lane:
    """What is known of one endpoint."""

    allowance: Allowance = field(default_factory=Allowance)
    latency: LatencyWatch = field(default_factory=LatencyWatch)
    paused_until: float = 0.0
    turn: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True)
class Ticket:
    """A call that was let in."""

    endpoint: str
    taken: Taken
    """From the endpoint's allowance."""
    waited: float
    """Seconds that it was kept waiting for limits and pauses, not for a place in the window."""
    in_demand: bool
    """Whether more than half of the window was in use: one that nobody fills need not grow."""


@dataclass(frozen=True)
class Pace:
    """How fast a site lets itself be read, as known so far. None: not known."""

    at_once: int
    """Calls in flight that the site took well."""
    at_once_allowed: int
    """Calls in flight that the integration allows."""
    latency: float | None
    """Seconds that an answer of the endpoint takes, the median of the last round."""
    limit: float | None
    """Calls that the site's rate limit lets through at once."""
    rate: float | None
    """Calls a second that the site's rate limit allows for long, as it says or as measured."""


class Budget:
    """Lets calls in, from any number of threads.

    Args:
        clock: what to wait on.
        max_concurrency: calls in flight at once, at most.
        requests_per_second: None for no limit of our own.

    ``tell`` is called with one line when the site asks for a pause of ten seconds or more.
    """

    def __init__(
        self, clock: Clock, *, max_concurrency: int, requests_per_second: float | None = None
    ) -> None:
        self.tell: Callable[[str], None] = lambda _: None
        self._clock = clock
        self._window = Window(max_concurrency)
        self._own = Allowance(requests_per_second)
        self._lanes: dict[str, _Lane] = {}
        self._paused_until = 0.0
        self._in_flight = 0
        self._cut_at = float("-inf")
        self._place = threading.Condition()

    def admit(self, endpoint: str, stop: threading.Event) -> Ticket | None:
        """Return when a call of ``endpoint`` may start; None when ``stop`` was set meanwhile.

        Whoever is let in must ``settle``.
        """
        waited = 0.0
        with self._lane(endpoint).turn:
            while not stop.is_set():
                offered = self.offer(endpoint, waited)
                if isinstance(offered, Ticket):
                    return offered
                if offered > 0:
                    waited += offered
                    self._clock.wait(offered, stop)
                else:
                    with self._place:
                        self._place.wait_for(self._has_place, _LOOK_AGAIN_SECONDS)
        return None

    def offer(self, endpoint: str, waited: float = 0.0) -> Ticket | float:
        """Let a call in if it may start now; else return the seconds until it may be asked again.

        0 seconds: when another call has been settled.
        """
        lane = self._lane(endpoint)
        with self._place:
            now = self._clock.monotonic()
            left = self._seconds_left(lane, now)
            if left > 0 or not self._has_place():
                return max(0.0, left)
            self._in_flight += 1
            self._own.take(now)
            taken = lane.allowance.take(now)
            in_demand = 2 * self._in_flight > self._window.size
            return Ticket(endpoint, taken, waited, in_demand)

    def settle(self, ticket: Ticket, signal: Signal) -> None:
        """Take in what the answer to an admitted call says; its place is free again."""
        lane = self._lane(ticket.endpoint)
        with self._place:
            now = self._clock.monotonic()
            self._in_flight -= 1
            lane.allowance.settled(ticket.taken)
            self._learn_rate(lane.allowance, ticket, signal, now)
            self._move_window(lane.latency, ticket, signal, now)
            self._place.notify_all()

    def pause(self, seconds: float, ticket: Ticket, signal: Signal) -> float:
        """Let nobody in for ``seconds``: not to the site, or, if the signal says so, the endpoint.

        A pause that lasts longer already is not shortened. Returns the seconds that this adds.
        """
        lane = self._lane(ticket.endpoint) if signal.of_one_endpoint else None
        with self._place:
            now = self._clock.monotonic()
            until = now + seconds
            before = max(now, self._paused_until if lane is None else lane.paused_until)
            if until <= before:
                return 0.0
            if lane is None:
                self._paused_until = until
            else:
                lane.paused_until = until
            self._window.after_a_pause()
        added = until - before
        if added >= WORTH_A_LINE_SECONDS:
            self.tell(self._announcement(seconds, ticket, signal))
        return added

    def pace(self, endpoint: str) -> Pace:
        """Return how fast ``endpoint`` may be read."""
        lane = self._lane(endpoint)
        with self._place:
            allowance = lane.allowance
            return Pace(
                at_once=self._window.size,
                at_once_allowed=self._window.most,
                latency=lane.latency.median,
                limit=allowance.capacity,
                rate=allowance.known_rate,
            )

    def _lane(self, endpoint: str) -> _Lane:
        lane = self._lanes.get(endpoint)
        return self._lanes.setdefault(endpoint, _Lane()) if lane is None else lane

    def _seconds_left(self, lane: _Lane, now: float) -> float:
        paused = max(self._paused_until, lane.paused_until) - now
        return max(paused, self._own.wait(now), lane.allowance.wait(now))

    def _has_place(self) -> bool:
        return self._in_flight < self._window.size

    def _learn_rate(self, allowance: Allowance, ticket: Ticket, signal: Signal, now: float) -> None:
        if signal.limits is not None:
            allowance.told(ticket.taken, signal.limits, now)
        elif signal.refused:
            allowance.refused(ticket.taken, now)
        elif signal.healthy:
            allowance.passed(now)

    def _move_window(
        self, latency: LatencyWatch, ticket: Ticket, signal: Signal, now: float
    ) -> None:
        took = now - ticket.taken.at
        slow_round = signal.healthy and latency.slow_round(took, now, self._window.size)
        if ticket.taken.at <= self._cut_at:
            return
        if signal.overloaded or (signal.near_limit and signal.limits is None):
            self._window.refused()
        elif slow_round:
            self._window.slowed()
        else:
            if signal.healthy and ticket.in_demand and not latency.is_slow(took):
                self._window.grow()
            return
        self._cut_at = now

    def _announcement(self, seconds: float, ticket: Ticket, signal: Signal) -> str:
        longest = min(seconds, _LONGEST_DATED_SECONDS)
        until = datetime.fromtimestamp(self._clock.time() + longest, UTC)
        what = ticket.endpoint if signal.of_one_endpoint else "any endpoint"
        reason = f" ({signal.reason})" if signal.reason else ""
        return (
            f"Jira asks for no call of {what} for {seconds:,.0f} s{reason}: waiting until "
            f"{until:%Y-%m-%d %H:%M:%S} UTC."
        )
