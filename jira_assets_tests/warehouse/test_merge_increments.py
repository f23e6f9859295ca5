"""What has changed in issues, merged into both of their tables."""

from typing import Any

import pytest
import sqlalchemy as sa

from jira_assets.warehouse import merge_increments as module
from jira_assets.warehouse.contracts import Owner
from jira_assets.warehouse.increments import changes_to_apply, read_watermarks
from jira_assets.warehouse.merge_increments import merge_increments
from jira_assets.warehouse.pages_in_turn import PrunedExtractionError
from jira_assets.warehouse.tables import (
    applied_extractions,
    etl_job_queue,
    projects,
    raw_extractions,
    rejected_records,
)
from jira_assets_tests.warehouse.data import Row, add_owner, alive, stored
from jira_assets_tests.warehouse.issues_data import (
    TABLES,
    apply,
    change,
    day,
    increments,
    issue,
    issue_page,
    put,
    put_sweep,
    whole,
)


@pytest.fixture
def owner(warehouse: sa.Engine) -> Owner:
    return add_owner(warehouse)


def the_issue(engine: sa.Engine, owner: Owner) -> Row:
    (row,) = stored(engine, "issues", owner)
    return row


def rejected(engine: sa.Engine) -> list[tuple[Any, ...]]:
    columns = rejected_records.c
    query = sa.select(columns.jira_id, columns.reason, columns.table_name).order_by(columns.id)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]


def states(engine: sa.Engine) -> list[str]:
    query = sa.select(etl_job_queue.c.state).order_by(etl_job_queue.c.created_at)
    with engine.connect() as connection:
        return list(connection.execute(query).scalars())


def many(count: int, project: str = "10", **more: Any) -> list[Row]:
    return [
        issue(f"{project}{n}", f"P-{n}", project, changes=[change(f"{project}{n}")], **more)
        for n in range(count)
    ]


def test_issues_and_their_changes_go_into_two_tables(warehouse: sa.Engine, owner: Owner) -> None:
    text = "a\tb\\\n\r\\N \x1f\x1e\x1d ü"
    changes = [change("7", field="status"), change("7", 1, field="Key")]
    put(warehouse, owner, *whole("10", issue("1", summary=text, changes=changes)))

    results = apply(warehouse, owner)

    assert [(each.inserted, each.alive, each.outcome) for each in results.values()] == [
        (1, 1, "applied"),
        (2, 2, "applied"),
    ]
    row = the_issue(warehouse, owner)
    assert (row["key"], row["summary"], row["jira_updated_at"]) == ("P-1", text, day(0))
    fields = [each["field"] for each in stored(warehouse, "issue_changelogs", owner)]
    assert fields == ["status", "Key"]
    assert states(warehouse) == ["completed"]


def test_what_is_the_same_is_not_written(warehouse: sa.Engine, owner: Owner) -> None:
    put(warehouse, owner, *whole("10", *many(3)))
    apply(warehouse, owner)
    before = {table: stored(warehouse, table, owner) for table in TABLES}
    put(warehouse, owner, *whole("10", *many(3)))

    again = apply(warehouse, owner)
    nothing = apply(warehouse, owner)

    assert [(each.inserted, each.updated, each.unchanged) for each in again.values()] == [
        (0, 0, 3)
    ] * 2
    assert {table: stored(warehouse, table, owner) for table in TABLES} == before
    assert [(each.outcome, each.alive) for each in nothing.values()] == [("same", 3)] * 2


@pytest.mark.parametrize("together", [True, False])
def test_an_older_version_replaces_nothing_but_tells_its_keys(
    warehouse: sa.Engine, owner: Owner, *, together: bool
) -> None:
    put(warehouse, owner, *whole("10", issue("1", "B-1", "10", updated=day(2), summary="new")))
    if not together:
        apply(warehouse, owner)
    put(
        warehouse,
        owner,
        *whole("20", issue("1", "A-1", "20", updated=day(1), earlier_keys="{Z-1}")),
    )

    apply(warehouse, owner)

    row = the_issue(warehouse, owner)
    assert (row["key"], row["project_jira_id"], row["summary"]) == ("B-1", "10", "new")
    assert row["earlier_keys"] == ["A-1", "Z-1"]


