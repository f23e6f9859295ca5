"""The roster: which projects a site has, and which of them an integration selects."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from jira_assets.jira.client import ProjectRef
from jira_assets.warehouse.integrations import Integration


def project_refs(payload: Any) -> Iterator[ProjectRef]:
    """Yield the projects that a page lists, of either dialect.

    One without a key is read by its id all the same: not to ask for it would make its
    relationships look gone. One without an id cannot be asked for.
    """
    listed = payload.get("values", ()) if isinstance(payload, dict) else payload
    for project in listed if isinstance(listed, list) else ():
        if isinstance(project, dict) and project.get("id"):
            yield ProjectRef(str(project["id"]), str(project.get("key") or ""))


@dataclass
class Roster:
    """The site's projects by id, in the order in which Jira lists them."""

    by_id: dict[str, ProjectRef] = field(default_factory=dict)

    def add(self, payload: Any) -> None:
        """Take in one page of projects. The same project on two pages counts once."""
        for ref in project_refs(payload):
            self.by_id[ref.id] = ref

    def selected(self, integration: Integration) -> list[ProjectRef]:
        """Return the projects that the integration's include and exclude lists leave."""
        included, excluded = integration.included_projects, integration.excluded_projects
        return [
            ref
            for ref in self.by_id.values()
            if (not included or ref.key in included) and ref.key not in excluded
        ]
