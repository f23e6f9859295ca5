"""How long issues stayed in their statuses."""

from typing import Any

import pytest
import sqlalchemy as sa

from jira_assets.warehouse.connect import engine_for
from jira_assets.warehouse.contracts import Owner
from jira_assets.warehouse.tables import statuses
from jira_assets_tests.warehouse.data import add_owner
from jira_assets_tests.warehouse.issues_data import apply, change, day, issue, put, put_sweep, whole

HOUR = 3600.0


@pytest.fixture
def owner(warehouse: sa.Engine) -> Owner:
    owner = add_owner(warehouse)
    row = {"integration_id": owner.integration_id, "tenant_id": owner.tenant_id}
    with warehouse.begin() as connection:
        for jira_id, name, category in (("1", "To Do", "new"), ("3", "Done", "done")):
            added = {**row, "jira_id": jira_id, "name": name, "category": category}
            connection.execute(sa.insert(statuses).values(added))
    return owner


def stays(engine: sa.Engine, jira_id: str = "1") -> list[tuple[Any, ...]]:
    query = sa.text(
        """
        SELECT status_jira_id, status_name, category, entered_at, left_at FROM jira.status_history
        WHERE issue_jira_id = :jira_id ORDER BY entered_at, left_at NULLS LAST
        """
    )
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query, {"jira_id": jira_id})]


def moved(history: str, at: float, before: str, after: str, **more: Any) -> dict[str, Any]:
    words = {"1": "Open", "2": "Review", "3": "Closed"}
    return change(
        history,
        more.pop("item", 0),
        changed_at=day(at).isoformat(),
        field=more.pop("field", "status"),
        from_value=before,
        from_string=words[before],
        to_value=after,
        to_string=words[after],
        **more,
    )


def load(engine: sa.Engine, owner: Owner, *changes: dict[str, Any], created: float = 0) -> None:
    new = issue("1", jira_created_at=day(created).isoformat(), status_jira_id="3", changes=changes)
    put(engine, owner, *whole("10", new))
    apply(engine, owner)


def test_an_issue_passes_from_stay_to_stay(warehouse: sa.Engine, owner: Owner) -> None:
    load(warehouse, owner, moved("8", 1, "1", "2"), moved("9", 3, "2", "3"))
    assert stays(warehouse) == [
        ("1", "To Do", "new", day(0), day(1)),
        ("2", "Review", None, day(1), day(3)),
        ("3", "Done", "done", day(3), None),
    ]


def test_without_a_change_it_is_where_it_is(warehouse: sa.Engine, owner: Owner) -> None:
    load(warehouse, owner, moved("8", 1, "1", "2", field="resolution"))
    assert stays(warehouse) == [("3", "Done", "done", day(0), None)]


def test_changes_of_one_moment_are_in_the_order_of_their_ids(
    warehouse: sa.Engine, owner: Owner
) -> None:
    load(
        warehouse,
        owner,
        moved("10", 1, "2", "1"),
        moved("9", 1, "1", "2"),
        moved("10", 1, "1", "3", item=1),
    )
    assert sorted(each[0] for each in stays(warehouse)) == ["1", "1", "2", "3"]
    assert [(each[0], each[4]) for each in stays(warehouse)][-1] == ("3", None)


def test_the_field_is_told_by_its_id_where_there_is_one(warehouse: sa.Engine, owner: Owner) -> None:
    load(
        warehouse,
        owner,
        moved("8", 1, "1", "2", field="Stav", field_id="status", field_type="jira"),
        moved("9", 2, "2", "1", field="status", field_id="customfield_1", field_type="custom"),
        moved("10", 3, "2", "1", field="status", field_type="custom"),
    )
    assert [each[0] for each in stays(warehouse)] == ["1", "2"]


def test_seconds_are_those_of_the_stay(warehouse: sa.Engine, owner: Owner) -> None:
    load(warehouse, owner, moved("8", 0.5, "1", "2"), moved("9", 0.5, "2", "3"))
    query = sa.text(
        "SELECT status_jira_id, seconds::float, extract(epoch FROM now() - entered_at)::float "
        "FROM jira.status_history"
    )
    with warehouse.connect() as connection:
        found = {row[0]: (row[1], row[2]) for row in connection.execute(query)}
    assert (found["1"][0], found["2"][0]) == (12 * HOUR, 0)
    assert found["3"][0] == found["3"][1]


def test_what_was_imported_begins_with_its_first_change(warehouse: sa.Engine, owner: Owner) -> None:
    load(warehouse, owner, moved("8", 1, "1", "3"), created=5)
    assert [(each[0], each[3], each[4]) for each in stays(warehouse)] == [
        ("1", day(1), day(1)),
        ("3", day(1), None),
    ]


def test_deleted_issues_have_no_history(warehouse: sa.Engine, owner: Owner) -> None:
    load(warehouse, owner)
    put_sweep(warehouse, owner, {"10": []})
    apply(warehouse, owner, accept_deletions=True)
    assert stays(warehouse) == []


def test_the_view_asks_with_the_rights_of_who_asks(warehouse: sa.Engine, owner_url: str) -> None:
    options = sa.text("SELECT reloptions FROM pg_class WHERE oid = 'jira.status_history'::regclass")
    with warehouse.connect() as connection:
        version = int(connection.execute(sa.text("SHOW server_version_num")).scalar_one())
        assert version < 150000 or connection.scalar(options) == ["security_invoker=true"]
    with engine_for(owner_url).connect() as connection:
        comment = sa.text("SELECT obj_description('jira.status_history'::regclass)")
        assert "status" in str(connection.scalar(comment))
