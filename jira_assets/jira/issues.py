"""Issues of many projects at once: each project's pages in order, and what they leave out.

Decisions this module embodies:

* A project is read by one thread, its pages one after the other, since each says where the next one
  begins; several projects are read at once, and their pages come out as they arrive.
* What a page leaves out of changelogs is read right after it, before the project's next page.
* A project that Jira answers badly, try after try, fails the reading once the others are read: it
  may be so for ever (a page that takes a server too long), and would keep all others from landing.
* A project whose first search says that there is none, or none for us, could not be read. Said of a
  later page this is an error: what came before it is not whole.
"""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import chain
from typing import Any, Final

from jira_assets.jira.caller import Caller
from jira_assets.jira.changelogs import short_changelogs
from jira_assets.jira.dialect import CLOUD, Dialect
from jira_assets.jira.errors import (
    JiraError,
    OversizedAnswerError,
    RateLimitedError,
    RefusedRequestError,
    TransientJiraError,
    UnreadableError,
)
from jira_assets.jira.fanout import as_they_arrive, as_they_stream
from jira_assets.jira.missing_changelogs import MissingChangelogs
from jira_assets.jira.results import OK, Answer, IssueQuery, ProjectEnd, ProjectRef
from jira_assets.jira.searches import (
    BY_KEY,
    BY_UPDATE,
    NEWEST_FIRST,
    Body,
    Page,
    Search,
    by_keys,
    by_tokens,
    cannot_see,
)
from jira_assets.jira.shapes import ids_of, is_search, items_of
from jira_assets.jira.site import Site
from jira_assets.jira.thin_pages import ThinPage, read_search
from jira_assets.lenient_json import read_json

_PAGE: Final = 100
"""Issues on a page with fields: what Cloud gives at most, and a few megabytes at most."""
_IDS_OF_CLOUD: Final = 5000
_IDS_OF_DATA_CENTER: Final = 1000

Read = Iterator[Answer | ProjectEnd]


class IssueReader:
    """Reads the issues of one site; ``cut`` ends the calls in flight."""

    def __init__(
        self, site: Site, caller: Caller, dialect: Dialect, cut: Callable[[], None]
    ) -> None:
        self._site = site
        self._caller = caller
        self._dialect = dialect
        self._cut = cut
        self._missing = MissingChangelogs(caller, dialect)

    def issues(self, queries: Iterable[IssueQuery]) -> Generator[Answer | ProjectEnd, None, None]:
        """Yield the issues of projects with their changelogs: see ``JiraClient.issues``."""

        def read(query: IssueQuery, stop: threading.Event) -> Read:
            expand = ("changelog", "renderedFields") if query.rendered else ("changelog",)
            search = Search(
                query.project.id, query.fields, _PAGE, BY_UPDATE, since=query.since, expand=expand
            )
            before: set[str] = set()
            for result in self._read(search, query.project, stop):
                yield result
                if isinstance(result, Answer):
                    since = None if query.whole_changelogs else query.since
                    shorts = short_changelogs(result.payload, since)
                    fresh = (short for short in shorts if short.issue_id not in before)
                    yield from self._missing.read(fresh, query.project, stop)
                    before = ids_of(result.payload)  # the last of them may be on the next page

        yield from as_they_stream(
            read,
            queries,
            threads=self._site.max_concurrency,
            cut=self._cut,
            put_off=_is_of_one_project,
        )

    def issue_ids(self, refs: Iterable[ProjectRef]) -> Generator[Answer | ProjectEnd, None, None]:
        """Yield the ids of all issues of projects: see ``JiraClient.issue_ids``."""
        size = _IDS_OF_CLOUD if self._dialect.deployment == CLOUD else _IDS_OF_DATA_CENTER

        def read(ref: ProjectRef, stop: threading.Event) -> Read:
            return self._read(Search(ref.id, ("id",), size, BY_KEY), ref, stop)

        yield from as_they_stream(read, refs, threads=self._site.max_concurrency, cut=self._cut)

    def issue_samples(self, refs: Iterable[ProjectRef]) -> Generator[Answer, None, None]:
        """Yield one page of the newest issues a project: see ``JiraClient.issue_samples``."""

        def read(ref: ProjectRef, stop: threading.Event) -> Answer:
            search = Search(ref.id, ("*all",), _PAGE, NEWEST_FIRST)
            body = search.by_token() if self._dialect.deployment == CLOUD else search.first()
            try:
                return self._answer(body, self._post(body, stop, read_json), ref)
            except JiraError as error:
                return self._refusal(error, body, ref)

        yield from as_they_arrive(read, refs, threads=self._site.max_concurrency, cut=self._cut)

    def _read(self, search: Search, ref: ProjectRef, stop: threading.Event) -> Read:
        """Yield the pages of one project, then its end."""
        by = by_tokens if self._dialect.deployment == CLOUD else by_keys
        url = self._site.url(self._dialect.search)
        pages = by(search, lambda body: self._post(body, stop, read_search), url)
        try:
            first = next(pages)
        except JiraError as error:
            body = search.by_token() if by is by_tokens else search.by_key(None)
            yield ProjectEnd(ref, 0, self._refusal(error, body, ref))
            return
        issues = 0
        for body, page in chain([first], pages):
            issues += len(items_of(page))
            yield self._answer(body, page, ref)
        yield ProjectEnd(ref, issues)

    def _post(self, body: Body, stop: threading.Event, parse: Callable[[bytes], Any]) -> Page:
        page: Page = self._caller.post(self._dialect.search, body, is_search, stop, parse)
        return page

    def _answer(self, body: Body, page: Page, ref: ProjectRef) -> Answer:
        text = page.text if isinstance(page, ThinPage) else None
        return Answer(self._dialect.search, body, OK, page, ref, method="POST", text=text)

    def _refusal(self, error: JiraError, body: Body, ref: ProjectRef) -> Answer:
        """Return why a project cannot be read as an answer; raises what is no such reason."""
        if not isinstance(error, RefusedRequestError | UnreadableError) or not cannot_see(
            error, ref.id
        ):
            raise error
        status = error.status or 0
        return Answer(self._dialect.search, body, status, error.body, ref, method="POST")


def _is_of_one_project(error: Exception) -> bool:
    """Say whether it may be so of one project only: not a limit, nor what somebody must mend."""
    if isinstance(error, RateLimitedError):
        return False
    return isinstance(error, TransientJiraError | OversizedAnswerError)
