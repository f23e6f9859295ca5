"""Which projects a run reads in full again by itself."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from jira_assets.extract.fields import ALL
from jira_assets.extract.full_again import FullLanding, Site, due_in_full, with_fields
from jira_assets.extract.roster import ListedProject
from jira_assets.extract.windows import Watermark
from jira_assets.warehouse.contracts import MappedField
from jira_assets.warehouse.increments import FullLanding as StoredFullLanding
from jira_assets.warehouse.increments import Watermark as StoredWatermark
from jira_assets_tests.extract.fake_client import NOW

MONTH = timedelta(days=30)
LATELY = NOW - timedelta(hours=1)
NUMBER = {"custom_field_01": MappedField("customfield_10001", "number")}
TEXT = {"custom_field_01": MappedField("customfield_10001", "string")}
OTHER = {"custom_field_01": MappedField("customfield_10002", "number")}
MARK = StoredWatermark("A", LATELY, LATELY)


@dataclass
class World:
    """Projects by number, all read lately, of which something has landed since a full landing."""

    ages: list[float]
    """How many days ago each was read in full."""
    full: dict[str, FullLanding] = field(default_factory=dict)
    marks: dict[str, Watermark] = field(default_factory=dict)
    mapped: dict[str, MappedField] = field(default_factory=dict)

    def due(self, after: timedelta = MONTH) -> list[str]:
        """Return what is due, in the order in which it is read."""
        ids = [str(number) for number in range(len(self.ages))]
        full = {
            each: StoredFullLanding(timedelta(days=age), (), is_added_to=True)
            for each, age in zip(ids, self.ages, strict=True)
        }
        marks = dict.fromkeys(ids, MARK)
        site = Site(marks | self.marks, full | self.full, self.mapped, NOW)
        return list(due_in_full([ListedProject(each, each) for each in ids], site, after))


def test_a_project_is_due_once_its_full_landing_is_old() -> None:
    assert World([29.9]).due() == []
    assert World([30]).due() == ["0"]
    assert World([0]).due(timedelta()) == ["0"]


def test_a_run_takes_so_many_that_half_of_the_time_is_enough_and_the_oldest_first() -> None:
    ages = [31 + number / 100 for number in range(100)]
    assert World(ages).due() == [str(number) for number in range(99, 92, -1)]
    assert len(World(ages).due(timedelta(days=300))) == 0
    assert len(World([400.0] * 100).due(timedelta(days=300))) == 1
    assert len(World(ages).due(timedelta())) == 100


def test_years_of_nights_are_spread_though_all_were_first_read_at_once() -> None:
    last = [0] * 60
    taken = []
    for night in range(1, 400):
        due = World([night - each for each in last]).due()
        taken.append(len(due))
        for each in due:
            last[int(each)] = night
    assert max(taken) == 4
    assert all(399 - each < 30 + 15 for each in last)


def test_one_whose_landing_lies_ahead_is_due() -> None:
    assert World([-1]).due() == ["0"]


def test_one_of_which_nothing_has_landed_since_is_not() -> None:
    alone = StoredFullLanding(timedelta(days=900), (), is_added_to=False)
    assert World([90, 90], full={"0": alone}).due() == ["1"]


@pytest.mark.parametrize(
    "mark",
    [
        replace(MARK, read_until=NOW - timedelta(days=3)),
        replace(MARK, read_until=None, unreadable="404: gone"),
        replace(MARK, unreadable="404: gone"),
    ],
)
def test_one_that_is_not_up_to_date_is_read_by_its_window(mark: Watermark) -> None:
    assert World([90, 90], marks={"0": mark}).due() == ["1"]


def test_one_that_was_idle_until_lately_is_up_to_date() -> None:
    mark = replace(MARK, read_until=NOW - timedelta(days=60), idle_until=LATELY)
    assert World([90], marks={"0": mark}).due() == ["0"]


def test_one_that_was_never_read_in_full_is_not_due() -> None:
    project = ListedProject("10", "A")
    assert due_in_full([project], Site({"10": MARK}, {}, {}, NOW), MONTH) == {}
    full = {"10": StoredFullLanding(MONTH, (), is_added_to=True)}
    assert due_in_full([project], Site({}, full, {}, NOW), MONTH) == {}


@pytest.mark.parametrize(
    ("then", "now", "due"), [(NUMBER, NUMBER, True), (NUMBER, TEXT, False), (NUMBER, OTHER, False)]
)
def test_a_mapped_field_of_another_type_waits_for_somebody_who_wants_it(
    then: dict[str, MappedField], now: dict[str, MappedField], *, due: bool
) -> None:
    mark = replace(MARK, mapped=then)
    assert World([90], marks={"0": mark}, mapped=now).due() == (["0"] if due else [])


def test_what_was_asked_for_then_is_asked_for_again() -> None:
    def then(*fields: str) -> FullLanding:
        return StoredFullLanding(MONTH, fields, is_added_to=True)

    assert with_fields(("summary", "b"), then("summary", "a")) == ("summary", "b", "a")
    assert with_fields(("summary",), then(*ALL)) == ALL
    assert with_fields(ALL, then("summary")) == ALL
