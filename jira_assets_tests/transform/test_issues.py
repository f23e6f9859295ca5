"""Issues and their histories as rows: every shape of page, every odd value."""

import os
from pathlib import Path
from typing import Any

import orjson
import pytest

from jira_assets.transform.issue_pages import CHANGELOGS, ISSUES
from jira_assets.transform.values import has_value, moment, person
from jira_assets.warehouse.contracts import MappedField
from jira_assets.warehouse.staging import staged_columns
from jira_assets.warehouse.tables import DATA_TABLES
from jira_assets_tests.transform.issue_scenario import (
    found,
    history,
    issue,
    moved,
    page,
    pieces_of,
    read,
    records,
    rejected,
)

USER = {"accountId": "712020:5a", "displayName": "Ada", "avatarUrls": {}}
STATUS = {"field": "status", "fieldId": "status", "fieldtype": "jira", "from": "1", "to": "3"}


def only(**fields: Any) -> dict[str, str | None]:
    [made], _ = read(found(issue(**fields)))
    return made


def test_rows_have_every_column_that_the_merge_stages() -> None:
    [piece] = pieces_of(page(found(issue(histories=[history("7")]))))
    for table in (ISSUES, CHANGELOGS):
        assert set(piece.rows[table].columns) == set(staged_columns(DATA_TABLES[table]))


def test_a_whole_issue() -> None:
    made = only(
        summary="A \\ \t word",
        description="h1. Wiki",
        issuetype={"id": "10001"},
        status={"id": 10068, "name": "Done"},
        assignee=USER,
        reporter={"name": "jdoe", "key": "JIRAUSER1"},
        priority={"id": "3", "name": "Medium"},
        resolution={"id": "1", "name": "Fixed"},
        parent={"id": "99", "key": "DEV-9"},
        labels=["a b", 'quo"te', "back\\slash", "NULL", "{}", ""],
        components=[{"id": 5, "name": "UI", "self": "…"}],
        versions=[],
        fixVersions=[{"id": "7", "name": 'v"1', "released": True}, "?"],
        created="2020-06-12T08:13:13.360+0800",
        updated="2021-03-28T08:06:08Z",
        resolutiondate=None,
        customfield_1=[{"id": 1}],
        customfield_2=None,
        customfield_3=[],
        customfield_4="",
        customfield_5=0,
        customfield_6=False,
    )
    assert {name: value for name, value in made.items() if value is not None} == {
        "jira_id": "1",
        "key": "DEV-1",
        "earlier_keys": "{}",
        "project_jira_id": "10000",
        "issue_type_jira_id": "10001",
        "status_jira_id": "10068",
        "summary": "A \\ \t word",
        "description": "h1. Wiki",
        "description_document": '"h1. Wiki"',
        "assignee_jira_id": "712020:5a",
        "assignee_name": "Ada",
        "reporter_jira_id": "JIRAUSER1",
        "priority_jira_id": "3",
        "priority_name": "Medium",
        "resolution_jira_id": "1",
        "resolution_name": "Fixed",
        "parent_jira_id": "99",
        "labels": r'{"a b","quo\"te","back\\slash","NULL","{}",""}',
        "components": '[{"id":"5","name":"UI"}]',
        "versions": "[]",
        "fix_versions": '[{"id":"7","name":"v\\"1"}]',
        "jira_created_at": "2020-06-12T08:13:13.360+0800",
        "jira_updated_at": "2021-03-28T08:06:08+00:00",
        "custom_fields": '{"customfield_1":[{"id":1}],"customfield_5":0,"customfield_6":false}',
    }


def test_an_issue_can_do_without_most_fields() -> None:
    [made], changes = read(found({"id": 1, "key": "DEV-1", "fields": {}}))
    assert {name: value for name, value in made.items() if value is not None} == {
        "jira_id": "1",
        "key": "DEV-1",
        "project_jira_id": "10000",
        "earlier_keys": "{}",
        "labels": "{}",
        "components": "[]",
        "versions": "[]",
        "fix_versions": "[]",
        "custom_fields": "{}",
    }
    assert changes == []


