import threading
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import psycopg.errors
import pytest
import sqlalchemy as sa

from jira_assets.warehouse import staging
from jira_assets.warehouse.connect import WarehouseUnavailableError
from jira_assets.warehouse.contracts import Rejected, Snapshot
from jira_assets.warehouse.failure_reasons import may_pass
from jira_assets.warehouse.merge import (
    EmptySnapshotError,
    InvalidSnapshotError,
    merge,
)
from jira_assets.warehouse.tables import (
    DATA_TABLES,
    applied_extractions,
    etl_job_queue,
    rejected_records,
)
from jira_assets_tests.warehouse.data import (
    Row,
    add_owner,
    alive,
    mark,
    snapshot,
    status,
    stored,
    uses,
)


def counts(result: Any) -> dict[str, int]:
    names = ("inserted", "updated", "unchanged", "deleted", "alive_before", "alive")
    return {name: getattr(result, name) for name in names if getattr(result, name)}


def last_write(engine: sa.Engine, table: str) -> tuple[int, int]:
    """Return how many rows there are and the newest transaction that wrote any of them."""
    query = sa.text(f"SELECT count(*), max(xmin::text::bigint) FROM jira.{DATA_TABLES[table].name}")
    with engine.connect() as connection:
        count, newest = connection.execute(query).one()
    return count, newest


