"""Jira's issues and their histories as rows, a page at a time.

Decisions this module embodies:

* An issue needs an id, a key and fields; everything else it can do without. Its project is the one
  that was asked for, where it does not say so itself.
* What makes no row is set aside as small as possible: an issue, one of its histories, or one item.
  The id that it is set aside under is the issue's, so that reading the issue again makes it good.
* A history always makes a row, be it one without a field: as many are stored as Jira has.
* Rows are tuples of what the JSON holds, and are made text column by column: most columns are texts
  already, or ids that repeat, which is told by looking at a column once.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from jira_assets.transform.literals import EMPTY_ARRAY, array_literal
from jira_assets.transform.mapped_fields import FieldMapping
from jira_assets.transform.records import BadRecordError
from jira_assets.transform.values import description, identifier, moment, person, text
from jira_assets.warehouse.contracts import MAPPED_COLUMNS, Rejected
from jira_assets.warehouse.jsonb import to_jsonb

Column = Sequence[str | None]
Columns = Mapping[str, Column]

ENTITY: Final = "issues"
_TEXTS: Final = {str, type(None)}
_NO_LIST: Final = "[]"
_NO_FIELDS: Final = "{}"
_ITEM: Final = ("field", "fieldId", "fieldtype", "from", "fromString", "to", "toString")
_NO_ITEM: Final = (None,) * len(_ITEM)


def _texts(column: Sequence[Any]) -> Column:
    """Leave the texts of a column; what is none becomes null."""
    if set(map(type, column)) <= _TEXTS:
        return column
    return [text(value) for value in column]


def _written(column: Sequence[Any]) -> Column:
    """Leave the texts of a column; what is none is written as JSON."""
    if set(map(type, column)) <= _TEXTS:
        return column
    return [v if v is None or isinstance(v, str) else to_jsonb(v) for v in column]


def _ids(column: Sequence[Any]) -> Column:
    """Make ids of a column; what is none becomes null."""
    if set(map(type, column)) <= _TEXTS and all(
        value is None or identifier(value) == value for value in set(column)
    ):
        return column
    return [identifier(value) for value in column]


def _moments(column: Sequence[Any]) -> Column:
    return [moment(value) for value in column]


def _as_it_is(column: Sequence[Any]) -> Column:
    return column


Convert = Callable[[Sequence[Any]], Column]

_ISSUE: Final[Mapping[str, Convert]] = {
    "jira_id": _as_it_is,
    "key": _as_it_is,
    "project_jira_id": _as_it_is,
    "issue_type_jira_id": _ids,
    "status_jira_id": _ids,
    "summary": _texts,
    "description": _as_it_is,
    "description_document": _as_it_is,
    "assignee_jira_id": _as_it_is,
    "assignee_name": _texts,
    "reporter_jira_id": _as_it_is,
    "reporter_name": _texts,
    "priority_jira_id": _ids,
    "priority_name": _texts,
    "resolution_jira_id": _ids,
    "resolution_name": _texts,
    "parent_jira_id": _ids,
    "labels": _as_it_is,
    "components": _as_it_is,
    "versions": _as_it_is,
    "fix_versions": _as_it_is,
    "jira_created_at": _moments,
    "jira_updated_at": _moments,
    "resolved_at": _moments,
    "custom_fields": _as_it_is,
    "mistyped_fields": _as_it_is,
}
"""The columns of ``_issue``'s rows before those of mapped fields, and what makes text of each."""

_CHANGE: Final[Mapping[str, Convert]] = {
    "history_jira_id": _as_it_is,
    "issue_jira_id": _as_it_is,
    "changed_at": _as_it_is,
    "author_jira_id": _as_it_is,
    "author_name": _texts,
    "item": lambda column: list(map(str, column)),
    "field": _texts,
    "field_id": _texts,
    "field_type": _texts,
    "from_value": _written,
    "from_string": _written,
    "to_value": _written,
    "to_string": _written,
}
"""The columns of the rows of histories, and what makes text of each."""


