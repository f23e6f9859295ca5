"""Readings of issues, their samples and their ids, against a client that answers from memory."""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from jira_assets.extract.assets import ReadConfig, wanted_of
from jira_assets.extract.fields import ALL, BASE
from jira_assets.extract.issue_readings import Known
from jira_assets.extract.windows import OVERLAP, Wanted, Watermark
from jira_assets.warehouse.contracts import LeftBehind, MappedField, ScopeEnd, ScopePage
from jira_assets.warehouse.increments import FullLanding
from jira_assets.warehouse.increments import Watermark as StoredWatermark
from jira_assets_tests.extract.fake_client import NOW, Client, issue_reading, reader_of

NOTHING_LEFT = LeftBehind()
NOTHING_LANDED: frozenset[str] = frozenset()
READ = NOW - timedelta(days=1)
A, B, C = (str(ord(key)) for key in "ABC")
NUMBER = {"custom_field_01": "customfield_1"}


def mark(key: str, read_until: datetime | None = READ, **more: MappedField) -> Watermark:
    """Return the watermark of a project that can be read."""
    return StoredWatermark(key, read_until, read_until, more, None, 0)


def known(*marks: Watermark) -> Known:
    """Return what is known of projects that were read before."""
    return Known(watermarks=lambda: {str(ord(each.project_key)): each for each in marks})


def ends(events: Iterable[ScopePage | ScopeEnd]) -> dict[str, ScopeEnd]:
    """Return the end of each scope; each has one, behind its last page."""
    found: dict[str, ScopeEnd] = {}
    for event in events:
        assert event.scope not in found
        if isinstance(event, ScopeEnd):
            found[event.scope] = event
    return found


def test_pages_are_numbered_by_project_and_a_window_ends_each() -> None:
    events = list(reader_of(Client()).issues(NOTHING_LANDED))
    numbers = defaultdict(list)
    for event in events:
        if isinstance(event, ScopePage):
            numbers[event.scope].append(event.page.page)
            assert event.page.request["project_id"] == event.scope
            assert event.page.request["method"] == "POST"
    assert dict(numbers) == {A: [0, 1], B: [0, 1], C: [0, 1]}
    for end in ends(events).values():
        assert (end.window.since, end.window.until, end.unreadable) == (None, NOW - OVERLAP, None)
    assert [end.window.project_key for end in ends(events).values()] == ["A", "B", "C"]


def test_an_unreadable_project_ends_with_its_reason_and_the_others_go_on() -> None:
    found = ends(reader_of(Client(unreadable="B")).issues(NOTHING_LANDED))
    assert found[B].unreadable == "404: gone"
    assert [found[each].unreadable for each in (A, C)] == [None, None]


def test_every_project_unreadable_is_lost_access() -> None:
    client = Client(unreadable="ABC")
    for read in (
        lambda: list(reader_of(client).issues(NOTHING_LANDED)),
        lambda: list(reader_of(client).pages("issue_samples", NOTHING_LEFT)),
        lambda: list(reader_of(client).pages("issue_ids", NOTHING_LEFT)),
    ):
        with pytest.raises(dg.Failure, match="none of the 3 projects") as caught:
            read()
        assert caught.value.allow_retries is False


def test_an_unreadable_rest_is_no_lost_access_once_a_project_has_landed() -> None:
    found = ends(reader_of(Client(unreadable="BC")).issues(frozenset({A})))
    assert {scope: end.unreadable for scope, end in found.items()} == {
        B: "404: gone",
        C: "404: gone",
    }


def test_idle_projects_are_not_asked_and_end_first() -> None:
    before = (READ - timedelta(hours=1)).isoformat()
    after = (READ + timedelta(hours=1)).isoformat()
    listed: dict[str, dict[str, Any]] = {
        "A": {"insight": {"lastIssueUpdateTime": before}},
        "B": {"insight": {"lastIssueUpdateTime": after}},
        "C": {"insight": {"totalIssueCount": 0}},
    }
    client = Client(listed=listed)
    reading = issue_reading(client, known=known(mark("A"), mark("B"), mark("C")))
    found = ends(reader_of(client, reading).issues(NOTHING_LANDED))
    assert [query.project.key for query in client.queries] == ["B"]
    assert list(found) == [A, C, B]
    assert all(end.window.since == READ for end in found.values())
    assert "2 projects have not changed: nothing is asked of them" in client.logged
    assert reading.notes()["projects_idle"] == 2


