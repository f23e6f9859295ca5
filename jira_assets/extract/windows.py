"""Which part of each project's issues to read now: pure, from its watermark and the roster.

Decisions this module embodies:

* A window begins at the watermark, and the next watermark is this reading's beginning, by Jira's
  clock, less an overlap: Jira's index lags, and what it indexed late is read a second time rather
  than not at all.
* A project whose key has changed is read in full: its issues have new keys, and none of them looks
  changed to Jira. So is one whose mapped fields are others than those it was read with.
* A watermark that lies ahead of Jira's clock was set by a clock that has been put back since. What
  changed until that moment comes would never be new: the project is read in full, once.
* A field that is of another type than when its project was last read in full is marked as changed;
  a full reading takes the new type.
* Somebody may go back (``since``), never ahead: what lies between would be lost.
* Of a project that was never read in full, an issue may come for the first time whenever it
  changes: its whole changelog is read then.
* A project in which nothing has changed since its watermark, or that has no issue, as the site's
  project list says, is not asked for at all. What is known then is as old as that list. The
  watermark stays where it is: nobody says how late the list hears of a change, and a window that
  began behind one would lose it. To begin where it was read last costs nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from jira_assets.extract.roster import ListedProject
from jira_assets.warehouse.contracts import MappedField, Window

OVERLAP: Final = timedelta(minutes=5)


class Watermark(Protocol):
    """How far a project has been read; see ``warehouse.issue_tables.issue_watermarks``."""

    @property
    def project_key(self) -> str:
        """The key when it was last read."""

    @property
    def read_until(self) -> datetime | None:
        """Everything before it has landed; None: nothing yet."""

    @property
    def idle_until(self) -> datetime | None:
        """Nothing has changed since it was read, until then, as the site's list said."""

    @property
    def full_read_at(self) -> datetime | None:
        """When all of its issues were read; None: never."""

    @property
    def mapped(self) -> Mapping[str, MappedField]:
        """The mapped fields that it was read with."""

    @property
    def unreadable(self) -> str | None:
        """Why it could not be read."""


@dataclass(frozen=True)
class Wanted:
    """What somebody asked for, beyond what is new. Nothing, by default."""

    full: bool = False
    """Everything, whatever the watermarks say."""
    since: datetime | None = None
    """Everything that changed from then on, where the watermark is later or there is none."""
    full_after: timedelta | None = None
    """Everything of projects whose last full reading is so old; see ``full_again``."""


@dataclass(frozen=True)
class Moments:
    """When a reading asked, by Jira's clock."""

    listed_at: datetime
    """For the list of projects."""
    begins_at: datetime
    """For the first issue."""


@dataclass(frozen=True)
class WindowPlan:
    """From where on to read one project, and what its watermark is then."""

    project: ListedProject
    window: Window
    idle: bool
    """Whether the site says that nothing has changed since: not to be asked for."""
    whole_changelogs: bool
    """Whether histories older than the window may not have landed yet."""

    @property
    def is_full(self) -> bool:
        """Whether all of the project is read."""
        return self.window.since is None


def plan_window(
    project: ListedProject,
    watermark: Watermark | None,
    moments: Moments,
    *,
    wanted: Wanted,
    mapped: Mapping[str, MappedField],
) -> WindowPlan:
    """Decide what to read of one project.

    Args:
        project: as the site lists it.
        watermark: how far it was read; None: never.
        moments: of this reading.
        wanted: what somebody asked for.
        mapped: the fields that have a column now.
    """
    since = _since(project, watermark, wanted, mapped, moments.begins_at)
    known = watermark.mapped if watermark is not None and since is not None else {}
    idle = _is_idle(project, watermark, since)
    window = Window(
        since=since,
        until=since if since is not None and idle else moments.begins_at - OVERLAP,
        idle_until=moments.listed_at - OVERLAP if idle else None,
        project_key=project.key,
        mapped={column: _as_known(each, known.get(column)) for column, each in mapped.items()},
    )
    never_in_full = watermark is None or watermark.full_read_at is None
    return WindowPlan(project, window, idle=idle, whole_changelogs=never_in_full)


def _since(
    project: ListedProject,
    watermark: Watermark | None,
    wanted: Wanted,
    mapped: Mapping[str, MappedField],
    now: datetime,
) -> datetime | None:
    if wanted.full:
        return None
    if watermark is None or watermark.read_until is None:
        return wanted.since
    if watermark.project_key != project.key or _ids(watermark.mapped) != _ids(mapped):
        return None
    if watermark.read_until > now:
        return None
    if wanted.since is not None:
        return min(watermark.read_until, wanted.since)
    return watermark.read_until


def is_settled(watermark: Watermark, mapped: Mapping[str, MappedField]) -> bool:
    """Whether the mapped fields are those of a project's last full reading, types included."""
    known = watermark.mapped
    return _ids(known) == _ids(mapped) and not any(
        _as_known(each, known.get(column)).changed for column, each in mapped.items()
    )


def _ids(mapped: Mapping[str, MappedField]) -> dict[str, str]:
    return {column: each.field_id for column, each in mapped.items()}


def _as_known(field: MappedField, known: MappedField | None) -> MappedField:
    """Return a field with the type that its column holds."""
    if known is None or known.type is None or field.type is None:
        return field
    return MappedField(field.field_id, known.type, changed=field.type != known.type)


def _is_idle(project: ListedProject, watermark: Watermark | None, since: datetime | None) -> bool:
    if since is None or watermark is None or watermark.unreadable is not None:
        return False
    if project.last_changed is None:
        return project.issues == 0
    return project.last_changed < since
