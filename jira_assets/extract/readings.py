"""Readings: each entity's answers of Jira, as numbered pages on their way into the landing table.

Decisions this module embodies:

* A project that answers 403 or 404 is landed as what it is, an unreadable project, and the others
  go on; when every single one does, that is lost access, and the reading fails before its marker.
* Pages of `project_statuses` stand for themselves (one project each), so a retried step goes on
  where the last attempt ended. Offset pages hang together: they are read anew.
* What later entities need of earlier ones (the roster) is kept while it streams past, ids and keys
  only, never the pages.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from jira_assets.extract.failures import as_dagster_failures
from jira_assets.extract.progress import Listener, ProgressLog
from jira_assets.extract.roster import Roster
from jira_assets.jira.client import Answer, JiraClient, ProjectRef
from jira_assets.jira.errors import WHO_KEEPS_THE_ACCOUNT, PermanentJiraError
from jira_assets.jira.stats import Counts
from jira_assets.warehouse.contracts import LeftBehind, Note, RawPage
from jira_assets.warehouse.integrations import Integration


class EveryProjectUnreadableError(PermanentJiraError):
    """The account may list the projects of a site but read none of them."""

    must_act = WHO_KEEPS_THE_ACCOUNT


@dataclass
class SiteReader:
    """Reads the entities of one integration, one after the other, as pages to land."""

    integration: Integration
    client: JiraClient
    log: Callable[[str], None]
    tell: Listener = lambda _: None
    """Hears how far the entity is that is being read, with each call."""
    roster: Roster | None = None
    _before: dict[str, Counts] = field(default_factory=dict)

    def pages(self, entity: str, left: LeftBehind) -> Iterator[RawPage]:
        """Read ``entity``; failures of Jira come out as ``dagster.Failure``."""
        self._before[entity] = self.client.stats
        read: Callable[[LeftBehind], Iterator[RawPage]] = {
            "projects": self._projects,
            "issue_types": lambda _: numbered(self.client.issue_types()),
            "statuses": lambda _: numbered(self.client.statuses()),
            "project_statuses": self._project_statuses,
            "fields": lambda _: numbered(self.client.fields()),
        }[entity]
        with as_dagster_failures(self.integration.partition_key):
            yield from read(left)

    def notes(self, entity: str) -> dict[str, Note]:
        """Return what reading ``entity`` took, once it is over; nothing if it was not read now."""
        if entity not in self._before:
            return {}
        took = self.client.stats - self._before[entity]
        return {
            "calls": took.calls,
            "retries": took.retries,
            "answers_429": took.rate_limited,
            "waited_seconds": round(took.waited_seconds, 1),
            "asked_to_wait_seconds": round(took.asked_to_wait_seconds, 1),
            "received_megabytes": round(took.received_bytes / 1e6, 3),
        }

    def _projects(self, _left: LeftBehind) -> Iterator[RawPage]:
        roster = Roster()
        for page in numbered(self.client.projects()):
            roster.add(page.payload)
            yield page
        self.roster = roster

    def _project_statuses(self, left: LeftBehind) -> Iterator[RawPage]:
        refs = self._selected()
        missing = [ref for ref in refs if ref.id not in left.project_ids]
        if len(missing) < len(refs):
            self.log(f"{len(refs) - len(missing):,} projects landed in an earlier attempt")
        progress = ProgressLog(
            self.integration.partition_key, "project_statuses", len(missing), self.log, self.tell
        )
        readable = left.readable
        answers = self.client.project_statuses(missing)
        for page in numbered(answers, first=left.next_page):
            readable += page.readable
            progress.step()
            yield page
        if not readable:
            raise EveryProjectUnreadableError(
                f"none of the {len(refs):,} projects of {self.integration.base_url} could be read. "
                "Give the account the permission Browse Projects; nothing was deleted."
            )

    def _selected(self) -> list[ProjectRef]:
        if self.roster is None:
            self.roster = Roster()
            for answer in self.client.projects():
                self.roster.add(answer.payload)
        refs = self.roster.selected(self.integration)
        if not refs:
            raise PermanentJiraError(
                f"no project of {self.integration.base_url} is left by the integration's include "
                f"and exclude lists. Change them with `jira-assets integration update "
                f"{self.integration.partition_key}`; nothing was deleted."
            )
        return refs


def numbered(answers: Iterable[Answer], first: int = 0) -> Iterator[RawPage]:
    """Number answers into pages, each with the request that it answers."""
    for page, answer in enumerate(answers, start=first):
        request: dict[str, Any] = {"path": answer.path, "params": dict(answer.params)}
        if answer.project is not None:
            request |= {"project_id": answer.project.id, "project_key": answer.project.key}
        yield RawPage(page, request, answer.status, answer.payload)