class PageRows:
    """The rows of one page.

    ``earlier_keys`` is issue id to the keys that histories of the page say it had.
    """

    def __init__(self, project_id: str, mapping: FieldMapping) -> None:
        self._project_id = project_id
        self._mapping = mapping
        self._issues: list[tuple[Any, ...]] = []
        self._changes: list[tuple[Any, ...]] = []
        self.rejected: list[Rejected] = []
        self.earlier_keys: dict[str, set[str]] = {}

    def add_issue(self, raw: Any) -> None:
        """Add an issue as a search answers it, with the histories that came with it."""
        try:
            row = _issue(raw, self._project_id, self._mapping)
        except BadRecordError as error:
            jira_id = identifier(raw.get("id")) if isinstance(raw, dict) else None
            self.reject(raw, str(error), jira_id)
            return
        self._issues.append(row)
        changelog = raw.get("changelog")
        if changelog is not None:
            self.add_changelog(row[0], changelog)

    def add_changelog(self, issue_id: str, changelog: Any) -> None:
        """Add what an issue has under ``changelog``."""
        histories = changelog.get("histories") if isinstance(changelog, dict) else changelog
        self.add_histories(issue_id, [] if histories is None else histories)

    def add_histories(self, issue_id: str, histories: Any) -> None:
        """Add histories of an issue; what is no list of them is set aside."""
        if not isinstance(histories, list):
            self.reject(histories, f"issue {issue_id}: its histories are no list", issue_id)
            return
        for history in histories:
            if not isinstance(history, dict):
                self.reject(history, f"issue {issue_id}: history is no object", issue_id)
                continue
            history_id = identifier(history.get("id"))
            if history_id is None:
                self.reject(history, f"issue {issue_id}: history has no id", issue_id)
                continue
            changed_at = moment(history.get("created"))
            head = (history_id, issue_id, changed_at, *person(history.get("author")))
            self._add_items(issue_id, head, history.get("items"))

    def _add_items(self, issue_id: str, head: tuple[Any, ...], items: Any) -> None:
        """Add a row an item of a history, or one that says that there was a history."""
        changes, before = self._changes, len(self._changes)
        if items is not None and not isinstance(items, list):
            self.reject(
                items, f"issue {issue_id}: items of history {head[0]} are no list", issue_id
            )
            items = None
        for number, item in enumerate(items or ()):
            if not isinstance(item, dict):
                reason = f"issue {issue_id}: item {number} of history {head[0]} is no object"
                self.reject(item, reason, issue_id)
                continue
            found = tuple(map(item.get, _ITEM))
            changes.append((*head, number, *found))
            if found[0] == "Key" or found[1] == "issuekey":
                key = identifier(found[4])
                if key is not None:
                    self.earlier_keys.setdefault(issue_id, set()).add(key)
        if len(changes) == before:
            changes.append((*head, 0, *_NO_ITEM))

    def reject(self, payload: Any, reason: str, issue_id: str | None = None) -> None:
        """Set something aside."""
        self.rejected.append(Rejected(ENTITY, payload, reason, issue_id))

    @property
    def issue_ids(self) -> list[str]:
        """The ids of the issues, in the order of the rows."""
        return [row[0] for row in self._issues]

    def issues(self) -> dict[str, Column]:
        """Return the rows of ``issues``, column by column."""
        columns = _columns(
            self._issues, {**_ISSUE, **dict.fromkeys(self._mapping.columns, _as_it_is)}
        )
        nulls: Column = [None] * len(self._issues)
        for column in MAPPED_COLUMNS:
            columns.setdefault(column, nulls)
        return columns

    def earlier_keys_column(self) -> Column:
        """Return the column that ``issues`` leaves out, since keys may yet be added."""
        if not self.earlier_keys:
            return [EMPTY_ARRAY] * len(self._issues)
        return [self._earlier_keys(row) for row in self._issues]

    def changelogs(self) -> dict[str, Column]:
        """Return the rows of ``issue_changelogs``, column by column."""
        return _columns(self._changes, _CHANGE)

    def _earlier_keys(self, row: tuple[Any, ...]) -> str:
        keys = self.earlier_keys.get(row[0])
        return array_literal(sorted(keys - {row[1]})) if keys else EMPTY_ARRAY


def _columns(
    rows: Sequence[tuple[Any, ...]], converters: Mapping[str, Convert]
) -> dict[str, Column]:
    by_column: Iterator[Sequence[Any]] = (
        zip(*rows, strict=True) if rows else iter([()] * len(converters))
    )
    return {
        name: convert(column)
        for (name, convert), column in zip(converters.items(), by_column, strict=True)
    }


def _issue(raw: Any, project_id: str, mapping: FieldMapping) -> tuple[Any, ...]:
    """Read an issue as a search answers it: a row of ``_ISSUE``; raises ``BadRecordError``."""
    if not isinstance(raw, dict):
        raise BadRecordError("issue is no object")
    jira_id, key, fields = identifier(raw.get("id")), identifier(raw.get("key")), raw.get("fields")
    if jira_id is None:
        raise BadRecordError("issue has no id")
    if key is None:
        raise BadRecordError(f"issue {jira_id} has no key")
    if not isinstance(fields, dict):
        raise BadRecordError(f"issue {jira_id} has no fields")
    get = fields.get
    document = get("description")
    mapped, custom_fields, mistyped = mapping.split(fields)
    return (
        jira_id,
        key,
        identifier(_part(get("project"), "id")) or project_id,
        _part(get("issuetype"), "id"),
        _part(get("status"), "id"),
        get("summary"),
        description(document),
        None if document is None else to_jsonb(document),
        *person(get("assignee")),
        *person(get("reporter")),
        _part(priority := get("priority"), "id"),
        _part(priority, "name"),
        _part(resolution := get("resolution"), "id"),
        _part(resolution, "name"),
        _part(get("parent"), "id"),
        _labels(get("labels")),
        _named(get("components")),
        _named(get("versions")),
        _named(get("fixVersions")),
        get("created"),
        get("updated"),
        get("resolutiondate"),
        to_jsonb(custom_fields) if custom_fields else _NO_FIELDS,
        None if mistyped is None else array_literal(mistyped),
        *mapped,
    )


def _part(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _labels(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return EMPTY_ARRAY
    return array_literal([label for label in value if isinstance(label, str)])


def _named(value: Any) -> str:
    """Return a list of objects with an id and a name, as JSON."""
    if not isinstance(value, list) or not value:
        return _NO_LIST
    found = [
        {"id": identifier(each.get("id")), "name": text(each.get("name"))}
        for each in value
        if isinstance(each, dict)
    ]
    return to_jsonb(found)
