"""How the issues of a site change, as Jira tells it afterwards. Pure: from one state to the next.

Decisions this module embodies:

* Every change is a history with its items, and moves ``updated``; a touch moves that alone, as a
  comment does. Moments are epoch milliseconds.
* A moved issue keeps its id. Its earlier key leads to it, and is never given to another one; nor
  are the id and the key of a deleted one: an issue added then would take over its histories. What
  it held in fields of the project that it leaves is gone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from jira_assets.sandbox.issue_histories import IDS_PER_ISSUE, Move, assigned, moved, transition
from jira_assets.sandbox.issue_model import History, HistoryItem, Issue, Named, Option, RichText
from jira_assets.sandbox.issue_texts import PEOPLE
from jira_assets.sandbox.model import Project, SiteState
from jira_assets.sandbox.people import Person

_NAMES: Final = {
    "status_id": "status",
    "issue_type_id": "issuetype",
    "project_id": "project",
    "parent_id": "parent",
    "fix_versions": "fixVersions",
    "resolved": "resolutiondate",
}
"""Attribute of an issue to Jira's name of the field, where they differ."""
_FIRST_ID: Final = 100_000
_OF_THE_SITE: Final = ""
"""Beside the projects in ``last_gone``: the highest id of a deleted issue."""


@dataclass(frozen=True)
class Changed:
    """What a change leads to: the issue as it is then, and what the next state holds instead."""

    issue: Issue
    state: Mapping[str, Any]


def added(state: SiteState, project: Project, at: int, attributes: Mapping[str, Any]) -> Changed:
    """Create an issue; what ``attributes`` leave out is the first of its kind in the project.

    Raises ``ValueError`` where the project has no issue type or status and none is given.
    """
    types = {type_id: used for type_id, used in state.workflows.get(project.id, ()) if used}
    type_id = attributes.get("issue_type_id") or next(iter(types), None)
    status_id = attributes.get("status_id") or next(iter(types.get(str(type_id), ())), None)
    if type_id is None or status_id is None:
        raise ValueError(f"Project {project.key} has no issue type with statuses: give both.")
    usual = {
        "id": str(_last_id(state) + 1),
        "number": _next_number(state, project),
        "project_id": project.id,
        "summary": "Added",
        "created": at,
        "updated": at,
        "reporter": PEOPLE[0],
    }
    issue = Issue(**{**usual, **attributes, "issue_type_id": type_id, "status_id": status_id})
    return _with(state, issue)


def changed(
    state: SiteState, issue: Issue, at: int, author: Person | None, attributes: Mapping[str, Any]
) -> Changed:
    """Change attributes of an issue; ``values`` are merged into it, None empties a field."""
    values = attributes.get("values", {})
    items = [
        _item(state, issue, name, value) for name, value in attributes.items() if name != "values"
    ]
    items += [_custom_item(state, issue, name, value) for name, value in values.items()]
    merged = {**issue.values, **values}
    kept = {name: value for name, value in merged.items() if value is not None}
    names = {_NAMES.get(name, name) for name in attributes if name != "values"} | values.keys()
    history = _history(issue, at, author, tuple(items))
    return _with(state, _next(issue, history, names, {**attributes, "values": kept}))


def relocated(
    state: SiteState, issue: Issue, to: Project, at: int, author: Person | None
) -> Changed:
    """Move an issue: it gets the next key there, and has none of the fields of its old project."""
    old_key = state.key_of(issue)
    number = _next_number(state, to)
    move = Move(state.projects[issue.project_id], old_key)
    history = _history(issue, at, author, moved(move, to, f"{to.key}-{number}"))
    others = {row.id for row in state.fields.values() if row.project_id not in {None, to.id}}
    left = issue.values.keys() & others
    values = {name: value for name, value in issue.values.items() if name not in left}
    here = {"project_id": to.id, "number": number, "values": values}
    found = _with(state, _next(issue, history, {"project", *left}, here))
    keys = {**state.moved_keys, old_key: issue.id}
    return Changed(found.issue, {**found.state, "moved_keys": keys})


def touched(state: SiteState, issue: Issue, at: int) -> Changed:
    """Move ``updated`` alone."""
    return _with(state, replace(issue, updated=at, changed=_also(issue, {"updated"})))


