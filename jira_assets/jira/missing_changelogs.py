"""Reads what a search's page leaves out of changelogs.

Decisions this module embodies:

* Cloud has a bulk of the changelogs of many issues: the short ones of a page come together. A site
  that refuses it once is not asked for it again; its issues are read one by one, and so are those
  that the bulk brings in part only.
* One issue's changelog on Cloud comes oldest first, and what the search left out is the oldest: as
  many are asked for, and no more. Where the bulk brought some of them it is not known which, and
  all are. On Data Center the issue itself brings all of it.
* An issue that is gone by then, or not for us any more (404), has nothing to be read.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from jira_assets.jira.caller import Caller
from jira_assets.jira.changelogs import ShortChangelog, take_in
from jira_assets.jira.dialect import CLOUD, Dialect
from jira_assets.jira.errors import (
    GoneError,
    JiraError,
    NotFoundError,
    RefusedRequestError,
    UnreadableError,
    WrongPathError,
)
from jira_assets.jira.paging import token_pages
from jira_assets.jira.results import OK, Answer, ProjectRef
from jira_assets.jira.shapes import (
    is_bulk_of_changelogs,
    is_changelog_page,
    is_issue,
    items_of,
    number,
)

_BULK_HISTORIES: Final = 1000
_HISTORIES: Final = 100


@dataclass(frozen=True)
class MissingChangelogs:
    """Reads them of one site, from any number of threads."""

    caller: Caller
    dialect: Dialect
    no_bulk: threading.Event = field(default_factory=threading.Event)
    """Whether the site has refused the bulk."""

    def read(
        self, shorts: Iterable[ShortChangelog], project: ProjectRef, stop: threading.Event
    ) -> Iterator[Answer]:
        """Yield the answers that bring what is missing of ``shorts``, all of one project.

        Raises a ``JiraError`` if one of them cannot be read, and is not gone.
        """
        left = {short.issue_id: short for short in shorts}
        if self.dialect.deployment != CLOUD:
            for issue_id in left:
                yield from self._whole_issue(issue_id, project, stop)
            return
        if left and not self.no_bulk.is_set():
            yield from self._bulk(left, project, stop)
        for short in left.values():
            if short.missing or (short.missing is None and not short.told):
                yield from self._oldest(short, project, stop)

    def _bulk(
        self, shorts: Mapping[str, ShortChangelog], project: ProjectRef, stop: threading.Event
    ) -> Iterator[Answer]:
        """Yield the pages of the bulk, if there is one, and note in ``shorts`` what they bring.

        A page holds 100 issues at most, the bulk takes 1,000.
        """
        path = self.dialect.bulk_changelogs
        ids = list(shorts)

        def body(token: str | None) -> Mapping[str, Any]:
            asked = {"issueIdsOrKeys": ids, "maxResults": _BULK_HISTORIES}
            return asked if token is None else {**asked, "nextPageToken": token}

        def fetch(token: str | None) -> Mapping[str, Any]:
            page: Mapping[str, Any] = self.caller.post(
                path, body(token), is_bulk_of_changelogs, stop
            )
            return page

        try:
            for token, page in token_pages(fetch, path):
                take_in(page, shorts)
                yield Answer(path, body(token), OK, page, project, method="POST")
        except JiraError as error:
            if not _is_no_bulk(error):
                raise
            self.no_bulk.set()

    def _oldest(
        self, short: ShortChangelog, project: ProjectRef, stop: threading.Event
    ) -> Iterator[Answer]:
        """Yield the pages of one issue's changelog that hold what is older than its page's."""
        path, start = self.dialect.issue_changelog(short.issue_id), 0
        older = short.older
        while older is None or start < older:
            most = _HISTORIES if older is None else min(_HISTORIES, older - start)
            params = {"startAt": start, "maxResults": most}
            page = self._get(path, params, stop)
            if page is None:
                return
            yield _of_one(path, params, page, project, short.issue_id)
            start += len(items_of(page))
            total = number(page, "total")
            if page.get("isLast") is True or not items_of(page) or start == total:
                return

    def _whole_issue(
        self, issue_id: str, project: ProjectRef, stop: threading.Event
    ) -> Iterator[Answer]:
        path, params = self.dialect.issue(issue_id), {"expand": "changelog", "fields": "updated"}
        issue = self._get(path, params, stop)
        if issue is not None:
            yield _of_one(path, params, issue, project, issue_id)

    def _get(self, path: str, params: Mapping[str, Any], stop: threading.Event) -> Any:
        """Return what is at a path of one issue; None if the issue is gone."""
        one_by_one = self.dialect.deployment == CLOUD
        endpoint = self.dialect.each_issue_changelog if one_by_one else self.dialect.each_issue
        fits = is_changelog_page if one_by_one else is_issue
        try:
            return self.caller.call(path, params, fits, stop, endpoint)
        except WrongPathError:
            raise
        except NotFoundError:
            return None


def _of_one(
    path: str, params: Mapping[str, Any], payload: Any, project: ProjectRef, issue_id: str
) -> Answer:
    return Answer(path, params, OK, payload, project, issue_id)


def _is_no_bulk(error: JiraError) -> bool:
    if isinstance(error, RefusedRequestError):
        return error.status == HTTPStatus.METHOD_NOT_ALLOWED
    return isinstance(error, UnreadableError | GoneError)
