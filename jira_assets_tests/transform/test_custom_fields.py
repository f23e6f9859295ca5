"""Custom fields: which objects of Jira's list are such, and what becomes of each."""

from typing import Any

import pytest
import sqlalchemy as sa

from jira_assets.transform.records import BadRecordError, is_system_field, parse_custom_field
from jira_assets.transform.snapshots import build_snapshot
from jira_assets.warehouse.contracts import Owner, RawPage, Snapshot
from jira_assets.warehouse.tables import custom_fields
from jira_assets_tests.scenario import CLOUD
from jira_assets_tests.site_scenario import landed, listing
from jira_assets_tests.transform.conftest import Transforms

OWNER = Owner(1, 1, "acme/cloud")
WHOLE = {"id": "customfield_1", "name": "whole", "custom": True}


def snapshot(*payloads: Any) -> Snapshot:
    source = landed("fields", listing(*payloads), OWNER)
    return build_snapshot("custom_fields", OWNER, {"fields": source})


@pytest.mark.parametrize(
    ("raw", "system"),
    [
        ({"id": "summary", "custom": False}, True),
        ({"id": "summary", "custom": "false"}, True),
        ({"id": "summary", "custom": 0}, True),
        ({"id": "summary"}, True),
        ({"id": "summary", "custom": None}, True),
        ({"id": "summary", "custom": ["?"]}, True),
        ({"custom": False}, True),
        ({"id": "summary", "custom": True}, False),
        ({"id": "customfield_1"}, False),
        ({"id": "customfield_1", "custom": False}, False),
        ({"id": "customfield_1", "custom": True}, False),
        ({"custom": True}, False),
        ({}, False),
        ({"id": None}, False),
        (None, False),
        ("summary", False),
        (["summary"], False),
    ],
)
def test_which_fields_are_jira_s_own(raw: Any, system: bool) -> None:
    assert is_system_field(raw) is system


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (None, "field is no object"),
        ({"custom": True, "name": "x"}, "field has no id"),
        ({"id": "customfield_" + 250 * "1", "name": "x"}, "field has no id"),
        ({"id": "customfield_1"}, "field has no name"),
        ({"id": "customfield_1", "name": " \x00"}, "field has no name"),
    ],
)
def test_fields_that_make_no_row(raw: Any, reason: str) -> None:
    with pytest.raises(BadRecordError, match=reason):
        parse_custom_field(raw)


@pytest.mark.parametrize(
    "schema", [None, "number", [], {}, {"type": None, "items": {}}, {"type": 7}]
)
def test_a_field_can_do_without_a_schema(schema: Any) -> None:
    made = parse_custom_field({"id": "customfield_1", "name": "x", "schema": schema})
    assert (made.type, made.item_type, made.custom_type) == (None, None, None)


def test_a_field_of_an_array_says_what_it_holds_and_which_project_it_is_of() -> None:
    raw = {
        "id": "customfield_10110",
        "name": "Людям",
        "untranslatedName": "People",
        "schema": {"type": "array", "items": "user", "custom": "com.app:people", "customId": 10110},
        "scope": {"type": "PROJECT", "project": {"id": 10003}},
    }
    people = ("customfield_10110", "Людям", "People", "array", "user", "com.app:people", "10003")
    assert parse_custom_field(raw) == people


def test_a_field_of_jira_s_own_makes_no_row_however_bad_it_is() -> None:
    made = snapshot([WHOLE, {"id": "issuekey", "name": None}, {"custom": False, "schema": [[]]}])
    assert list(made.frame["jira_id"]) == ["customfield_1"]
    assert (made.rejected, made.kept_ids, made.complete) == ((), frozenset(), True)


def test_a_bad_custom_field_keeps_its_id() -> None:
    made = snapshot([WHOLE, {"id": "customfield_2"}, {"id": "customfield_1", "name": None}])
    assert list(made.frame["name"]) == ["whole"]
    assert [each.reason for each in made.rejected] == ["field has no name"] * 2
    assert made.kept_ids == {"customfield_2"}
    assert made.complete


