"""Moments: epoch milliseconds here, text in the site's zone in its documents and in JQL.

``zone`` is an IANA name such as ``America/New_York`` everywhere.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

SECOND: Final = 1000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

_QUARTER: Final = 15 * MINUTE
"""No zone changes its offset within one, since 1972."""
_FORMS: Final = ("%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y-%m-%d", "%Y/%m/%d")
_NUMBER: Final = re.compile(r"-?\d+")


def now() -> int:
    """Return the machine's clock."""
    return round(datetime.now(UTC).timestamp() * SECOND)


def stamp(moment: int, zone: str) -> str:
    """Say a moment as Jira does: ``2024-05-01T12:34:56.789+0200``."""
    quarter, rest = divmod(moment, _QUARTER)
    hour, first_minute, offset = _quarter(quarter, zone)
    minute, rest = divmod(rest, MINUTE)
    second, milli = divmod(rest, SECOND)
    return f"{hour}{first_minute + minute:02}:{second:02}.{milli:03}{offset}"


def read_stamp(text: object) -> int | None:
    """Read what ``stamp`` writes, or its like; None if it is none."""
    try:
        return round(datetime.fromisoformat(str(text)).timestamp() * SECOND)
    except ValueError:
        return None


def day(moment: int, zone: str) -> str:
    """Say a moment's day: ``2024-05-01``."""
    return stamp(moment, zone)[:10]


def read_jql(text: str, zone: str, *, quoted: bool) -> int | None:
    """Read a moment of JQL: epoch milliseconds, or a minute or a day in the zone; None: neither."""
    if not quoted and _NUMBER.fullmatch(text):
        return int(text)
    for form in _FORMS:
        try:
            local = datetime.strptime(text, form).replace(tzinfo=ZoneInfo(zone))
        except ValueError:
            continue
        return round(local.timestamp() * SECOND)
    return None


@lru_cache(maxsize=1 << 16)
def _quarter(quarter: int, zone: str) -> tuple[str, int, str]:
    """Return how a quarter of an hour begins, the first of its minutes, and the offset."""
    began = datetime.fromtimestamp(quarter * _QUARTER / SECOND, ZoneInfo(zone))
    return began.strftime("%Y-%m-%dT%H:"), began.minute, began.strftime("%z")
