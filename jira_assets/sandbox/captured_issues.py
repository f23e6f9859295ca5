"""Issues that somebody captured with their changelogs: served as they came.

Reads ``issues-with-changelog.json``: a list of issues, or a page of a search. What the sandbox
itself must know (the project, the number in the key, when it was changed) is read from the
documents; a project that no list names is made up from what its issues say of it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from jira_assets.sandbox.issue_model import History, Issue
from jira_assets.sandbox.model import Project
from jira_assets.sandbox.moments import read_stamp

ISSUES_FILE: Final = "issues-with-changelog.json"

Json = Mapping[str, Any]


@dataclass
class CapturedIssues:
    """Issues by their id, and the projects that had to be made up, by theirs."""

    issues: dict[str, Issue] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)


def captured_issues(rows: Iterable[Json], projects: Mapping[str, Project]) -> CapturedIssues:
    """Read documents; ``projects`` are those captured. ``ValueError`` where a key is none."""
    found = CapturedIssues()
    ids_by_key = {project.key: project.id for project in projects.values()}
    for row in rows:
        said: Json = (row.get("fields") or {}).get("project") or {}
        project_key, _, number = str(row.get("key")).rpartition("-")
        if not number.isdecimal():
            raise ValueError(f"issue {row['id']} has no key that ends in a number")
        project_id = str(said.get("id") or ids_by_key.get(project_key, project_key))
        if project_id not in projects:
            found.projects[project_id] = _project(project_id, project_key, said)
        found.issues[row["id"]] = _issue(row, project_id, int(number))
    return found


def _project(project_id: str, key: str, said: Json) -> Project:
    document = {**said, "id": project_id, "key": key, "name": said.get("name", key)}
    return Project(project_id, key, str(document["name"]), document=document)


def _issue(row: Json, project_id: str, number: int) -> Issue:
    fields: Json = row.get("fields") or {}
    histories = tuple(_histories(row))
    last = histories[-1].created if histories else 0
    created = _moment(fields.get("created"), last)
    return Issue(
        row["id"],
        number,
        project_id,
        _id(fields.get("issuetype")),
        _id(fields.get("status")),
        fields.get("summary"),
        created,
        _moment(fields.get("updated"), max(created, last)),
        parent_id=_id(fields.get("parent")) or None,
        values={name: value for name, value in fields.items() if name.startswith("customfield_")},
        histories=histories,
        document={name: value for name, value in row.items() if name != "changelog"},
    )


def _histories(row: Json) -> list[History]:
    rows = (row.get("changelog") or {}).get("histories") or []
    made = [
        History(str(one.get("id")), _moment(one.get("created"), 0), document=one) for one in rows
    ]
    return sorted(made, key=lambda one: (one.created, len(one.id), one.id))


def _moment(text: object, default: int) -> int:
    found = read_stamp(text)
    return default if found is None else found


def _id(document: Any) -> str:
    return str(document.get("id", "")) if isinstance(document, dict) else ""
