"""Which projects a sweep speaks for, and which fields samples show."""

from typing import Any

import pytest

from jira_assets.transform.snapshots import build_snapshot
from jira_assets.transform.sweep import NO_PROJECT, swept_pages
from jira_assets.warehouse.contracts import RawPage, Snapshot
from jira_assets_tests.site_scenario import landed, rows_of
from jira_assets_tests.transform.issue_scenario import OWNER, found, issue, page


def ids(*jira_ids: Any) -> Any:
    return found(*({"id": each} for each in jira_ids))


def swept(*pages: RawPage) -> list[tuple[str, list[str]]]:
    source = landed("issue_ids", pages, OWNER)
    return [(each.project_jira_id, list(each.issue_jira_ids)) for each in swept_pages(source)]


def test_whole_projects_are_swept_page_by_page() -> None:
    pages = [
        page(ids("1", 2), 0, project_id="10"),
        page(ids("7"), 1, project_id=11),
        page(ids("3"), 2, project_id="10"),
        page(ids(), 3, project_id="12"),
    ]
    assert swept(*pages) == [("10", ["1", "2"]), ("11", ["7"]), ("10", ["3"]), ("12", [])]


@pytest.mark.parametrize(
    ("payload", "status", "known"),
    [
        (None, 403, None),
        ({"errorMessages": []}, 200, []),
        (None, 200, []),
        ({"issues": {}}, 200, []),
        (ids("8", None, "9"), 200, ["8", "9"]),
        (found("8"), 200, []),
        (ids("8" * 256), 200, []),
    ],
)
def test_a_project_with_a_page_that_is_not_whole_is_not_swept(
    payload: Any, status: int, known: list[str] | None
) -> None:
    pages = [
        page(ids("1"), 0, project_id="10"),
        page(ids("2"), 1, project_id="11"),
        page(payload, 2, status, project_id="10"),
    ]
    expected = [(NO_PROJECT, ["1"]), ("11", ["2"])]
    assert swept(*pages) == expected + ([] if known is None else [(NO_PROJECT, known)])


def test_a_page_of_nobody_sweeps_nothing_but_its_issues_are_there() -> None:
    pages = [page(ids("1"), 0, project_id="10"), page(ids("2"), 1)]
    assert swept(*pages) == [(NO_PROJECT, ["1"]), (NO_PROJECT, ["2"])]


def sampled(*pages: RawPage, **lists: Any) -> Snapshot:
    source = landed("issue_samples", pages, OWNER, **lists)
    return build_snapshot("projects_custom_fields", OWNER, {"issue_samples": source})


def sample(number: int, *issues: Any, **request: Any) -> RawPage:
    return page(found(*issues), number, **{"project_id": "10", "project_key": "DEV", **request})


def test_fields_are_counted_where_they_have_a_value() -> None:
    values: dict[str, Any] = {"customfield_3": None, "customfield_4": [], "customfield_5": ""}
    made = sampled(
        sample(0, issue(customfield_1=0, summary="x", **values), issue(customfield_1="a")),
        sample(1, issue(customfield_1=[1], customfield_2={}), project_id="11"),
        sample(2, project_id="12"),
        page({"errorMessages": ["no"]}, 3, 403, project_id="13", project_key="OPS"),
    )
    assert rows_of(made.frame) == {
        ("10", "customfield_1", 2, 2),
        ("11", "customfield_1", 1, 1),
        ("11", "customfield_2", 1, 1),
    }
    assert made.unreadable_projects == {"13"}
    assert (made.rejected, made.complete) == ((), True)


def test_what_was_set_aside_of_a_sample_makes_its_project_unreadable() -> None:
    made = sampled(
        sample(0, issue(customfield_1=1), {"id": 7}, None),
        page([], 1, project_id="11", project_key="OPS"),
        sample(2, issue(**{"customfield_" + 250 * "1": 1}), project_id="12"),
    )
    assert rows_of(made.frame) == {("10", "customfield_1", 1, 3)}
    assert made.unreadable_projects == {"10", "11"}
    assert [(each.reason, each.jira_id) for each in made.rejected] == [
        ("project 10: issue has no fields", "7"),
        ("project 10: issue has no fields", None),
        ("project 11: answer is no list of issues", None),
    ]
    assert not sampled(page(found(), 0, project_key="DEV")).complete


def test_samples_of_excluded_projects_are_passed_over() -> None:
    pages = [sample(0, issue(customfield_1=1)), sample(1, issue(customfield_1=1), project_key="X")]
    assert rows_of(sampled(*pages[:1], excluded=["X"]).frame) == {("10", "customfield_1", 1, 1)}
    assert rows_of(sampled(pages[1], excluded=["X"]).frame) == set()