def deleted(state: SiteState, issue: Issue) -> Mapping[str, Any]:
    """Take an issue away, without a trace."""
    return {
        "issues": {one: row for one, row in state.issues.items() if one != issue.id},
        "moved_keys": {key: one for key, one in state.moved_keys.items() if one != issue.id},
        "last_gone": _gone(state, [issue]),
    }


def rekeyed(state: SiteState, project: Project) -> dict[str, str]:
    """Return the earlier keys once a project loses its present one: those of its issues, too."""
    issues = state.issues_by_project.get(project.id, ())
    return {**state.moved_keys, **{state.key_of(issue): issue.id for issue in issues}}


def without_project(state: SiteState, project_id: str) -> Mapping[str, Any]:
    """Take the issues of a project away."""
    kept = {one: row for one, row in state.issues.items() if row.project_id != project_id}
    return {
        "issues": kept,
        "moved_keys": {key: one for key, one in state.moved_keys.items() if one in kept},
        "last_gone": _gone(state, state.issues_by_project.get(project_id, ())),
    }


def _with(state: SiteState, issue: Issue) -> Changed:
    return Changed(issue, {"issues": {**state.issues, issue.id: issue}})


def _next(issue: Issue, history: History, names: set[str], attributes: Mapping[str, Any]) -> Issue:
    histories = sorted((*issue.histories, history), key=lambda one: one.created)
    return replace(
        issue,
        **attributes,
        updated=history.created,
        histories=tuple(histories),
        changed=_also(issue, names | {"updated"}),
    )


def _also(issue: Issue, names: set[str]) -> frozenset[str]:
    return issue.changed if issue.document is None else issue.changed | names


def _last_id(state: SiteState) -> int:
    living = (int(one) for one in state.issues if one.isdecimal())
    return max(_FIRST_ID, state.last_gone.get(_OF_THE_SITE, 0), *living)


def _gone(state: SiteState, issues: Iterable[Issue]) -> dict[str, int]:
    """Return the highest numbers, and the highest id, of deleted issues once these are, too."""
    last = dict(state.last_gone)
    for issue in issues:
        last[issue.project_id] = max(last.get(issue.project_id, 0), issue.number)
        if issue.id.isdecimal():
            last[_OF_THE_SITE] = max(last.get(_OF_THE_SITE, 0), int(issue.id))
    return last


def _next_number(state: SiteState, project: Project) -> int:
    issues = state.issues_by_project.get(project.id, ())
    last = max((issue.number for issue in issues), default=0)
    number = max(last, state.last_gone.get(project.id, 0)) + 1
    while f"{project.key}-{number}" in state.moved_keys:
        number += 1
    return number


def _history(
    issue: Issue, at: int, author: Person | None, items: tuple[HistoryItem, ...]
) -> History:
    known = {history.id for history in issue.histories}
    number = int(issue.id) * IDS_PER_ISSUE + len(known)
    while str(number) in known:
        number += 1
    return History(str(number), at, author, items)


def _item(state: SiteState, issue: Issue, attribute: str, value: Any) -> HistoryItem:
    before = getattr(issue, attribute)
    if attribute == "status_id":
        return transition(_status(state, before), _status(state, value))
    if attribute == "assignee":
        return assigned(before, value, cloud=state.deployment == "cloud")
    name = _NAMES.get(attribute, attribute)
    return HistoryItem(name, *_told(state, before), *_told(state, value), name)


def _custom_item(state: SiteState, issue: Issue, field_id: str, value: Any) -> HistoryItem:
    field = state.fields.get(field_id)
    name = field_id if field is None else field.name
    before = _told(state, issue.values.get(field_id))
    return HistoryItem(name, *before, *_told(state, value), field_id, "custom")


def _status(state: SiteState, status_id: str) -> Named:
    status = state.statuses.get(status_id)
    return Named(status_id, f"Status {status_id}" if status is None else status.name)


def _told(state: SiteState, value: Any) -> tuple[str | None, str | None]:
    """Return a value as Jira stores it, and in words."""
    is_cloud = state.deployment == "cloud"
    match value:
        case Named(id=number, name=words) | Option(id=number, value=words):
            return number, words
        case Person():
            return (value.account_id if is_cloud else value.name), value.display_name
        case tuple():
            return None, ", ".join(_told(state, one)[1] or "" for one in value)
        case RichText(text=words):
            return None, words
    return None, None if value is None else str(value)
