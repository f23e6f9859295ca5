"""Readings: each entity's answers of Jira, as numbered pages on their way into the landing table.

Decisions this module embodies:

* A project that answers 403 or 404 is landed as what it is, an unreadable project, and the others
  go on; when every single one does, that is lost access, and the reading fails before its marker.
* Pages of `project_statuses` and `issue_samples` stand for themselves (one project each), so a
  retried step goes on where the last attempt ended. Offset pages hang together: they are read anew,
  and so is the sweep of issue ids.
* Archived projects are not swept: their issues stay, but a search may not find them any more. For
  the same reason their issues are read only when all are, and nothing else moves their watermark.
* What later entities need of earlier ones (the roster, the use and the types of fields) is kept
  while it streams past, never the pages.
"""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from jira_assets.extract.failures import as_dagster_failures
from jira_assets.extract.fields import types_of
from jira_assets.extract.issue_readings import IssueReading
from jira_assets.extract.pages import numbered, page_of
from jira_assets.extract.progress import Listener, ProgressLog
from jira_assets.extract.roster import ListedProject, Roster
from jira_assets.extract.windows import Moments
from jira_assets.garbage import rarely_collected
from jira_assets.jira.client import Answer, JiraClient, ProjectEnd
from jira_assets.jira.errors import WHO_KEEPS_THE_ACCOUNT, PermanentJiraError
from jira_assets.jira.stats import Counts
from jira_assets.warehouse.contracts import LeftBehind, Note, RawPage, ScopeEnd, ScopePage
from jira_assets.warehouse.integrations import Integration

RESUMABLE = frozenset({"project_statuses", "issue_samples"})
"""Entities whose pages stand for themselves."""


class EveryProjectUnreadableError(PermanentJiraError):
    """The account may list the projects of a site but read none of them."""

    must_act = WHO_KEEPS_THE_ACCOUNT


