"""``JiraClient``: projects, issue types, statuses, fields and issues of one site.

Decisions this module embodies:

* The identity comes first. Jira may answer wrong credentials with 200 and the anonymous view, so no
  list is asked for before ``/myself`` has said who we are, and an empty list, which a site that can
  be worked with does not have, is lost access, not a site where everything was deleted.
* Answers are yielded as they came, one a call; nothing is collected.
* A project that answers 403 or 404 is an answer: one object that cannot be read. The same from a
  list, and refused credentials from anywhere, end the reading.
"""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Self

from jira_assets.jira.budget import Budget, Pace
from jira_assets.jira.caller import Caller
from jira_assets.jira.clock import Clock, SystemClock
from jira_assets.jira.dialect import PERMISSIONS, Dialect, dialect_of
from jira_assets.jira.errors import LostAccessError, UnreadableError
from jira_assets.jira.fanout import as_they_arrive
from jira_assets.jira.identity import Identity, read_identity
from jira_assets.jira.issues import IssueReader
from jira_assets.jira.pages_ahead import reading_ahead
from jira_assets.jira.paging import offset_pages
from jira_assets.jira.results import OK, Answer, IssueQuery, ProjectEnd, ProjectRef
from jira_assets.jira.retry import RetryPolicy
from jira_assets.jira.shapes import is_list, is_page, is_permissions, items_of
from jira_assets.jira.site import Site
from jira_assets.jira.site_clock import SiteClock
from jira_assets.jira.stats import Counts, Stats
from jira_assets.jira.transport import Timeouts, Transport

__all__ = ["Answer", "IssueQuery", "JiraClient", "ProjectEnd", "ProjectRef"]


