"""Syncs of a site whose issues change between them: what was asked, said and stored each time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
import sqlalchemy as sa

from jira_assets.warehouse.tables import DATA_TABLES, issue_watermarks
from jira_assets_tests.commands.desk import Desk
from jira_assets_tests.commands.shell import KEY, Typed, fingerprints, rows

SEARCHES: Final = ("/search", "/search/jql")
CHANGELOGS: Final = ("/changelog/bulkfetch", "/changelog")


@dataclass(frozen=True)
class Asked:
    """One request about issues."""

    path: str
    jql: str
    fields: tuple[str, ...]
    body: Mapping[str, Any]

    @property
    def expand(self) -> str:
        """What was asked for beside fields: changelogs, of issues; nothing, of samples and ids."""
        said = self.body.get("expand", "")
        return said if isinstance(said, str) else ",".join(said)


@dataclass
class Told:
    """One sync, once it is over."""

    typed: Typed
    differences: list[str]
    prints: dict[str, str]
    asked: list[Asked]
    paths: list[str]

    def windows(self, project_id: str | None = None) -> list[Asked]:
        """Return the searches for issues that changed, of one project or of all."""
        wanted = "project = " if project_id is None else f"project = {project_id} "
        return [each for each in self.asked if each.jql.startswith(wanted) and each.expand]

    def changelogs(self) -> list[str]:
        """Return the ids of the issues whose changelogs were asked for by themselves."""
        bulk = [one for each in self.asked for one in each.body.get("issueIdsOrKeys", ())]
        return bulk + [
            each.path.split("/")[2] for each in self.asked if each.path.startswith("/issue/")
        ]


@dataclass
class IssueStory:
    """A desk, and each of its syncs."""

    desk: Desk
    told: list[Told] = field(default_factory=list)

    def sync(self, *arguments: str) -> Told:
        """Sync everything, or what ``arguments`` say, and keep what came of it."""
        self.desk.server.requests.clear()
        typed = self.desk.sync(*arguments)
        told = Told(
            typed,
            self.desk.differences(unreadable_too=True),
            fingerprints(self.desk.engine, DATA_TABLES),
            list(asked_about_issues(self.desk)),
            [request.path for request in self.desk.server.requests],
        )
        self.told.append(told)
        return told

    def replay(self, *arguments: str) -> Typed:
        """Type ``jira-assets replay acme/cloud ARGUMENTS``."""
        return self.desk.shell("replay", KEY, *arguments)

    def rows(self, statement: sa.Select[Any] | str) -> list[Any]:
        """Read rows of the tables."""
        return rows(self.desk.engine, statement)

    def issue(self, issue_id: str, columns: str = "*") -> Any:
        """Read the row of an issue."""
        (row,) = self.rows(f"SELECT {columns} FROM jira.issues WHERE jira_id = '{issue_id}'")
        return row

    def marks(self) -> dict[str, Any]:
        """Return the watermark of each project, by its id."""
        return {row.project_jira_id: row for row in self.rows(sa.select(issue_watermarks))}


def asked_about_issues(desk: Desk) -> Iterator[Asked]:
    """Yield the searches and the changelogs that the site was asked for, in order."""
    for request in desk.server.requests:
        below = request.path.partition("/rest/api/")[2][1:]
        if below in SEARCHES or below.endswith(CHANGELOGS) or below.startswith("/issue/"):
            body = orjson.loads(request.body) if request.body else {}
            fields = body.get("fields") or ()
            yield Asked(below, body.get("jql", ""), tuple(fields), body)
