"""Issues and their changelogs as JSON, in the words of the deployment and the version asked for.

Decisions this module embodies:

* Cloud embeds no more than the 40 newest histories, the newest first; Data Center embeds all of
  them, the oldest first.
* Which fields a selection means is worked out once for each project.
* What was captured is served as it came, but for the fields that were changed since.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from jira_assets.sandbox.documents import Json, Root
from jira_assets.sandbox.issue_fields import Selection
from jira_assets.sandbox.issue_model import History, HistoryItem, Issue, RichText
from jira_assets.sandbox.issue_pieces import Pieces
from jira_assets.sandbox.model import SiteState
from jira_assets.sandbox.rich_text import as_html

EMBEDDED: Final = 40
"""Histories that Cloud embeds in an issue. Measured on real sites; it once was 100."""

_NO_EXPAND: Final[frozenset[str]] = frozenset()
_EXPANDABLE: Final = "operations,versionedRepresentations,editmeta,changelog,renderedFields"

_MakeField: TypeAlias = Callable[["IssueDocuments", Issue], Any]
_Template: TypeAlias = tuple[list[tuple[str, _MakeField]], Json]


class IssueDocuments:
    """Makes the documents of one state of a site, as it is reached at one root."""

    def __init__(self, state: SiteState, root: Root) -> None:
        self.state = state
        self.root = root
        self.pieces = Pieces(state, root)
        self._templates: dict[tuple[Selection, str], _Template] = {}

    @classmethod
    def of(cls, state: SiteState, root: Root) -> "IssueDocuments":
        """Return what makes them: the same object again while the site stays as it is."""
        found = state.derived.get(("documents", root))
        if not isinstance(found, cls):
            found = state.derived["documents", root] = cls(state, root)
        return found

    def issue(self, issue: Issue, asked: Selection, expand: frozenset[str] = _NO_EXPAND) -> Json:
        """Return an issue. ``expand`` knows ``changelog`` and ``renderedFields``."""
        document: Json = {"id": issue.id}
        if not asked.only_ids:
            document = {
                "expand": _EXPANDABLE,
                "id": issue.id,
                "self": f"{self.root.api}/issue/{issue.id}",
                "key": self.state.key_of(issue),
            }
        if asked.has_fields:
            document["fields"] = self._fields(issue, asked)
        if "renderedFields" in expand:
            document["renderedFields"] = self._rendered(issue, asked)
        if "changelog" in expand:
            document["changelog"] = self._changelog(issue)
        return document

    def histories(self, histories: Sequence[History]) -> list[Mapping[str, Any]]:
        """Return the entries of a changelog, in the order they are given."""
        return [self._history(one) for one in histories]

    def history_in_bulk(self, history: History) -> Mapping[str, Any]:
        """Return a history as the bulk endpoint does: ``created`` is epoch milliseconds."""
        return {**self._history(history), "created": history.created}

    def _changelog(self, issue: Issue) -> Json:
        histories: Sequence[History] = issue.histories
        if self.root.cloud:
            histories = histories[: -EMBEDDED - 1 : -1]
        return {
            "startAt": 0,
            "maxResults": len(histories),
            "total": len(issue.histories),
            "histories": self.histories(histories),
        }

    def _history(self, history: History) -> Mapping[str, Any]:
        if history.document is not None:
            return history.document
        document: Json = {"id": history.id}
        if history.author is not None:
            document["author"] = self.pieces.person(history.author)
        document["created"] = self.pieces.moment(history.created)
        document["items"] = [self._item(item) for item in history.items]
        return document

    def _item(self, item: HistoryItem) -> Json:
        document: Json = {"field": item.field, "fieldtype": item.field_type}
        if item.field_id is not None and self.root.cloud:
            document["fieldId"] = item.field_id
        document["from"] = item.from_
        document["fromString"] = item.from_string
        document["to"] = item.to
        document["toString"] = item.to_string
        return document

    def _fields(self, issue: Issue, asked: Selection) -> Json:
        if issue.document is not None:
            return self._captured(issue, asked)
        made, told = self._template(issue, asked)
        fields = told.copy()
        for name, make in made:
            fields[name] = make(self, issue)
        value = self.pieces.value
        for name, held in issue.values.items():
            if name in fields:
                fields[name] = value(held)
        return fields

    def _captured(self, issue: Issue, asked: Selection) -> Json:
        came: Mapping[str, Any] = (issue.document or {}).get("fields") or {}
        now = {
            name: _SYSTEM[name](self, issue)
            if name in _SYSTEM
            else self.pieces.value(issue.values.get(name))
            for name in issue.changed
        }
        return {name: value for name, value in {**came, **now}.items() if asked.wants(name)}

    def _template(self, issue: Issue, asked: Selection) -> _Template:
        """Return which fields are made for each issue of a project, and all of them, as empty."""
        key = (asked, issue.project_id)
        template = self._templates.get(key)
        if template is None:
            custom = (
                row.id
                for row in self.state.fields.values()
                if row.custom and row.project_id in {None, issue.project_id}
            )
            made = [(name, make) for name, make in _SYSTEM.items() if asked.wants(name)]
            told = {name: _EMPTY.get(name) for name in (*_SYSTEM, *_EMPTY, *custom)}
            told = {name: value for name, value in told.items() if asked.wants(name)}
            template = self._templates[key] = (made, told)
        return template

    def _rendered(self, issue: Issue, asked: Selection) -> Json:
        def html(name: str) -> str | None:
            value = issue.description if name == "description" else issue.values.get(name)
            if name == "description" and isinstance(value, str):
                value = RichText(value)
            return as_html(value) if isinstance(value, RichText) else None

        return {name: html(name) for name in self._template(issue, asked)[1]}


def _parent(documents: IssueDocuments, issue: Issue) -> Json | None:
    """Return the parent in short; None where there is none, or it is gone."""
    parent = documents.state.issues.get(issue.parent_id or "")
    if parent is None:
        return None
    pieces = documents.pieces
    return {
        "id": parent.id,
        "key": documents.state.key_of(parent),
        "self": f"{documents.root.api}/issue/{parent.id}",
        "fields": {
            "summary": parent.summary,
            "status": pieces.status(parent.status_id),
            "priority": pieces.named("priority", parent.priority),
            "issuetype": pieces.issue_type(parent.issue_type_id),
        },
    }


def _watches(documents: IssueDocuments, issue: Issue) -> Json:
    url = f"{documents.root.api}/issue/{documents.state.key_of(issue)}/watchers"
    return {"self": url, "watchCount": 1, "isWatching": False}


def _votes(documents: IssueDocuments, issue: Issue) -> Json:
    url = f"{documents.root.api}/issue/{documents.state.key_of(issue)}/votes"
    return {"self": url, "votes": 0, "hasVoted": False}


_SYSTEM: Final[Mapping[str, _MakeField]] = {
    "summary": lambda _, issue: issue.summary,
    "issuetype": lambda made, issue: made.pieces.issue_type(issue.issue_type_id),
    "project": lambda made, issue: made.pieces.project(issue.project_id),
    "status": lambda made, issue: made.pieces.status(issue.status_id),
    "priority": lambda made, issue: made.pieces.named("priority", issue.priority),
    "resolution": lambda made, issue: made.pieces.named("resolution", issue.resolution),
    "resolutiondate": lambda made, issue: made.pieces.moment(issue.resolved),
    "created": lambda made, issue: made.pieces.moment(issue.created),
    "updated": lambda made, issue: made.pieces.moment(issue.updated),
    "assignee": lambda made, issue: made.pieces.person(issue.assignee),
    "reporter": lambda made, issue: made.pieces.person(issue.reporter),
    "creator": lambda made, issue: made.pieces.person(issue.reporter),
    "parent": _parent,
    "description": lambda made, issue: made.pieces.words(issue.description),
    "labels": lambda _, issue: list(issue.labels),
    "components": lambda made, issue: made.pieces.all_named("component", issue.components),
    "versions": lambda made, issue: made.pieces.all_named("version", issue.versions),
    "fixVersions": lambda made, issue: made.pieces.all_named("version", issue.fix_versions),
    "watches": _watches,
    "votes": _votes,
}
"""Jira's own fields, in the order in which they are told."""

_EMPTY: Final[Mapping[str, Any]] = {
    "environment": None,
    "duedate": None,
    "timeestimate": None,
    "timespent": None,
    "workratio": -1,
    "lastViewed": None,
    "subtasks": [],
    "issuelinks": [],
    "progress": {"progress": 0, "total": 0},
    "aggregateprogress": {"progress": 0, "total": 0},
}
"""Jira's own fields that no issue here has anything in."""
