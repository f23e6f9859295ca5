"""What many issues share, encoded once: people, statuses, choices, versions.

A piece is bytes that are JSON already, which the encoder of an answer copies. So one core serves
thousands of issues a second.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Final

import orjson

from jira_assets.sandbox.documents import (
    Json,
    Root,
    issue_type_document,
    person_document,
    project_document,
    status_document,
)
from jira_assets.sandbox.issue_model import Named, Option, RichText
from jira_assets.sandbox.model import IssueType, Project, SiteState, Status
from jira_assets.sandbox.moments import stamp
from jira_assets.sandbox.people import Person
from jira_assets.sandbox.rich_text import as_document, as_wiki

Piece = orjson.Fragment

_KEPT: Final = 100_000
"""Pieces kept, so that memory stays flat whatever a site holds."""


class Pieces:
    """The pieces of one state of a site, as it is reached at one root.

    What the site has no more (a status, an issue type, a project) is still told by its issues.
    """

    def __init__(self, state: SiteState, root: Root) -> None:
        self._state = state
        self._root = root
        self._rich = root.cloud and root.version != "2"
        self._kept: dict[Hashable, Piece] = {}
        self._by_identity: dict[int, tuple[object, Piece]] = {}

    def moment(self, moment: int | None) -> str | None:
        """Return a moment in the site's zone."""
        return None if moment is None else stamp(moment, self._state.time_zone)

    def words(self, words: RichText | str | None) -> Piece | str | None:
        """Return an Atlassian document or wiki text."""
        if words is None:
            return None
        rich = RichText(words) if isinstance(words, str) else words
        return as_document(rich) if self._rich else as_wiki(rich)

    def value(self, value: Any) -> Any:
        """Return a value of a custom field. Issues share values, so each is encoded once."""
        if value is None or isinstance(value, (str, int, float)):
            return value
        return self._shared(value, self._plain)

    def person(self, person: Person | None) -> Piece | None:
        """Return a user."""
        return None if person is None else self._shared(person, self._plain)

    def named(self, what: str, named: Named | None) -> Piece | None:
        """Return something with an id and a name; ``what`` is its path in the API."""
        if named is None:
            return None
        url = f"{self._root.api}/{what}/{named.id}"
        return self._shared(named, lambda one: {"self": url, "id": one.id, "name": one.name})

    def all_named(self, what: str, named: Sequence[Named]) -> list[Piece | None]:
        """Return a list of such things."""
        return [self.named(what, one) for one in named]

    def status(self, status_id: str) -> Piece:
        """Return a status by its id."""

        def make() -> Mapping[str, Any]:
            unknown = Status(status_id, f"Status {status_id}", None)
            return status_document(self._state.statuses.get(status_id, unknown), self._root)

        return self._piece(("status", status_id), make)

    def issue_type(self, type_id: str) -> Piece:
        """Return an issue type by its id."""

        def make() -> Mapping[str, Any]:
            unknown = IssueType(type_id, f"Type {type_id}")
            return issue_type_document(self._state.issue_types.get(type_id, unknown), self._root)

        return self._piece(("type", type_id), make)

    def project(self, project_id: str) -> Piece:
        """Return a project by its id."""

        def make() -> Mapping[str, Any]:
            unknown = Project(project_id, project_id, "")
            project = self._state.projects.get(project_id, unknown)
            return project_document(project, self._state, self._root, frozenset())

        return self._piece(("project", project_id), make)

    def _plain(self, value: Any) -> Any:
        if isinstance(value, Person):
            return _long_person(value, self._root, self._state.time_zone)
        if isinstance(value, Option):
            return _option(value, self._root)
        if isinstance(value, tuple):
            return [self._plain(one) for one in value]
        return self.words(value) if isinstance(value, RichText) else value

    def _shared(self, value: object, make: Callable[[Any], Any]) -> Piece:
        """Return the piece of an object, which is found by its identity and so kept alive."""
        kept = self._by_identity.get(id(value))
        if kept is None:
            if len(self._by_identity) >= _KEPT:
                self._by_identity.clear()
            kept = self._by_identity[id(value)] = (value, Piece(orjson.dumps(make(value))))
        return kept[1]

    def _piece(self, key: Hashable, make: Callable[[], Any]) -> Piece:
        piece = self._kept.get(key)
        if piece is None:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            piece = self._kept[key] = Piece(orjson.dumps(make()))
        return piece


def _option(option: Option, root: Root) -> Json:
    url = f"{root.api}/customFieldOption/{option.id}"
    document: Json = {"self": url, "value": option.value, "id": option.id}
    if option.child is not None:
        document["child"] = _option(option.child, root)
    return document


def _long_person(person: Person, root: Root, zone: str) -> Json:
    return {**person_document(person, root), "timeZone": zone}
