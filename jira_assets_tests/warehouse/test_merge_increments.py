"""What has changed in issues, merged into both of their tables."""

import sqlalchemy as sa

from jira_assets_tests.warehouse.data import add_owner, alive, stored
from jira_assets_tests.warehouse.issues_data import apply, change, day, issue, put, put_sweep, whole


def test_issues_and_their_changes_go_into_two_tables(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    put(
        warehouse,
        owner,
        *whole("10", issue("1", summary="a\tb\\\n", changes=[change("7", field="status")])),
    )

    results = apply(warehouse, owner)

    assert [(each.inserted, each.alive) for each in results.values()] == [(1, 1), (1, 1)]
    (row,) = stored(warehouse, "issues", owner)
    assert (row["key"], row["summary"], row["jira_updated_at"]) == ("P-1", "a\tb\\\n", day(0))
    (changed,) = stored(warehouse, "issue_changelogs", owner)
    assert (changed["issue_jira_id"], changed["field"]) == ("1", "status")
    assert apply(warehouse, owner)["issues"].outcome == "same"


def test_a_sweep_deletes_what_is_gone(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    put(
        warehouse, owner, *whole("10", *(issue(str(n), changes=[change(str(n))]) for n in range(5)))
    )
    apply(warehouse, owner)
    put_sweep(warehouse, owner, {"10": ["0", "1", "2"]})

    results = apply(warehouse, owner)

    assert [(each.deleted, each.alive) for each in results.values()] == [(2, 3), (2, 3)]
    assert alive(warehouse, "issues", owner) == {("0",), ("1",), ("2",)}
    assert alive(warehouse, "issue_changelogs", owner) == {("0", 0), ("1", 0), ("2", 0)}
