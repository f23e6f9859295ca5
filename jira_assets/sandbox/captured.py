"""A Jira site from answers that somebody captured: the very objects, with what is missing made up.

Reads ``status.json``, ``project.json``, ``issuetype.json`` and ``field.json`` of a folder, as ``GET
/status``, ``/project`` (or a page of ``/project/search``), ``/issuetype`` and ``/field`` answered,
and ``issues-with-changelog.json`` (see ``captured_issues``); any may be missing.
Objects are served as they came, unknown fields and repeated ids included. What was not captured
is made up from what was, the same way every time: a missing list is a small usual one, projects get
their issue types and statuses through a few schemes, team-managed ones the statuses of their scope.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from jira_assets.sandbox.captured_issues import ISSUES_FILE, CapturedIssues, captured_issues
from jira_assets.sandbox.fields import make_fields
from jira_assets.sandbox.model import (
    CATEGORIES,
    DONE,
    IN_PROGRESS,
    TO_DO,
    Category,
    Deployment,
    Field,
    IssueType,
    Project,
    SiteState,
    Status,
    Workflow,
)
from jira_assets.sandbox.schemes import make_schemes
from jira_assets.sandbox.site import JiraSite

STATUSES_FILE: Final = "status.json"
PROJECTS_FILE: Final = "project.json"
ISSUE_TYPES_FILE: Final = "issuetype.json"
FIELDS_FILE: Final = "field.json"

_USUAL_STATUSES: Final = (
    Status("1", "Open", TO_DO),
    Status("3", "In Progress", IN_PROGRESS),
    Status("6", "Closed", DONE),
)
_USUAL_ISSUE_TYPES: Final = (
    IssueType("1", "Bug"),
    IssueType("2", "New Feature"),
    IssueType("3", "Task"),
    IssueType("4", "Improvement"),
    IssueType("5", "Sub-task", subtask=True, hierarchy_level=-1),
)
_USUAL_CUSTOM_FIELDS: Final = 3
_USUAL_PROJECTS: Final = (Project("10000", "ONE", "First"), Project("10001", "TWO", "Second"))

Captured = dict[str, list[Mapping[str, Any]]]
"""Id to the objects captured under it, in the order in which ids came last.

