"""Moments as Jira writes them, and as JQL takes them.

Dates in JQL are read in the account's time zone, to the minute; epoch milliseconds are not. Data
Center's index knows whole seconds, so what is asked for begins with one.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_SECOND: Final = timedelta(seconds=1)


def moment_of(value: Any) -> datetime | None:
    """Read a moment, in UTC; None for what is none.

    It is ISO 8601 with an offset (``…T16:06:08.713+0800``), or epoch milliseconds.
    """
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
            return None if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            return None
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return _EPOCH + value * _MILLISECOND
        except OverflowError:
            return None
    return None


def jql_moment(moment: datetime) -> str:
    """Return an aware moment as JQL takes it: epoch milliseconds of the whole second it is in."""
    return str((moment - _EPOCH) // _SECOND * 1000)
