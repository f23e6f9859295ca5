import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from jira_assets.warehouse import raw_pages, stored_pages
from jira_assets.warehouse.contracts import LeftBehind, RawPage, message_id
from jira_assets.warehouse.landing import (
    UnknownExtractionError,
    land,
    landed,
    newest_sources,
    sources_of_extraction,
)
from jira_assets.warehouse.raw_pages import LandingConflictError
from jira_assets.warehouse.tables import etl_job_queue, raw_extraction_data, raw_extractions
from jira_assets_tests.warehouse.data import add_owner, mark, page, reading


class JiraAwayError(Exception):
    pass


def broken_after(*pages: RawPage) -> Iterator[RawPage]:
    yield from pages
    raise JiraAwayError


def rows(engine: sa.Engine, table: sa.Table) -> list[sa.Row[Any]]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(table)).all())


def landed_pages(engine: sa.Engine) -> list[tuple[int, Any]]:
    return sorted((row.page, row.payload) for row in rows(engine, raw_extraction_data))


def test_pages_marker_and_message_are_there(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    answers = [page(0, {"values": [{"id": "1"}, {"id": "2"}]}), page(1, [{"id": "3"}])]
    new = reading(owner, answers, included_projects=("A",), excluded_projects=("B", "C"))

    landing = land(warehouse, new, run_id="run-1")

    assert (landing.pages, landing.items, landing.owner) == (2, 3, owner)
    assert (landing.included_projects, landing.excluded_projects) == (("A",), ("B", "C"))
    assert landed_pages(warehouse) == [(0, answers[0].payload), (1, answers[1].payload)]
    (message,) = rows(warehouse, etl_job_queue)
    assert message.message_id == message_id(new.extraction_id, "statuses", "site")
    assert (message.state, message.partition_key) == ("pending", "acme/cloud")
    assert (message.extraction_run_id, message.run_id) == ("run-1", None)
    with warehouse.connect() as connection:
        assert landed(connection, new.extraction_id, "statuses") == landing


def test_what_is_marked_is_not_read_again(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    first = reading(owner, [page(0, [])])
    landing = land(warehouse, first, run_id="run-1")
    again = reading(owner, broken_after(), extraction_id=first.extraction_id)

    assert land(warehouse, again, run_id="run-2") == landing
    assert len(rows(warehouse, etl_job_queue)) == 1


def test_a_reading_without_pages_is_whole(warehouse: sa.Engine) -> None:
    landing = mark(warehouse, add_owner(warehouse), "statuses")
    assert (landing.pages, landing.items) == (0, 0)


def test_a_broken_reading_leaves_its_pages_unmarked(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    broken = reading(owner, broken_after(page(0, [1]), page(1, [2])))

    with pytest.raises(JiraAwayError):
        land(warehouse, broken, run_id="run-1")

    assert landed_pages(warehouse) == [(0, [1]), (1, [2])]
    assert not rows(warehouse, raw_extractions)
    assert not rows(warehouse, etl_job_queue)
    assert newest_sources(warehouse, owner, ["statuses"]) == {}


def test_a_resumed_reading_goes_on_and_is_as_old_as_its_first_attempt(
    warehouse: sa.Engine,
) -> None:
    owner = add_owner(warehouse)
    gone = page(1, {"errorMessages": ["Gone."]}, status=404, project="11")
    broken = reading(owner, broken_after(page(0, [1], project="10"), gone), resumable=True)
    with pytest.raises(JiraAwayError):
        land(warehouse, broken, run_id="run-1")
    other = mark(warehouse, owner, "issue_types")
    seen: list[LeftBehind] = []

    def the_rest(left: LeftBehind) -> Iterator[RawPage]:
        seen.append(left)
        yield page(left.next_page, [2, 3], project="12")

    rest = reading(owner, the_rest, extraction_id=broken.extraction_id, resumable=True)
    landing = land(warehouse, rest, run_id="run-1")

    assert seen == [LeftBehind(frozenset({"10", "11"}), next_page=2, readable=1)]
    assert (landing.pages, landing.items) == (3, 3)
    assert landing.unreadable == {"11": "404: Gone."}
    assert landing.order < other.order


def test_pages_that_hang_together_are_read_anew(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    broken = reading(owner, broken_after(page(0, ["old"]), page(1, ["old"])))
    with pytest.raises(JiraAwayError):
        land(warehouse, broken, run_id="run-1")
    seen: list[LeftBehind] = []

    def anew(left: LeftBehind) -> Iterator[RawPage]:
        seen.append(left)
        yield page(0, ["new"])

    land(warehouse, reading(owner, anew, extraction_id=broken.extraction_id), run_id="run-1")

    assert seen == [LeftBehind()]
    assert landed_pages(warehouse) == [(0, ["new"])]


def test_the_same_page_twice_lands_once(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    landing = land(warehouse, reading(owner, [page(0, [1]), page(0, [1])]), run_id=None)
    assert (landing.pages, landing.items) == (1, 1)


def test_pages_land_while_the_reading_goes_on(
    warehouse: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_pages, "BATCH_PAGES", 2)
    seen: list[int] = []

    def counting(_left: LeftBehind) -> Iterator[RawPage]:
        for number in range(5):
            seen.append(len(landed_pages(warehouse)))
            yield page(number, [number])

    landing = land(warehouse, reading(add_owner(warehouse), counting), run_id=None)
    assert seen == [0, 0, 2, 2, 4]
    assert landing.pages == 5


@pytest.mark.parametrize(("limit", "value"), [("BATCH_BYTES", 1), ("BATCH_SECONDS", 0.0)])
def test_a_batch_is_bounded_by_bytes_and_by_time(
    warehouse: sa.Engine, monkeypatch: pytest.MonkeyPatch, limit: str, value: float
) -> None:
    monkeypatch.setattr(raw_pages, limit, value)
    seen: list[int] = []

    def counting(_left: LeftBehind) -> Iterator[RawPage]:
        for number in range(3):
            seen.append(len(landed_pages(warehouse)))
            yield page(number, [number])

    land(warehouse, reading(add_owner(warehouse), counting), run_id=None)
    assert seen == [0, 1, 2]


def test_two_processes_on_one_extraction_do_not_mix_their_pages(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    extraction = uuid4()

    def overtaken(_left: LeftBehind) -> Iterator[RawPage]:
        yield page(0, ["of the first"])
        land(
            warehouse,
            reading(owner, [page(0, ["of the second"])], extraction_id=extraction),
            run_id="run-2",
        )

    with pytest.raises(LandingConflictError, match="another process"):
        land(warehouse, reading(owner, overtaken, extraction_id=extraction), run_id="run-1")
    assert landed_pages(warehouse) == [(0, ["of the second"])]


def test_a_page_that_somebody_else_wrote_is_a_conflict(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    extraction = uuid4()

    def beside(_left: LeftBehind) -> Iterator[RawPage]:
        second = reading(
            owner,
            broken_after(page(0, ["of the second"])),
            extraction_id=extraction,
            resumable=True,
        )
        with pytest.raises(JiraAwayError):
            land(warehouse, second, run_id="run-2")
        yield page(0, ["of the first"])

    first = reading(owner, beside, extraction_id=extraction, resumable=True)
    with pytest.raises(LandingConflictError):
        land(warehouse, first, run_id="run-1")
    assert not rows(warehouse, raw_extractions)


def test_pages_dropped_by_somebody_else_are_a_conflict(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    extraction = uuid4()

    def dropped(_left: LeftBehind) -> Iterator[RawPage]:
        yield page(0, [])
        with warehouse.begin() as connection:
            connection.execute(sa.delete(raw_extraction_data))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(raw_pages, "BATCH_PAGES", 1)
        with pytest.raises(LandingConflictError):
            land(warehouse, reading(owner, dropped, extraction_id=extraction), run_id="run-1")
    assert not rows(warehouse, raw_extractions)


def test_a_marker_waits_for_who_holds_the_reading(warehouse: sa.Engine) -> None:
    new = reading(add_owner(warehouse))
    landing = threading.Thread(target=land, args=(warehouse, new), kwargs={"run_id": None})
    with warehouse.begin() as connection:
        raw_pages.hold(connection, new)
        landing.start()
        waiting = sa.text(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        )
        while not connection.scalar(waiting):
            assert landing.is_alive()
        assert not rows(warehouse, raw_extractions)
    landing.join(timeout=30)
    assert len(rows(warehouse, raw_extractions)) == 1


@pytest.mark.parametrize(
    ("came", "kept"),
    [
        ({"a\x00b": "c\x00d", "e": ["\x00"]}, {"ab": "cd", "e": [""]}),
        ({"half": "\ud83d", "pair": "\ud83d\ude00"}, {"half": "\ufffd", "pair": "😀"}),
        ({"nan": float("nan"), "inf": float("inf")}, {"nan": None, "inf": None}),
        ({"path": "C:\\u0000"}, {"path": "C:\\u0000"}),
        ({"text": 'tab\t newline\n quote" back\\slash'}, None),
        ({"big": 2**70, "nul": "\x00"}, {"big": 2**70, "nul": ""}),
        ("just text", None),
        ([], None),
        (None, None),
    ],
)
def test_what_postgres_refuses_is_taken_out(warehouse: sa.Engine, came: Any, kept: Any) -> None:
    land(warehouse, reading(add_owner(warehouse), [page(0, came)]), run_id=None)
    assert landed_pages(warehouse) == [(0, came if kept is None else kept)]


def test_a_request_is_kept_and_cleaned(warehouse: sa.Engine) -> None:
    asked = RawPage(0, {"path": "/x\x00", "params": {"a": "b"}}, 200, [])
    land(warehouse, reading(add_owner(warehouse), [asked]), run_id=None)
    (row,) = rows(warehouse, raw_extraction_data)
    assert row.request == {"path": "/x", "params": {"a": "b"}}


def test_the_newest_landing_of_each_entity_is_found(warehouse: sa.Engine) -> None:
    owner, other = add_owner(warehouse), add_owner(warehouse, "acme/other")
    mark(warehouse, owner, "statuses")
    newest = land(warehouse, reading(owner, [page(0, [1]), page(1, [2])]), run_id=None)
    mark(warehouse, other, "statuses")
    projects = mark(warehouse, owner, "projects")

    sources = newest_sources(warehouse, owner, ["statuses", "projects", "issue_types"])

    assert {entity: source.landing for entity, source in sources.items()} == {
        "statuses": newest,
        "projects": projects,
    }
    for _ in range(2):
        assert [each.payload for each in sources["statuses"].pages()] == [[1], [2]]


def test_many_pages_stream_in_order(warehouse: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_pages, "PAGES_AT_ONCE", 3)
    owner = add_owner(warehouse)
    for count in (0, 2, 3, 4, 7):
        answers = [page(number, [number], project=str(number)) for number in range(count)]
        new = reading(owner, answers, entity="project_statuses")
        land(warehouse, new, run_id=None)
        source = newest_sources(warehouse, owner, ["project_statuses"])["project_statuses"]
        assert list(source.pages()) == answers


def test_an_extraction_can_be_named(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    old = mark(warehouse, owner, "statuses")
    mark(warehouse, owner, "statuses")
    newest = mark(warehouse, owner, "project_statuses")

    entities = ["statuses", "project_statuses"]
    sources = sources_of_extraction(warehouse, owner, old.extraction_id, entities)

    assert [sources[entity].landing for entity in entities] == [old, newest]


def test_an_unknown_or_foreign_extraction_is_refused(warehouse: sa.Engine) -> None:
    owner, other = add_owner(warehouse), add_owner(warehouse, "acme/other")
    foreign = mark(warehouse, other, "statuses").extraction_id
    for unknown in (foreign, UUID(int=1)):
        with pytest.raises(UnknownExtractionError, match="acme/cloud"):
            sources_of_extraction(warehouse, owner, unknown, ["statuses"])


def test_a_page_without_a_project_is_named_by_its_path(warehouse: sa.Engine) -> None:
    forbidden = page(0, None, status=403)
    landing = land(warehouse, reading(add_owner(warehouse), [forbidden]), run_id=None)
    assert landing.unreadable == {"/page/0": "403: Forbidden"}
    assert landing.items == 0
