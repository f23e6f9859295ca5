"""How many calls may be in flight at once: additive increase, multiplicative decrease. Pure.

Decisions this module embodies:

* It starts low and doubles with each round of healthy answers, like TCP's slow start, until it was
  cut once; from then on it grows by one a round. A site of 200 ms a call is at ten calls at once
  after half a second.
* A site that refuses (429, 503) has its window halved, down to a single call.
* A site that has become slow has it halved too, but not below two calls, which no site feels, and
  it comes back fast: to three quarters of what was good before, then by one a round. Slowness is no
  refusal, and may have nothing to do with us.
* Which answers are healthy is for others to say (``latency.py``, ``signals.py``).
"""

from typing import Final

START: Final = 4
_LEAST_FOR_SLOWNESS: Final = 2


class Window:
    """The number of calls that may be in flight, at most ``most``. Not for several threads."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.size = min(START, most)
        """Calls that may be in flight now; 1 or more."""
        self._doubles_up_to = most
        self._healthy = 0

    def grow(self) -> None:
        """Take one healthy answer into account; its call found the window in demand."""
        self._healthy += 1
        if self.size < self._doubles_up_to or self._healthy >= self.size:
            self._resize(min(self.size + 1, self.most))

    def refused(self) -> None:
        """Halve it: the site turns calls away."""
        self._resize(max(1, self.size // 2))
        self._doubles_up_to = self.size

    def slowed(self) -> None:
        """Halve it, though not below two: the site takes its time."""
        if self.size >= self._doubles_up_to:
            self._doubles_up_to = self.size * 3 // 4
        self._resize(max(min(_LEAST_FOR_SLOWNESS, self.most), self.size // 2))

    def after_a_pause(self) -> None:
        """Let one call go ahead alone: a crowd at the gate would only be turned away again."""
        if self.size > 1:
            self._doubles_up_to = self.size
            self._resize(1)

    def _resize(self, size: int) -> None:
        self.size, self._healthy = size, 0
