"""Whether and when a call is tried again: a pure policy.

Decisions this module embodies:

* Without a word from Jira: Atlassian's own advice, 2 s doubling up to 30 s, each times 0.7 to 1.3,
  and at most 4 further tries.
* ``Retry-After`` is an instruction. It is never cut short (1,847 s have been seen), and following
  it is no failed try: rate-limited calls have a bound of their own.
* Who asks for more than a day gets no call and no wait: the reading ends, and comes back by its own
  interval. Some proxies send a moment, in seconds since 1970, for the seconds to wait; a reading
  that slept for half a century would look alive, and keep its site and its place for itself.
* ``Retry-After: 0`` occurs on healthy answers and beside 429: it counts as not having said when.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from jira_assets.jira.errors import TransientJiraError


@dataclass(frozen=True)
class RetryPolicy:
    """How often a call is made before its failure is final; the pauses between, in seconds."""

    max_tries: int = 5
    max_rate_limited_tries: int = 10
    first_pause: float = 2.0
    longest_pause: float = 30.0
    longest_asked_pause: float = 86_400.0
    jitter: Callable[[], float] = random.random
    """Returns 0 up to 1; random, so that calls which failed together do not return together."""

    def may_retry(self, error: TransientJiraError, tries: int) -> bool:
        """Whether to call again after the ``tries``-th call ended in ``error``."""
        asked = asked_pause(error)
        if asked is None:
            return tries < self.max_tries
        return tries < self.max_rate_limited_tries and asked <= self.longest_asked_pause

    def pause(self, error: TransientJiraError, tries: int) -> float:
        """Return how many seconds to wait after the ``tries``-th call ended in ``error``."""
        asked = asked_pause(error)
        if asked is not None:
            return asked + self.jitter() * min(1.0, asked / 10)
        doubled = min(self.longest_pause, self.first_pause * 2.0 ** min(tries - 1, 30))
        return doubled * (0.7 + 0.6 * self.jitter())


def asked_pause(error: TransientJiraError) -> float | None:
    """Return the seconds that Jira asked to wait, None where it did not."""
    return error.retry_after or None


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Read after how many seconds to come back, seen from ``now`` (seconds since the epoch).

    ``Retry-After`` is in seconds, or an HTTP date; without it, ``X-RateLimit-Reset``, which Cloud
    sends beside a 429, is an ISO 8601 date. Returns None where neither says anything that can be
    understood.
    """
    text = headers.get("Retry-After", "").strip()
    if text.replace(".", "", 1).isdecimal():
        return float(text)
    for read, name in (
        (parsedate_to_datetime, "Retry-After"),
        (datetime.fromisoformat, "X-RateLimit-Reset"),
    ):
        try:
            date = read(headers.get(name, "").strip())
        except ValueError:
            continue
        return max(0.0, (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now)
    return None
