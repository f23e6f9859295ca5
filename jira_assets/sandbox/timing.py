"""How long to ask a timer to wait, so that calls take the time they should. Pure arithmetic.

The timers of an event loop count whole milliseconds: neither libuv nor ``epoll_wait`` takes less,
and ``asyncio`` rounds up. So 19.7 ms become 20.1, and every call of a site that should take 20 ms
took 21.2. To wait for less and spin for the rest would be exact, and would burn the cores that the
benchmarks measure on.

So whole milliseconds are asked for, and what a wait was too long or too short by is taken off the
next ones: single calls are off by up to a millisecond, as those of a real site are by far more, and
their mean is right.
"""

from typing import Final

_DIGITS: Final = 3  # of a second: milliseconds
_MOST_OWED: Final = 0.002
"""Seconds. A loop that is late because it has much to do is not made up for."""


class Timing:
    """Plans the waits of one event loop, in seconds. Not for several threads."""

    def __init__(self) -> None:
        self._owed = 0.0

    def plan(self, seconds: float) -> float:
        """Return the whole milliseconds to wait in the place of ``seconds``; 0 for no wait."""
        if seconds <= 0:
            return 0.0
        wanted = seconds + self._owed
        planned = max(0.0, round(wanted, _DIGITS))
        self._owe(wanted - planned)
        return planned

    def took(self, seconds: float, planned: float) -> None:
        """Take in how long a wait really was."""
        self._owe(self._owed + planned - seconds)

    def _owe(self, seconds: float) -> None:
        self._owed = min(_MOST_OWED, max(-_MOST_OWED, seconds))
