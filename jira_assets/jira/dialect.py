"""The two dialects of Jira's REST API, as data.

Read in Atlassian's specs (Cloud ``/rest/api/3``, Data Center ``/rest/api/2``): Cloud's ``/project``
is deprecated and its ``/project/search`` pages by 100 at most; Data Center's ``/project`` is one
list, whatever its spec declares. Both are asked for archived projects too, which an account without
the permission simply does not get: archiving a project is no deletion.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

CLOUD: Final = "cloud"
DATA_CENTER: Final = "data_center"

PERMISSIONS: Final = ("BROWSE_PROJECTS", "ADMINISTER")
"""What decides over how much an account may see: the one that is needed, the one that sees all."""


@dataclass(frozen=True)
class Dialect:
    """Where one kind of Jira answers, and what the list of projects looks like."""

    deployment: str
    api: str
    projects: str
    projects_params: Mapping[str, Any]
    pages_projects: bool
    search: str
    """The path of the search for issues, POSTed to."""
    my_permissions_params: Mapping[str, Any]

    @property
    def server_info(self) -> str:
        """The path that says what the site is."""
        return f"{self.api}/serverInfo"

    @property
    def myself(self) -> str:
        """The path that says who the account is."""
        return f"{self.api}/myself"

    @property
    def issue_types(self) -> str:
        """The path of all issue types: one list."""
        return f"{self.api}/issuetype"

    @property
    def statuses(self) -> str:
        """The path of all statuses of active workflows: one list."""
        return f"{self.api}/status"

    @property
    def fields(self) -> str:
        """The path of all fields, system and custom ones: one list.

        Not ``/field/search``, which Data Center lacks, and which leaves out the fields of
        team-managed projects on Cloud.
        """
        return f"{self.api}/field"

    @property
    def my_permissions(self) -> str:
        """The path that says what the account may do."""
        return f"{self.api}/mypermissions"

    @property
    def each_project_statuses(self) -> str:
        """The template of ``project_statuses``: what its calls share a rate limit by."""
        return f"{self.api}/project/{{projectIdOrKey}}/statuses"

    def project_statuses(self, project_id: str) -> str:
        """Return the path of a project's statuses by issue type. Ids stay when keys change."""
        return f"{self.api}/project/{quote(project_id, safe='')}/statuses"

    @property
    def bulk_changelogs(self) -> str:
        """The path of the changelogs of many issues at once, POSTed to; Cloud's only."""
        return f"{self.api}/changelog/bulkfetch"

    @property
    def each_issue(self) -> str:
        """The template of ``issue``."""
        return f"{self.api}/issue/{{issueIdOrKey}}"

    def issue(self, issue_id: str) -> str:
        """Return the path of one issue."""
        return f"{self.api}/issue/{quote(issue_id, safe='')}"

    @property
    def each_issue_changelog(self) -> str:
        """The template of ``issue_changelog``."""
        return f"{self.each_issue}/changelog"

    def issue_changelog(self, issue_id: str) -> str:
        """Return the path of the pages of one issue's changelog, oldest first; Cloud's only."""
        return f"{self.issue(issue_id)}/changelog"


_CLOUD: Final = Dialect(
    deployment=CLOUD,
    api="/rest/api/3",
    projects="/rest/api/3/project/search",
    projects_params={
        "maxResults": 100,
        "expand": "description,lead,insight",
        "status": ["live", "archived"],
    },
    pages_projects=True,
    search="/rest/api/3/search/jql",
    # Cloud answers 400 unless it is told which permissions are meant.
    my_permissions_params={"permissions": ",".join(PERMISSIONS)},
)
_DATA_CENTER: Final = Dialect(
    deployment=DATA_CENTER,
    api="/rest/api/2",
    projects="/rest/api/2/project",
    projects_params={"expand": "description,lead", "includeArchived": "true"},
    pages_projects=False,
    search="/rest/api/2/search",
    my_permissions_params={},
)


def dialect_of(deployment: str) -> Dialect:
    """Return the dialect of ``cloud`` or ``data_center``; of ``auto``, the one both understand."""
    return _CLOUD if deployment == CLOUD else _DATA_CENTER


def deployment_of(server_info: Mapping[str, Any]) -> str:
    """Read what a site says it is: what does not say is no Cloud."""
    said = str(server_info.get("deploymentType") or "").lower()
    return CLOUD if said == CLOUD else DATA_CENTER