def test_only_idle_projects_are_no_lost_access() -> None:
    client = Client(listed={key: {"insight": {"totalIssueCount": 0}} for key in "ABC"})
    reading = issue_reading(client, known=known(mark("A"), mark("B"), mark("C")))
    assert len(ends(reader_of(client, reading).issues(NOTHING_LANDED))) == 3
    assert client.queries == []
    assert reading.notes()["fields"] == "none"


def test_a_retried_step_leaves_out_what_has_landed() -> None:
    client = Client()
    found = ends(reader_of(client).issues(frozenset({A, C})))
    assert list(found) == [B]
    assert "2 projects landed in an earlier attempt" in client.logged


def test_a_project_is_read_from_its_watermark_on_with_its_fields() -> None:
    client = Client()
    reading = issue_reading(
        client, NUMBER, known(mark("A", custom_field_01=MappedField("customfield_1", "number")))
    )
    reader = reader_of(client, reading)
    list(reader.pages("fields", NOTHING_LEFT))
    list(reader.pages("issue_samples", NOTHING_LEFT))
    found = ends(reader.issues(NOTHING_LANDED))
    queries = {query.project.key: query for query in client.queries}
    assert {key: query.since for key, query in queries.items()} == {"A": READ, "B": None, "C": None}
    assert queries["A"].fields == (*BASE, "customfield_1")
    assert found[A].window.fields == queries["A"].fields
    mapped = {"custom_field_01": MappedField("customfield_1", "number")}
    assert [end.window.mapped for end in found.values()] == [mapped] * 3
    notes = reader.notes("issues")
    assert notes["mapped_fields"] == "custom_field_01=customfield_1"
    assert (notes["projects_in_full"], notes["projects_with_all_fields"]) == (2, 0)
    assert str(notes["fields"]).split(", ")[:1] == ["labels"]


def test_of_a_project_without_samples_all_fields_are_asked_for() -> None:
    client = Client(unreadable="B")
    reader = reader_of(client)
    list(reader.pages("issue_samples", NOTHING_LEFT))
    client.unreadable.clear()
    list(reader.issues(NOTHING_LANDED))
    fields = {query.project.key: query.fields for query in client.queries}
    assert fields == {"A": (*BASE, "customfield_1"), "B": ALL, "C": (*BASE, "customfield_1")}
    assert reader.notes("issues")["projects_with_all_fields"] == 1


def test_what_earlier_extractions_found_serves_where_nothing_is_sampled() -> None:
    client = Client()
    usage = {A: {"customfield_7": 3}, B: {}, C: {}}
    reading = issue_reading(
        client,
        {**NUMBER, "custom_field_02": "customfield_2"},
        Known(usage=lambda: usage, types=lambda: {"customfield_2": "option"}),
    )
    found = ends(reader_of(client, reading).issues(NOTHING_LANDED))
    # The site does not have customfield_1: its name alone would be refused.
    mapped = {"custom_field_02": MappedField("customfield_2", "option")}
    assert found[A].window.mapped == mapped
    assert found[A].window.fields == (*BASE, "customfield_2", "customfield_7")


def test_texts_as_html_and_everything_are_asked_for_if_wanted() -> None:
    client = Client(listed={"A": {"insight": {"totalIssueCount": 0}}})
    reading = issue_reading(
        client, known=known(mark("A"), mark("B")), wanted=Wanted(full=True), rendered=True
    )
    list(reader_of(client, reading).issues(NOTHING_LANDED))
    assert [(query.since, query.rendered) for query in client.queries] == [(None, True)] * 3


def test_archived_projects_are_neither_sampled_nor_swept_and_only_read_in_full() -> None:
    client = Client(listed={"B": {"archived": True}})
    reader = reader_of(client)
    samples = list(reader.pages("issue_samples", NOTHING_LEFT))
    swept = list(reader.pages("issue_ids", NOTHING_LEFT))
    assert client.asked == ["A", "C", "A", "C"]
    assert [page.page for page in samples] == [page.page for page in swept] == [0, 1]
    assert set(ends(reader.issues(NOTHING_LANDED))) == {A, C}
    again = Client(listed={"B": {"archived": True}})
    full = issue_reading(again, wanted=Wanted(full=True))
    assert set(ends(reader_of(again, full).issues(NOTHING_LANDED))) == {A, B, C}