class JiraClient:
    """Reads one site. A context manager; usable from several threads, within one rate and one pool.

    Args:
        site: where, and as whom.
        policy: how often, and after which pauses, transient failures are tried again.
        timeouts: for every call.
        clock: what pauses wait on.

    Every method raises a ``PermanentJiraError`` when somebody must act, and a
    ``TransientJiraError`` when the tries of the policy are used up.
    """

    def __init__(
        self,
        site: Site,
        *,
        policy: RetryPolicy | None = None,
        timeouts: Timeouts | None = None,
        clock: Clock | None = None,
    ) -> None:
        clock = clock or SystemClock()
        self.site = site
        self._stats = Stats()
        self._site_clock = SiteClock(clock)
        self._transport = Transport(site, timeouts or Timeouts())
        self._budget = Budget(
            clock,
            max_concurrency=site.max_concurrency,
            requests_per_second=site.requests_per_second,
        )
        self._caller = Caller(
            transport=self._transport,
            budget=self._budget,
            policy=policy or RetryPolicy(),
            clock=clock,
            stats=self._stats,
            site_clock=self._site_clock,
            anonymous=site.anonymous,
        )
        self._identity: Identity | None = None
        self._identity_lock = threading.Lock()
        self._issue_reader: IssueReader | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    @property
    def stats(self) -> Counts:
        """What the client has done so far."""
        return self._stats.total

    def tell_waits(self, tell: Callable[[str], None]) -> None:
        """Call ``tell`` with a line whenever Jira asks for a wait of ten seconds or more."""
        self._budget.tell = tell

    def pace(self) -> Pace:
        """Return how fast the site lets the statuses of projects be read, as known so far."""
        return self._budget.pace(self._dialect().each_project_statuses)

    def identity(self) -> Identity:
        """Return who we are and what the site is: asked once, then remembered."""
        with self._identity_lock:
            if self._identity is None:
                self._identity = read_identity(self.site, self._caller)
            return self._identity

    def site_time(self) -> datetime:
        """Return what Jira's clock shows now, in UTC: never more, at most an answer's time less.

        It is what ``/serverInfo`` said, or the ``Date`` header of an answer, moved on; our own
        clock where the site says neither.
        """
        self.identity()
        return self._site_clock.now()

    def permissions(self) -> Mapping[str, bool]:
        """Return which of ``dialect.PERMISSIONS`` the account has, in any project at least.

        What the site does not speak of is missing.
        """
        dialect = self._dialect()
        params = dialect.my_permissions_params
        payload = self._caller.call(dialect.my_permissions, params, is_permissions)
        told = payload["permissions"]
        return {
            name: told[name].get("havePermission") is True
            for name in PERMISSIONS
            if isinstance(told.get(name), dict)
        }

    def projects(self) -> Iterator[Answer]:
        """Yield the pages of all projects, live and archived; the same one may be on two pages.

        Cloud: ``/project/search``, ``{values: […], startAt, maxResults, total, isLast}``, 100 a
        page. Data Center: ``/project``, one list. Raises ``LostAccessError`` if there are none.
        """
        dialect = self._dialect()
        pages = self._pages if dialect.pages_projects else self._list
        yield from self._not_empty("projects", pages(dialect.projects, dialect.projects_params))

    def issue_types(self) -> Iterator[Answer]:
        """Yield the one list of all issue types. Raises ``LostAccessError`` if it is empty."""
        yield from self._not_empty("issue types", self._list(self._dialect().issue_types, {}))

    def statuses(self) -> Iterator[Answer]:
        """Yield the one list of the statuses of active workflows; projects may use others.

        Raises ``LostAccessError`` if it is empty.
        """
        yield from self._not_empty("statuses", self._list(self._dialect().statuses, {}))

    def fields(self) -> Iterator[Answer]:
        """Yield the one list of all fields that the account may see, system and custom ones.

        Raises ``LostAccessError`` if it is empty: the system fields are on every site.
        """
        yield from self._not_empty("fields", self._list(self._dialect().fields, {}))

    def project_statuses(self, refs: Iterable[ProjectRef]) -> Generator[Answer, None, None]:
        """Yield, per project, its issue types with their statuses, as the answers arrive.

        ``[{id, name, subtask, statuses: [{id, name, statusCategory, …}]}]``, empty for a project
        without issue types. The first failure cancels the rest and is raised when every thread has
        ended; so does closing the generator.
        """
        dialect = self._dialect()
        endpoint = dialect.each_project_statuses

        def read(ref: ProjectRef, stop: threading.Event) -> Answer:
            path = dialect.project_statuses(ref.id)
            try:
                payload = self._caller.call(path, {}, is_list, stop, endpoint)
                return Answer(path, {}, OK, payload, ref)
            except UnreadableError as error:
                return Answer(path, {}, error.status or 0, error.body, ref)

        yield from as_they_arrive(
            read, refs, threads=self.site.max_concurrency, cut=self._transport.cut
        )

    def issues(self, queries: Iterable[IssueQuery]) -> Generator[Answer | ProjectEnd, None, None]:
        """Yield, per project, its issues with their whole changelogs, then its ``ProjectEnd``.

        Several projects are read at once; the answers of one are in order, between those of others:

        * pages of the search: ``{issues: [{id, key, fields, changelog: {total, histories}}]}``;
        * behind each page, what it leaves out of changelogs: Cloud's bulk ``{issueChangeLogs:
          [{issueId, changeHistories}]}``, or, with ``issue_id``, pages of one issue's changelog
          (``{values}``, oldest first), or on Data Center the issue with all of its changelog.

        The same issue may be on two pages. With ``since``, histories that are older, and that came
        with an earlier reading, may be missing. A project that cannot be read is a ``ProjectEnd``
        alone. Failures and closing the generator are as in ``project_statuses``, but for what may
        be so of one project only (5xx, timeouts, too large an answer, …, after all tries): it is
        raised when the other projects were read, or with the third of its kind.
        """
        yield from self._issues().issues(queries)

    def issue_ids(self, refs: Iterable[ProjectRef]) -> Generator[Answer | ProjectEnd, None, None]:
        """Yield, per project, pages of all its issues with ids and no fields, then its end.

        All else is as in ``issues``.
        """
        yield from self._issues().issue_ids(refs)

    def issue_samples(self, refs: Iterable[ProjectRef]) -> Generator[Answer, None, None]:
        """Yield one answer a project: its newest issues, at most 100, with all fields.

        ``{issues: [{id, key, fields}]}``, without changelogs. Of a project that cannot be read, it
        is the refusal: 400, 403 or 404. Failures are as in ``project_statuses``.
        """
        yield from self._issues().issue_samples(refs)

    def _issues(self) -> IssueReader:
        dialect = self._dialect()
        if self._issue_reader is None:
            self._issue_reader = IssueReader(self.site, self._caller, dialect, self._transport.cut)
        return self._issue_reader

    def _dialect(self) -> Dialect:
        return dialect_of(self.identity().deployment)

    def _list(self, path: str, params: Mapping[str, Any]) -> Iterator[Answer]:
        yield Answer(path, params, OK, self._caller.call(path, params, is_list))

    def _pages(self, path: str, params: Mapping[str, Any]) -> Iterator[Answer]:
        def at(start: int) -> Mapping[str, Any]:
            return {"startAt": start, **params}

        def fetch(start: int, stop: threading.Event) -> Any:
            return self._caller.call(path, at(start), is_page, stop)

        ahead = reading_ahead(fetch, pages=self.site.max_concurrency, cut=self._transport.cut)
        with ahead as page_at:
            for start, page in offset_pages(page_at, self.site.url(path)):
                yield Answer(path, at(start), OK, page)

    def _not_empty(self, what: str, answers: Iterator[Answer]) -> Iterator[Answer]:
        """Hold empty answers back until one holds something: an empty list must not even land."""
        held: list[Answer] = []
        for answer in answers:
            held.append(answer)
            if items_of(answer.payload):
                yield from held
                break
        else:
            raise LostAccessError(
                f"Jira answered no {what} at all to {self.identity().display_name}.",
                url=self.site.url(held[0].path),
                status=OK,
            )
        yield from answers