@pytest.mark.parametrize(
    ("raw", "reason", "jira_id"),
    [
        (None, "issue is no object", None),
        ({"key": "A-1", "fields": {}}, "issue has no id", None),
        ({"id": "7" * 256, "key": "A-1", "fields": {}}, "issue has no id", None),
        ({"id": 7, "fields": {}}, "issue 7 has no key", "7"),
        ({"id": "7", "key": "K" * 256, "fields": {}}, "issue 7 has no key", "7"),
        ({"id": "7", "key": "\x00", "fields": {}}, "issue 7 has no key", "7"),
        ({"id": "7", "key": "A-1"}, "issue 7 has no fields", "7"),
        ({"id": "7", "key": "A-1", "fields": []}, "issue 7 has no fields", "7"),
    ],
)
def test_an_issue_that_makes_no_row_leaves_its_neighbours(
    raw: Any, reason: str, jira_id: str | None
) -> None:
    [piece] = pieces_of(page(found(issue("1"), raw, issue("2"))))
    assert list(piece.rows[ISSUES].columns["jira_id"]) == ["1", "2"]
    [only_one] = piece.rejected
    assert (only_one.entity, only_one.reason, only_one.jira_id) == ("issues", reason, jira_id)


def test_bad_histories_and_items_harm_nothing_else() -> None:
    histories = [
        None,
        {"items": [STATUS]},
        history("5", "no item", STATUS, None),
        history("6"),
        {"id": "7", "items": "none"},
        {"id": "8", "created": "long ago", "author": None, "items": None},
    ]
    [piece] = pieces_of(page(found(issue(histories=histories))))
    changes = records([piece], CHANGELOGS)
    assert [(each["history_jira_id"], each["item"], each["field"]) for each in changes] == [
        ("5", "1", "status"),
        ("6", "0", None),
        ("7", "0", None),
        ("8", "0", None),
    ]
    assert changes[-1]["changed_at"] is None
    assert [each.reason for each in piece.rejected] == [
        "issue 1: history is no object",
        "issue 1: history has no id",
        "issue 1: item 0 of history 5 is no object",
        "issue 1: item 2 of history 5 is no object",
        "issue 1: items of history 7 are no list",
    ]
    assert {each.jira_id for each in piece.rejected} == {"1"}
    assert len(piece.rows[ISSUES].columns["jira_id"]) == 1


def test_every_shape_of_a_changelog() -> None:
    bulk = {
        "issueChangeLogs": [
            {"issueId": "1", "changeHistories": [history("10", STATUS, created=1616919968713)]},
            {"issueId": 2, "changeHistories": [history("20", STATUS, author=USER)]},
            {"changeHistories": []},
        ],
        "nextPageToken": None,
    }
    pages = [
        page(bulk),
        page({"values": [history("30", STATUS)], "startAt": 0, "total": 1}, 1, issue_id="3"),
        page({"id": "4", "key": "DEV-4", "changelog": {"histories": [history("40", STATUS)]}}, 2),
        page({"values": []}, 3),
        page({"what": "is this"}, 4),
        page(None, 5),
        page({"errorMessages": ["gone"]}, 6, status=404, issue_id="5"),
        page({"fields": {}, "changelog": {"histories": [history("60")]}}, 7, issue_id="6"),
    ]
    pieces = pieces_of(*pages)
    assert records(pieces, ISSUES) == []
    changes = records(pieces, CHANGELOGS)
    assert [(each["issue_jira_id"], each["history_jira_id"]) for each in changes] == [
        ("1", "10"),
        ("2", "20"),
        ("3", "30"),
        ("4", "40"),
        ("6", "60"),
    ]
    assert changes[0]["changed_at"] == "2021-03-28T08:26:08.713000+00:00"
    assert (changes[1]["author_jira_id"], changes[1]["author_name"]) == ("712020:5a", "Ada")
    assert [each.reason for each in rejected(*pages)] == [
        "changelog is of no issue",
        "page 3: changelog is of no issue",
        "page 4 holds neither issues nor a changelog",
        "page 5 holds neither issues nor a changelog",
    ]


