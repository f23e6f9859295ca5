"""Each table's snapshot, on the one awkward scenario and on what it leaves out."""

from typing import Any

import pytest

from jira_assets.transform.snapshots import (
    TRANSFORM_VERSION,
    TRANSFORMS,
    NothingLandedError,
    build_snapshot,
)
from jira_assets.warehouse.contracts import Snapshot, Sources
from jira_assets.warehouse.staging import staged_columns
from jira_assets.warehouse.tables import DATA_TABLES, INCREMENTAL, SOURCES
from jira_assets_tests.scenario import CLOUD, DATA_CENTER, SITES
from jira_assets_tests.site_scenario import SiteScenario, answer, landed, listing, rows_of, without
from jira_assets_tests.transform.conftest import TABLES

OF_PROJECTS = [table for table in TABLES if "project_statuses" in SOURCES[table]]
RELATIONS = [table for table in TABLES if table.startswith("projects_")]
OWNER = CLOUD.owner


def build(table: str, sources: Sources) -> Snapshot:
    return build_snapshot(table, OWNER, sources)


def statuses_answer(page: int, project_id: str, *statuses: Any) -> Any:
    payload = [{"id": "1", "name": "Bug", "subtask": False, "statuses": list(statuses)}]
    return answer(page, project_id, f"P{project_id}", payload)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("site", SITES, ids=lambda site: site.partition_key)
def test_scenario(site: SiteScenario, table: str) -> None:
    snapshot = build_snapshot(table, site.owner, site.sources())
    assert rows_of(snapshot.frame) == set(site.rows[table])
    assert len(snapshot.frame) == len(site.rows[table])
    assert len(snapshot.rejected) == site.rejected.get(table, 0)


@pytest.mark.parametrize("table", TABLES)
def test_frames_have_the_columns_that_the_merge_stages(table: str) -> None:
    columns = list(build(table, CLOUD.sources()).frame.columns)
    assert columns[:2] == ["tenant_id", "integration_id"]
    assert sorted(columns[2:]) == sorted(staged_columns(DATA_TABLES[table]))


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.partition_key)
def test_frames_carry_their_owner(site: SiteScenario) -> None:
    snapshot = build_snapshot("statuses", site.owner, site.sources())
    assert set(snapshot.frame["tenant_id"]) == {site.owner.tenant_id}
    assert set(snapshot.frame["integration_id"]) == {site.owner.integration_id}
    assert snapshot.owner == site.owner
    assert snapshot.transform_version == TRANSFORM_VERSION


def test_every_table_is_made_of_its_sources() -> None:
    assert {table: transform.entities for table, transform in TRANSFORMS.items()} == {
        table: entities for table, entities in SOURCES.items() if not set(entities) & INCREMENTAL
    }


@pytest.mark.parametrize("table", TABLES)
def test_snapshot_names_the_landings_it_is_made_of(table: str) -> None:
    snapshot = build(table, CLOUD.sources(number=7))
    assert tuple(landing.entity for landing in snapshot.sources) == SOURCES[table]
    assert {landing.sequence for landing in snapshot.sources} == {7}


@pytest.mark.parametrize("table", RELATIONS)
@pytest.mark.parametrize("site", SITES, ids=lambda site: site.partition_key)
def test_relations_are_not_complete_for_unreadable_projects(site: SiteScenario, table: str) -> None:
    snapshot = build_snapshot(table, site.owner, site.sources())
    assert snapshot.unreadable_projects == site.unreadable | site.incomplete


def test_what_relations_of_unreadable_projects_name_is_protected_too() -> None:
    for table in ("statuses", "issue_types"):
        snapshot = build(table, CLOUD.sources())
        assert snapshot.unreadable_projects == CLOUD.unreadable | CLOUD.incomplete


@pytest.mark.parametrize("table", TABLES)
def test_nothing_landed_says_what_to_materialize(table: str) -> None:
    with pytest.raises(NothingLandedError) as caught:
        build(table, {})
    assert caught.value.partition_key == "acme/cloud"
    assert caught.value.entities == SOURCES[table]
    assert f"materialize raw_{SOURCES[table][0]}" in str(caught.value)


