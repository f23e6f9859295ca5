"""The site's own clock: what "everything until now" means to it, whatever our clock says.

Decisions this module embodies:

* ``/serverInfo`` states the site's time; where it does not, the ``Date`` of an answer does, to the
  second, a little early rather than late; else our own clock stands in.
* It is asked once and moved on by our monotonic clock, counted from when the answer had arrived:
  so it is late by what the answer took to come, never ahead. Who reads up to this moment leaves
  nothing out.
"""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from jira_assets.jira.clock import Clock
from jira_assets.jira.moments import moment_of


class SiteClock:
    """What the site's clock shows, from several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: tuple[datetime, float] | None = None
        self._dated: tuple[datetime, float] | None = None

    def told(self, text: Any) -> None:
        """Take in the time that ``/serverInfo`` has just stated, if it can be read."""
        moment = moment_of(text)
        if moment is not None:
            self._told = (moment, self._clock.monotonic())

    def dated(self, header: str) -> None:
        """Take in the ``Date`` header of an answer that has just come; only the first counts."""
        if self._dated is not None or not header:
            return
        try:
            moment = parsedate_to_datetime(header)
        except ValueError:
            return
        utc = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        self._dated = (utc, self._clock.monotonic())

    def now(self) -> datetime:
        """Return the site's time, in UTC."""
        known = self._told or self._dated
        if known is None:
            return datetime.fromtimestamp(self._clock.time(), UTC)
        moment, at = known
        return moment + timedelta(seconds=self._clock.monotonic() - at)
