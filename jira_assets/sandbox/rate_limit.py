"""A site's rate limit: a token bucket, and the headers in which Jira tells of it.

Sources: Atlassian's "Rate limiting" pages. Cloud sends ``X-RateLimit-Limit``, ``-Remaining``,
``-NearLimit`` below a fifth, and with 429 ``-Reset`` (a time) and a ``RateLimit-Reason``; Data
Center sends ``-Limit``, ``-Remaining``, ``-FillRate`` and ``-Interval-Seconds``. ``Retry-After`` is
in whole seconds on both.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from jira_assets.sandbox.wire import Headers

BURST_REASON: Final = "jira-burst-based"
QUOTA_REASON: Final = "jira-quota-global-based"
_NEAR: Final = 0.2


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How many requests a second a site allows for long, and how many at once (``burst``).

    A ``silent`` one says nothing of it but ``Retry-After``, and that with a 429 only.
    """

    requests_per_second: float
    burst: int = 1
    silent: bool = False

    def __post_init__(self) -> None:
        if self.requests_per_second <= 0 or self.burst < 1:
            raise ValueError("A rate limit needs a rate above 0 and a burst of 1 or more.")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the bucket says to one request; ``wait`` is in seconds, 0 if it may pass."""

    allowed: bool
    remaining: int
    wait: float

    @property
    def retry_after(self) -> int:
        """Whole seconds after which a token is there, 1 or more."""
        return max(1, math.ceil(self.wait))


class TokenBucket:
    """Fills at the limit's rate up to its burst; every request that passes takes one token."""

    def __init__(self, limit: RateLimit, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._clock = clock
        self._tokens = float(limit.burst)
        self._filled_at = clock()

    def take(self) -> Verdict:
        """Let a request pass if there is a token for it."""
        now = self._clock()
        gained = (now - self._filled_at) * self.limit.requests_per_second
        self._tokens = min(float(self.limit.burst), self._tokens + gained)
        self._filled_at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return Verdict(allowed=True, remaining=int(self._tokens), wait=0.0)
        wait = (1 - self._tokens) / self.limit.requests_per_second
        return Verdict(allowed=False, remaining=0, wait=wait)


def limit_headers(limit: RateLimit, verdict: Verdict, *, cloud: bool) -> Headers:
    """Return what every answer of a limited site says about the limit."""
    if limit.silent:
        return ()
    shared = (
        (b"x-ratelimit-limit", b"%d" % limit.burst),
        (b"x-ratelimit-remaining", b"%d" % verdict.remaining),
    )
    if not cloud:
        rate = str(limit.requests_per_second).encode()
        return (
            *shared,
            (b"x-ratelimit-fillrate", rate),
            (b"x-ratelimit-interval-seconds", b"1"),
        )
    if verdict.remaining < limit.burst * _NEAR:
        return (*shared, (b"x-ratelimit-nearlimit", b"true"))
    return shared


def refusal_headers(seconds: int, *, cloud: bool, reason: str = BURST_REASON) -> Headers:
    """Return what a 429 adds: after how many seconds to come back, and on Cloud why."""
    retry_after = (b"retry-after", b"%d" % seconds)
    if not cloud:
        return (retry_after,)
    reset = datetime.now(UTC) + timedelta(seconds=seconds)
    return (
        retry_after,
        (b"x-ratelimit-reset", reset.strftime("%Y-%m-%dT%H:%M:%SZ").encode()),
        (b"ratelimit-reason", reason.encode()),
    )
