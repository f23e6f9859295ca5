"""Jira's objects as rows: a project, an issue type, a status, a custom field.

Decisions this module embodies:

* A record needs an id and a name (a project its key, too); everything else it can do without.
* A status's category is told by its KEY, never by its name, which is translated for each account.
  A missing key is told by the category's id, which is the same on every site; a key that nobody
  knows is kept as it came, for the check ``known_category`` to show.
* A field is custom if Jira says so, or if its id does (``customfield_10110``). An object that says
  neither may be one, and is set aside: only what is known to be Jira's own makes no row in silence.
* The field names of a record are the columns of its table.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeVar

import orjson

from jira_assets.transform.values import (
    CUSTOM_FIELD,
    description,
    filled,
    flag,
    identifier,
    integer,
    member,
    person,
    text,
)

CATEGORIES: Final = ("new", "indeterminate", "done", "undefined")
"""The keys of Jira's status categories."""

NO_CATEGORY: Final = "undefined"
_CATEGORY_BY_ID: Final = {"1": "undefined", "2": "new", "3": "done", "4": "indeterminate"}


class BadRecordError(ValueError):
    """An object of Jira that makes no row; the message is the reason."""


class Project(NamedTuple):
    """A row of ``projects``."""

    jira_id: str
    key: str
    name: str
    description: str | None
    project_type_key: str | None
    style: str | None
    is_private: bool | None
    archived: bool | None
    category_jira_id: str | None
    category_name: str | None
    lead_jira_id: str | None
    lead_name: str | None


class IssueType(NamedTuple):
    """A row of ``issue_types``."""

    jira_id: str
    name: str
    untranslated_name: str | None
    description: str | None
    subtask: bool
    hierarchy_level: int | None
    project_jira_id: str | None


class Status(NamedTuple):
    """A row of ``statuses``."""

    jira_id: str
    name: str
    untranslated_name: str | None
    description: str | None
    category: str
    category_name: str | None
    project_jira_id: str | None


class CustomField(NamedTuple):
    """A row of ``custom_fields``."""

    jira_id: str
    name: str
    untranslated_name: str | None
    type: str | None
    item_type: str | None
    custom_type: str | None
    project_jira_id: str | None


def parse_project(raw: Any) -> Project:
    """Read a project of either dialect; raises ``BadRecordError``."""
    found = _object(raw, "project")
    lead_id, lead_name = person(found.get("lead"))
    return Project(
        jira_id=_required(identifier(found.get("id")), "project", "id"),
        key=_required(filled(found.get("key")), "project", "key"),
        name=_required(filled(found.get("name")), "project", "name"),
        description=description(found.get("description")),
        project_type_key=text(found.get("projectTypeKey")),
        style=text(found.get("style")),
        is_private=flag(found.get("isPrivate")),
        archived=flag(found.get("archived")),
        category_jira_id=identifier(member(found, "projectCategory", "id")),
        category_name=text(member(found, "projectCategory", "name")),
        lead_jira_id=lead_id,
        lead_name=text(lead_name),
    )


def parse_issue_type(raw: Any) -> IssueType:
    """Read an issue type of the site's list or of a project's answer; raises ``BadRecordError``."""
    found = _object(raw, "issue type")
    return IssueType(
        jira_id=_required(identifier(found.get("id")), "issue type", "id"),
        name=_required(filled(found.get("name")), "issue type", "name"),
        untranslated_name=text(found.get("untranslatedName")),
        description=description(found.get("description")),
        subtask=flag(found.get("subtask")) or False,
        hierarchy_level=integer(found.get("hierarchyLevel")),
        project_jira_id=identifier(member(found, "scope", "project", "id")),
    )


def parse_status(raw: Any) -> Status:
    """Read a status of the site's list or of a project's answer; raises ``BadRecordError``."""
    found = _object(raw, "status")
    return Status(
        jira_id=_required(identifier(found.get("id")), "status", "id"),
        name=_required(filled(found.get("name")), "status", "name"),
        untranslated_name=text(found.get("untranslatedName")),
        description=description(found.get("description")),
        category=category_key(found.get("statusCategory")),
        category_name=text(member(found, "statusCategory", "name")),
        project_jira_id=identifier(member(found, "scope", "project", "id")),
    )


def is_system_field(raw: Any) -> bool:
    """Say whether an object of the list of fields is one that Jira brings: it makes no row."""
    jira_id, custom = identifier(member(raw, "id")), flag(member(raw, "custom"))
    if jira_id is not None and jira_id.startswith(CUSTOM_FIELD):
        return False
    return custom is False or (custom is None and jira_id is not None)


def parse_custom_field(raw: Any) -> CustomField:
    """Read a custom field of either dialect; raises ``BadRecordError``."""
    found = _object(raw, "field")
    return CustomField(
        jira_id=_required(identifier(found.get("id")), "field", "id"),
        name=_required(filled(found.get("name")), "field", "name"),
        untranslated_name=text(found.get("untranslatedName")),
        type=text(member(found, "schema", "type")),
        item_type=text(member(found, "schema", "items")),
        custom_type=text(member(found, "schema", "custom")),
        project_jira_id=identifier(member(found, "scope", "project", "id")),
    )


def category_key(raw: Any) -> str:
    """Return the key of a status category; ``undefined`` where there is none."""
    by_id = _CATEGORY_BY_ID.get(identifier(member(raw, "id")) or "", NO_CATEGORY)
    return filled(member(raw, "key")) or by_id


def _object(raw: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping):
        raise BadRecordError(f"{what} is no object")
    return raw


def _required(value: str | None, what: str, field: str) -> str:
    if value is None:
        raise BadRecordError(f"{what} has no {field}")
    return value


RecordT = TypeVar("RecordT", Project, IssueType, Status, CustomField)


def remembering(parse: Callable[[Any], RecordT]) -> Callable[[Any], RecordT]:
    """Let ``parse`` know again what it has read: 400,000 statuses are a few hundred distinct.

    Records are compared as JSON: Python takes ``1`` for ``True``, and compares nothing that is
    nested deeper than its stack.
    """
    known: dict[str, tuple[bytes, RecordT]] = {}

    def parse_or_recall(raw: Any) -> RecordT:
        key = raw.get("id") if isinstance(raw, Mapping) else None
        if not isinstance(key, str):
            return parse(raw)
        try:
            told = orjson.dumps(raw)
        except TypeError:
            return parse(raw)
        seen = known.get(key)
        if seen is not None and seen[0] == told:
            return seen[1]
        record = parse(raw)
        known[key] = (told, record)
        return record

    return parse_or_recall
