"""What Postgres must hold of a site: the yardstick of every test and of the demo.

Written from the site's model alone, without a look at the transforms that it judges.
"""

from collections.abc import Iterator

from jira_assets.sandbox.model import UNDEFINED, SiteState, Status, Workflow

Truth = dict[str, set[tuple[object, ...]]]
"""Table name to the rows that must be alive, each as its key columns and what ``truth`` adds."""


def truth(state: SiteState, *, unreadable_too: bool = False) -> Truth:
    """Return the rows that must be alive in Postgres once everything readable was read.

    ``projects``: (jira_id, key, name), archived ones included; ``issue_types``: (jira_id, name,
    subtask); ``statuses``: (jira_id, name, category key; a missing category is ``undefined``); the
    three relations: their key columns; ``custom_fields``: (jira_id, name, type, item_type,
    custom_type, project_jira_id), less the fields that Jira brings. Issue types and statuses are
    those of the site's lists and those that only a project's answer names.

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
    }


def _workflows(state: SiteState, *, unreadable_too: bool) -> Iterator[tuple[str, Workflow]]:
    for project_id, workflow in state.workflows.items():
        if unreadable_too or project_id not in state.unreadable:
            yield project_id, workflow


def _category_key(status: Status) -> str:
    return (status.category or UNDEFINED).key