def test_only_the_site_list_has_landed() -> None:
    snapshot = build("statuses", without(CLOUD.sources(), "project_statuses"))
    found = {row[0]: row for row in rows_of(snapshot.frame)}
    assert "10209" not in found
    assert found["10202"][-1] is None  # the scope is said by the project's answer alone
    assert [landing.entity for landing in snapshot.sources] == ["statuses"]
    assert snapshot.unreadable_projects == frozenset()


def test_only_project_answers_have_landed() -> None:
    snapshot = build("statuses", without(CLOUD.sources(), "statuses"))
    assert set(snapshot.frame["jira_id"]) == {"1", "3", "10200", "10201", "10202", "10209"}
    assert [landing.entity for landing in snapshot.sources] == ["project_statuses"]


def test_the_site_list_wins_over_project_answers() -> None:
    sources = {
        "statuses": landed("statuses", listing([{"id": "5", "name": "Site's"}]), OWNER),
        "project_statuses": landed(
            "project_statuses", [statuses_answer(0, "10", {"id": 5, "name": "Project's"})], OWNER
        ),
    }
    assert list(build("statuses", sources).frame["name"]) == ["Site's"]


@pytest.mark.parametrize("order", [("9", "10"), ("10", "9")])
def test_of_differing_projects_the_highest_id_wins(
    order: tuple[str, str],
) -> None:
    pages = [
        statuses_answer(page, project, {"id": "5", "name": f"as {project} says"})
        for page, project in enumerate(order)
    ]
    sources = {"project_statuses": landed("project_statuses", pages, OWNER)}
    assert list(build("statuses", sources).frame["name"]) == ["as 10 says"]


def test_the_last_complete_one_of_a_repeated_id_wins() -> None:
    pages = listing(
        [{"id": "5", "name": "first"}, {"id": 5, "name": "second"}],
        [{"id": "5", "name": "third"}, {"id": "5", "name": ""}],
    )
    snapshot = build("statuses", {"statuses": landed("statuses", pages, OWNER)})
    assert list(snapshot.frame["name"]) == ["third"]
    assert [rejected.reason for rejected in snapshot.rejected] == ["status has no name"]


LISTS = ["projects", "issue_types", "statuses"]
WHOLE = {"id": "1", "key": "ONE", "name": "whole"}


@pytest.mark.parametrize("table", LISTS)
@pytest.mark.parametrize("bad_id", ["7", 7])
def test_a_bad_object_of_a_list_keeps_its_id(table: str, bad_id: Any) -> None:
    pages = listing([WHOLE, {"id": bad_id, "name": ""}], [{"id": 1, "name": None}])
    snapshot = build(table, {table: landed(table, pages, OWNER)})
    assert list(snapshot.frame["jira_id"]) == ["1"]
    assert len(snapshot.rejected) == 2
    assert snapshot.kept_ids == {"7"}
    assert snapshot.complete


@pytest.mark.parametrize("table", LISTS)
@pytest.mark.parametrize(
    "payloads",
    [
        [[WHOLE, {"name": "No id"}]],
        [[WHOLE, "no object"]],
        [[WHOLE], {"id": "7", "errorMessages": []}],
        [[WHOLE], None],
    ],
)
def test_a_list_with_something_unknown_is_not_complete(table: str, payloads: list[Any]) -> None:
    snapshot = build(table, {table: landed(table, listing(*payloads), OWNER)})
    assert list(snapshot.frame["jira_id"]) == ["1"]
    assert not snapshot.complete
    assert snapshot.kept_ids == frozenset()


def test_a_project_that_was_read_and_is_left_out_is_not_kept() -> None:
    pages = listing([WHOLE, {"id": "1", "name": "No key"}])
    source = landed("projects", pages, OWNER, excluded=["ONE"])
    snapshot = build("projects", {"projects": source})
    assert snapshot.frame.empty
    assert snapshot.kept_ids == frozenset()


def test_a_project_makes_a_row_of_what_the_site_lists_badly() -> None:
    sources = {
        "statuses": landed("statuses", listing([{"id": "5"}, {"id": "6"}]), OWNER),
        "project_statuses": landed(
            "project_statuses", [statuses_answer(0, "10", {"id": 5, "name": "whole"})], OWNER
        ),
    }
    snapshot = build("statuses", sources)
    assert list(snapshot.frame["jira_id"]) == ["5"]
    assert snapshot.kept_ids == {"6"}


