"""What the real client asks of a site, read off the sandbox's own log."""

from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

from jira_assets.jira.client import JiraClient, ProjectRef
from jira_assets.jira.shapes import items_of
from jira_assets.sandbox.model import Deployment
from jira_assets.sandbox.server import SandboxServer
from jira_assets.sandbox.synthetic import synthetic_site
from jira_assets_tests.contract.spec import Operation, Spec
from jira_assets_tests.jira.scripted import POLICY, FakeClock, site

CONTEXTS: Final = ("", "/jira", "/ex/jira/0b6f1e5c-54a0-4f0e-9a39-0c2d6f5b7e10")
PROJECTS: Final = 120
"""More than a page of Cloud holds."""
APIS: Final[dict[str, Deployment]] = {"/rest/api/3": "cloud", "/rest/api/2": "data_center"}
OUTSIDE: Final = frozenset({"/mypermissions"})
"""What the excerpts of the specs do not hold."""


class Asked(NamedTuple):
    """One request, as the spec of its version of the API speaks of it."""

    method: str
    api: str
    path: str
    """Below the API."""
    query: tuple[tuple[str, str], ...]

    def operation(self, specs: dict[Deployment, Spec]) -> Operation | None:
        """Return what the spec says of it; None for what is outside of its excerpt."""
        if self.path in OUTSIDE:
            return None
        return specs[APIS[self.api]].asked_by(self.path)


def asked(deployment: Deployment, *, context: str = "", declared: str = "auto") -> list[Asked]:
    """Read a whole site and return every distinct request that it took.

    Args:
        deployment: what the site is.
        context: what its paths are below.
        declared: what the integration says that it is.
    """
    model = synthetic_site(projects=PROJECTS, deployment=deployment)
    with SandboxServer(model, context_path=context) as server:
        settings: dict[str, Any] = {"deployment": declared}
        with JiraClient(site(server.url, **settings), policy=POLICY, clock=FakeClock()) as client:
            _read_all(client)
        requests = [(each.method, each.path, each.query) for each in server.requests]
    return sorted({_asked(context, *each) for each in requests})


def _read_all(client: JiraClient) -> None:
    client.identity()
    client.permissions()
    found = [item for page in client.projects() for item in items_of(page.payload)]
    assert len(found) >= PROJECTS
    assert [*client.issue_types(), *client.statuses(), *client.fields()]
    refs = {ProjectRef(project["id"], project["key"]) for project in found}
    assert len(list(client.project_statuses(refs))) == PROJECTS


def _asked(context: str, method: str, path: str, query: str) -> Asked:
    assert path.startswith(f"{context}/rest/api/"), path
    below = path.removeprefix(context)
    api = next(each for each in APIS if below.startswith(f"{each}/"))
    pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    return Asked(method, api, below.removeprefix(api), tuple(pairs))
