"""The demo's three Jira sites: what they hold, where they are served, how they change.

The port is kept in ``$JIRA_ASSETS_HOME/demo.json``, so that ``jira-assets dev`` can serve the same
sites again after the demo has ended. What the demo changed in them is not kept: served again, they
are as they were at the beginning, and the next sync shows it. Only what happened to issues happens
again: what changed in an issue is read by its time, and no site's time goes back.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from jira_assets.sandbox.server import SandboxServer
from jira_assets.sandbox.site import JiraSite
from jira_assets.sandbox.synthetic import synthetic_site

PATHS: Final = {
    "demo-acme/cloud": "/acme",
    "demo-acme/datacenter": "/acme-dc/jira",
    "demo-globex/cloud": "/globex",
}
"""Partition key to the path under which its site is served."""

LATENCY_SECONDS: Final = 0.02
_FILE: Final = "demo.json"


def demo_sites() -> dict[str, JiraSite]:
    """Build the sites by partition key; one project of each may not be read."""
    sites = {
        "demo-acme/cloud": synthetic_site(projects=40, issues=60, seed=1, deployment="cloud"),
        "demo-acme/datacenter": synthetic_site(
            projects=25, issues=45, seed=2, deployment="data_center"
        ),
        "demo-globex/cloud": synthetic_site(projects=12, issues=30, seed=3, deployment="cloud"),
    }
    for site in sites.values():
        site.make_unreadable(_last_project(site))
    return sites


def change(sites: Mapping[str, JiraSite]) -> list[str]:
    """Change every site a little, and say how: what the second half of the demo must notice."""
    said = []
    for key, site in sites.items():
        readable = _readable_with_relations(site)
        project, issue_type, status = readable[0]
        renamed = readable[-1][2]
        site.remove_relation(project, issue_type, status)
        site.rename_status(renamed, "Renamed meanwhile ✅")
        field = min(row.id for row in site.state.fields.values() if row.custom)
        site.rename_field(field, "Renamed, too 🏷")
        site.make_readable(_last_project(site))
        said.append(
            f"{key}: status {renamed} and {field} renamed, status {status} taken from an issue "
            f"type of project {project}, project {_last_project(site)} made readable"
        )
    return said


def change_issues(site: JiraSite) -> dict[str, str]:
    """Let an issue change its status, one move, one be deleted; returns issue id to what it did.

    All three are of the site's largest readable project, of which most issues stay.
    """
    state = site.state
    readable = [each for each in state.issues_by_project.items() if each[0] not in state.unreadable]
    (_, issues), (other, _) = sorted(readable, key=lambda each: (-len(each[1]), each[0]))[:2]
    changing, moving, going = sorted(issues, key=lambda issue: issue.number)[:3]
    used = dict(state.workflows[changing.project_id])[changing.issue_type_id]
    status = next(one for one in (*used, *state.statuses) if one != changing.status_id)
    keys = {issue.id: state.key_of(issue) for issue in (changing, moving, going)}
    site.change_issue(changing.id, status_id=status)
    moved = site.move_issue(moving.id, other)
    site.delete_issue(going.id)
    return {
        changing.id: f"{keys[changing.id]} goes to status {status}",
        moving.id: f"{keys[moving.id]} moves, and is {site.state.key_of(moved)} now",
        going.id: f"{keys[going.id]} is deleted",
    }


def _last_project(site: JiraSite) -> str:
    return list(site.state.projects)[-1]


def _readable_with_relations(site: JiraSite) -> list[tuple[str, str, str]]:
    relations = site.truth()["projects_issue_types_statuses"]
    return sorted((str(project), str(kind), str(status)) for project, kind, status in relations)


@contextmanager
def served(home: Path, sites: Mapping[str, JiraSite]) -> Iterator[dict[str, str]]:
    """Serve the sites while the block runs; yields partition key to base URL."""
    mounted = {PATHS[key]: site for key, site in sites.items()}
    with SandboxServer(mounted, port=_port(home), latency=LATENCY_SECONDS) as server:
        home.mkdir(parents=True, exist_ok=True)
        (home / _FILE).write_text(json.dumps({"port": server.port}))
        yield {key: f"http://127.0.0.1:{server.port}{PATHS[key]}" for key in sites}


@contextmanager
def served_again(home: Path) -> Iterator[dict[str, str]]:
    """Serve the demo's sites where the demo has run; elsewhere yield nothing to serve."""
    if (home / _FILE).exists():
        sites = demo_sites()
        for site in sites.values():
            change_issues(site)
        with served(home, sites) as urls:
            yield urls
    else:
        yield {}


def _port(home: Path) -> int:
    kept = home / _FILE
    return int(json.loads(kept.read_text())["port"]) if kept.exists() else 0