def test_a_first_load_inserts_everything(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    source = mark(warehouse, owner, "statuses")
    rows = [status("1", "To Do"), status("2", "Done", category="done", description="over")]

    result = merge(warehouse, snapshot(owner, "statuses", rows, [source]), run_id="run-1")

    assert counts(result) == {"inserted": 2, "alive": 2}
    assert (result.outcome, result.extraction_ids) == (
        "applied",
        {"statuses": source.extraction_id},
    )
    first, second = stored(warehouse, "statuses", owner)
    assert (first["name"], first["description"], first["tenant_id"]) == (
        "To Do",
        None,
        owner.tenant_id,
    )
    assert (second["category"], second["description"]) == ("done", "over")
    with warehouse.connect() as connection:
        (applied,) = connection.execute(sa.select(applied_extractions)).all()
    assert (applied.table_name, applied.entity, applied.scope) == ("statuses", "statuses", "site")
    assert (applied.extraction_id, applied.run_id) == (source.extraction_id, "run-1")
    assert (applied.started_at, applied.sequence) == source.order
    assert first["first_seen_at"] == first["updated_at"] == applied.applied_at


def test_each_kind_of_change_is_made_and_counted(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    before = [status("1", "same"), status("2", "old"), status("3", "goes")]
    merge(warehouse, snapshot(owner, "statuses", before, [mark(warehouse, owner, "statuses")]))
    old = {row["jira_id"]: row for row in stored(warehouse, "statuses", owner)}

    after = [status("1", "same"), status("2", "new"), status("4", "comes")]
    result = merge(
        warehouse, snapshot(owner, "statuses", after, [mark(warehouse, owner, "statuses")])
    )

    assert counts(result) == {
        "inserted": 1, "updated": 1, "unchanged": 1, "deleted": 1, "alive_before": 3, "alive": 3,
    }  # fmt: skip
    new = {row["jira_id"]: row for row in stored(warehouse, "statuses", owner)}
    assert new["1"] == old["1"]
    assert new["2"]["name"] == "new"
    assert new["2"]["first_seen_at"] == old["2"]["first_seen_at"] < new["2"]["updated_at"]
    assert new["3"]["deleted_at"] == new["3"]["updated_at"] == new["2"]["updated_at"]
    assert new["4"]["first_seen_at"] == new["2"]["updated_at"]


def test_a_null_that_becomes_a_value_and_back_is_a_change(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    for description, updated in ((None, 0), ("text", 1), ("text", 0), (None, 1), (None, 0)):
        source = mark(warehouse, owner, "statuses")
        rows = [status("1", description=description)]
        result = merge(warehouse, snapshot(owner, "statuses", rows, [source]))
        assert result.updated == updated
        assert stored(warehouse, "statuses", owner)[0]["description"] == description


def test_a_deleted_row_returns(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)

    def sync(*ids: str) -> tuple[dict[str, int], Row]:
        source = mark(warehouse, owner, "project_statuses")
        rows = [uses("10", each) for each in ids]
        result = merge(warehouse, snapshot(owner, "projects_statuses", rows, [source]))
        return counts(result), stored(warehouse, "projects_statuses", owner)[0]

    _, first = sync("1", "2")
    _, gone = sync("2")
    returned, back = sync("1", "2")

    assert gone["deleted_at"] is not None
    assert returned == {"updated": 1, "unchanged": 1, "alive_before": 1, "alive": 2}
    assert back["deleted_at"] is None
    assert first["first_seen_at"] == back["first_seen_at"]
    assert first["updated_at"] < gone["updated_at"] < back["updated_at"]


def test_an_unchanged_snapshot_writes_no_row(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    rows = [uses(str(project), str(each)) for project in range(20) for each in range(10)]
    name = "projects_statuses"
    merge(warehouse, snapshot(owner, name, rows, [mark(warehouse, owner, "project_statuses")]))
    before = last_write(warehouse, name), stored(warehouse, name, owner)

    again = mark(warehouse, owner, "project_statuses")
    result = merge(warehouse, snapshot(owner, name, rows, [again]))

    assert counts(result) == {"unchanged": 200, "alive_before": 200, "alive": 200}
    assert result.outcome == "applied"
    assert (last_write(warehouse, name), stored(warehouse, name, owner)) == before


def test_the_same_extractions_change_nothing_but_a_new_transform_does(
    warehouse: sa.Engine,
) -> None:
    owner = add_owner(warehouse)
    source = mark(warehouse, owner, "statuses")
    merge(warehouse, snapshot(owner, "statuses", [status("1", "a")], [source]))
    other = [status("1", "b")]

    same = merge(warehouse, snapshot(owner, "statuses", other, [source]))
    assert (same.outcome, counts(same)) == ("same", {"unchanged": 1, "alive_before": 1, "alive": 1})
    assert stored(warehouse, "statuses", owner)[0]["name"] == "a"

    newer = snapshot(owner, "statuses", other, [source], transform_version="2")
    assert merge(warehouse, newer).outcome == "applied"
    assert stored(warehouse, "statuses", owner)[0]["name"] == "b"


def test_an_older_extraction_never_wins(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    old, new = mark(warehouse, owner, "statuses"), mark(warehouse, owner, "statuses")
    merge(warehouse, snapshot(owner, "statuses", [status("1", "new")], [new]))

    late = snapshot(owner, "statuses", [status("2", "old")], [old])
    result = merge(warehouse, late)

    assert (result.outcome, result.alive) == ("superseded", 1)
    assert result.extraction_ids == {"statuses": new.extraction_id}
    assert alive(warehouse, "statuses", owner) == {("1",)}

    forced = merge(warehouse, late, force=True)
    assert (forced.outcome, forced.inserted, forced.deleted) == ("applied", 1, 1)
    assert alive(warehouse, "statuses", owner) == {("2",)}


@pytest.mark.parametrize("entities", [("statuses",), ("project_statuses",)])
def test_what_was_made_before_the_other_entity_landed_is_older(
    warehouse: sa.Engine, entities: tuple[str, ...]
) -> None:
    owner = add_owner(warehouse)
    sources = {name: mark(warehouse, owner, name) for name in ("statuses", "project_statuses")}
    both = snapshot(owner, "statuses", [status("1"), status("2")], list(sources.values()))
    merge(warehouse, both)

    late = snapshot(owner, "statuses", [status("1")], [sources[name] for name in entities])
    assert merge(warehouse, late).outcome == "superseded"

    merge(warehouse, late, force=True)
    with warehouse.connect() as connection:
        held = connection.scalars(sa.select(applied_extractions.c.entity)).all()
    assert tuple(held) == entities


def test_one_newer_and_one_older_source_is_superseded(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    site_1, relations_1 = (mark(warehouse, owner, e) for e in ("statuses", "project_statuses"))
    site_2, relations_2 = (mark(warehouse, owner, e) for e in ("statuses", "project_statuses"))
    rows = [status("1")]
    merge(warehouse, snapshot(owner, "statuses", rows, [site_2, relations_1]))
    late = snapshot(owner, "statuses", [], [site_1, relations_2])
    assert merge(warehouse, late).outcome == "superseded"


def test_other_integrations_are_not_touched(warehouse: sa.Engine) -> None:
    first, second = add_owner(warehouse, "acme/one"), add_owner(warehouse, "acme/two")
    for owner in (first, second):
        rows = [status("1"), status("2")]
        merge(warehouse, snapshot(owner, "statuses", rows, [mark(warehouse, owner, "statuses")]))
    merge(
        warehouse, snapshot(first, "statuses", [status("3")], [mark(warehouse, first, "statuses")])
    )
    assert alive(warehouse, "statuses", first) == {("3",)}
    assert alive(warehouse, "statuses", second) == {("1",), ("2",)}


def test_relations_of_an_unreadable_project_stay(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    rows = [uses("10", "1"), uses("10", "2"), uses("20", "1")]
    name = "projects_statuses"
    merge(warehouse, snapshot(owner, name, rows, [mark(warehouse, owner, "project_statuses")]))

    blind = snapshot(
        owner,
        name,
        [],
        [mark(warehouse, owner, "project_statuses")],
        unreadable_projects=frozenset({"10", *map(str, range(100, 70_000))}),
    )
    assert merge(warehouse, blind).deleted == 1
    assert alive(warehouse, name, owner) == {("10", "1"), ("10", "2")}


@pytest.mark.parametrize(
    ("table", "relation", "key"),
    [
        ("statuses", "projects_statuses", "status_jira_id"),
        ("statuses", "projects_issue_types_statuses", "status_jira_id"),
        ("issue_types", "projects_issue_types", "issue_type_jira_id"),
        ("issue_types", "projects_issue_types_statuses", "issue_type_jira_id"),
    ],
)
def test_what_living_relations_of_an_unreadable_project_name_stays(
    warehouse: sa.Engine, table: str, relation: str, key: str
) -> None:
    owner, other = add_owner(warehouse), add_owner(warehouse, "acme/other")

    def relate(who: Any, *pairs: tuple[str, str]) -> None:
        rows = [
            {
                "issue_type_jira_id": "i",
                "status_jira_id": "s",
                "project_jira_id": project,
                key: each,
            }
            for project, each in pairs
        ]
        merge(warehouse, snapshot(who, relation, rows, [mark(warehouse, who, "project_statuses")]))

    def objects(*ids: str, **more: Any) -> Snapshot:
        rows = [{"jira_id": each, "name": "n", "category": "new", "subtask": False} for each in ids]
        return snapshot(owner, table, rows, [mark(warehouse, owner, table)], **more)

    relate(owner, ("10", "dead"), ("10", "named"), ("20", "readable"))
    relate(owner, ("10", "named"), ("20", "readable"))
    relate(other, ("10", "foreign"))
    merge(warehouse, objects("named", "dead", "readable", "foreign", "stays"))

    result = merge(warehouse, objects("stays", unreadable_projects=frozenset({"10"})))

    assert result.deleted == 3
    assert alive(warehouse, table, owner) == {("named",), ("stays",)}


def test_the_roster_is_whole_whatever_cannot_be_read(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)

    def projects(*ids: str, **more: Any) -> Snapshot:
        rows = [{"jira_id": each, "key": f"P{each}", "name": "n"} for each in ids]
        return snapshot(owner, "projects", rows, [mark(warehouse, owner, "projects")], **more)

    merge(warehouse, projects("10", "20"))
    merge(warehouse, projects("20", unreadable_projects=frozenset({"10"})))
    assert alive(warehouse, "projects", owner) == {("20",)}


def test_what_was_set_aside_stays_as_it_is(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)

    def sync(*ids: str, **more: Any) -> dict[str, int]:
        source = mark(warehouse, owner, "statuses")
        rows = [status(each) for each in ids]
        return counts(merge(warehouse, snapshot(owner, "statuses", rows, [source], **more)))

    sync("alive", "bad", "dead", "gone")
    sync("alive", "bad", "gone")
    before = {row["jira_id"]: row for row in stored(warehouse, "statuses", owner)}
    kept = frozenset({"bad", "dead", "never seen", *map(str, range(70_000))})

    assert sync("alive", kept_ids=kept) == {
        "unchanged": 1, "deleted": 1, "alive_before": 3, "alive": 2,
    }  # fmt: skip
    after = {row["jira_id"]: row for row in stored(warehouse, "statuses", owner)}
    assert after.pop("gone")["deleted_at"] > before.pop("gone")["updated_at"]
    assert after == before


def test_a_snapshot_that_is_not_complete_deletes_nothing(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    first = [status("1", "old"), status("2")]
    merge(warehouse, snapshot(owner, "statuses", first, [mark(warehouse, owner, "statuses")]))

    for rows, changed in (([status("1", "new"), status("3")], 1), ([], 0)):
        source = mark(warehouse, owner, "statuses")
        result = merge(warehouse, snapshot(owner, "statuses", rows, [source], complete=False))
        assert (result.inserted, result.updated, result.deleted) == (changed, changed, 0)
        assert alive(warehouse, "statuses", owner) == {("1",), ("2",), ("3",)}


@pytest.mark.parametrize("force", [False, True])
def test_no_rows_never_empty_a_table_of_the_site(warehouse: sa.Engine, force: bool) -> None:
    owner = add_owner(warehouse)
    first = mark(warehouse, owner, "statuses")
    merge(warehouse, snapshot(owner, "statuses", [status("1"), status("2")], [first]))
    empty = snapshot(owner, "statuses", [], [mark(warehouse, owner, "statuses")])

    with pytest.raises(EmptySnapshotError, match=r"acme/cloud.*2 are alive.*integration test"):
        merge(warehouse, empty, force=force)

    assert alive(warehouse, "statuses", owner) == {("1",), ("2",)}
    with warehouse.connect() as connection:
        held = connection.scalars(sa.select(applied_extractions.c.extraction_id)).all()
    assert held == [first.extraction_id]


def test_no_rows_are_fine_where_there_were_none_or_for_relations(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    empty = snapshot(owner, "statuses", [], [mark(warehouse, owner, "statuses")])
    assert counts(merge(warehouse, empty)) == {}

    for rows in ([uses("10", "1")], []):
        source = mark(warehouse, owner, "project_statuses")
        merge(warehouse, snapshot(owner, "projects_statuses", rows, [source]))
    assert alive(warehouse, "projects_statuses", owner) == set()


def test_rejected_records_are_replaced(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    source = mark(warehouse, owner, "statuses")

    def rejecting(*reasons: str, version: str) -> int:
        rejected = tuple(Rejected("statuses", {"id": "\x00"}, f"{why}\x00") for why in reasons)
        bad = snapshot(
            owner, "statuses", [], [source], rejected=rejected, transform_version=version
        )
        return merge(warehouse, bad).rejected

    assert rejecting("no id", "no name", version="1") == 2
    assert rejecting("no category", version="2") == 1
    with warehouse.connect() as connection:
        (row,) = connection.execute(sa.select(rejected_records)).all()
    assert (row.reason, row.payload, row.entity) == ("no category", {"id": ""}, "statuses")
    assert (row.table_name, row.extraction_id) == ("statuses", source.extraction_id)


def test_awkward_texts_arrive_as_they_are(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    names = ["\\N", "a\tb\nc\\", "'; DROP TABLE x; --", "完了 😀", "", "NULL"]
    rows = [status(str(number), name) for number, name in enumerate(names)]
    for inserted in (len(names), 0):
        source = mark(warehouse, owner, "statuses")
        result = merge(warehouse, snapshot(owner, "statuses", rows, [source]))
        assert (result.inserted, result.updated, result.deleted) == (inserted, 0, 0)
    assert [row["name"] for row in stored(warehouse, "statuses", owner)] == names


def test_an_integer_beside_a_null_arrives(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    rows = [
        {"jira_id": "1", "name": "Epic", "subtask": False, "hierarchy_level": 1},
        {"jira_id": "2", "name": "Old", "subtask": True, "hierarchy_level": None},
    ]
    made = snapshot(owner, "issue_types", rows, [mark(warehouse, owner, "issue_types")])
    made.frame["hierarchy_level"] = made.frame["hierarchy_level"].astype(float)
    merge(warehouse, made)
    levels = [row["hierarchy_level"] for row in stored(warehouse, "issue_types", owner)]
    assert levels == [1, None]


def test_a_merge_that_fails_leaves_nothing(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    twice = [status("1", "a"), status("1", "b")]
    bad = snapshot(owner, "statuses", twice, [mark(warehouse, owner, "statuses")])
    with pytest.raises(sa.exc.IntegrityError) as caught:
        merge(warehouse, bad)
    assert isinstance(caught.value.orig, psycopg.errors.UniqueViolation)
    assert stored(warehouse, "statuses", owner) == []
    with warehouse.connect() as connection:
        assert connection.execute(sa.select(applied_extractions)).all() == []
        assert connection.scalars(sa.select(etl_job_queue.c.state)).all() == ["pending"]


def test_postgres_that_goes_away_in_the_middle_may_come_back(
    warehouse: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = add_owner(warehouse)
    made = snapshot(owner, "statuses", [status("1")], [mark(warehouse, owner, "statuses")])

    def cut(*_: object) -> Iterator[bytes]:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> "
        with warehouse.begin() as connection:
            connection.execute(
                sa.text(f"{others} pg_backend_pid() AND datname = current_database()")
            )
        yield b"1\n"

    with monkeypatch.context() as patch:
        patch.setattr(staging, "copy_text", cut)
        with pytest.raises((psycopg.OperationalError, WarehouseUnavailableError)) as caught:
            merge(warehouse, made)
    assert may_pass(caught.value)

    assert merge(warehouse, made).inserted == 1


def test_a_snapshot_that_does_not_fit_is_refused(warehouse: sa.Engine) -> None:
    owner, other = add_owner(warehouse), add_owner(warehouse, "acme/other")
    source = mark(warehouse, owner, "statuses")
    good = snapshot(owner, "statuses", [status("1")], [source])

    lacking = Snapshot("statuses", owner, good.frame.drop(columns=["name"]), (source,), "1")
    foreign = Snapshot("statuses", other, good.frame, (source,), "1")
    unsourced = snapshot(owner, "statuses", [status("1")], [])
    for bad, why in ((lacking, "lacks name"), (foreign, "integration_id"), (unsourced, "names no")):
        with pytest.raises(InvalidSnapshotError, match=why):
            merge(warehouse, bad)


def test_merges_of_one_integration_wait_for_each_other(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    made = [
        snapshot(owner, "statuses", [status(str(n))], [mark(warehouse, owner, "statuses")])
        for n in range(8)
    ]
    outcomes: list[str] = []
    threads = [
        threading.Thread(target=lambda one=one: outcomes.append(merge(warehouse, one).outcome))
        for one in made
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(outcomes) == len(made)
    assert set(outcomes) <= {"applied", "superseded"}
    assert alive(warehouse, "statuses", owner) == {("7",)}


def test_a_merge_settles_its_message(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    source = mark(warehouse, owner, "projects", uuid4())
    rows = [{"jira_id": "10", "key": "P", "name": "n"}]
    merge(warehouse, snapshot(owner, "projects", rows, [source]))
    with warehouse.connect() as connection:
        assert connection.scalars(sa.select(etl_job_queue.c.state)).all() == ["completed"]