@pytest.mark.parametrize("archived", [True, False])
def test_that_nothing_is_found_in_an_archived_project_says_nothing(*, archived: bool) -> None:
    """Else it would count as read, and its issues would be missed when it is restored."""
    client = Client(empty="B", listed={"B": {"archived": archived}, "C": {"archived": archived}})
    reading = issue_reading(client, wanted=Wanted(full=True))
    events = list(reader_of(client, reading).issues(NOTHING_LANDED))
    assert set(ends(events)) == ({A, C} if archived else {A, B, C})
    pages = [(each.scope, each.page.page) for each in events if isinstance(each, ScopePage)]
    assert sorted(pages) == sorted([(A, 0), (A, 1), (C, 0), (C, 1)] + [(B, 0)] * (not archived))


@pytest.mark.parametrize("full", [True, False])
def test_a_site_of_nothing_but_archived_projects_has_not_lost_access(*, full: bool) -> None:
    client = Client(empty="ABC", listed={key: {"archived": True} for key in "ABC"})
    reader = reader_of(client, issue_reading(client, wanted=Wanted(full=full)))
    assert list(reader.issues(NOTHING_LANDED)) == []


def test_a_sweep_has_a_page_of_what_cannot_be_read() -> None:
    pages = list(reader_of(Client(unreadable="B")).pages("issue_ids", NOTHING_LEFT))
    assert [(page.page, page.http_status) for page in pages] == [(0, 200), (1, 404), (2, 200)]
    assert pages[1].request["project_id"] == B


def test_samples_go_on_where_they_were_left() -> None:
    client = Client()
    left = LeftBehind(project_ids=frozenset({A}), next_page=4, readable=1)
    pages = list(reader_of(client).pages("issue_samples", left))
    assert client.asked == ["B", "C"]
    assert [page.page for page in pages] == [4, 5]


@pytest.mark.parametrize(
    ("said", "since"),
    [
        (None, None),
        ("2024-11-24", datetime(2024, 11, 24, tzinfo=UTC)),
        ("2024-11-24T09:30:00", datetime(2024, 11, 24, 9, 30, tzinfo=UTC)),
        ("2024-11-24T09:30:00+01:00", datetime(2024, 11, 24, 8, 30, tzinfo=UTC)),
    ],
)
def test_a_run_may_go_back_to_a_moment(said: str | None, since: datetime | None) -> None:
    assert wanted_of(ReadConfig(since=said)) == Wanted(since=since)


def test_a_moment_ahead_fails_for_good() -> None:
    said = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    with pytest.raises(dg.Failure, match="lies ahead") as caught:
        wanted_of(ReadConfig(since=said))
    assert caught.value.allow_retries is False


@pytest.mark.parametrize("said", ["yesterday", "", "2026-13-01", "1795521600"])
def test_what_is_no_moment_fails_for_good(said: str) -> None:
    with pytest.raises(dg.Failure, match="which is no moment") as caught:
        wanted_of(ReadConfig(since=said))
    assert caught.value.allow_retries is False


def test_a_run_may_read_in_full_what_was_not_for_long() -> None:
    config = ReadConfig(full_after_days=0.5)
    assert wanted_of(config) == Wanted(full_after=timedelta(hours=12))
    assert wanted_of(config, retried=True) == Wanted(), "it may be that which failed"
    assert wanted_of(ReadConfig(full=True), retried=True) == Wanted(full=True)


def test_what_is_read_in_full_again_comes_last_with_the_fields_of_then() -> None:
    client = Client()
    old = FullLanding(timedelta(days=40), ("summary", "customfield_7"), is_added_to=True)
    what = replace(
        known(mark("A"), mark("B"), mark("C")),
        usage=lambda: {key: {"customfield_1": 1} for key in (A, B, C)},
        full_landings=lambda: {A: old},
    )
    wanted = Wanted(full_after=timedelta(days=30))
    reading = issue_reading(client, known=what, wanted=wanted)
    found = ends(reader_of(client, reading).issues(NOTHING_LANDED))
    assert [query.project.key for query in client.queries] == ["B", "C", "A"]
    assert {each: end.window.since for each, end in found.items()} == {A: None, B: READ, C: READ}
    assert "customfield_7" in client.queries[2].fields
    assert "customfield_7" not in client.queries[0].fields
    assert reading.notes()["projects_in_full"] == 1


@pytest.mark.parametrize("days", [-1, 36_501, math.inf, math.nan])
def test_days_that_cannot_be_fail_for_good(days: float) -> None:
    with pytest.raises(dg.Failure, match=r"0 up to 36,500 days") as caught:
        wanted_of(ReadConfig(full_after_days=days))
    assert caught.value.allow_retries is False
