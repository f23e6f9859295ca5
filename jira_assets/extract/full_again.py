"""Which projects to read in full again by themselves, because it was long ago: pure.

Decisions this module embodies:

* It is about raw data, which is kept from a project's last full landing on. So only a project of
  which something has landed since is due: another copy of the same bounds nothing.
* A run takes the ones that have waited longest, and so few that all of them take half of the time
  together. A site whose projects were first read in one night, or whose nights were switched on
  after a year, is not read anew in one night; and they stay apart from then on.
* A project that is not up to date is read by its window: a full reading that fails, or is killed,
  night after night keeps nobody from what is new.
* It takes nothing away that nobody decided on. A mapped field of another type is taken on by a full
  reading that somebody asked for; what that reading asked for is asked for again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Final, Protocol

from jira_assets.extract.fields import ALL
from jira_assets.extract.roster import ListedProject
from jira_assets.extract.windows import Watermark, is_settled
from jira_assets.warehouse.contracts import MappedField

UP_TO_DATE: Final = timedelta(days=2)
_DAY: Final = timedelta(days=1)


class FullLanding(Protocol):
    """The last full landing of a project's issues; see ``warehouse.increments.FullLanding``."""

    @property
    def age(self) -> timedelta:
        """How long ago its reading began, by the clock that said so; below zero: set wrongly."""

    @property
    def fields(self) -> tuple[str, ...]:
        """What it asked for."""

    @property
    def is_added_to(self) -> bool:
        """Whether anything has landed since."""


@dataclass(frozen=True)
class Site:
    """What is known of a site when its issues are about to be read."""

    watermarks: Mapping[str, Watermark]
    full_landings: Mapping[str, FullLanding]
    mapped: Mapping[str, MappedField]
    now: datetime
    """By Jira's clock, as watermarks are."""


def due_in_full(
    projects: Iterable[ListedProject], site: Site, after: timedelta
) -> dict[str, FullLanding]:
    """Return the projects to read in full now, by id, with their last full landings.

    Args:
        projects: those that are read.
        site: see ``Site``.
        after: how old a full landing gets.
    """
    listed = list(projects)
    due = {
        each.id: full
        for each in listed
        if (full := site.full_landings.get(each.id)) is not None
        and full.is_added_to
        and not timedelta() <= full.age < after
        and _is_up_to_date(site.watermarks.get(each.id), site)
    }
    most = ceil(2 * len(listed) * (_DAY / after)) if after else len(listed)
    return dict(sorted(due.items(), key=lambda item: (-item[1].age, item[0]))[:most])


def with_fields(chosen: tuple[str, ...], full: FullLanding) -> tuple[str, ...]:
    """Return what to ask for in full again: what is chosen now, and what was asked for then."""
    if ALL in (chosen, full.fields):
        return ALL
    return (*chosen, *(name for name in full.fields if name not in chosen))


def _is_up_to_date(watermark: Watermark | None, site: Site) -> bool:
    return (
        watermark is not None
        and watermark.unreadable is None
        and watermark.read_until is not None
        and max(watermark.read_until, watermark.idle_until or watermark.read_until)
        >= site.now - UP_TO_DATE
        and is_settled(watermark, site.mapped)
    )