def test_values_of_changes_are_texts() -> None:
    item = {"field": "Sprint", "from": 5, "fromString": "", "to": {"a": 1}, "toString": None}
    _, [change] = read(found(issue(histories=[history(9, item)])))
    names = ("history_jira_id", "field", "field_id", "from_value", "from_string", "to_value")
    assert [change[name] for name in names] == ["9", "Sprint", None, "5", "", '{"a":1}']
    assert change["to_string"] is None


def test_earlier_keys_are_those_it_was_moved_from() -> None:
    histories = [history("1", moved("OLD-1")), history("2", moved("DEV-1"), moved('A,"B-1'))]
    assert only(histories=histories)["earlier_keys"] == r'{"A,\"B-1","OLD-1"}'


def test_earlier_keys_of_a_changelog_that_came_later() -> None:
    def changelog(number: int, *keys: str) -> Any:
        histories = [history(f"{number}{key}", moved(key)) for key in keys]
        return page({"values": histories}, number, issue_id="1")

    first, last = page(found(issue("1"), issue("2")), 0), page(found(issue("3")), 2)
    held = records(pieces_of(first, changelog(1, "OLD-1"), last), ISSUES)
    assert [(each["jira_id"], each["earlier_keys"]) for each in held] == [
        ("1", '{"OLD-1"}'),
        ("2", "{}"),
        ("3", "{}"),
    ]
    pieces = pieces_of(first, last, changelog(3, "OLD-1", "OLD-2"))
    again = records(pieces, ISSUES)[-1]
    assert (again["jira_id"], again["earlier_keys"]) == ("1", '{"OLD-1","OLD-2"}')
    assert len(records(pieces, CHANGELOGS)) == 2


def test_what_a_changelog_sets_aside_comes_with_its_issue_or_after_it() -> None:
    """A later piece with the issue means that it came well since."""
    first, last = page(found(issue("1"), issue("2")), 0), page(found(issue("3")), 4)
    odd = [
        page({"values": ["odd"]}, 1, issue_id="1"),
        page({"issueChangeLogs": [{"issueId": "2", "changeHistories": ["odd"]}]}, 2),
        page({"values": ["odd"]}, 3, issue_id="9"),
    ]
    pieces = pieces_of(first, *odd, last)
    place = {
        jira_id: number
        for number, piece in enumerate(pieces)
        for jira_id in piece.rows[ISSUES].columns["jira_id"]
    }
    aside = [(each.jira_id, n) for n, piece in enumerate(pieces) for each in piece.rejected]
    assert sorted(jira_id for jira_id, _ in aside if jira_id) == ["1", "2", "9"]
    assert all(number >= place.get(str(jira_id), 0) for jira_id, number in aside)


def test_what_is_set_aside_of_an_issue_whose_keys_came_late_comes_after_it() -> None:
    late = page({"values": [history("7", moved("OLD-1")), "late"]}, 2, issue_id="1")
    pages = page(found(issue("1", histories=["early"]))), page(found(issue("2")), 1), late
    *_, piece, last = pieces_of(*pages)
    assert piece.rows[ISSUES].columns["jira_id"] == ["1"]
    assert [each.payload for each in last.rejected] == ["early", "late"]


def test_what_postgres_refuses_is_out_of_everything() -> None:
    bad = "a\x00b\ud800"
    made = only(
        summary=bad,
        labels=[bad],
        description={"type": "doc", "content": [{"type": "text", "text": bad}]},
        customfield_1={"x\x00": bad},
        assignee={"accountId": "1\x00", "displayName": bad},
        histories=[history("1\x00", {"field": bad, "from": bad})],
    )
    for value in made.values():
        assert value is None or "\x00" not in value.encode().decode()
    assert made["summary"] == "ab�"
    assert made["description"] == "ab�"
    assert made["assignee_jira_id"] == "1"
    assert orjson.loads(made["custom_fields"] or "") == {"customfield_1": {"x": "ab�"}}
    _, [change] = read(found(issue(histories=[history("1\x00", {"field": bad, "from": bad})])))
    assert (change["history_jira_id"], change["field"], change["from_value"]) == ("1", "ab�", "ab�")


