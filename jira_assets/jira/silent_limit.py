"""The rate of a site that turns calls away without a word about its limit. Pure.

Decisions this module embodies:

* Only refusals teach it, and a token bucket refuses late: first its burst passes. So what passed
  before the first refusal says little; at the second one, all that passed in all the time, pauses
  included, is a rate that the site surely bears.
* From there the rate is searched, 10 % more a second, until the site refuses again after more than
  a burst's time: what passed in the seconds before is about its limit. From 90 % of that it grows
  by 0.3 % a second, ever faster while nobody complains: the limit may have been another one.
* What was in flight at a refusal is part of it, and teaches nothing more.
"""

from dataclasses import dataclass
from typing import Final

_LEAST_RATE: Final = 0.1
_AFTER_A_REFUSAL: Final = 0.9
_AFTER_A_BURST: Final = 0.5
_LONGER_THAN_A_BURST_SECONDS: Final = 2.0
_RECENT_SECONDS: Final = 2.0
_SHORTEST_MEASURE_SECONDS: Final = 1.0
_FEWEST_TO_MEASURE: Final = 6
_SEARCH_A_SECOND: Final = 0.1
_GROWTH_A_SECOND: Final = 0.003
_GROWTH_DOUBLES_AFTER_SECONDS: Final = 20.0


@dataclass
class _Passed:
    """Calls that passed since a moment; times in seconds of a clock that never goes back."""

    since: float
    calls: int = 0

    def seconds(self, now: float) -> float:
        return now - self.since

    def rate(self, now: float) -> float:
        return self.calls / max(_SHORTEST_MEASURE_SECONDS, self.seconds(now))


class SilentLimit:
    """What refusals taught of a rate; ``rate`` is None before. Not for several threads."""

    def __init__(self) -> None:
        self.rate: float | None = None
        """Calls a second."""
        self._ever: _Passed | None = None
        self._recent = self._before = _Passed(0.0)
        self._resumed_at: float | None = None
        self._grown_at = 0.0
        self._is_searching = True
        self._part_of_refusal = 0

    def started(self, now: float) -> None:
        """Take in that a call starts."""
        if self._ever is None:
            self._ever = _Passed(now)
        if self._resumed_at is None:
            self._resumed_at = self._grown_at = now
            self._recent = self._before = _Passed(now)

    def passed(self, now: float) -> None:
        """Take in that a call was not turned away."""
        if self._ever is None:
            return
        self._ever.calls += 1
        if now - self._recent.since >= _RECENT_SECONDS:
            self._before, self._recent = self._recent, _Passed(now)
        self._recent.calls += 1
        if self.rate is not None:
            self.rate *= 1 + self._growth_a_second(now) * min(1.0, now - self._grown_at)
        self._grown_at = now

    def refused(self, number: int, started: int, now: float) -> bool:
        """Learn from call ``number`` of ``started`` that was turned away; False: no news."""
        if number <= self._part_of_refusal or self._ever is None:
            return False
        self._part_of_refusal = started
        if self.rate is not None:
            self.rate = max(_LEAST_RATE, self._slower(self.rate, now))
        elif self._ever.calls >= _FEWEST_TO_MEASURE and self._ever.seconds(now) >= (
            _SHORTEST_MEASURE_SECONDS
        ):
            self.rate = max(_LEAST_RATE, self._ever.rate(now))
        self._resumed_at = None
        return self.rate is not None

    def _slower(self, rate: float, now: float) -> float:
        if self._passing_for(now) < _LONGER_THAN_A_BURST_SECONDS:
            return _AFTER_A_BURST * rate
        self._is_searching = False
        return _AFTER_A_REFUSAL * min(rate, self._passed_of_late(now))

    def _passed_of_late(self, now: float) -> float:
        calls = self._recent.calls + self._before.calls * (self._before is not self._recent)
        return _Passed(self._before.since, calls).rate(now)

    def _passing_for(self, now: float) -> float:
        return 0.0 if self._resumed_at is None else now - self._resumed_at

    def _growth_a_second(self, now: float) -> float:
        if self._is_searching:
            return _SEARCH_A_SECOND
        complaints_ago = self._passing_for(now) / _GROWTH_DOUBLES_AFTER_SECONDS
        return _GROWTH_A_SECOND * (1 + complaints_ago**2)
