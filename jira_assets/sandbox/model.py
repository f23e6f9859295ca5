"""What a Jira site holds: immutable values, shared freely between threads, projects and answers.

Decisions this module embodies:

* A site at one moment is a ``SiteState``. It never changes; a mutation makes the next one. Whoever
  answers a request reads one state from beginning to end and needs no lock.
* A project's issue types and their statuses are one ``Workflow``, a tuple that many projects share:
  ten thousand projects of a dozen workflows cost a dozen tuples.
* An object that was captured from a real site keeps its document, which is served as it came.
* What is worked out from a state (issues in order, answers of a search) is kept with it, in
  ``derived``, and goes with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal

from jira_assets.sandbox.issue_model import Issue
from jira_assets.sandbox.people import Person

Deployment = Literal["cloud", "data_center"]
Style = Literal["classic", "next-gen"]

Workflow = tuple[tuple[str, tuple[str, ...]], ...]
"""Issue type id and the ids of its statuses, for each issue type of a project."""

Document = Mapping[str, Any]
"""A JSON object of Jira, as it came."""


@dataclass(frozen=True, slots=True)
class Category:
    """A status category. Jira has exactly four; its names are translated, its keys are not."""

    id: int
    key: str
    name: str
    color_name: str


UNDEFINED: Final = Category(1, "undefined", "No Category", "medium-gray")
TO_DO: Final = Category(2, "new", "To Do", "blue-gray")
DONE: Final = Category(3, "done", "Done", "green")
IN_PROGRESS: Final = Category(4, "indeterminate", "In Progress", "yellow")
CATEGORIES: Final = {category.key: category for category in (UNDEFINED, TO_DO, DONE, IN_PROGRESS)}


@dataclass(frozen=True, slots=True)
class ProjectCategory:
    """What an administrator sorts projects into."""

    id: str
    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """A status. ``project_id`` is the scope of a team-managed one.

    An unlisted one is missing in ``/status``, though projects may use it. ``repeats`` are
    documents that the site's list holds under the same id before this one: the last one counts.
    """

    id: str
    name: str
    category: Category | None = TO_DO
    description: str = ""
    project_id: str | None = None
    listed: bool = True
    document: Document | None = None
    repeats: tuple[Document, ...] = ()


@dataclass(frozen=True, slots=True)
class IssueType:
    """An issue type; ``hierarchy_level`` is 1 for epics, 0, or -1 for sub-tasks (Cloud only)."""

    id: str
    name: str
    subtask: bool = False
    description: str = ""
    hierarchy_level: int = 0
    project_id: str | None = None
    listed: bool = True
    document: Document | None = None
    repeats: tuple[Document, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """A field of issues: one of Jira's own, or a custom one, whose id is ``customfield_10110``.

    ``type`` None means that it has no schema. ``project_id`` is the scope of a team-managed one.
    """

    id: str
    name: str
    type: str | None = "string"
    item_type: str | None = None
    custom_type: str | None = None
    custom: bool = True
    untranslated_name: str | None = None
    project_id: str | None = None
    document: Document | None = None
    repeats: tuple[Document, ...] = ()


@dataclass(frozen=True, slots=True)
class Project:
    """A project. ``style`` ``next-gen`` means team-managed; Data Center knows classic ones only."""

    id: str
    key: str
    name: str
    description: str = ""
    type_key: str = "software"
    style: Style = "classic"
    archived: bool = False
    category: ProjectCategory | None = None
    lead: Person | None = None
    document: Document | None = None
    repeats: tuple[Document, ...] = ()


@dataclass(frozen=True)
class SiteState:
    """A Jira site at one moment. Mappings are by id and must not be changed.

    ``unreadable`` maps a project id to the HTTP status (404 or 403) that asking for its statuses
    brings, though the project list still names it. ``permissions`` are the keys of those that the
    reading account holds. ``moved_keys`` maps the keys that issues had before to their ids.
    ``last_gone`` maps a project's id to the highest number that a deleted issue of it had, and ""
    to the highest id: Jira gives neither to another issue.

    ``search_page`` is how many issues Data Center's search gives at most, whatever it is asked;
    ``search_depth`` from which offset on it refuses (None: it never does). ``clock_ahead`` is how
    many milliseconds the site's clock is ahead of this machine's. ``old_search``: whether Cloud
    still has the search by offsets that it removed in 2025, for clients that know no other.
    """

    deployment: Deployment
    title: str = "Jira"
    time_zone: str = "Europe/Berlin"
    projects: Mapping[str, Project] = field(default_factory=dict)
    issue_types: Mapping[str, IssueType] = field(default_factory=dict)
    statuses: Mapping[str, Status] = field(default_factory=dict)
    fields: Mapping[str, Field] = field(default_factory=dict)
    workflows: Mapping[str, Workflow] = field(default_factory=dict)
    unreadable: Mapping[str, int] = field(default_factory=dict)
    permissions: frozenset[str] = frozenset({"BROWSE_PROJECTS"})
    issues: Mapping[str, Issue] = field(default_factory=dict)
    moved_keys: Mapping[str, str] = field(default_factory=dict)
    last_gone: Mapping[str, int] = field(default_factory=dict)
    search_page: int = 1000
    search_depth: int | None = None
    clock_ahead: int = 0
    old_search: bool = False

    @cached_property
    def derived(self) -> dict[Any, Any]:
        """Whatever readers of this state have worked out and want to find again, by their key."""
        return {}

    @cached_property
    def issues_by_project(self) -> dict[str, list[Issue]]:
        """Project id to its issues, in no order; a project without any is not there."""
        found: dict[str, list[Issue]] = {}
        for issue in self.issues.values():
            found.setdefault(issue.project_id, []).append(issue)
        return found

    @cached_property
    def issue_ids_by_number(self) -> dict[tuple[str, int], str]:
        """Project id and number to issue id."""
        return {(issue.project_id, issue.number): issue.id for issue in self.issues.values()}

    @cached_property
    def project_ids_by_key(self) -> dict[str, str]:
        """Project key, case-sensitive, to project id."""
        return {project.key: project.id for project in self.projects.values()}

    @cached_property
    def projects_in_key_order(self) -> tuple[Project, ...]:
        """Every project, ordered as Jira's project list is by default."""
        return tuple(sorted(self.projects.values(), key=lambda project: project.key))

    def find_project(self, id_or_key: str) -> Project | None:
        """Look a project up by its id or its key, as Jira does; None if there is none."""
        project_id = self.project_ids_by_key.get(id_or_key, id_or_key)
        return self.projects.get(project_id)

    def key_of(self, issue: Issue) -> str:
        """Return the key that an issue has now."""
        project = self.projects.get(issue.project_id)
        return f"{issue.project_id if project is None else project.key}-{issue.number}"

    def find_issue(self, id_or_key: str) -> Issue | None:
        """Look an issue up by its id, its key, or one that it had before; None if there is none."""
        if id_or_key in self.issues:
            return self.issues[id_or_key]
        project_key, _, number = id_or_key.rpartition("-")
        project_id = self.project_ids_by_key.get(project_key)
        found = None
        if project_id is not None and number.isdecimal():
            found = self.issue_ids_by_number.get((project_id, int(number)))
        return self.issues.get(found or self.moved_keys.get(id_or_key, ""))
