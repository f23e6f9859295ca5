"""What the rows of issues and their histories must be, told by the simple reading.

Decisions this module embodies:

* The rows of a page come in the order of its objects: one for one each is either the row that the
  object at hand makes, or was set aside.
* A mapped field's column is judged by what it must not be: a text that is not the value's own, a
  number that is another one, or null while the value is nowhere.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from jira_assets_tests.poison import simple

Row = Mapping[str, Any]
"""A row as Postgres reads it: texts and nulls."""

MAPPED: Final = {
    "custom_field_01": ("customfield_10016", "number"),
    "custom_field_02": ("customfield_10020", "array"),
    "custom_field_03": ("customfield_10000", "any"),
    "custom_field_04": ("customfield_10001", "string"),
    "custom_field_05": ("summary", "string"),
    "custom_field_06": ("priority", "option"),
    "custom_field_07": ("assignee", "user"),
}
"""Column to the field that it holds and the type that is known of it."""
_ELEMENT: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)


class Issue(NamedTuple):
    """An issue that makes a row, by its object; and the project it was asked of."""

    raw: dict[str, Any]
    project: str


class Change(NamedTuple):
    """One row of a history: its head, its item's number, and the item, if there is one."""

    issue_id: str
    history: dict[str, Any]
    number: int
    item: dict[str, Any]


class Told(NamedTuple):
    """What the pages of a landing must make."""

    issues: list[Issue]
    changes: list[Change]
    aside: list[str]
    """What was set aside: a word each."""


def told(documents: Iterable[Any], project: str, asked_for: str | None) -> Told:
    """Tell what some pages make. ``asked_for`` is the issue that pages of one changelog are of."""
    found = Told([], [], [])
    for document in documents:
        _tell(found, document if isinstance(document, dict) else {}, project, asked_for)
    return found


def _tell(found: Told, page: dict[str, Any], project: str, asked_for: str | None) -> None:
    if isinstance(page.get("issues"), list):
        for raw in page["issues"]:
            _tell_issue(found, raw, project)
    elif isinstance(page.get("issueChangeLogs"), list):
        for log in page["issueChangeLogs"]:
            issue_id = simple.identifier(simple.part(log, "issueId"))
            if issue_id is None:
                found.aside.append("changelog")
            else:
                _tell_histories(found, issue_id, log.get("changeHistories"))
    elif isinstance(page.get("values"), list):
        _tell_of(found, asked_for, page["values"])
    elif "changelog" in page:
        _tell_of(found, simple.identifier(page.get("id", asked_for)), page["changelog"])
    else:
        found.aside.append("page")


def _tell_of(found: Told, issue_id: str | None, changelog: Any) -> None:
    if issue_id is None:
        found.aside.append("changelog")
        return
    is_whole = isinstance(changelog, dict)
    _tell_histories(found, issue_id, changelog.get("histories") if is_whole else changelog)


def _tell_issue(found: Told, raw: Any, project: str) -> None:
    named = [simple.identifier(simple.part(raw, name)) for name in ("id", "key")]
    if None in named or not isinstance(simple.part(raw, "fields"), dict):
        found.aside.append("issue")
        return
    found.issues.append(Issue(raw, project))
    _tell_of(found, named[0], raw.get("changelog"))


def _tell_histories(found: Told, issue_id: str, histories: Any) -> None:
    if histories is None:
        return
    if not isinstance(histories, list):
        found.aside.append("histories")
        return
    for history in histories:
        if simple.identifier(simple.part(history, "id")) is None:
            found.aside.append("history")
            continue
        items = history.get("items")
        if items is not None and not isinstance(items, list):
            found.aside.append("items")
        listed = items if isinstance(items, list) else []
        good = [(n, item) for n, item in enumerate(listed) if isinstance(item, dict)]
        found.aside.extend("item" for _ in range(len(listed) - len(good)))
        found.changes.extend(
            Change(issue_id, history, number, item) for number, item in good or [(0, {})]
        )


# ------------------------------------------------------------------ whether a row is that of these


def elements(literal: str) -> list[str]:
    """Return the texts of an array as Postgres reads it."""
    return [re.sub(r"\\(.)", r"\1", each, flags=re.DOTALL) for each in _ELEMENT.findall(literal)]