There are several objects where an id is repeated: the last one counts, those before are served too.
"""


class CapturedFolderError(ValueError):
    """A folder, or a file in it, that holds no captured answers."""


def captured_site(folder: Path | str, deployment: Deployment | None = None) -> JiraSite:
    """Make a site from a folder of captured answers.

    Without ``deployment``, what the objects hold decides: ``style``, ``scope`` or
    ``untranslatedName`` are Cloud's. Raises ``CapturedFolderError``, which names the file.
    """
    files = {
        name: _read(Path(folder) / name)
        for name in (STATUSES_FILE, PROJECTS_FILE, ISSUE_TYPES_FILE, FIELDS_FILE, ISSUES_FILE)
    }
    if not any(files.values()):
        raise CapturedFolderError(
            f"{folder} holds none of {', '.join(files)}: point to a folder with captured answers."
        )
    statuses = [_status(rows) for rows in files[STATUSES_FILE].values()] or _USUAL_STATUSES
    projects = [_project(rows) for rows in files[PROJECTS_FILE].values()]
    with_issues = _issues(Path(folder), files[ISSUES_FILE], projects)
    projects = [*projects, *with_issues.projects.values()] or [*_USUAL_PROJECTS]
    types = [_issue_type(rows) for rows in files[ISSUE_TYPES_FILE].values()] or _USUAL_ISSUE_TYPES
    deployment = deployment or _deployment(files)
    fields = {row_id: _field(rows) for row_id, rows in files[FIELDS_FILE].items()}
    return JiraSite(
        SiteState(
            deployment,
            title=Path(folder).name,
            projects={row.id: row for row in projects},
            issue_types={row.id: row for row in types},
            statuses={row.id: row for row in statuses},
            fields=fields or make_fields(_USUAL_CUSTOM_FIELDS, 1, deployment),
            workflows=_workflows(projects, types, statuses),
            issues=with_issues.issues,
        )
    )


def _read(path: Path) -> Captured:
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise CapturedFolderError(f"{path} is not JSON: {error}.") from error
    rows = content
    if isinstance(content, dict):
        rows = content.get("issues", content.get("values"))
    if not isinstance(rows, list):
        raise CapturedFolderError(f"{path} is neither a list nor a page with values.")
    captured: Captured = {}
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("id"), str):
            raise CapturedFolderError(f"{path} holds an entry that is no object with a text id.")
        captured[row["id"]] = [*captured.pop(row["id"], []), row]
    return captured


def _issues(folder: Path, captured: Captured, projects: Iterable[Project]) -> CapturedIssues:
    last = (rows[-1] for rows in captured.values())
    try:
        return captured_issues(last, {project.id: project for project in projects})
    except ValueError as error:
        raise CapturedFolderError(f"{folder / ISSUES_FILE}: {error}.") from error


def _deployment(files: Mapping[str, Captured]) -> Deployment:
    marks = {"style", "scope", "untranslatedName"}
    objects = (row for captured in files.values() for rows in captured.values() for row in rows)
    return "cloud" if any(marks & row.keys() for row in objects) else "data_center"


def _status(rows: list[Mapping[str, Any]]) -> Status:
    *repeats, last = rows
    return Status(
        last["id"],
        str(last.get("name", "")),
        _category(last.get("statusCategory")),
        project_id=_scope(last),
        document=last,
        repeats=tuple(repeats),
    )


def _issue_type(rows: list[Mapping[str, Any]]) -> IssueType:
    *repeats, last = rows
    return IssueType(
        last["id"],
        str(last.get("name", "")),
        subtask=bool(last.get("subtask")),
        project_id=_scope(last),
        document=last,
        repeats=tuple(repeats),
    )


def _field(rows: list[Mapping[str, Any]]) -> Field:
    *repeats, last = rows
    schema = last.get("schema", {})
    return Field(
        last["id"],
        str(last.get("name", "")),
        schema.get("type"),
        schema.get("items"),
        schema.get("custom"),
        custom=bool(last.get("custom")),
        project_id=_scope(last),
        document=last,
        repeats=tuple(repeats),
    )


def _project(rows: list[Mapping[str, Any]]) -> Project:
    *repeats, last = rows
    return Project(
        last["id"],
        str(last.get("key", "")),
        str(last.get("name", "")),
        style=last.get("style", "classic"),
        archived=bool(last.get("archived")),
        document=last,
        repeats=tuple(repeats),
    )


def _category(document: Any) -> Category | None:
    """Return Jira's category of that key; one that Jira does not have keeps its own words."""
    if not isinstance(document, dict):
        return None
    key = str(document.get("key"))
    unknown = Category(document.get("id", 0), key, str(document.get("name")), "medium-gray")
    return CATEGORIES.get(key, unknown)


def _scope(document: Mapping[str, Any]) -> str | None:
    project_id = document.get("scope", {}).get("project", {}).get("id")
    return None if project_id is None else str(project_id)


def _workflows(
    projects: Iterable[Project], types: Iterable[IssueType], statuses: Iterable[Status]
) -> dict[str, Workflow]:
    """Give every project issue types and statuses: its own where it has a scope, else a scheme."""
    types_of = _ids_by_scope(types)
    statuses_of = _ids_by_scope(statuses)
    schemes = make_schemes(types_of.get(None, ()), statuses_of.get(None, ()))
    return {
        project.id: _scoped(
            schemes[place % len(schemes)], types_of.get(project.id), statuses_of.get(project.id)
        )
        for place, project in enumerate(projects)
    }


def _scoped(
    scheme: Workflow, own_types: tuple[str, ...] | None, own_statuses: tuple[str, ...] | None
) -> Workflow:
    """Put a team-managed project's own issue types and statuses in the place of the scheme's."""
    if own_types is None and own_statuses is None:
        return scheme
    shared = tuple(dict.fromkeys(status_id for _, used in scheme for status_id in used))
    type_ids = own_types or tuple(type_id for type_id, _ in scheme)
    return tuple((type_id, own_statuses or shared) for type_id in type_ids)


def _ids_by_scope(
    rows: Iterable[Status] | Iterable[IssueType],
) -> dict[str | None, tuple[str, ...]]:
    """Project id, or None for what the whole site shares, to the ids of its scope."""
    ids: dict[str | None, tuple[str, ...]] = {}
    for row in rows:
        ids[row.project_id] = (*ids.get(row.project_id, ()), row.id)
    return ids