@dataclass
class SiteReader:
    """Reads the entities of one integration, one after the other, as pages to land."""

    integration: Integration
    client: JiraClient
    log: Callable[[str], None]
    issue_reading: IssueReading
    tell: Listener = lambda _: None
    """Hears how far the entity is that is being read, with each call."""
    roster: Roster | None = None
    listed_at: datetime | None = None
    """When the site was asked for its projects, by Jira's clock."""
    _before: dict[str, Counts] = field(default_factory=dict)

    def pages(self, entity: str, left: LeftBehind) -> Iterator[RawPage]:
        """Read ``entity``; failures of Jira come out as ``dagster.Failure``."""
        self._before[entity] = self.client.stats
        read: Callable[[LeftBehind], Iterator[RawPage]] = {
            "projects": self._projects,
            "issue_types": lambda _: numbered(self.client.issue_types()),
            "statuses": lambda _: numbered(self.client.statuses()),
            "project_statuses": self._project_statuses,
            "fields": self._fields,
            "issue_samples": self._issue_samples,
            "issue_ids": self._issue_ids,
        }[entity]
        with as_dagster_failures(self.integration.partition_key):
            yield from read(left)

    def issues(self, landed: frozenset[str]) -> Iterator[ScopePage | ScopeEnd]:
        """Read the issues of each project but those that have ``landed`` in an earlier attempt."""
        self._before["issues"] = self.client.stats
        with as_dagster_failures(self.integration.partition_key), rarely_collected():
            yield from self._issues(landed)

    def notes(self, entity: str) -> dict[str, Note]:
        """Return what reading ``entity`` took, once it is over; nothing if it was not read now."""
        if entity not in self._before:
            return {}
        took = self.client.stats - self._before[entity]
        return {
            **(self.issue_reading.notes() if entity == "issues" else {}),
            "calls": took.calls,
            "retries": took.retries,
            "answers_429": took.rate_limited,
            "waited_seconds": round(took.waited_seconds, 1),
            "asked_to_wait_seconds": round(took.asked_to_wait_seconds, 1),
            "received_megabytes": round(took.received_bytes / 1e6, 3),
        }

    def _projects(self, _left: LeftBehind) -> Iterator[RawPage]:
        listed_at, roster = self.client.site_time(), Roster()
        for page in numbered(self.client.projects()):
            roster.add(page.payload)
            yield page
        self.roster, self.listed_at = roster, listed_at

    def _fields(self, _left: LeftBehind) -> Iterator[RawPage]:
        for page in numbered(self.client.fields()):
            self.issue_reading.types |= types_of(page.payload)
            yield page

    def _project_statuses(self, left: LeftBehind) -> Iterator[RawPage]:
        yield from self._each_project(
            "project_statuses", self._selected(), self.client.project_statuses, left
        )

    def _issue_samples(self, left: LeftBehind) -> Iterator[RawPage]:
        refs = [ref for ref in self._selected() if not ref.archived]
        for page in self._each_project("issue_samples", refs, self.client.issue_samples, left):
            if page.readable:
                self.issue_reading.usage.sample(page.request["project_id"], page.payload)
            yield page

    def _each_project(
        self,
        entity: str,
        refs: list[ListedProject],
        read: Callable[[list[ListedProject]], Generator[Answer, None, None]],
        left: LeftBehind,
    ) -> Iterator[RawPage]:
        """Read one page a project, less those that an earlier attempt has landed."""
        missing = [ref for ref in refs if ref.id not in left.project_ids]
        if len(missing) < len(refs):
            self.log(f"{len(refs) - len(missing):,} projects landed in an earlier attempt")
        progress = self._progress(entity, len(missing))
        readable = left.readable
        for page in numbered(read(missing), first=left.next_page):
            readable += page.readable
            progress.step()
            yield page
        if refs and not readable:
            raise self._nothing_readable(refs)

    def _issue_ids(self, _left: LeftBehind) -> Iterator[RawPage]:
        refs = [ref for ref in self._selected() if not ref.archived]
        progress, number, readable = self._progress("issue_ids", len(refs)), 0, 0
        for event in self.client.issue_ids(refs):
            if isinstance(event, ProjectEnd):
                progress.step()
                readable += event.unreadable is None
            answer = event.unreadable if isinstance(event, ProjectEnd) else event
            if answer is not None:
                yield page_of(answer, number)
                number += 1
        if refs and not readable:
            raise self._nothing_readable(refs)

    def _issues(self, landed: frozenset[str]) -> Iterator[ScopePage | ScopeEnd]:
        in_full = self.issue_reading.wanted.full
        refs = [
            ref
            for ref in self._selected()
            if ref.id not in landed and (in_full or not ref.archived)
        ]
        if landed:
            self.log(f"{len(landed):,} projects landed in an earlier attempt")
        now, reading = self.client.site_time(), self.issue_reading
        plans = reading.plan(refs, Moments(self.listed_at or now, now))
        busy = sum(not plan.idle for plan in plans)
        if busy < len(plans):
            self.log(f"{len(plans) - busy:,} projects have not changed: nothing is asked of them")
        yield from reading.read(plans, self._progress("issues", busy))
        if refs and not reading.readable and not landed:
            raise self._nothing_readable(refs)

    def _progress(self, entity: str, total: int) -> ProgressLog:
        key = self.integration.partition_key
        return ProgressLog(key, entity, total, self.log, self.tell)

    def _nothing_readable(self, refs: list[ListedProject]) -> EveryProjectUnreadableError:
        return EveryProjectUnreadableError(
            f"none of the {len(refs):,} projects of {self.integration.base_url} could be read. "
            "Give the account the permission Browse Projects; nothing was deleted."
        )

    def _selected(self) -> list[ListedProject]:
        if self.roster is None:
            for _ in self._projects(LeftBehind()):
                pass
        refs = self.roster.selected(self.integration) if self.roster else []
        if not refs:
            raise PermanentJiraError(
                f"no project of {self.integration.base_url} is left by the integration's include "
                f"and exclude lists. Change them with `jira-assets integration update "
                f"{self.integration.partition_key}`; nothing was deleted."
            )
        return refs