def issue_differs(row: Row, issue: Issue) -> Iterator[str]:
    """Yield the columns of a row of ``issues`` that do not agree with its object."""
    raw, fields = issue.raw, issue.raw["fields"]
    for column, expected in _plain_columns(issue).items():
        if row[column] != expected:
            yield f"{column} is {row[column]!r:.80}, expected {expected!r:.80}"
    document = fields.get("description")
    if not simple.is_description(row["description"], document):
        yield "description"
    if not _is_json(row["description_document"], document):
        yield "description_document"
    for column, name in _MOMENTS.items():
        if not simple.is_moment(row[column], fields.get(name)):
            yield f"{column} is {row[column]}, of {fields.get(name)!r:.80}"
    for column, name in _LISTS.items():
        if not simple.same(simple.column(row[column]), _named(fields.get(name))):
            yield column
    yield from _texts_differ(row, raw)
    yield from _custom_differs(row, fields)


def _texts_differ(row: Row, raw: dict[str, Any]) -> Iterator[str]:
    labels = [each for each in _list(raw["fields"].get("labels")) if isinstance(each, str)]
    if elements(row["labels"]) != labels:
        yield f"labels are {row['labels']!r:.80}"
    if raw["key"] in elements(row["earlier_keys"]):
        yield "earlier_keys"


_MOMENTS: Final = {
    "jira_created_at": "created",
    "jira_updated_at": "updated",
    "resolved_at": "resolutiondate",
}
_LISTS: Final = {"components": "components", "versions": "versions", "fix_versions": "fixVersions"}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _named(value: Any) -> list[Any]:
    return [
        {"id": simple.identifier(each.get("id")), "name": simple.text(each.get("name"))}
        for each in _list(value)
        if isinstance(each, dict)
    ]


def _plain_columns(issue: Issue) -> dict[str, Any]:
    raw, fields = issue.raw, issue.raw["fields"]
    assignee, reporter = (simple.person(fields.get(name)) for name in ("assignee", "reporter"))

    def named(name: str, what: str, read: Callable[[Any], Any]) -> Any:
        return read(simple.part(fields, name, what))

    return {
        "jira_id": simple.identifier(raw["id"]),
        "key": simple.identifier(raw["key"]),
        "project_jira_id": named("project", "id", simple.identifier) or issue.project,
        "issue_type_jira_id": named("issuetype", "id", simple.identifier),
        "status_jira_id": named("status", "id", simple.identifier),
        "summary": simple.text(fields.get("summary")),
        "assignee_jira_id": assignee[0],
        "assignee_name": assignee[1],
        "reporter_jira_id": reporter[0],
        "reporter_name": reporter[1],
        "priority_jira_id": named("priority", "id", simple.identifier),
        "priority_name": named("priority", "name", simple.text),
        "resolution_jira_id": named("resolution", "id", simple.identifier),
        "resolution_name": named("resolution", "name", simple.text),
        "parent_jira_id": named("parent", "id", simple.identifier),
    }


def _is_json(column: str | None, value: Any) -> bool:
    if column is None:
        return value is None
    return simple.same(simple.column(column), value)


