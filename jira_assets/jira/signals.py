"""What an answer says about the site's limits and its load, besides what it answers. Pure.

Sources: Atlassian's pages "Rate limiting" (Cloud) and "Improving instance stability with rate
limiting" (Data Center). Cloud sends ``X-RateLimit-Limit`` and ``-Remaining``, ``-NearLimit`` when
less than a fifth is left, and with a 429 ``RateLimit-Reason``: ``jira-burst-based`` is about one
endpoint, ``jira-quota-…`` about everything. Data Center sends ``-Limit``, ``-Remaining``,
``-FillRate`` and ``-Interval-Seconds``, of one bucket for all endpoints.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from jira_assets.jira.errors import ConnectionFailedError, JiraError
from jira_assets.jira.transport import HttpAnswer

_ONE_ENDPOINT: Final = "jira-burst"
_SLOWEST_FILL_RATE: Final = 1 / 3600
"""Calls a second; a bucket said to fill more slowly would hold a reading up for days."""
_OVERLOADED: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


@dataclass(frozen=True)
class Limits:
    """What the headers say of a token bucket. None where they do not."""

    remaining: float
    """Calls that the bucket still held after this one."""
    limit: float | None = None
    """Calls that it holds at most."""
    fill_rate: float | None = None
    """Calls a second that come back."""


@dataclass(frozen=True)
class Signal:
    """One answer, seen by who decides when the next call starts."""

    healthy: bool = True
    """False for errors of any kind: they say nothing good about the load."""
    refused: bool = False
    """429: this call was turned away by a limit."""
    overloaded: bool = False
    """429, 503, or no answer in time."""
    near_limit: bool = False
    limits: Limits | None = None
    reason: str = ""
    """``RateLimit-Reason``, as it came."""

    @property
    def of_one_endpoint(self) -> bool:
        """Whether a pause concerns the endpoint alone rather than the whole site."""
        return self.reason.startswith(_ONE_ENDPOINT)


def signal_of(answer: HttpAnswer | None, error: JiraError | None) -> Signal:
    """Return what an answer, or the failure to get one, says about limits and load."""
    if answer is None:
        return Signal(healthy=False, overloaded=isinstance(error, ConnectionFailedError))
    headers = answer.headers
    return Signal(
        healthy=answer.status < HTTPStatus.INTERNAL_SERVER_ERROR and not _overloaded(answer),
        refused=answer.status == HTTPStatus.TOO_MANY_REQUESTS,
        overloaded=_overloaded(answer),
        near_limit=headers.get("X-RateLimit-NearLimit", "").lower() == "true",
        limits=limits_of(headers),
        reason=headers.get("RateLimit-Reason", "").strip().lower(),
    )


def limits_of(headers: Mapping[str, str]) -> Limits | None:
    """Read the bucket; None unless it is said how much of it is left."""
    remaining = _number(headers, "X-RateLimit-Remaining")
    if remaining is None:
        return None
    rate, interval = (
        _number(headers, f"X-RateLimit-{name}") for name in ("FillRate", "Interval-Seconds")
    )
    fill_rate = None if rate is None else rate / (interval or 1.0)
    if fill_rate is not None and fill_rate < _SLOWEST_FILL_RATE:
        fill_rate = None
    return Limits(remaining, _number(headers, "X-RateLimit-Limit") or None, fill_rate)


def _overloaded(answer: HttpAnswer) -> bool:
    return answer.status in _OVERLOADED


def _number(headers: Mapping[str, str], name: str) -> float | None:
    text = headers.get(name, "").strip()
    number = float(text) if text.replace(".", "", 1).isdecimal() else math.inf
    return number if math.isfinite(number) else None
