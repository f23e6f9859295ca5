"""When the next call fits into a rate limit: a token bucket, ours or a mirror of the site's. Pure.

Decisions this module embodies:

* A site that says how much of its bucket is left is mirrored: every call takes a token here, too,
  and each answer sets the mirror right by the difference between what the site had left after that
  call and what the mirror had. So calls wait before the wall, not after it, and none of the rate is
  lost.
* Calls overtake each other, and a machine under load sends one late. So earlier calls that are not
  answered yet count as used up, and the time between two answers is the longest that it can have
  been. Without that, delays of two milliseconds had a simulated site of 50 calls a second refuse
  some, and delays of 0.3 s cost a tenth of its rate (``test_simulation.py``).
* A fifth of the bucket (ten calls at most) is left alone: other people's tools and browsers draw
  from it as well, and below a fifth Jira speaks of ``NearLimit``.
* How fast the bucket fills, Data Center says and Cloud does not: then it follows from two answers,
  what was left and how many calls lie between them. Before that it is taken for one that fills
  once a second.
* A site that turns calls away without a word about its limit teaches the rate by that
  (``silent_limit.py``). Calls are then spaced evenly, since a burst is what such limits are made
  against. So is our own ``requests_per_second``.
"""

from dataclasses import dataclass
from typing import Final

from jira_assets.jira.signals import Limits
from jira_assets.jira.silent_limit import SilentLimit

_SHARE_LEFT_ALONE: Final = 0.2
_MOST_LEFT_ALONE: Final = 10.0
_LEAST_RATE: Final = 0.1
_ESTIMATE_EVERY_SECONDS: Final = 0.5
_NEW_ESTIMATE_COUNTS: Final = 0.3
_ROUNDING: Final = 1e-9


@dataclass(frozen=True)
class Taken:
    """One token that was taken: to tell what the site says of it."""

    number: int
    """1 for the first."""
    at: float
    left: float
    """Tokens that the mirror had left then."""
    set_right: float
    """By how many tokens the mirror had been set right until then, all in all."""


@dataclass(frozen=True)
class _Said:
    """An answer that said what was left."""

    taken: Taken
    remaining: float
    at: float
    """When it came."""


class Allowance:
    """The tokens of one bucket; times in seconds of a clock that never goes back.

    Args:
        rate: calls a second, evenly spaced, for ever; None: unlimited until a site says otherwise.

    Not for several threads.
    """

    def __init__(self, rate: float | None = None) -> None:
        self.rate = rate
        """Calls a second that come back; None while nothing is known."""
        self.capacity = None if rate is None else 1.0
        """Calls that may start at once when the bucket is full; None: no limit is known."""
        self._tokens = self.capacity or 0.0
        self._reserve = 0.0
        self._filled_at = 0.0
        self._taken = 0
        self._heard_of = 0
        self._set_right = 0.0
        self._said: _Said | None = None
        self._unheard: set[int] = set()
        self._measured = False
        self._is_known = rate is not None
        self._silent = SilentLimit()

    @property
    def known_rate(self) -> float | None:
        """Calls a second that come back, as said or as measured; None while it is a mere guess."""
        return self.rate if self._is_known else None

    def wait(self, now: float) -> float:
        """Return the seconds after which a call may start; 0 if it may now."""
        if self.capacity is None or self.rate is None:
            return 0.0
        self._fill(now)
        lacking = 1.0 + self._reserve - self._tokens
        return lacking / self.rate if lacking > _ROUNDING else 0.0

    def take(self, now: float) -> Taken:
        """Let a call start."""
        self._fill(now)
        self._tokens -= 1.0
        self._taken += 1
        self._unheard.add(self._taken)
        self._silent.started(now)
        return Taken(self._taken, now, self._tokens, self._set_right)

    def told(self, taken: Taken, limits: Limits, now: float) -> None:
        """Set the mirror right by what the answer to a call says is left.

        An answer to an earlier call than one already heard of says nothing new. Earlier calls that
        are not answered yet may not have got there: what seems to be left over may be theirs.
        """
        if taken.number <= self._heard_of:
            return
        self._heard_of = taken.number
        self._size(limits)
        on_their_way = sum(number < taken.number for number in self._unheard)
        self._estimate(taken, limits, on_their_way, now)
        self._fill(now)
        wrong_by = limits.remaining - (taken.left + self._set_right - taken.set_right)
        if wrong_by > 0:
            wrong_by = max(0.0, wrong_by - on_their_way)
        self._set_right += wrong_by
        self._set(self._tokens + wrong_by, now)

    def settled(self, taken: Taken) -> None:
        """Forget a call that is over, answered or not."""
        self._unheard.discard(taken.number)

    def passed(self, now: float) -> None:
        """Count a call that was not turned away."""
        self._silent.passed(now)
        if self._silent.rate is not None and self.capacity == 1.0:
            self.rate = self._silent.rate

    def refused(self, taken: Taken, now: float) -> None:
        """Learn from a call that was turned away by a site that says nothing about its limit."""
        if (self.capacity or 0.0) > 1.0:
            return
        if self._silent.refused(taken.number, self._taken, now):
            self.rate, self.capacity, self._is_known = self._silent.rate, 1.0, True
            self._set(0.0, now)

    def _known_rate(self) -> float:
        return self.rate or _LEAST_RATE

    def _size(self, limits: Limits) -> None:
        most = max(1.0, limits.remaining, limits.limit or self.capacity or 0.0)
        self.capacity = most
        self._reserve = min(_MOST_LEFT_ALONE, _SHARE_LEFT_ALONE * most, most - 1.0)
        if limits.fill_rate is not None:
            self.rate, self._measured, self._is_known = limits.fill_rate, True, True
        elif self.rate is None:
            self.rate = most

    def _estimate(self, taken: Taken, limits: Limits, on_their_way: int, now: float) -> None:
        """Measure the fill rate between two answers: what was left, and the calls in between."""
        if limits.fill_rate is not None:
            return
        said, before = _Said(taken, limits.remaining, now), self._said
        if before is None:
            self._said = said
            return
        # Between the moments at which the site counted lies one or the other of these, or more.
        seconds = max(taken.at - before.taken.at, now - before.at)
        if seconds < _ESTIMATE_EVERY_SECONDS:
            return
        self._said = said
        calls = taken.number - before.taken.number - on_their_way
        seen = (limits.remaining - before.remaining + calls) / seconds
        if max(before.remaining, limits.remaining) >= (self.capacity or 0.0) - 1.0:
            # A full bucket spills: it fills so fast at least.
            seen = max(seen, self._known_rate())
        else:
            self._is_known = True
        weight = _NEW_ESTIMATE_COUNTS if self._measured else 1.0
        self._measured = True
        rate = self._known_rate()
        self.rate = max(_LEAST_RATE, rate + weight * (seen - rate))

    def _fill(self, now: float) -> None:
        if self.rate is not None:
            self._set(self._tokens + (now - self._filled_at) * self.rate, now)
        self._filled_at = now

    def _set(self, tokens: float, now: float) -> None:
        self._tokens = tokens if self.capacity is None else min(tokens, self.capacity)
        self._filled_at = now
