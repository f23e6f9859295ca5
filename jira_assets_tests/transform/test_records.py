"""Single records and values, in every odd shape that Jira is known to send."""

from typing import Any

import orjson
import pytest

from jira_assets.lenient_json import read_json
from jira_assets.transform.records import (
    BadRecordError,
    category_key,
    parse_issue_type,
    parse_project,
    parse_status,
    remembering,
)
from jira_assets.transform.values import description, flag, identifier, integer, text


@pytest.mark.parametrize(
    ("category", "key"),
    [
        ({"id": 4, "key": "indeterminate", "name": "进行中"}, "indeterminate"),
        ({"id": 3, "key": "new", "name": "新建"}, "new"),
        ({"id": 1, "key": "undefined", "name": "No Category"}, "undefined"),
        ({"id": 2, "name": "To Do"}, "new"),
        ({"id": "3", "key": None}, "done"),
        ({"id": 4, "key": " "}, "indeterminate"),
        ({"id": 99, "name": "Done"}, "undefined"),
        ({"id": 99, "key": "waiting"}, "waiting"),
        ({}, "undefined"),
        (None, "undefined"),
        ("done", "undefined"),
        ({"key": ["done"]}, "undefined"),
    ],
)
def test_categories_are_told_by_key_then_by_id_never_by_name(category: Any, key: str) -> None:
    assert category_key(category) == key


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (None, "status is no object"),
        (["id"], "status is no object"),
        ({}, "status has no id"),
        ({"id": True, "name": "x"}, "status has no id"),
        ({"id": 1.5, "name": "x"}, "status has no id"),
        ({"id": "\x00", "name": "x"}, "status has no id"),
        ({"id": 10**400, "name": "x"}, "status has no id"),
        ({"id": "7" * 256, "name": "x"}, "status has no id"),
        ({"id": "🦊" * 64, "name": "x"}, "status has no id"),
        ({"id": "1", "name": "  "}, "status has no name"),
        ({"id": "1", "name": 5}, "status has no name"),
    ],
)
def test_statuses_that_make_no_row(raw: Any, reason: str) -> None:
    with pytest.raises(BadRecordError, match=reason):
        parse_status(raw)


def test_a_project_needs_its_key() -> None:
    with pytest.raises(BadRecordError, match="project has no key"):
        parse_project({"id": 1, "name": "x", "key": ""})


@pytest.mark.parametrize(
    ("lead", "lead_id"),
    [
        ({"accountId": "5b10", "key": "k", "name": "n"}, "5b10"),
        ({"accountId": None, "key": "JIRAUSER1", "name": "n"}, "JIRAUSER1"),
        ({"key": " ", "name": "mia"}, "mia"),
        ({"displayName": "Former user", "emailAddress": ""}, None),
        (None, None),
        ("mia", None),
    ],
)
def test_a_lead_is_told_by_what_its_deployment_calls_people(lead: Any, lead_id: str | None) -> None:
    assert parse_project({"id": 1, "key": "K", "name": "x", "lead": lead}).lead_jira_id == lead_id


def test_an_issue_type_can_do_without_all_but_id_and_name() -> None:
    assert parse_issue_type({"id": 1, "name": "Bug"}) == (
        *("1", "Bug", None, None, False, None, None),
    )


@pytest.mark.parametrize("scope", [None, [], "x", {"project": None}, {"project": {"id": None}}])
def test_a_scope_that_names_no_project_is_none(scope: Any) -> None:
    assert parse_status({"id": 1, "name": "x", "scope": scope}).project_jira_id is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", ""),
        ("h1. *wiki*", "h1. *wiki*"),
        ("Nu\x00l \ud83d", "Nul �"),
        (None, None),
        (5, None),
        (["x"], None),
        ({}, None),
        ({"type": "doc", "content": "not a list"}, None),
    ],
)
def test_descriptions(value: Any, expected: str | None) -> None:
    assert description(value) == expected


def test_a_document_description_is_its_text_line_by_line() -> None:
    def words(*parts: Any) -> dict[str, Any]:
        return {"type": "paragraph", "content": list(parts)}

    item = {"type": "listItem", "content": [words({"type": "text", "text": "second"})]}
    document = {
        "type": "doc",
        "version": 1,
        "content": [
            words({"type": "text", "text": "Ask "}, {"type": "mention", "attrs": {"text": "@Ada"}}),
            {"type": "bulletList", "content": [item]},
            words({"type": "text", "text": "a"}, {"type": "hardBreak"}, {"text": "b"}, 7, None),
        ],
    }
    assert description(document) == "Ask @Ada\nsecond\na\nb"


def test_a_document_may_be_nested_deeper_than_the_stack() -> None:
    document: dict[str, Any] = {"type": "text", "text": "deep"}
    for _ in range(20_000):
        document = {"type": "blockquote", "content": [document]}
    assert description(document) == "deep"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((True, True), ("true", True), (1, True), ("False", False), (0, False)),
        *((None, None), ("maybe", None), (2, None), ([], None), (1.0, None), (10**4000, None)),
    ],
)
def test_flags(value: Any, expected: bool | None) -> None:
    assert flag(value) is expected


def test_integers_fit_their_column() -> None:
    assert integer(-1) == -1
    assert [integer(value) for value in (2**31, True, "1", 1.0, None)] == [None] * 5


def test_ids_are_text() -> None:
    assert (identifier(7), identifier("7"), identifier(" 7")) == ("7", "7", " 7")
    assert text(7) is None


@pytest.mark.parametrize("beside", [b"1", b"1e400", b"NaN"])
@pytest.mark.parametrize("number", [2**64 - 1, 2**64, -(2**63), -(2**63) - 1, -(2**64) + 1])
def test_an_integer_is_an_id_or_none_whatever_stands_beside_it(number: int, beside: bytes) -> None:
    """What orjson refuses, another parser reads, to which integers have no end."""
    found = read_json(b"[%d, %s]" % (number, beside))[0]
    assert identifier(found) == (str(number) if -(2**63) <= number < 2**64 else None)


def test_remembering_reads_a_changed_record_again() -> None:
    parse = remembering(parse_status)
    first = {"id": "1", "name": "Open"}
    assert parse(first) is parse(dict(first))
    assert parse({"id": "1", "name": "Renamed"}).name == "Renamed"
    assert parse({"id": 1, "name": "As integer"}).name == "As integer"


def test_remembering_tells_true_from_one() -> None:
    parse = remembering(parse_issue_type)
    levels = [
        parse({"id": "1", "name": "Epic", "hierarchyLevel": level}).hierarchy_level
        for level in (1, True, 1.0, 1)
    ]
    assert levels == [1, None, None, 1]


def test_remembering_compares_what_is_nested_deeper_than_the_stack() -> None:
    parse = remembering(parse_status)
    for _ in range(2):
        body = b'{"id":"1","name":"Open","scope":' + b"[" * 1000 + b"]" * 1000 + b"}"
        assert parse(orjson.loads(body)).name == "Open"