def test_a_bad_object_of_a_project_s_answer_keeps_its_id_in_its_own_table() -> None:
    bad = {"id": "1", "name": None, "statuses": [{"id": "2", "name": None}, {"name": "No id"}]}
    page = answer(0, "10", "TEN", [bad, {"id": "3", "name": "No statuses"}])
    sources = {"project_statuses": landed("project_statuses", [page], OWNER)}
    kept = {table: build(table, sources).kept_ids for table in OF_PROJECTS}
    assert kept == {
        "issue_types": {"1"},
        "statuses": {"2"},
        **dict.fromkeys(RELATIONS, frozenset()),
    }
    assert all(build(table, sources).complete for table in kept)
    assert all(build(table, sources).unreadable_projects == {"10"} for table in kept)


def test_an_answer_about_no_project_may_be_about_any() -> None:
    pages = [statuses_answer(0, "10", {"id": "5", "name": "x"}), *listing([])]
    sources = {"project_statuses": landed("project_statuses", pages, OWNER)}
    assert not any(build(table, sources).complete for table in OF_PROJECTS)


def test_included_projects_are_the_only_ones() -> None:
    pages = CLOUD.pages
    sources = {
        "projects": landed("projects", pages["projects"], OWNER, included=["OPS", "dev"]),
        "project_statuses": landed(
            "project_statuses", pages["project_statuses"], OWNER, included=["OPS", "dev"]
        ),
    }
    assert set(build("projects", sources).frame["jira_id"]) == {"10001"}
    for table in RELATIONS:
        snapshot = build(table, sources)
        assert set(snapshot.frame["project_jira_id"]) == {"10001"}
        assert snapshot.unreadable_projects == frozenset()
    assert set(build("statuses", sources).frame["jira_id"]) == {"10202", "10209"}


def test_pages_of_excluded_projects_are_passed_over() -> None:
    pages = CLOUD.pages["project_statuses"]
    source = landed("project_statuses", pages, OWNER, excluded=["OPS", "GONE", "BOB"])
    snapshot = build("projects_statuses", {"project_statuses": source})
    assert set(snapshot.frame["project_jira_id"]) == {"10000"}
    assert snapshot.unreadable_projects == frozenset()
    assert snapshot.rejected == ()


def test_rejected_records_say_where_they_were() -> None:
    [bad] = build("projects_statuses", CLOUD.sources()).rejected
    assert bad.entity == "project_statuses"
    assert bad.reason == "project 10002, issue type 10100: status has no id"
    assert bad.payload["name"] == "No id"


def test_one_bad_issue_type_costs_neither_its_statuses_nor_its_neighbours() -> None:
    done = {"id": "3", "name": "Done"}
    payload = [
        {"id": "1", "name": None, "statuses": [done]},
        {"id": "2", "name": "Bug", "statuses": [done]},
    ]
    source = landed("project_statuses", [answer(0, "10", "TEN", payload)], OWNER)
    sources = {"project_statuses": source}
    assert rows_of(build("projects_issue_types", sources).frame) == {("10", "2")}
    assert rows_of(build("projects_statuses", sources).frame) == {("10", "3")}
    assert rows_of(build("projects_issue_types_statuses", sources).frame) == {("10", "2", "3")}
    assert len(build("projects_issue_types_statuses", sources).rejected) == 1
    assert build("projects_statuses", sources).rejected == ()


@pytest.mark.parametrize("payload", [None, {}, "text", 7, {"errorMessages": []}])
def test_an_answer_of_another_shape_leaves_the_project_as_it_was(payload: Any) -> None:
    source = landed("project_statuses", [answer(0, "10", "TEN", payload)], OWNER)
    for table in RELATIONS:
        snapshot = build(table, {"project_statuses": source})
        assert snapshot.frame.empty
        assert snapshot.unreadable_projects == {"10"}
        assert [rejected.payload for rejected in snapshot.rejected] == [payload]


def test_data_center_ids_are_text() -> None:
    frame = build_snapshot("projects", DATA_CENTER.owner, DATA_CENTER.sources()).frame
    assert {type(value) for value in frame["jira_id"]} == {str}
