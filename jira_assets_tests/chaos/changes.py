"""What changes in Jira in a round, drawn from its seed, and which jobs must run to see it."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final
from zlib import crc32

from jira_assets.sandbox.model import TO_DO, Project, Status
from jira_assets.sandbox.moments import now
from jira_assets.sandbox.site import JiraSite

METADATA: Final = "jira_metadata"
DISCOVERY: Final = "jira_discovery"
ISSUES: Final = "jira_issues"
DELETIONS: Final = "jira_deletions"
JOBS: Final = (METADATA, DISCOVERY, ISSUES, DELETIONS)
_SETTLED_MILLISECONDS: Final = 600_000

Draw = Callable[[JiraSite, Random, str], None]


@dataclass(frozen=True)
class Change:
    """A kind of change of a site."""

    name: str
    jobs: tuple[str, ...]
    """The jobs that bring it into the tables."""
    make: Draw
    """Change the site; the text is part of new names."""


def _status(site: JiraSite, rng: Random) -> str:
    return rng.choice(sorted(site.state.statuses))


def _project(site: JiraSite, rng: Random) -> str:
    """Draw a project that people work in: one that is not archived."""
    return rng.choice(sorted(row.id for row in site.state.projects.values() if not row.archived))


def _issue(site: JiraSite, rng: Random) -> str:
    living = (
        issue.id
        for issue in site.state.issues.values()
        if not site.state.projects[issue.project_id].archived
    )
    return rng.choice(sorted(living))


def _add_status(site: JiraSite, rng: Random, name: str) -> None:
    number = max(int(row) for row in site.state.statuses) + 1
    site.add_status(Status(str(number), f"Added {name}", TO_DO))


def _rename_status(site: JiraSite, rng: Random, name: str) -> None:
    site.rename_status(_status(site, rng), f"Renamed {name}")


def _add_project(site: JiraSite, rng: Random, name: str) -> None:
    # As in Jira, an id that a deleted project had does not come again.
    number = crc32(name.encode())
    workflow = next(iter(site.state.workflows.values()))
    site.add_project(Project(str(number), f"C{number}", f"Added {name}"), workflow)


def _rename_project(site: JiraSite, rng: Random, name: str) -> None:
    site.rename_project(_project(site, rng), f"Renamed {name}")


def _rekey_project(site: JiraSite, rng: Random, name: str) -> None:
    site.rekey_project(_project(site, rng), f"K{len(site.state.moved_keys)}{rng.randrange(1000)}")


def _remove_project(site: JiraSite, rng: Random, name: str) -> None:
    # The issues of a deleted project wait for somebody to say that they are gone: nobody here does.
    empty = sorted(site.state.projects.keys() - site.state.issues_by_project.keys())
    if len(empty) > 1:
        site.remove_project(rng.choice(empty))


def _add_relation(site: JiraSite, rng: Random, name: str) -> None:
    kind = rng.choice(sorted(row.id for row in site.state.issue_types.values() if row.listed))
    site.add_relation(_project(site, rng), kind, _status(site, rng))


def _rename_field(site: JiraSite, rng: Random, name: str) -> None:
    custom = sorted(row.id for row in site.state.fields.values() if row.custom)
    site.rename_field(rng.choice(custom), f"Renamed {name}")


def _add_issue(site: JiraSite, rng: Random, name: str) -> None:
    with_workflow = {row for row, workflow in site.state.workflows.items() if workflow}
    living = {row.id for row in site.state.projects.values() if not row.archived}
    projects = sorted(row for row in with_workflow & living if _can_have_issues(site, row))
    site.add_issue(rng.choice(projects), summary=f"Added {name}")


def _can_have_issues(site: JiraSite, project_id: str) -> bool:
    _, statuses = site.state.workflows[project_id][0]
    return bool(statuses)


def _change_issue(site: JiraSite, rng: Random, name: str) -> None:
    site.change_issue(_issue(site, rng), status_id=_status(site, rng), summary=f"Changed {name}")


def _move_issue(site: JiraSite, rng: Random, name: str) -> None:
    site.move_issue(_issue(site, rng), _project(site, rng))


def _delete_issue(site: JiraSite, rng: Random, name: str) -> None:
    issue = site.issue(_issue(site, rng))
    # A sweep leaves half of a project, and what changed within minutes, to the next one.
    many = len(site.state.issues_by_project[issue.project_id]) > 4
    if many and issue.updated < now() - _SETTLED_MILLISECONDS:
        site.delete_issue(issue.id)


CHANGES: Final = (
    Change("a status added", (METADATA,), _add_status),
    Change("a status renamed", (METADATA,), _rename_status),
    Change("a project added", (METADATA,), _add_project),
    Change("a project renamed", (METADATA,), _rename_project),
    Change("a project given another key", (METADATA, ISSUES), _rekey_project),
    Change("a project deleted", (METADATA, DISCOVERY), _remove_project),
    Change("a status used by one more project", (METADATA,), _add_relation),
    Change("a field renamed", (DISCOVERY,), _rename_field),
    Change("an issue added", (ISSUES,), _add_issue),
    Change("an issue changed", (ISSUES,), _change_issue),
    Change("an issue moved", (DISCOVERY, ISSUES), _move_issue),
    Change("an issue deleted", (DISCOVERY, DELETIONS), _delete_issue),
)
