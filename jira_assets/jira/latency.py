"""Whether an endpoint has become slow: the median of a round against the best of late. Pure.

Decisions this module embodies:

* A round is as many answers as there are calls in flight, four at least; its median says how long
  an answer takes, whatever single ones do.
* It is compared with the best round of the last minute, not of all time: a site that stays slow
  is what it is, and is read at full concurrency again after a minute at most.
* Slow is two and a half times as long and 50 ms more: below that it may be noise of this machine.
* Endpoints are watched apart: a page of a hundred projects takes longer than a project's answer.
"""

from statistics import median
from typing import Final

_TIMES: Final = 2.5
_SLACK_SECONDS: Final = 0.05
_EPOCH_SECONDS: Final = 30.0
_SHORTEST_ROUND: Final = 4


class LatencyWatch:
    """The latencies of one endpoint's answers, in seconds. Not for several threads."""

    def __init__(self) -> None:
        self._round: list[float] = []
        self._epoch = 0.0
        self._best: float | None = None
        self._best_before: float | None = None
        self.median: float | None = None
        """Of the last whole round; None before there was one."""

    def is_slow(self, latency: float) -> bool:
        """Whether one answer took too long to be a sign of health."""
        known = [best for best in (self._best, self._best_before) if best is not None]
        return bool(known) and latency > _TIMES * min(known) + _SLACK_SECONDS

    def slow_round(self, latency: float, now: float, in_flight: int) -> bool:
        """Take in one answer; True if it ends a round that was slow as a whole.

        ``now`` is in seconds of a clock that never goes back.
        """
        self._round.append(latency)
        if len(self._round) < max(_SHORTEST_ROUND, in_flight):
            return False
        self.median, self._round = median(self._round), []
        self._forget(now)
        slow = self.is_slow(self.median)
        self._best = self.median if self._best is None else min(self._best, self.median)
        return slow

    def _forget(self, now: float) -> None:
        """Begin a new epoch when it is time: the best is that of this epoch and the one before."""
        age = now - self._epoch
        if age < _EPOCH_SECONDS:
            return
        self._best_before = self._best if age < 2 * _EPOCH_SECONDS else None
        self._best, self._epoch = None, now
