"""Reading issues: many projects at a time, each from its watermark on, as pages to land.

Decisions this module embodies:

* What an extraction knows of earlier ones is what it needs to ask for less: how far each project
  was read, which fields are used, of which types they are. Nothing of what it reads depends on the
  rows that were made.
* What is new comes before what is read in full, which takes longer, and may fail where that would
  not.
* Pages of a project are numbered here, as they come; projects come in any order.
* A project that cannot be read (any more) ends as what it is, and keeps its watermark; when every
  single one does, that is lost access, and the reading fails.
* Of an archived project a search finds nothing, on most sites. That says nothing of its issues:
  nothing lands, and it keeps its watermark, so that all that there is comes when it is restored.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from jira_assets.extract.fields import ALL, FieldChoice, FieldUsage, Usage, mapped_fields
from jira_assets.extract.full_again import FullLanding, Site, due_in_full, with_fields
from jira_assets.extract.pages import page_of
from jira_assets.extract.progress import ProgressLog
from jira_assets.extract.roster import ListedProject
from jira_assets.extract.windows import Moments, Wanted, Watermark, WindowPlan, plan_window
from jira_assets.jira.client import Answer, IssueQuery, JiraClient, ProjectEnd
from jira_assets.warehouse.contracts import MappedField, Note, ScopeEnd, ScopePage
from jira_assets.warehouse.unreadable import reason_of

_LISTED: Final = 200
"""How many fields the notes of a reading name."""


@dataclass(frozen=True)
class Known:
    """What earlier extractions found out; looked up when issues are read, and not before."""

    watermarks: Callable[[], Mapping[str, Watermark]] = dict
    """Project id to how far it was read."""
    usage: Callable[[], Usage] = dict
    types: Callable[[], Mapping[str, str | None]] = dict
    """Field id to its type."""
    full_landings: Callable[[], Mapping[str, FullLanding]] = dict
    """Project id to its last full landing."""


@dataclass
class IssueReading:
    """One reading of the issues of a site."""

    client: JiraClient
    mappings: Mapping[str, str]
    known: Known
    wanted: Wanted
    rendered: bool = False
    """Ask for ``renderedFields``, too: texts as HTML."""
    usage: FieldUsage = field(default_factory=FieldUsage)
    """What this extraction has found out itself."""
    types: dict[str, str | None] = field(default_factory=dict)
    """Field id to its type, as this extraction has read them."""
    readable: int = 0
    unreadable: int = 0
    _plans: dict[str, WindowPlan] = field(default_factory=dict)
    _asked: Counter[str] = field(default_factory=Counter)

    def plan(self, projects: list[ListedProject], moments: Moments) -> list[WindowPlan]:
        """Decide what to read of each project."""
        watermarks = self.known.watermarks()
        self.usage.learn(self.known.usage())
        mapped = mapped_fields(self.mappings, self.types or self.known.types())
        choice = FieldChoice(self.usage, mapped)
        again = self._again(projects, watermarks, mapped, moments.begins_at)
        for project in projects:
            full = again.get(project.id)
            plan = plan_window(
                project,
                watermarks.get(project.id),
                moments,
                wanted=self.wanted if full is None else Wanted(full=True),
                mapped=mapped,
            )
            fields = choice.of(project.id)
            asked = fields if full is None else with_fields(fields, full)
            window = replace(plan.window, fields=asked)
            self._plans[project.id] = replace(plan, window=window)
        return list(self._plans.values())

    def _again(
        self,
        projects: list[ListedProject],
        watermarks: Mapping[str, Watermark],
        mapped: Mapping[str, MappedField],
        now: datetime,
    ) -> Mapping[str, FullLanding]:
        """Return the projects to read in full because it was long ago."""
        if self.wanted.full_after is None:
            return {}
        site = Site(watermarks, self.known.full_landings(), mapped, now)
        return due_in_full(projects, site, self.wanted.full_after)

    def read(
        self, plans: list[WindowPlan], progress: ProgressLog
    ) -> Iterator[ScopePage | ScopeEnd]:
        """Read what was planned; the idle projects first, of which nothing is asked."""
        for plan in plans:
            if plan.idle:
                self.readable += 1
                yield ScopeEnd(plan.project.id, plan.window)
        archived = {plan.project.id for plan in plans if plan.project.archived}
        numbers: Counter[str] = Counter()
        held: dict[str, ScopePage] = {}
        busy = sorted((plan for plan in plans if not plan.idle), key=lambda plan: plan.is_full)
        for event in self.client.issues(map(self._query, busy)):
            project_id = _project_of(event)
            first = held.pop(project_id, None)
            if isinstance(event, ProjectEnd):
                progress.step()
                if first is not None and not event.issues:
                    self.readable += 1
                    continue
            if first is not None:
                yield first
            if isinstance(event, ProjectEnd):
                yield self._end(event)
                continue
            page = ScopePage(project_id, page_of(event, numbers[project_id]))
            numbers[project_id] += 1
            if project_id in archived and numbers[project_id] == 1:
                held[project_id] = page
            else:
                yield page

    def notes(self) -> dict[str, Note]:
        """Return what was asked for, and of how many projects nothing."""
        if not self._plans:
            return {}
        idle = sum(plan.idle for plan in self._plans.values())
        fields = sorted(self._asked, key=lambda name: (-self._asked[name], len(name), name))
        notes: dict[str, Note] = {
            "fields": ", ".join(fields[:_LISTED]) or "none",
            "projects_idle": idle,
            "projects_with_all_fields": self._asked[ALL[0]],
            "projects_in_full": sum(
                not plan.idle and plan.is_full for plan in self._plans.values()
            ),
        }
        mapped = next(iter(self._plans.values())).window.mapped
        if mapped:
            listed = (f"{column}={each.field_id}" for column, each in mapped.items())
            notes["mapped_fields"] = ", ".join(listed)
        return notes

    def _query(self, plan: WindowPlan) -> IssueQuery:
        self._asked.update(plan.window.fields)
        return IssueQuery(
            plan.project,
            plan.window.since,
            plan.window.fields,
            rendered=self.rendered,
            whole_changelogs=plan.whole_changelogs,
        )

    def _end(self, end: ProjectEnd) -> ScopeEnd:
        window = self._plans[end.project.id].window
        if end.unreadable is None:
            self.readable += 1
            return ScopeEnd(end.project.id, window)
        self.unreadable += 1
        return ScopeEnd(end.project.id, window, reason_of(page_of(end.unreadable, 0)))


def _project_of(event: Answer | ProjectEnd) -> str:
    if event.project is None:
        raise TypeError("an answer is about no project")
    return event.project.id