def test_long_and_deep_descriptions() -> None:
    long = "x" * 1_000_000
    assert only(description=long)["description"] == long
    document: dict[str, Any] = {"type": "text", "text": "deep"}
    for _ in range(400):
        document = {"type": "blockquote", "content": [document]}
    made = only(description=document)
    assert made["description"] == "deep"
    assert (made["description_document"] or "").count("blockquote") == 400
    assert (only(description={"type": "doc"})["description"]) is None
    assert (only(description=5)["description_document"]) == "5"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2021-03-28T16:06:08.713+0800", "2021-03-28T16:06:08.713+0800"),
        ("2021-03-28T16:06:08.713-1200", "2021-03-28T16:06:08.713-1200"),
        ("2021-03-28T16:06:08.713Z", "2021-03-28T16:06:08.713000+00:00"),
        ("2021-03-28T16:06:08+08:00", "2021-03-28T08:06:08+00:00"),
        ("2021-03-28T16:06:08.713+2359", "2021-03-27T16:07:08.713000+00:00"),
        ("2021-W12-7T16:06:08.713+0800", "2021-03-28T08:06:08.713000+00:00"),
        (1616919968713, "2021-03-28T08:26:08.713000+00:00"),
        ("1616919968713", "2021-03-28T08:26:08.713000+00:00"),
        ("202103281606", "1976-05-28T03:48:01.606000+00:00"),
        ("1616919968", None),
        ("20210328", None),
        ("²616919968713", None),
        (0, "1970-01-01T00:00:00+00:00"),
        ("2021-03-28T16:06:08.713", None),
        ("2021-02-30T16:06:08.713+0800", None),
        ("0001-01-01T00:00:00.000+0800", None),
        ("0001-01-01T00:00:00+08:00", None),
        ("0002-01-01T00:00:00.000+1400", "0002-01-01T00:00:00.000+1400"),
        ("0002-01-01T00:00:00+14:00", "0001-12-31T10:00:00+00:00"),
        ("9998-12-31T23:59:59.999-1200", "9998-12-31T23:59:59.999-1200"),
        ("9999-12-31T23:59:59.999-1200", None),
        (253402300799999, None),
        ("12021-03-28T16:06:08.713+0800", None),
        ("yesterday", None),
        ("", None),
        (10**18, None),
        (10**400, None),
        (float("nan"), None),
        (True, None),
        (None, None),
        ([], None),
    ],
)
def test_moments(value: Any, expected: str | None) -> None:
    assert moment(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, (None, None)),
        ("jdoe", (None, None)),
        ({}, (None, None)),
        ({"accountId": "a", "key": "k", "displayName": "A"}, ("a", "A")),
        ({"accountId": " ", "key": "k", "name": "n"}, ("k", None)),
        ({"name": "n"}, ("n", None)),
    ],
)
def test_people(value: Any, expected: tuple[str | None, str | None]) -> None:
    assert person(value) == expected


def test_a_field_without_a_value() -> None:
    nothing: list[Any] = [None, [], ""]
    something: list[Any] = [0, False, 0.0, {}, " ", [None]]
    assert [has_value(each) for each in nothing] == [False] * 3
    assert [has_value(each) for each in something] == [True] * 6


