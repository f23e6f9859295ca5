"""What Postgres must hold of a site: the yardstick of every test and of the demo.

Written from the site's model alone, without a look at the transforms that it judges.
"""

from collections.abc import Iterator
from typing import Final

from jira_assets.sandbox.issue_model import History
from jira_assets.sandbox.issue_search import newest
from jira_assets.sandbox.model import UNDEFINED, SiteState, Status, Workflow

SAMPLED: Final = 100
"""How many issues of a project tell which custom fields it uses."""

_UNFILLED: Final[tuple[object, ...]] = (None, "", [], ())

Truth = dict[str, set[tuple[object, ...]]]
"""Table name to the rows that must be alive, each as its key columns and what ``truth`` adds."""


def truth(state: SiteState, *, unreadable_too: bool = False) -> Truth:
    """Return the rows that must be alive in Postgres once everything readable was read.

    ``projects``: (jira_id, key, name), archived ones included; ``issue_types``: (jira_id, name,
    subtask); ``statuses``: (jira_id, name, category key; a missing category is ``undefined``); the
    three relations: their key columns; ``custom_fields``: (jira_id, name, type, item_type,
    custom_type, project_jira_id), less the fields that Jira brings. Issue types and statuses are
    those of the site's lists and those that only a project's answer names.

    Of a site that has issues also ``issues``: (jira_id, key, project_jira_id, status_jira_id);
    ``issue_changelogs``: (history_jira_id, item, issue_jira_id), a history without items being one
    row with item 0; ``projects_custom_fields``: its key columns, of every field that one of the
    project's 100 newest issues has a value in.

    ``unreadable_too`` adds what unreadable projects use: what the tables keep of a project that was
    read before it became unreadable.
    """
    read = list(_workflows(state, unreadable_too=unreadable_too))
    issue_types = {type_id for _, workflow in read for type_id, _ in workflow}
    statuses = {status_id for _, workflow in read for _, used in workflow for status_id in used}
    return {
        "projects": {(row.id, row.key, row.name) for row in state.projects.values()},
        "issue_types": {
            (row.id, row.name, row.subtask)
            for row in state.issue_types.values()
            if row.listed or row.id in issue_types
        },
        "statuses": {
            (row.id, row.name, _category_key(row))
            for row in state.statuses.values()
            if row.listed or row.id in statuses
        },
        "projects_issue_types": {
            (project_id, type_id) for project_id, workflow in read for type_id, _ in workflow
        },
        "projects_statuses": {
            (project_id, status_id)
            for project_id, workflow in read
            for _, used in workflow
            for status_id in used
        },
        "projects_issue_types_statuses": {
            (project_id, type_id, status_id)
            for project_id, workflow in read
            for type_id, used in workflow
            for status_id in used
        },
        "custom_fields": {
            (row.id, row.name, row.type, row.item_type, row.custom_type, row.project_id)
            for row in state.fields.values()
            if row.custom
        },
        **(_issues(state, unreadable_too=unreadable_too) if state.issues else {}),
    }


def _issues(state: SiteState, *, unreadable_too: bool) -> Truth:
    read = {
        project_id: issues
        for project_id, issues in state.issues_by_project.items()
        if unreadable_too or project_id not in state.unreadable
    }
    return {
        "issues": {
            (issue.id, state.key_of(issue), project_id, issue.status_id)
            for project_id, issues in read.items()
            for issue in issues
        },
        "issue_changelogs": {
            (history.id, item, issue.id)
            for issues in read.values()
            for issue in issues
            for history in issue.histories
            for item in range(_items(history))
        },
        "projects_custom_fields": {
            (project_id, field_id)
            for project_id in read
            for issue in newest(state, project_id, SAMPLED)
            for field_id, value in issue.values.items()
            if value not in _UNFILLED
        },
    }


def _items(history: History) -> int:
    found = history.items if history.document is None else history.document.get("items") or ()
    return max(1, len(found))


def _workflows(state: SiteState, *, unreadable_too: bool) -> Iterator[tuple[str, Workflow]]:
    for project_id, workflow in state.workflows.items():
        if unreadable_too or project_id not in state.unreadable:
            yield project_id, workflow


def _category_key(status: Status) -> str:
    return (status.category or UNDEFINED).key
