"""A Jira site that tests and demos change while it is served.

Every mutation replaces the state under a lock, so a reader in another thread sees the site before
it or after it, never in between. Where a mutation names a project, its id and its key both do.
Those of issues are in ``issue_site``.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar

from jira_assets.sandbox import issue_changes
from jira_assets.sandbox.issue_site import IssueSite, UnknownObjectError, find_project
from jira_assets.sandbox.model import (
    Deployment,
    Document,
    Field,
    IssueType,
    Project,
    SiteState,
    Status,
    Workflow,
)
from jira_assets.sandbox.permissions import PERMISSIONS
from jira_assets.sandbox.truth import Truth, truth

NOT_FOUND: Final = 404
FORBIDDEN: Final = 403

Row = TypeVar("Row", Status, IssueType, Field, Project)
Scoped = TypeVar("Scoped", Status, IssueType, Field)
Value = TypeVar("Value")


class JiraSite(IssueSite):
    """The mutable, thread-safe model of one Jira site; ``state`` is what it holds right now."""

    @property
    def deployment(self) -> Deployment:
        """``cloud`` or ``data_center``."""
        return self._state.deployment

    def truth(self, *, unreadable_too: bool = False) -> Truth:
        """Return the rows that must be alive in Postgres; see ``truth.truth``."""
        return truth(self._state, unreadable_too=unreadable_too)

    def project(self, id_or_key: str) -> Project:
        """Return a project by its id or key."""
        return find_project(self._state, id_or_key)

    def add_status(self, status: Status) -> None:
        """Add a status, or replace the one with its id."""
        self._change(lambda state: {"statuses": _with_row(state.statuses, status)})

    def rename_status(self, status_id: str, name: str) -> None:
        """Give a status another name."""

        def changes(state: SiteState) -> dict[str, Any]:
            known = _known("status", status_id, state.statuses)
            return {"statuses": _with_row(state.statuses, _renamed(known, name))}

        self._change(changes)

    def remove_status(self, status_id: str) -> None:
        """Let a status vanish: from the site's list and from every project."""

        def changes(state: SiteState) -> dict[str, Any]:
            _known("status", status_id, state.statuses)
            return {
                "statuses": _without(state.statuses, {status_id}),
                "workflows": _without_status(state.workflows, status_id),
            }

        self._change(changes)

    def add_issue_type(self, issue_type: IssueType) -> None:
        """Add an issue type, or replace the one with its id."""
        self._change(lambda state: {"issue_types": _with_row(state.issue_types, issue_type)})

    def rename_issue_type(self, issue_type_id: str, name: str) -> None:
        """Give an issue type another name; its repeated rows go."""

        def changes(state: SiteState) -> dict[str, Any]:
            known = _known("issue type", issue_type_id, state.issue_types)
            return {"issue_types": _with_row(state.issue_types, _renamed(known, name))}

        self._change(changes)

    def add_field(self, field: Field) -> None:
        """Add a field, or replace the one with its id."""
        self._change(lambda state: {"fields": _with_row(state.fields, field)})

    def rename_field(self, field_id: str, name: str) -> None:
        """Give a field another name; its repeated rows go."""

        def changes(state: SiteState) -> dict[str, Any]:
            known = _known("field", field_id, state.fields)
            return {"fields": _with_row(state.fields, _renamed(known, name))}

        self._change(changes)

    def retype_field(
        self, field_id: str, type_: str, custom_type: str, item_type: str | None = None
    ) -> None:
        """Give a custom field another type, as a migration between apps does; its id stays."""

        def changes(state: SiteState) -> dict[str, Any]:
            known = _known("field", field_id, state.fields)
            schema = {"type": type_, "custom": custom_type}
            document = _patched(
                known.document,
                schema=schema if item_type is None else {**schema, "items": item_type},
            )
            retyped = replace(
                known,
                type=type_,
                custom_type=custom_type,
                item_type=item_type,
                document=document,
                repeats=(),
            )
            return {"fields": _with_row(state.fields, retyped)}

        self._change(changes)

    def remove_field(self, field_id: str) -> None:
        """Delete a field, or take it from every screen: ``/field`` no longer lists it."""

        def changes(state: SiteState) -> dict[str, Any]:
            _known("field", field_id, state.fields)
            return {"fields": _without(state.fields, {field_id})}

        self._change(changes)

    def add_project(self, project: Project, workflow: Workflow = ()) -> None:
        """Add a project with its issue types and their statuses, or replace the one with its id."""
        self._change(
            lambda state: {
                "projects": _with_row(state.projects, project),
                "workflows": {**state.workflows, project.id: workflow},
            }
        )

    def rename_project(self, id_or_key: str, name: str) -> None:
        """Give a project another name."""
        self._change(
            lambda state: {
                "projects": _with_row(
                    state.projects, _renamed(find_project(state, id_or_key), name)
                )
            }
        )

    def rekey_project(self, id_or_key: str, key: str) -> None:
        """Give a project another key; its id stays, and the old key is no longer known.

        The keys of its issues change with it, though ``updated`` does not; old ones lead to them.
        """

        def changes(state: SiteState) -> dict[str, Any]:
            project = find_project(state, id_or_key)
            document = _patched(project.document, key=key)
            rekeyed = replace(project, key=key, document=document, repeats=())
            return {
                "projects": _with_row(state.projects, rekeyed),
                "moved_keys": issue_changes.rekeyed(state, project),
            }

        self._change(changes)

    def remove_project(self, id_or_key: str) -> None:
        """Delete a project with its issues, and the statuses, issue types and fields it owns."""

        def changes(state: SiteState) -> dict[str, Any]:
            project_id = find_project(state, id_or_key).id
            return {
                "projects": _without(state.projects, {project_id}),
                "workflows": _without(state.workflows, {project_id}),
                "unreadable": _without(state.unreadable, {project_id}),
                "statuses": _out_of_scope(state.statuses, project_id),
                "issue_types": _out_of_scope(state.issue_types, project_id),
                "fields": _out_of_scope(state.fields, project_id),
                **issue_changes.without_project(state, project_id),
            }

        self._change(changes)

    def add_relation(self, id_or_key: str, issue_type_id: str, status_id: str) -> None:
        """Let an issue type of a project, which it gets if needed, use a status."""

        def changes(state: SiteState) -> dict[str, Any]:
            _known("issue type", issue_type_id, state.issue_types)
            _known("status", status_id, state.statuses)
            project_id = find_project(state, id_or_key).id
            used = dict(state.workflows.get(project_id, ()))
            used[issue_type_id] = tuple(dict.fromkeys((*used.get(issue_type_id, ()), status_id)))
            return {"workflows": {**state.workflows, project_id: tuple(used.items())}}

        self._change(changes)

    def remove_relation(self, id_or_key: str, issue_type_id: str, status_id: str) -> None:
        """Let an issue type of a project no longer use a status; the issue type itself stays."""

        def changes(state: SiteState) -> dict[str, Any]:
            project_id = find_project(state, id_or_key).id
            used = dict(state.workflows[project_id])
            if status_id not in used.get(issue_type_id, ()):
                raise UnknownObjectError(
                    f"Project {id_or_key} does not use status {status_id} "
                    f"in issue type {issue_type_id}."
                )
            used[issue_type_id] = tuple(one for one in used[issue_type_id] if one != status_id)
            return {"workflows": {**state.workflows, project_id: tuple(used.items())}}

        self._change(changes)

    def make_unreadable(self, id_or_key: str, status: int = NOT_FOUND) -> None:
        """Answer 404 (or 403) when this project is asked for; the project list still names it."""
        if status not in {NOT_FOUND, FORBIDDEN}:
            raise ValueError(f"An unreadable project answers 404 or 403, not {status}.")
        self._change(
            lambda state: {
                "unreadable": {**state.unreadable, find_project(state, id_or_key).id: status}
            }
        )

    def make_readable(self, id_or_key: str) -> None:
        """Undo ``make_unreadable``."""
        self._change(
            lambda state: {
                "unreadable": _without(state.unreadable, {find_project(state, id_or_key).id})
            }
        )

    def grant(self, permission: str) -> None:
        """Let the reading account hold a permission, as ``/mypermissions`` tells it."""
        _known("permission", permission, PERMISSIONS)
        self._change(lambda state: {"permissions": state.permissions | {permission}})

    def revoke(self, permission: str) -> None:
        """Undo ``grant``."""
        _known("permission", permission, PERMISSIONS)
        self._change(lambda state: {"permissions": state.permissions - {permission}})

    def limit_search(self, *, page: int = 1000, depth: int | None = None) -> None:
        """Set Data Center's most issues a page, and the offset from which on it answers 500."""
        self._change(lambda _: {"search_page": page, "search_depth": depth})

    def keep_old_search(self) -> None:
        """Let Cloud have the search by offsets that it removed in 2025."""
        self._change(lambda _: {"old_search": True})

    def set_clock(self, milliseconds_ahead: int) -> None:
        """Let the site's clock be ahead of this machine's (or behind: negative)."""
        self._change(lambda _: {"clock_ahead": milliseconds_ahead})


