"""Which part of a project's issues is read."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from jira_assets.extract.roster import ListedProject
from jira_assets.extract.windows import OVERLAP, Moments, Wanted, WindowPlan, plan_window
from jira_assets.warehouse.contracts import MappedField

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LISTED = NOW - timedelta(minutes=30)
READ = datetime(2026, 11, 23, 12, tzinfo=UTC)
NUMBER = {"custom_field_01": MappedField("customfield_10001", "number")}
OPTION = {"custom_field_01": MappedField("customfield_10001", "option")}


@dataclass(frozen=True)
class Mark:
    project_key: str = "A"
    read_until: datetime | None = READ
    idle_until: datetime | None = None
    full_read_at: datetime | None = READ
    mapped: dict[str, MappedField] = field(default_factory=dict)
    unreadable: str | None = None


def _plan(
    mark: Mark | None,
    *,
    last_changed: datetime | None = None,
    issues: int | None = None,
    wanted: Wanted | None = None,
    mapped: dict[str, MappedField] | None = None,
) -> WindowPlan:
    project = ListedProject("10", "A", last_changed=last_changed, issues=issues)
    return plan_window(
        project, mark, Moments(LISTED, NOW), wanted=wanted or Wanted(), mapped=mapped or {}
    )


def test_the_first_reading_is_of_everything() -> None:
    for mark in (None, Mark(read_until=None, unreadable="404: gone")):
        window = _plan(mark).window
        assert (window.since, window.until, window.project_key) == (None, NOW - OVERLAP, "A")


def test_the_next_one_goes_on_at_the_watermark() -> None:
    window = _plan(Mark()).window
    assert (window.since, window.until) == (READ, NOW - OVERLAP)


def test_everything_is_read_again_if_asked_for() -> None:
    assert _plan(Mark(), wanted=Wanted(full=True)).window.since is None


@pytest.mark.parametrize("days", [-10, 10])
def test_somebody_may_go_back_but_never_ahead(days: int) -> None:
    since = READ + timedelta(days=days)
    assert _plan(Mark(), wanted=Wanted(since=since)).window.since == min(READ, since)
    assert _plan(None, wanted=Wanted(since=since)).window.since == since


def test_a_watermark_ahead_of_jiras_clock_reads_everything() -> None:
    ahead = Mark(read_until=NOW + timedelta(seconds=1))
    plan = _plan(ahead)
    assert plan.window.since is None
    assert not plan.idle
    assert plan.window.until < NOW
    assert _plan(Mark(read_until=NOW)).window.since == NOW


def test_changelogs_are_read_whole_until_everything_was_read_once() -> None:
    since = Wanted(since=READ)
    assert _plan(None, wanted=since).whole_changelogs
    assert _plan(Mark(full_read_at=None)).whole_changelogs
    assert not _plan(Mark()).whole_changelogs


def test_a_new_key_or_another_mapping_reads_everything() -> None:
    assert _plan(Mark(project_key="OLD")).window.since is None
    assert _plan(Mark(mapped=NUMBER)).window.since is None
    assert _plan(Mark(), mapped=NUMBER).window.since is None
    assert _plan(Mark(mapped=NUMBER), mapped=NUMBER).window.since == READ


def test_a_field_of_another_type_is_marked_until_everything_is_read_again() -> None:
    plan = _plan(Mark(mapped=NUMBER), mapped=OPTION)
    changed = MappedField("customfield_10001", "number", changed=True)
    assert plan.window.since == READ
    assert plan.window.mapped == {"custom_field_01": changed}
    full = _plan(Mark(mapped=NUMBER), mapped=OPTION, wanted=Wanted(full=True))
    assert full.window.mapped == OPTION


def test_a_type_that_is_not_known_is_no_change() -> None:
    unknown = {"custom_field_01": MappedField("customfield_10001", None)}
    assert _plan(Mark(mapped=NUMBER), mapped=unknown).window.mapped == unknown
    assert _plan(Mark(mapped=unknown), mapped=NUMBER).window.mapped == NUMBER


def test_a_project_without_issues_is_idle_once_it_was_read() -> None:
    assert _plan(Mark(), issues=0).idle
    for busy in (_plan(None, issues=0), _plan(Mark(), issues=1), _plan(Mark(project_key="OLD"))):
        assert not busy.idle


def test_a_change_that_the_list_hears_of_late_is_in_the_next_window() -> None:
    """However late: the window begins where the project was read last."""
    idle = _plan(Mark(), last_changed=READ - timedelta(days=3))
    assert idle.idle
    later = Mark(read_until=idle.window.until, idle_until=idle.window.idle_until)
    told = _plan(later, last_changed=LISTED - timedelta(hours=9))
    assert not told.idle
    assert told.window.since == READ


def test_an_idle_project_is_not_asked_and_is_as_old_as_the_list_that_said_so() -> None:
    idle = _plan(Mark(), last_changed=READ - timedelta(seconds=1))
    assert idle.idle
    assert (idle.window.until, idle.window.idle_until) == (READ, LISTED - OVERLAP)
    for busy in (
        _plan(Mark(), last_changed=READ),
        _plan(Mark()),
        _plan(None, last_changed=READ - timedelta(days=1)),
        _plan(Mark(unreadable="404: gone"), last_changed=READ - timedelta(days=1)),
        _plan(Mark(), last_changed=READ - timedelta(days=1), wanted=Wanted(full=True)),
        _plan(
            Mark(),
            last_changed=READ - timedelta(days=1),
            wanted=Wanted(since=READ - timedelta(days=2)),
        ),
    ):
        assert not busy.idle
        assert (busy.window.until, busy.window.idle_until) == (NOW - OVERLAP, None)
