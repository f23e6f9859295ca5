"""What an issue of a site holds: immutable values, as everything in a ``SiteState``.

Decisions this module embodies:

* Moments are epoch milliseconds: documents say them in the site's zone, JQL compares them.
* An issue knows its number in its project; its key is made from the project's present key, so a
  project that gets another key takes its issues along and ``updated`` stays, as in Jira.
* Values of custom fields are what people choose (``Option``, ``Person``, texts, numbers), or a JSON
  object as it is sent. They are shared between issues, so a hundred thousand fit into memory.
* An issue that was captured keeps its document, without its changelog, which is in ``histories``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from jira_assets.sandbox.people import Person


@dataclass(frozen=True, slots=True)
class Named:
    """Something with an id and a name: a priority, a resolution, a component, a version."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Option:
    """A choice of a select list; ``child`` is the second choice of a cascading one."""

    id: str
    value: str
    child: "Option | None" = None


@dataclass(frozen=True, slots=True)
class RichText:
    """Words that Cloud's version 3 sends as an Atlassian document, everything else as wiki text.

    They stand inside so many quotations, one in the other.
    """

    text: str
    quotations: int = 0


Value: TypeAlias = (
    "str | float | Option | Person | RichText | tuple[Value, ...] | Mapping[str, Any]"
)
"""The value of a custom field. A tuple is a list; a mapping is JSON as it is sent."""


@dataclass(frozen=True, slots=True)
class HistoryItem:
    """One field that a history changed; ``field_id`` is told by Cloud alone, and not always."""

    field: str
    from_: str | None = None
    from_string: str | None = None
    to: str | None = None
    to_string: str | None = None
    field_id: str | None = None
    field_type: str = "jira"


@dataclass(frozen=True, slots=True)
class History:
    """What somebody changed at one moment; no author: a deleted user, or nobody at all."""

    id: str
    created: int
    author: Person | None = None
    items: tuple[HistoryItem, ...] = ()
    document: Mapping[str, Any] | None = None
    """As it was captured."""


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue. ``histories`` are oldest first. ``document`` is what was captured of it.

    What ``changed`` names is told from the other attributes, though a document may hold it: a
    captured issue that a test changes.
    """

    id: str
    number: int
    project_id: str
    issue_type_id: str
    status_id: str
    summary: str | None
    created: int
    updated: int
    description: str | RichText | None = None
    assignee: Person | None = None
    reporter: Person | None = None
    priority: Named | None = None
    resolution: Named | None = None
    resolved: int | None = None
    parent_id: str | None = None
    labels: tuple[str, ...] = ()
    components: tuple[Named, ...] = ()
    versions: tuple[Named, ...] = ()
    fix_versions: tuple[Named, ...] = ()
    values: Mapping[str, Value] = field(default_factory=dict, hash=False)
    """Field id to the value of a custom field."""
    histories: tuple[History, ...] = ()
    document: Mapping[str, Any] | None = field(default=None, hash=False)
    changed: frozenset[str] = frozenset()
    """Names of fields, as Jira calls them."""
