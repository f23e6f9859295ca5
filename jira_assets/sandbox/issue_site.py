"""The issues of a Jira site that tests and demos change while it is served.

Every mutation returns the issue as it is then. An issue is named by its id, its key, or a key that
it had before; a project by its id or its key. Moments are epoch milliseconds; no moment is now, by
the site's clock.
"""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from jira_assets.sandbox import issue_changes
from jira_assets.sandbox.issue_changes import Changed, added, changed, relocated, touched
from jira_assets.sandbox.issue_model import Issue
from jira_assets.sandbox.model import Project, SiteState
from jira_assets.sandbox.moments import now
from jira_assets.sandbox.people import Person


class UnknownObjectError(LookupError):
    """A mutation named an object that the site does not have."""


class IssueSite:
    """A state, and how its issues change."""

    def __init__(self, state: SiteState) -> None:
        self._state = state
        self._lock = threading.Lock()

    @property
    def state(self) -> SiteState:
        """The site at this moment: immutable, and another object after every mutation."""
        return self._state

    def issue(self, id_or_key: str) -> Issue:
        """Return an issue by its id, its key, or a key that it had."""
        return _issue(self._state, id_or_key)

    def add_issue(self, project: str, *, at: int | None = None, **attributes: Any) -> Issue:
        """Create an issue in a project, at epoch milliseconds ``at`` (now); ``Issue`` names them.

        Issue type and status are the first ones of the project's workflow where not given.
        """
        return self._change_issue(
            lambda state: added(state, find_project(state, project), _at(state, at), attributes)
        )

    def change_issue(
        self, issue: str, *, at: int | None = None, author: Person | None = None, **attributes: Any
    ) -> Issue:
        """Change attributes of an issue (``status_id``, ``summary``, ...), with a history.

        ``values`` are field ids to values, which are put into those that the issue has; None
        empties a field. ``updated`` becomes ``at``, epoch milliseconds (now).
        """
        return self._change_issue(
            lambda state: changed(state, _issue(state, issue), _at(state, at), author, attributes)
        )

    def move_issue(
        self, issue: str, project: str, *, at: int | None = None, author: Person | None = None
    ) -> Issue:
        """Move an issue to another project: another key, and a history that says so."""
        return self._change_issue(
            lambda state: relocated(
                state, _issue(state, issue), find_project(state, project), _at(state, at), author
            )
        )

    def touch_issue(self, issue: str, *, at: int | None = None) -> Issue:
        """Let an issue be updated and nothing of it change, as a comment does."""
        return self._change_issue(
            lambda state: touched(state, _issue(state, issue), _at(state, at))
        )

    def delete_issue(self, issue: str) -> None:
        """Delete an issue; Jira keeps no trace of it."""
        self._change(lambda state: dict(issue_changes.deleted(state, _issue(state, issue))))

    def _change_issue(self, change: Callable[[SiteState], Changed]) -> Issue:
        with self._lock:
            made = change(self._state)
            self._state = replace(self._state, **made.state)
            return made.issue

    def _change(self, changes: Callable[[SiteState], dict[str, Any]]) -> None:
        with self._lock:
            self._state = replace(self._state, **changes(self._state))


def find_project(state: SiteState, id_or_key: str) -> Project:
    """Return a project by its id or key; ``UnknownObjectError`` if there is none."""
    project = state.find_project(id_or_key)
    if project is None:
        raise UnknownObjectError(f"The site has no project {id_or_key!r}.")
    return project


def _issue(state: SiteState, id_or_key: str) -> Issue:
    issue = state.find_issue(id_or_key)
    if issue is None:
        raise UnknownObjectError(f"The site has no issue {id_or_key!r}.")
    return issue


def _at(state: SiteState, at: int | None) -> int:
    return now() + state.clock_ahead if at is None else at