def test_a_key_that_comes_back_is_no_earlier_one(warehouse: sa.Engine, owner: Owner) -> None:
    for number, key in enumerate(["A-1", "B-1", "A-1"]):
        put(warehouse, owner, *whole("10", issue("1", key, updated=day(number))))
        apply(warehouse, owner)
    assert the_issue(warehouse, owner)["earlier_keys"] == ["B-1"]


def test_of_two_versions_in_a_landing_the_later_wins_unless_it_is_older(
    warehouse: sa.Engine, owner: Owner
) -> None:
    pages = [
        issue_page(
            "10", 0, issue("1", updated=day(2), summary="a"), issue("2", "P-2", summary="a")
        ),
        issue_page(
            "10", 1, issue("1", updated=day(1), summary="b"), issue("2", "P-2", summary="b")
        ),
    ]
    put(warehouse, owner, *pages, *whole("10"))
    apply(warehouse, owner)
    assert [row["summary"] for row in stored(warehouse, "issues", owner)] == ["a", "b"]


def test_several_landings_share_a_transaction_and_a_killed_one_goes_on(
    warehouse: sa.Engine, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH_ISSUES", 4)
    for project in ("10", "20", "30", "40"):
        put(warehouse, owner, *whole(project, *many(2, project)))
    landed = changes_to_apply(warehouse, owner, TABLES, "1")
    with warehouse.begin() as connection:
        gone = raw_extractions.c.extraction_id == landed[-1].landing.extraction_id
        connection.execute(sa.delete(raw_extractions).where(gone))

    with pytest.raises(PrunedExtractionError):
        merge_increments(warehouse, increments(owner, landed))

    assert len(alive(warehouse, "issues", owner)) == 4
    assert [each.landing.scope for each in changes_to_apply(warehouse, owner, TABLES, "1")] == [
        "30"
    ]
    with warehouse.connect() as connection:
        moments = sa.select(sa.func.count(sa.distinct(applied_extractions.c.applied_at)))
        assert connection.scalar(moments) == 1


def test_a_message_of_a_landing_before_the_last_is_completed(
    warehouse: sa.Engine, owner: Owner
) -> None:
    put(warehouse, owner, *whole("10", issue("1")))
    put(warehouse, owner, *whole("10", issue("1", updated=day(1)), since=1))
    apply(warehouse, owner)
    assert states(warehouse) == ["completed", "completed"]


def test_a_sweep_deletes_what_is_gone_and_brings_back_what_is_there(
    warehouse: sa.Engine, owner: Owner
) -> None:
    put(warehouse, owner, *whole("10", *many(5)))
    apply(warehouse, owner)
    put_sweep(warehouse, owner, {"10": ["100", "101", "102"]})

    gone = apply(warehouse, owner)
    put_sweep(warehouse, owner, {"10": ["100", "101", "102", "103"]})
    back = apply(warehouse, owner)

    assert [(each.deleted, each.alive) for each in gone.values()] == [(2, 3), (2, 3)]
    assert [(each.updated, each.alive_before, each.alive) for each in back.values()] == [
        (1, 3, 4)
    ] * 2
    assert alive(warehouse, "issues", owner) == {("100",), ("101",), ("102",), ("103",)}
    assert ("103", 0) in {
        (row["history_jira_id"], row["item"])
        for row in stored(warehouse, "issue_changelogs", owner)
        if row["deleted_at"] is None
    }
    assert states(warehouse) == ["completed"] * 3


def test_an_issue_that_is_read_again_lives_again(warehouse: sa.Engine, owner: Owner) -> None:
    put(warehouse, owner, *whole("10", *many(3)))
    apply(warehouse, owner)
    put_sweep(warehouse, owner, {"10": ["100", "101"]})
    apply(warehouse, owner)
    put(warehouse, owner, *whole("10", *many(3)))

    results = apply(warehouse, owner)

    assert [(each.updated, each.alive) for each in results.values()] == [(1, 3), (1, 3)]


def test_half_a_project_gone_at_once_is_kept_and_told(warehouse: sa.Engine, owner: Owner) -> None:
    put(warehouse, owner, *whole("10", *many(4)), *whole("20", *many(4, "20")))
    apply(warehouse, owner)
    found = {"10": ["100", "101"], "20": ["200", "201", "202"]}
    put_sweep(warehouse, owner, found)

    first = apply(warehouse, owner)

    assert [each.deleted for each in first.values()] == [1, 1]
    marks = read_watermarks(warehouse, owner.integration_id)
    assert {project: mark.withheld_deletions for project, mark in marks.items()} == {
        "10": 2,
        "20": 0,
    }
    accepted = apply(warehouse, owner, force=True, accept_deletions=True)
    assert [each.alive for each in accepted.values()] == [5, 5]
    marks = read_watermarks(warehouse, owner.integration_id)
    assert marks["10"].withheld_deletions == 0


def test_a_later_sweep_that_is_in_order_says_so(warehouse: sa.Engine, owner: Owner) -> None:
    put(warehouse, owner, *whole("10", *many(2)))
    apply(warehouse, owner)
    for ids, withheld in (([], 2), (["100", "101"], 0)):
        put_sweep(warehouse, owner, {"10": ids})
        apply(warehouse, owner)
        mark = read_watermarks(warehouse, owner.integration_id)["10"]
        assert mark.withheld_deletions == withheld


def test_the_issues_of_a_project_that_is_gone_wait_for_somebodys_word(
    warehouse: sa.Engine, owner: Owner
) -> None:
    put(warehouse, owner, *whole("10", *many(3)), *whole("20", *many(2, "20")))
    apply(warehouse, owner)
    row = {"integration_id": owner.integration_id, "tenant_id": owner.tenant_id}
    gone = sa.insert(projects).values(**row, jira_id="10", key="P", name="P", deleted_at=day(1))
    with warehouse.begin() as connection:
        connection.execute(gone)
    found = {"20": ["200", "201"]}
    put_sweep(warehouse, owner, found)

    kept = apply(warehouse, owner)

    assert [each.alive for each in kept.values()] == [5, 5]
    marks = read_watermarks(warehouse, owner.integration_id)
    assert (marks["10"].withheld_deletions, marks["20"].withheld_deletions) == (3, 0)
    accepted = apply(warehouse, owner, force=True, accept_deletions=True)
    assert [each.alive for each in accepted.values()] == [2, 2]
    put_sweep(warehouse, owner, found)
    apply(warehouse, owner)
    assert read_watermarks(warehouse, owner.integration_id)["10"].withheld_deletions == 0
    with warehouse.begin() as connection:
        connection.execute(sa.update(projects).values(deleted_at=None))
    put_sweep(warehouse, owner, {**found, "10": ["100", "101", "102"]})
    restored = apply(warehouse, owner)
    assert [each.alive for each in restored.values()] == [5, 5]


def test_a_sweep_spares_what_it_did_not_look_at(warehouse: sa.Engine, owner: Owner) -> None:
    young = issue("108", "P-8", updated=day(36_500))
    unswept = many(2, "30")
    put(warehouse, owner, *whole("10", *many(4), young), *whole("30", *unswept))
    moved = issue("109", "P-9", "10")
    put(warehouse, owner, *whole("10", moved, since=0))
    apply(warehouse, owner)
    put_sweep(warehouse, owner, {"10": ["100", "101", "102", "103"], "20": ["109"]})

    apply(warehouse, owner)

    assert all(row["deleted_at"] is None for row in stored(warehouse, "issues", owner))


def test_a_replay_writes_nothing_and_brings_nothing_back(
    warehouse: sa.Engine, owner: Owner
) -> None:
    put(warehouse, owner, *whole("10", *many(5)))
    apply(warehouse, owner)
    put_sweep(warehouse, owner, {"10": ["100", "101", "102"]})
    apply(warehouse, owner)
    before = {table: stored(warehouse, table, owner) for table in TABLES}

    replayed = apply(warehouse, owner, force=True)

    assert {table: stored(warehouse, table, owner) for table in TABLES} == before
    assert [each.outcome for each in replayed.values()] == ["applied", "applied"]


def test_a_replay_writes_nothing_of_issues_that_several_landings_have(
    warehouse: sa.Engine, owner: Owner
) -> None:
    put(warehouse, owner, *whole("10", *many(3)), *whole("20", issue("1", "Q-1", "20")))
    apply(warehouse, owner)
    changed = issue("100", "P-0", updated=day(1), changes=[change("100")])
    put(
        warehouse,
        owner,
        *whole("10", changed, issue("1", "P-9", updated=day(1)), since=0),
    )
    apply(warehouse, owner)
    before = {table: stored(warehouse, table, owner) for table in TABLES}

    replayed = apply(warehouse, owner, force=True)

    assert {table: stored(warehouse, table, owner) for table in TABLES} == before
    assert [(each.inserted, each.updated) for each in replayed.values()] == [(0, 0)] * 2


def test_a_rejected_issue_is_one_record_until_it_comes_well(
    warehouse: sa.Engine, owner: Owner
) -> None:
    put(warehouse, owner, *whole("10", issue("1"), issue("2", bad="no key\x00")))
    assert apply(warehouse, owner)["issues"].rejected == 1
    put(warehouse, owner, *whole("10", issue("2", bad="still no key")))
    apply(warehouse, owner)
    assert rejected(warehouse) == [("2", "still no key", "issues")]

    apply(warehouse, owner, force=True)
    assert rejected(warehouse) == [("2", "still no key", "issues")]
    put(warehouse, owner, *whole("10", issue("2"), since=1))
    apply(warehouse, owner)
    assert rejected(warehouse) == []


def test_a_rejected_version_is_cleared_by_a_later_one_of_the_same_merge(
    warehouse: sa.Engine, owner: Owner
) -> None:
    put(warehouse, owner, *whole("10", issue("1", bad="a"), issue("2", bad="b")))
    put(warehouse, owner, *whole("10", issue("1"), since=1))
    apply(warehouse, owner)
    assert rejected(warehouse) == [("2", "b", "issues")]


def test_a_replay_does_not_go_back_behind_what_was_applied_meanwhile(
    warehouse: sa.Engine, owner: Owner
) -> None:
    def read(key: str, *found: str) -> None:
        put(warehouse, owner, *whole("10", *(issue(each, f"{key}-{each}") for each in found)))
        put_sweep(warehouse, owner, {"10": found})

    read("OLD", "1", "2", "3")
    apply(warehouse, owner)
    known = changes_to_apply(warehouse, owner, TABLES, "1", force=True)
    read("NEW", "1", "2", "3", "4")
    apply(warehouse, owner)
    before = held(warehouse)

    merge_increments(warehouse, increments(owner, known), run_id="late", force=True)

    assert the_keys(warehouse, owner) == ["NEW-1", "NEW-2", "NEW-3", "NEW-4"]
    assert held(warehouse) == before
    back = increments(owner, known, goes_back=True)
    merge_increments(warehouse, back, run_id="back", force=True)
    assert the_keys(warehouse, owner) == ["OLD-1", "OLD-2", "OLD-3"]


def test_a_sweep_that_another_run_applied_does_not_go_back_behind_what_came_since(
    warehouse: sa.Engine, owner: Owner
) -> None:
    """Issue 4 became visible: it is no newer than the sweep, which does not have it."""
    found = [issue(each, f"P-{each}") for each in "123"]
    put(warehouse, owner, *whole("10", *found))
    put_sweep(warehouse, owner, {"10": "123"})
    known = changes_to_apply(warehouse, owner, TABLES, "1")
    apply(warehouse, owner)
    put(warehouse, owner, *whole("10", *found, issue("4", "P-4")))
    apply(warehouse, owner)

    merge_increments(warehouse, increments(owner, known), run_id="late")

    assert the_keys(warehouse, owner) == ["P-1", "P-2", "P-3", "P-4"]


def the_keys(engine: sa.Engine, owner: Owner) -> list[str]:
    return [row["key"] for row in stored(engine, "issues", owner) if row["deleted_at"] is None]


def held(engine: sa.Engine) -> set[tuple[Any, ...]]:
    columns = applied_extractions.c
    query = sa.select(columns.table_name, columns.entity, columns.sequence, columns.run_id)
    with engine.connect() as connection:
        return {tuple(row) for row in connection.execute(query)}


def test_an_issue_on_two_pages_is_set_aside_once(warehouse: sa.Engine, owner: Owner) -> None:
    """As the last of a page of Data Center is, which is the first of the next page, too."""
    bad = [issue("1", bad="a"), issue("1", bad="b")]
    put(
        warehouse,
        owner,
        issue_page("10", 0, *bad),
        issue_page("10", 1, bad[0]),
        *whole("10"),
    )
    apply(warehouse, owner)
    assert sorted(rejected(warehouse)) == [("1", "a", "issues"), ("1", "b", "issues")]


def test_a_history_that_came_with_fewer_items_has_no_others(
    warehouse: sa.Engine, owner: Owner
) -> None:
    def of(*fields: str) -> Row:
        changes = [change("7", item, field=field) for item, field in enumerate(fields)]
        return issue("1", changes=[*changes, change("8", field="labels")])

    put(warehouse, owner, *whole("10", of("status", "Key", "project")))
    apply(warehouse, owner)
    put(warehouse, owner, *whole("10", of("Key", "project"), since=1))

    result = apply(warehouse, owner)["issue_changelogs"]

    fields = [row["field"] for row in stored(warehouse, "issue_changelogs", owner)]
    assert fields == ["Key", "project", "labels"]
    assert (result.inserted, result.updated, result.deleted, result.alive) == (0, 2, 1, 3)


def test_a_history_that_came_twice_has_the_items_of_the_later(
    warehouse: sa.Engine, owner: Owner
) -> None:
    for items in (3, 2):
        changes = [change("7", item, field=f"of {items}") for item in range(items)]
        put(warehouse, owner, *whole("10", issue("1", changes=changes), since=items))
    apply(warehouse, owner)
    fields = [row["field"] for row in stored(warehouse, "issue_changelogs", owner)]
    assert fields == ["of 2", "of 2"]


def test_a_small_change_to_a_large_table_finds_its_rows_by_their_keys(
    warehouse: sa.Engine, owner: Owner
) -> None:
    put(warehouse, owner, *whole("10", *many(100)))
    apply(warehouse, owner)
    put(
        warehouse,
        owner,
        *whole("10", issue("1050", "P-50", updated=day(1)), issue("x", "P-x"), since=0),
    )

    results = apply(warehouse, owner)

    assert [(each.inserted, each.updated) for each in results.values()] == [(1, 1), (0, 0)]


def test_nobody_elses_rows_are_touched(warehouse: sa.Engine, owner: Owner) -> None:
    other = add_owner(warehouse, "globex/cloud")
    for each in (owner, other):
        put(warehouse, each, *whole("10", *many(3)))
        apply(warehouse, each)
    before = {table: stored(warehouse, table, other) for table in TABLES}

    put_sweep(warehouse, owner, {"10": ["100", "101"]})
    apply(warehouse, owner)
    put(warehouse, owner, *whole("10", *many(3, updated=day(3))))
    apply(warehouse, owner)

    assert {table: stored(warehouse, table, other) for table in TABLES} == before
