"""Moments as Jira writes them, and as JQL takes them.

Dates in JQL are read in the account's time zone, to the minute; epoch milliseconds are not. Data
Center's index knows whole seconds, so what is asked for begins with one.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_SECOND: Final = timedelta(seconds=1)
_MILLISECOND_DIGITS: Final = (12, 13)
"""Of moments from 1973 to 2286; fewer may be a date, or seconds."""


def moment_of(value: Any) -> datetime | None:
    """Read a moment, in UTC; None for what is none.

    It is ISO 8601 with an offset (``…T16:06:08.713+0800``), or epoch milliseconds, be they text.
    """
    if _is_milliseconds(value):
        value = int(value)
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


def _is_milliseconds(value: Any) -> bool:
    is_text = isinstance(value, str) and value.isascii() and value.isdecimal()
    return is_text and len(value) in _MILLISECOND_DIGITS


def jql_moment(moment: datetime) -> str:
    """Return an aware moment as JQL takes it: epoch milliseconds of the whole second it is in."""
    return str((moment - _EPOCH) // _SECOND * 1000)