def _known(what: str, row_id: str, rows: Mapping[str, Value]) -> Value:
    if row_id not in rows:
        raise UnknownObjectError(f"The site has no {what} {row_id!r}.")
    return rows[row_id]


def _with_row(rows: Mapping[str, Row], row: Row) -> dict[str, Row]:
    return {**rows, row.id: row}


def _without(rows: Mapping[str, Value], row_ids: set[str]) -> dict[str, Value]:
    return {row_id: row for row_id, row in rows.items() if row_id not in row_ids}


def _out_of_scope(rows: Mapping[str, Scoped], project_id: str) -> dict[str, Scoped]:
    return {row_id: row for row_id, row in rows.items() if row.project_id != project_id}


def _renamed(row: Row, name: str) -> Row:
    """Rename a row and its captured document; repeated documents, with names of their own, go."""
    return replace(row, name=name, document=_patched(row.document, name=name), repeats=())


def _patched(document: Document | None, **changes: Any) -> Document | None:
    return None if document is None else {**document, **changes}


def _without_status(workflows: Mapping[str, Workflow], status_id: str) -> dict[str, Workflow]:
    """Take a status out of every workflow; projects that shared one still do."""
    shorter = {
        workflow: tuple(
            (type_id, tuple(one for one in used if one != status_id)) for type_id, used in workflow
        )
        for workflow in set(workflows.values())
    }
    return {project_id: shorter[workflow] for project_id, workflow in workflows.items()}
