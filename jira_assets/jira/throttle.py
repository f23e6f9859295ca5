"""When the next call of a site may start: our own rate, and the pauses that Jira asks for.

Decisions this module embodies:

* Calls are spaced evenly, without bursts: a burst is what limits at the other end are made against.
* A pause that one call was asked for holds for all of them. After it they are let in one by one,
  for a second: a crowd at the gate would only be turned away again.
"""

import threading
from typing import Final

from jira_assets.jira.clock import Clock

_SPACING_AFTER_PAUSE: Final = 0.1
_SPACED_FOR: Final = 1.0


class Throttle:
    """Lets calls in, from any number of threads.

    Args:
        clock: what to wait on.
        requests_per_second: None for no limit of our own.
    """

    def __init__(self, clock: Clock, requests_per_second: float | None = None) -> None:
        self._clock = clock
        self._interval = 1.0 / requests_per_second if requests_per_second else 0.0
        self._lock = threading.Lock()
        self._next_slot = 0.0
        self._paused_until = 0.0

    def admit(self, stop: threading.Event) -> float:
        """Return when a call may start, or ``stop`` is set: the seconds that were waited."""
        waited = 0.0
        slot = self._reserve()
        while not stop.is_set() and (left := self._left(slot)) > 0:
            waited += left
            self._clock.wait(left, stop)
            slot = self._after_a_pause(slot)
        return waited

    def pause(self, seconds: float) -> None:
        """Let nobody in for ``seconds``. A pause that lasts longer already is not shortened."""
        with self._lock:
            until = self._clock.monotonic() + seconds
            self._paused_until = max(self._paused_until, until)
            self._next_slot = max(self._next_slot, self._paused_until)

    def _reserve(self) -> float:
        with self._lock:
            slot = max(self._clock.monotonic(), self._next_slot)
            self._next_slot = slot + self._spacing(slot)
            return slot

    def _spacing(self, slot: float) -> float:
        spaced = self._paused_until and slot < self._paused_until + _SPACED_FOR
        return max(self._interval, _SPACING_AFTER_PAUSE if spaced else 0.0)

    def _left(self, slot: float) -> float:
        return slot - self._clock.monotonic()

    def _after_a_pause(self, slot: float) -> float:
        """Return a new slot if a pause began while waiting for the old one, else the old one."""
        return self._reserve() if slot < self._paused_until else slot