DOC = {"type": "doc", "content": [{"type": "paragraph", "content": [{"text": "Two"}]}]}


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("number", 5, "5"),
        ("number", 5.0, "5"),
        ("number", 5.25, "5.25"),
        ("number", -0.1, "-0.1"),
        ("number", True, None),
        ("number", "5", None),
        ("number", float("inf"), None),
        ("number", 10**400, None),
        ("string", "five", "five"),
        ("string", DOC, "Two"),
        ("string", {"type": "doc"}, ""),
        ("string", 5, None),
        ("date", "2021-03-28", "2021-03-28"),
        ("datetime", 5, None),
        ("option", {"value": "Red"}, "Red"),
        ("option", {"value": "Red", "child": {"value": "Dark"}}, "Red / Dark"),
        ("option", {"name": "Red"}, None),
        ("option", "Red", None),
        ("option-with-child", {"value": 1, "child": {"value": 2}}, "1 / 2"),
        ("user", USER, "Ada"),
        ("user", {"name": "jdoe"}, "jdoe"),
        ("user", {"accountId": "a"}, "a"),
        ("user", {}, "{}"),
        ("user", "jdoe", None),
        (
            "array",
            ["a", 'q"', 5, None, {"name": "S"}, {"value": "v"}, [1]],
            '["a","q\\"","5","S","v","[1]"]',
        ),
        ("array", "a", None),
        ("any", {"x": 1}, '{"x":1}'),
        ("any", {"name": "v1", "id": "7"}, "v1"),
        (None, False, "false"),
        (None, True, "true"),
        ("version", "text", "text"),
        ("number", None, ""),
        ("number", [], ""),
        ("number", "", ""),
    ],
)
def test_values_of_mapped_fields(kind: str | None, value: Any, expected: str | None) -> None:
    mapped = {"custom_field_02": MappedField("customfield_7", kind)}
    [made], _ = read(found(issue(customfield_7=value, customfield_8=1)), **mapped)
    fits = expected is not None
    without = not has_value(value)
    assert made["custom_field_02"] == (None if without else expected)
    assert made["mistyped_fields"] == (None if fits else '{"custom_field_02"}')
    others = orjson.loads(made["custom_fields"] or "")
    assert ("customfield_7" in others) is not fits
    assert others["customfield_8"] == 1
    assert made["custom_field_01"] is None


def test_a_field_that_changed_its_type_goes_to_the_others() -> None:
    mapped = {
        "custom_field_01": MappedField("customfield_7", "string", changed=True),
        "custom_field_20": MappedField("duedate", "number"),
        "custom_field_99": MappedField("customfield_9", "string"),
    }
    [made], _ = read(found(issue(customfield_7="x", duedate="y", customfield_9="z")), **mapped)
    assert made["mistyped_fields"] == '{"custom_field_01","custom_field_20"}'
    assert orjson.loads(made["custom_fields"] or "") == {
        "customfield_7": "x",
        "duedate": "y",
        "customfield_9": "z",
    }
    [empty], _ = read(found(issue(customfield_7=None)), **mapped)
    assert empty["mistyped_fields"] is None


def test_the_captured_issues_are_whole() -> None:
    folder = os.environ.get("REAL_JIRA_DIR")
    if not folder:
        pytest.skip("NOT RUN: set REAL_JIRA_DIR to the folder with answers of real Jira sites.")
    captured = orjson.loads(Path(folder, "cloud-site", "issues-with-changelog.json").read_bytes())
    pieces = pieces_of(page(found(*captured)))
    issues, changes = records(pieces, ISSUES), records(pieces, CHANGELOGS)
    assert len(issues) == 33
    assert len({each["history_jira_id"] for each in changes}) == 522
    assert len(changes) == 714
    assert [each for piece in pieces for each in piece.rejected] == []
    for made in issues:
        assert made["status_jira_id"]
        assert made["jira_updated_at"]
        assert made["custom_fields"] != "{}"


@pytest.mark.parametrize("histories", [{}, "", 0, False, 7])
def test_histories_of_another_type_are_set_aside_in_a_bulk_answer_too(histories: Any) -> None:
    log = {"issueId": "1", "changeHistories": histories}
    [aside] = rejected(page({"issueChangeLogs": [log]}))
    assert (aside.jira_id, aside.reason) == ("1", "issue 1: its histories are no list")
    assert rejected(page({"issueChangeLogs": [{**log, "changeHistories": None}]})) == []
