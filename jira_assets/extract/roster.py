"""The roster: which projects a site has, and which of them an integration selects."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jira_assets.jira.client import ProjectRef
from jira_assets.jira.moments import moment_of
from jira_assets.warehouse.integrations import Integration


@dataclass(frozen=True)
class ListedProject(ProjectRef):
    """A project as the site lists it."""

    archived: bool = False
    """An archived project keeps its issues, but a search may not find them."""
    last_changed: datetime | None = None
    """When an issue of it last changed; None where the site does not say (Data Center)."""
    issues: int | None = None
    """How many issues it has; None where the site does not say."""


def project_refs(payload: Any) -> Iterator[ListedProject]:
    """Yield the projects that a page lists, of either dialect.

    One without a key is read by its id all the same: not to ask for it would make its
    relationships look gone. One without an id cannot be asked for.
    """
    listed = payload.get("values", ()) if isinstance(payload, dict) else payload
    for project in listed if isinstance(listed, list) else ():
        if isinstance(project, dict) and project.get("id"):
            yield _listed(project)


def _listed(project: dict[str, Any]) -> ListedProject:
    insight = project.get("insight")
    told: dict[str, Any] = insight if isinstance(insight, dict) else {}
    count, changed = told.get("totalIssueCount"), told.get("lastIssueUpdateTime")
    return ListedProject(
        str(project["id"]),
        str(project.get("key") or ""),
        archived=project.get("archived") is True,
        # A number, or a moment without a zone, is none: read as too early, it would hide changes.
        last_changed=moment_of(changed) if isinstance(changed, str) else None,
        issues=count if isinstance(count, int) and not isinstance(count, bool) else None,
    )


@dataclass
class Roster:
    """The site's projects by id, in the order in which Jira lists them."""

    by_id: dict[str, ListedProject] = field(default_factory=dict)

    def add(self, payload: Any) -> None:
        """Take in one page of projects. The same project on two pages counts once."""
        for ref in project_refs(payload):
            self.by_id[ref.id] = ref

    def selected(self, integration: Integration) -> list[ListedProject]:
        """Return the projects that the integration's include and exclude lists leave."""
        included, excluded = integration.included_projects, integration.excluded_projects
        return [
            ref
            for ref in self.by_id.values()
            if (not included or ref.key in included) and ref.key not in excluded
        ]
