"""From what the database says to what people read."""

import pytest

from jira_assets.transform.verdicts import (
    SHOWN,
    Drop,
    RejectedRecords,
    UnknownCategories,
    UnknownIds,
    Verdict,
    all_readable,
    known_categories,
    no_large_drop,
    no_rejected,
    unknown_ids,
)


@pytest.mark.parametrize(
    "verdict",
    [
        unknown_ids(UnknownIds(0, [], 0, caught_up=False), "statuses"),
        known_categories(UnknownCategories(0, [])),
        no_rejected(RejectedRecords(0, [])),
        all_readable({}),
        no_large_drop(Drop(0, 0)),
    ],
)
def test_nothing_found_passes(verdict: Verdict) -> None:
    assert verdict.passed
    assert verdict.description


def test_a_relation_that_points_nowhere_is_an_error() -> None:
    verdict = unknown_ids(UnknownIds(3, ["7", "8"], 2, caught_up=True), "statuses")
    assert (verdict.passed, verdict.error) == (False, True)
    assert verdict.description == "3 relations to 2 ids that statuses does not have: 7, 8."
    assert verdict.metadata == {"relations": 3, "unknown_ids": 2}


def test_a_table_that_has_yet_to_be_made_is_a_warning() -> None:
    verdict = unknown_ids(UnknownIds(1, ["7"], 1, caught_up=False), "statuses")
    assert (verdict.passed, verdict.error) == (False, False)
    assert verdict.description.endswith("materialize statuses.")


@pytest.mark.parametrize(
    ("deleted", "kept", "passed"),
    [(0, 10, True), (5, 5, True), (6, 5, False), (1, 0, False), (10, 0, False)],
)
def test_a_drop_of_more_than_half_is_an_error(deleted: int, kept: int, passed: bool) -> None:
    verdict = no_large_drop(Drop(deleted, kept))
    assert verdict.passed is passed
    assert verdict.error
    assert verdict.metadata == {"deleted": deleted, "alive_before": deleted + kept}


def test_what_jira_has_odd_is_a_warning() -> None:
    found = [
        known_categories(UnknownCategories(1, ["10204: waiting"])),
        no_rejected(RejectedRecords(2, ["status has no id", "status has no name"])),
        all_readable({"10004": "404: No project"}),
    ]
    assert [(verdict.passed, verdict.error) for verdict in found] == [(False, False)] * 3
    assert "1 status in a category other than new" in found[0].description
    assert "2 objects made no row: status has no id, status has no name." in found[1].description
    assert "1 project could not be read" in found[2].description
    assert "10004 (404: No project)" in found[2].description


def test_examples_are_few_and_say_how_many_more() -> None:
    verdict = all_readable({f"{number:03}": "403" for number in range(500)})
    assert f"{SHOWN - 1:03} (403) and 490 more" in verdict.description
    assert verdict.metadata["unreadable_projects"] == 500
    assert len(verdict.metadata["reasons"]) == SHOWN