def _custom_differs(row: Row, fields: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with mapped columns, and with ``custom_fields``."""
    mapped = {field for field, _ in MAPPED.values()}
    kept = {
        name: value
        for name, value in fields.items()
        if name.startswith("customfield_") and name not in mapped and simple.has_value(value)
    }
    mistyped = elements(row["mistyped_fields"] or "{}")
    for column, (field, kind) in MAPPED.items():
        value = fields.get(field)
        if column in mistyped:
            kept[field] = value
        if not _is_mapped(row[column], value, kind, mistyped=column in mistyped):
            yield f"{column} is {row[column]!r:.80}, of {value!r:.80}"
    if not simple.same(simple.column(row["custom_fields"]), kept):
        yield f"custom_fields are {row['custom_fields']!r:.200}, expected {kept!r:.200}"


def _is_mapped(column: str | None, value: Any, kind: str, *, mistyped: bool) -> bool:
    if not simple.has_value(value) or mistyped:
        return column is None and mistyped == (mistyped and simple.has_value(value))
    if column is None:
        return False
    if isinstance(value, list):
        return kind in {"array", "any"} and _is_list(simple.column(column), value)
    if isinstance(value, dict):
        return _is_of_object(column, value, kind)
    return _is_of_scalar(column, value, kind)


def _is_of_scalar(column: str, value: Any, kind: str) -> bool:
    if isinstance(value, str):
        return kind in {"string", "any"} and column == value
    if isinstance(value, bool):
        return kind == "any" and column == str(value).lower()
    return kind in {"number", "any"} and simple.same(simple.column(column), value)


def _is_list(texts: Any, value: list[Any]) -> bool:
    return isinstance(texts, list) and len(texts) <= sum(each is not None for each in value)


def _is_of_object(column: str, value: dict[str, Any], kind: str) -> bool:
    if value.get("type") == "doc" and kind != "option":
        return simple.is_description(column or None, value)
    said = [value.get(name) for name in ("value", "displayName", "name", "accountId", "key")]
    if any(isinstance(each, str) and column.startswith(each) for each in said):
        return True
    number = value.get("value")
    if isinstance(number, int | float) and not isinstance(number, bool):
        return simple.same(simple.column(column.partition(" / ")[0]), number)
    return kind in {"any", "user"} and _is_json(column, value)


def change_differs(row: Row, change: Change) -> Iterator[str]:
    """Yield the columns of a row of ``issue_changelogs`` that do not agree with its object."""
    history, item = change.history, change.item
    author = simple.person(history.get("author"))
    expected = {
        "history_jira_id": simple.identifier(history["id"]),
        "issue_jira_id": change.issue_id,
        "item": str(change.number),
        "author_jira_id": author[0],
        "author_name": author[1],
        "field": simple.text(item.get("field")),
        "field_id": simple.text(item.get("fieldId")),
        "field_type": simple.text(item.get("fieldtype")),
    }
    for column, value in expected.items():
        if row[column] != value:
            yield f"{column} is {row[column]!r:.80}, expected {value!r:.80}"
    if not simple.is_moment(row["changed_at"], history.get("created")):
        yield f"changed_at is {row['changed_at']}, of {history.get('created')!r:.80}"
    for column, name in _SAID.items():
        value = item.get(name)
        is_plain = value is None or isinstance(value, str)
        if not (row[column] == value if is_plain else _is_json(row[column], value)):
            yield f"{column} is {row[column]!r:.80}, of {value!r:.80}"


_SAID: Final = {
    "from_value": "from",
    "from_string": "fromString",
    "to_value": "to",
    "to_string": "toString",
}


def earlier_keys(found: Told, issue: Issue) -> set[str]:
    """Return the keys that histories say an issue had."""
    jira_id = simple.identifier(issue.raw["id"])
    keys = {
        simple.identifier(change.item.get("fromString"))
        for change in found.changes
        if change.issue_id == jira_id
        and (change.item.get("field") == "Key" or change.item.get("fieldId") == "issuekey")
    }
    return {key for key in keys if key is not None} - {simple.identifier(issue.raw["key"]) or ""}


def differences(
    found: Told, issues: Sequence[Row], changes: Sequence[Row], reasons: Sequence[str]
) -> list[str]:
    """Return what is wrong with what the program made of a page."""
    wrong = []
    # What comes of issues that are on no page of the landing is told by a second walk, once more.
    told = {len(found.aside)} | ({2 * len(found.aside)} if not found.issues else set())
    if len(reasons) not in told or not all(reasons):
        wrong.append(f"{list(reasons)[:4]} set aside, expected {found.aside[:4]}")
    if (len(issues), len(changes)) != (len(found.issues), len(found.changes)):
        made = f"{len(issues)} issues and {len(changes)} changes"
        return [*wrong, f"{made}, expected {len(found.issues)} and {len(found.changes)}"]
    for row, issue in zip(issues, found.issues, strict=True):
        wrong += [f"issue {row['jira_id']}: {each}" for each in issue_differs(row, issue)]
        if set(elements(row["earlier_keys"])) != earlier_keys(found, issue):
            wrong.append(f"issue {row['jira_id']}: earlier_keys are {row['earlier_keys']}")
    for row, change in zip(changes, found.changes, strict=True):
        wrong += [
            f"history {row['history_jira_id']}: {each}" for each in change_differs(row, change)
        ]
    return wrong