@pytest.mark.parametrize("payloads", [[[WHOLE, {}]], [[WHOLE, "x"]], [[WHOLE], {"id": "summary"}]])
def test_what_may_be_any_field_makes_the_list_incomplete(payloads: list[Any]) -> None:
    made = snapshot(*payloads)
    assert list(made.frame["jira_id"]) == ["customfield_1"]
    assert (len(made.rejected), made.complete) == (1, False)


def test_fields_of_one_name_are_told_apart_by_their_ids() -> None:
    twins = [{**WHOLE, "id": f"customfield_{n}", "name": "Story Points"} for n in (1, 2, 3)]
    twins[2]["scope"] = {"type": "PROJECT", "project": {"id": "10001"}}
    made = snapshot([*twins, {**twins[0], "name": "Renamed"}])
    rows = made.frame[["jira_id", "name", "project_jira_id"]].itertuples(index=False, name=None)
    assert set(rows) == {
        ("customfield_1", "Renamed", None),
        ("customfield_2", "Story Points", None),
        ("customfield_3", "Story Points", "10001"),
    }


def test_include_and_exclude_lists_are_about_projects_not_about_fields() -> None:
    source = landed("fields", CLOUD.pages["fields"], OWNER, included=["NONE"])
    made = build_snapshot("custom_fields", OWNER, {"fields": source})
    assert len(made.frame) == len(CLOUD.rows["custom_fields"])


def merged(transforms: Transforms, *fields: dict[str, Any]) -> dict[str, tuple[str, str, bool]]:
    """Land a list of fields and make the table of it; return id to name, type and deleted."""
    pages: list[RawPage] = listing(list(fields))
    transforms.land(CLOUD.changed("fields", pages), "fields")
    assert transforms.run(CLOUD.partition_key, ["custom_fields"]).success
    columns = custom_fields.c
    query = sa.select(columns.jira_id, columns.name, columns.type, columns.deleted_at.is_not(None))
    return {row[0]: tuple(row[1:]) for row in transforms.all(query)}


def field(number: int, name: str, kind: str = "string") -> dict[str, Any]:
    return {"id": f"customfield_{number}", "name": name, "schema": {"type": kind}, "custom": True}


def test_a_rename_a_new_type_a_deletion_and_a_return_are_seen(transforms: Transforms) -> None:
    first, second = field(1, "First"), field(2, "Second")
    assert merged(transforms, first, second) == {
        "customfield_1": ("First", "string", False),
        "customfield_2": ("Second", "string", False),
    }
    assert merged(transforms, field(1, "Renamed", "number")) == {
        "customfield_1": ("Renamed", "number", False),
        "customfield_2": ("Second", "string", True),
    }
    assert merged(transforms, first, second) == {
        "customfield_1": ("First", "string", False),
        "customfield_2": ("Second", "string", False),
    }


def test_only_jira_s_own_fields_look_like_lost_permissions(transforms: Transforms) -> None:
    merged(transforms, field(1, "First"))
    own = listing([{"id": "summary", "name": "Summary", "custom": False}])
    transforms.land(CLOUD.changed("fields", own), "fields")
    result = transforms.run(CLOUD.partition_key, ["custom_fields"])
    [failure] = result.get_step_failure_events()
    assert "Jira listed not one row for custom_fields, of which 1 are alive here" in str(
        failure.step_failure_data.error
    ) + str(failure.step_failure_data.user_failure_data)
    alive = sa.select(sa.func.count()).select_from(custom_fields)
    assert transforms.all(alive.where(custom_fields.c.deleted_at.is_(None))) == [(1,)]


def test_a_site_without_custom_fields_is_fine(transforms: Transforms) -> None:
    own = {"id": "summary", "name": "Summary", "custom": False}
    assert merged(transforms, own) == {}
