"""Many scopes on their way in: what counts, what does not, and what a retry goes on with."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from jira_assets.warehouse import raw_pages, scoped_landing
from jira_assets.warehouse.contracts import (
    MappedField,
    Owner,
    RawPage,
    ScopeEnd,
    ScopePage,
    message_id,
)
from jira_assets.warehouse.increments import (
    FullLanding,
    Watermark,
    changes_to_apply,
    full_landings,
    read_watermarks,
)
from jira_assets.warehouse.raw_pages import LandingConflictError
from jira_assets.warehouse.scoped_landing import land_scopes
from jira_assets.warehouse.tables import (
    etl_job_queue,
    issue_watermarks,
    raw_extraction_data,
    raw_extractions,
)
from jira_assets_tests.patience import wait_for
from jira_assets_tests.warehouse.data import add_owner
from jira_assets_tests.warehouse.issues_data import (
    TABLES,
    day,
    issue,
    issue_page,
    put,
    scoped,
    whole,
    window,
)
from jira_assets_tests.warehouse.retention_data import days_ago

FIELD = MappedField("customfield_1", "number")
CHANGED = MappedField("customfield_2", None, changed=True)


@pytest.fixture
def owner(warehouse: sa.Engine) -> Owner:
    return add_owner(warehouse)


def count(engine: sa.Engine, table: sa.Table) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0)


def pages(engine: sa.Engine) -> set[tuple[str, int]]:
    columns = raw_extraction_data.c
    with engine.connect() as connection:
        rows = connection.execute(sa.select(columns.scope, columns.page))
        return {(row.scope, row.page) for row in rows}


def mark(engine: sa.Engine, owner: Owner, scope: str = "10") -> Watermark:
    return read_watermarks(engine, owner.integration_id)[scope]


def test_scopes_land_when_they_end_though_their_pages_mix(
    warehouse: sa.Engine, owner: Owner
) -> None:
    pieces: list[ScopePage | ScopeEnd] = [
        issue_page("10", 0, issue("1"), issue("2")),
        issue_page("20", 0, issue("3")),
        issue_page("10", 1, issue("4")),
        ScopeEnd(
            "20", window(project_key="B", fields=("summary",), mapped={"custom_field_01": FIELD})
        ),
        ScopeEnd("10", window()),
    ]
    new = scoped(owner, pieces, included_projects=("A", "B"))

    landing = land_scopes(warehouse, new, run_id="run")

    assert (landing.landed, landing.pages, landing.items) == (("20", "10"), 3, 4)
    landed = changes_to_apply(warehouse, owner, TABLES, "1")
    assert [(each.landing.scope, each.landing.items) for each in landed] == [("20", 1), ("10", 3)]
    assert [[page.page for page in each.pages()] for each in landed] == [[0], [0, 1]]
    first = landed[0].landing
    assert first.window == window(
        project_key="B", fields=("summary",), mapped={"custom_field_01": FIELD}
    )
    assert first.included_projects == ("A", "B")
    assert first.is_full
    with warehouse.connect() as connection:
        messages = set(connection.execute(sa.select(etl_job_queue.c.message_id)).scalars())
    assert messages == {message_id(new.extraction_id, "issues", scope) for scope in ("10", "20")}
    assert mark(warehouse, owner, "20") == Watermark(
        "B", day(1), landing.started_at, {"custom_field_01": FIELD}
    )


def test_until_when_a_project_was_idle_stands_beside_its_watermark(
    warehouse: sa.Engine, owner: Owner
) -> None:
    put(warehouse, owner, *whole("10", issue("1")))
    for number in (5, 6):
        idle = whole("10", since=1, until=1, idle_until=day(number))
        assert put(warehouse, owner, *idle).idle == ("10",)
        found = mark(warehouse, owner)
        assert (found.read_until, found.idle_until) == (day(1), day(number))
    put(warehouse, owner, *whole("10", issue("1"), since=1, until=7))
    assert mark(warehouse, owner).idle_until == day(6)
    put(warehouse, owner, *whole("10", issue("1"), until=3))
    assert mark(warehouse, owner).idle_until is None, "it may lie ahead, as the watermark may"


def test_the_last_full_landing_says_what_it_asked_for_and_whether_more_has_come(
    warehouse: sa.Engine, owner: Owner
) -> None:
    def last() -> FullLanding:
        return full_landings(warehouse, owner.integration_id)["10"]

    put(warehouse, owner, *whole("20", issue("9"), since=1))
    put(warehouse, owner, *whole("10", issue("1"), fields=("summary",)))
    put(warehouse, owner, *whole("10", issue("1"), fields=("summary", "a")))
    assert full_landings(warehouse, owner.integration_id).keys() == {"10"}
    assert (last().fields, last().is_added_to) == (("summary", "a"), False)
    assert timedelta() <= last().age < timedelta(minutes=1)
    put(warehouse, owner, *whole("10", since=1, until=2))
    assert not last().is_added_to, "nothing had changed"
    put(warehouse, owner, *whole("10", issue("1"), since=2))
    assert (last().fields, last().is_added_to) == (("summary", "a"), True)


def test_a_full_reading_brings_back_a_moment_that_lay_ahead(
    warehouse: sa.Engine, owner: Owner
) -> None:
    put(warehouse, owner, *whole("10", issue("1")))
    ahead = sa.update(issue_watermarks).values(full_read_at=days_ago(-90))
    with warehouse.begin() as connection:
        connection.execute(ahead)
    landing = put(warehouse, owner, *whole("10", issue("1")))
    assert mark(warehouse, owner).full_read_at == landing.started_at
    put(warehouse, owner, *whole("10", issue("1"), since=1))
    assert mark(warehouse, owner).full_read_at == landing.started_at


def test_an_idle_project_moves_its_watermark_only(warehouse: sa.Engine, owner: Owner) -> None:
    put(warehouse, owner, *whole("10", issue("1")))

    landing = put(warehouse, owner, *whole("10", since=1, until=2))
    empty = put(warehouse, owner, issue_page("10", 0), ScopeEnd("10", window(2, 3)))

    assert (landing.idle, landing.landed, empty.idle) == (("10",), (), ("10",))
    assert mark(warehouse, owner).read_until == day(3)
    assert (count(warehouse, raw_extractions), count(warehouse, etl_job_queue)) == (1, 1)
    assert pages(warehouse) == {("10", 0)}


def test_a_full_reading_lands_though_it_is_empty(warehouse: sa.Engine, owner: Owner) -> None:
    landing = put(warehouse, owner, *whole("10"))
    assert (landing.landed, landing.items) == (("10",), 0)


def test_an_unreadable_project_keeps_its_watermark(warehouse: sa.Engine, owner: Owner) -> None:
    put(warehouse, owner, *whole("10", issue("1")))
    unread = [
        ScopeEnd("10", window(1, 2), unreadable="403: no\x00"),
        ScopeEnd("20", window(None, 2), unreadable="404"),
    ]

    landing = put(warehouse, owner, issue_page("10", 0, issue("1")), *unread)

    assert landing.unreadable == {"10": "403: no\x00", "20": "404"}
    assert (mark(warehouse, owner).read_until, mark(warehouse, owner).unreadable) == (
        day(1),
        "403: no",
    )
    assert (mark(warehouse, owner, "20").read_until, mark(warehouse, owner, "20").unreadable) == (
        None,
        "404",
    )
    assert count(warehouse, raw_extractions) == 1
    put(warehouse, owner, *whole("10", since=1, until=2))
    assert mark(warehouse, owner).unreadable is None


def test_a_watermark_never_moves_back_and_keeps_the_mapping_of_the_full_reading(
    warehouse: sa.Engine, owner: Owner
) -> None:
    full = put(warehouse, owner, *whole("10", until=5, mapped={"custom_field_01": FIELD}))
    put(
        warehouse,
        owner,
        *whole("10", issue("1"), since=1, until=2, mapped={"custom_field_01": CHANGED}),
    )

    assert mark(warehouse, owner) == Watermark(
        "P", day(5), full.started_at, {"custom_field_01": FIELD}
    )
    newest = changes_to_apply(warehouse, owner, TABLES, "1")[-1].landing
    assert newest.window is not None
    assert newest.window.mapped == {"custom_field_01": CHANGED}
    assert not newest.is_full
    put(warehouse, owner, *whole("10", mapped={"custom_field_02": CHANGED}))
    assert mark(warehouse, owner).mapped == {"custom_field_02": CHANGED}


@pytest.mark.parametrize("batch_pages", [1, 2, 200])
def test_a_retry_goes_on_after_the_scopes_that_landed(
    warehouse: sa.Engine, owner: Owner, monkeypatch: pytest.MonkeyPatch, batch_pages: int
) -> None:
    monkeypatch.setattr(raw_pages, "BATCH_PAGES", batch_pages)
    extraction = uuid4()
    seen: list[frozenset[str]] = []

    def broken(landed: frozenset[str]) -> Iterator[Any]:
        seen.append(landed)
        yield issue_page("20", 0, issue("2"))
        yield from whole("10", issue("1"))
        yield issue_page("20", 1, issue("3"))
        raise OSError("gone")

    def again(landed: frozenset[str]) -> Iterator[Any]:
        seen.append(landed)
        yield from whole("20", issue("5"))

    with pytest.raises(OSError, match="gone"):
        land_scopes(warehouse, scoped(owner, broken, extraction), run_id="run")
    assert pages(warehouse) == {("10", 0), ("20", 0), ("20", 1)}
    landing = land_scopes(warehouse, scoped(owner, again, extraction), run_id="run")

    assert seen == [frozenset(), {"10"}]
    assert landing.landed == ("10", "20")
    assert pages(warehouse) == {("10", 0), ("20", 0)}


def test_two_processes_on_one_extraction_are_told(warehouse: sa.Engine, owner: Owner) -> None:
    extraction = uuid4()

    def read(_: frozenset[str]) -> Iterator[Any]:
        yield issue_page("10", 0, issue("1"))
        land_scopes(warehouse, scoped(owner, whole("10", issue("2")), extraction), run_id="b")
        yield ScopeEnd("10", window())

    with pytest.raises(LandingConflictError, match="another process"):
        land_scopes(warehouse, scoped(owner, read, extraction), run_id="a")
    assert count(warehouse, raw_extractions) == 1


def test_whose_pages_were_dropped_by_another_attempt_gives_up(
    warehouse: sa.Engine, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_pages, "BATCH_PAGES", 1)
    extraction = uuid4()

    def read(_: frozenset[str]) -> Iterator[Any]:
        yield issue_page("10", 0, issue("1"))
        # A batch is written beside: one that is written only after the other attempt began stays.
        wait_for("the page", lambda: pages(warehouse))
        land_scopes(warehouse, scoped(owner, (), extraction), run_id="b")
        yield ScopeEnd("10", window())

    with pytest.raises(LandingConflictError):
        land_scopes(warehouse, scoped(owner, read, extraction), run_id="a")
    assert count(warehouse, raw_extractions) == count(warehouse, issue_watermarks) == 0


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        ([issue_page("10", 0, issue("1"))], "without an end: 10"),
        ([*whole("10"), issue_page("10", 0, issue("1"))], "had ended already"),
        ([*whole("10"), *whole("10")], "had ended already"),
    ],
)
def test_a_reading_that_does_not_fit_is_refused(
    warehouse: sa.Engine, owner: Owner, pieces: list[Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        put(warehouse, owner, *pieces)


def test_many_small_projects_share_transactions(
    warehouse: sa.Engine, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[sa.Connection] = []
    sa.event.listen(warehouse, "begin", began.append)
    pieces = [each for scope in range(1000) for each in whole(str(scope), issue(str(scope)))]

    landing = put(warehouse, owner, *pieces)

    assert len(landing.landed) == count(warehouse, raw_extractions) == 1000
    # Of pages, and of the ends that follow them.
    assert len(began) < 2 * 1000 / raw_pages.BATCH_PAGES + 5
    monkeypatch.setattr(scoped_landing, "BATCH_ENDS", 100)
    began.clear()
    put(warehouse, owner, *(ScopeEnd(str(scope), window(1, 2)) for scope in range(1000)))
    assert len(began) < 1000 / 100 + 5


def test_changelogs_are_no_items(warehouse: sa.Engine, owner: Owner) -> None:
    bulk = ScopePage("10", RawPage(1, {}, 200, {"issueChangeLogs": [{}, {}]}))
    one = ScopePage("10", RawPage(2, {"issue_id": "1"}, 200, {"values": [{}, {}]}))
    failed = issue_page("10", 3, issue("9"), status=500)

    landing = put(
        warehouse,
        owner,
        issue_page("10", 0, issue("1")),
        bulk,
        one,
        failed,
        ScopeEnd("10", window()),
    )

    assert (landing.pages, landing.items) == (4, 1)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        (b'{"issues": [{"id": "1"}], "a": "x"}', {"issues": [{"id": "1"}], "a": "x"}),
        (b'{"issues": [], "a\\u0000b": "c\\u0000", "d": "\\\\u0000"}', {"ab": "c", "d": "\\u0000"}),
        (b'{"issues": [], "a": "\xff"}', {"a": "\ufffd"}),
        (b'{"issues": [], "a": 1e200000, "b": 2}', {"a": None, "b": 2}),
        (b'{"issues": [], "a": 1e400, "b": 1e2}', {"a": None, "b": 100}),
        (b'{"issues": [], "a": ' + b"7" * 5000 + b"}", {"a": None}),
    ],
)
def test_pages_land_as_they_came_and_come_back_readable(
    warehouse: sa.Engine, owner: Owner, text: bytes, stored: dict[str, Any]
) -> None:
    came = RawPage(0, {"path": "/search"}, 200, {"issues": [{"id": "1"}]}, text)
    other = RawPage(1, {"path": "/search"}, 200, {"issues": []})
    put(warehouse, owner, ScopePage("10", came), ScopePage("10", other), ScopeEnd("10", window()))
    [landed] = changes_to_apply(warehouse, owner, TABLES, "1")
    assert landed.landing.items == 1
    found = [page.payload for page in landed.pages()]
    assert found == [{"issues": [], **stored}, {"issues": []}]


def test_what_a_reading_took_is_told_once_over_its_markers(
    warehouse: sa.Engine, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoped_landing, "BATCH_ENDS", 2)
    calls = iter(range(10, 100, 10))
    new = replace(
        scoped(owner, [each for scope in "abcde" for each in whole(scope, issue(scope))]),
        notes=lambda: {"calls": next(calls), "megabytes": 0.5, "fields": "some"},
    )
    land_scopes(warehouse, new, run_id=None)
    marked = sa.select(raw_extractions.c.took).order_by(raw_extractions.c.sequence)
    with warehouse.connect() as connection:
        took = connection.execute(marked).scalars().all()
    first, later = {"calls": 10, "megabytes": 0.5}, {"calls": 10, "megabytes": 0.0}
    assert took == [first, None, later, None, later]
