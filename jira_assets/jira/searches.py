"""Searches for the issues of one project, in both dialects: what is asked, page by page.

Decisions this module embodies:

* They are POSTed: proxies cut long URLs.
* Cloud pages by tokens, which hold their place while issues change; Data Center is read by windows
  of keys (``key_windows.py``).
* A result that Jira itself says it cut short is an error: what is missing would read as deleted.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from jira_assets.jira.answers import words_of
from jira_assets.jira.errors import (
    JiraError,
    PagingError,
    RefusedRequestError,
    UnreadableError,
    WrongPathError,
)
from jira_assets.jira.key_windows import Bookmark, key_windows
from jira_assets.jira.moments import jql_moment
from jira_assets.jira.paging import token_pages

BY_UPDATE: Final = "updated ASC, key ASC"
BY_KEY: Final = "key ASC"
NEWEST_FIRST: Final = "updated DESC, key ASC"

Body = Mapping[str, Any]
Page = Mapping[str, Any]
Post = Callable[[Body], Page]


@dataclass(frozen=True)
class Search:
    """What to look for in one project.

    ``since`` is None for everything; ``size`` is how many issues a page may hold; ``order`` holds
    where pages are not read by key.
    """

    project_id: str
    fields: tuple[str, ...]
    size: int
    order: str
    since: datetime | None = None
    expand: tuple[str, ...] = ()

    def by_token(self, token: str | None = None) -> Body:
        """Return what Cloud is asked for the page behind ``token``."""
        body = {"jql": self._jql(self.order), "fields": [*self.fields], "maxResults": self.size}
        if self.expand:
            body["expand"] = ",".join(self.expand)
        return body if token is None else {**body, "nextPageToken": token}

    def first(self) -> Body:
        """Return what Data Center is asked for the first page in this order."""
        return self._from_the_start(self._jql(self.order))

    def by_key(self, bookmark: Bookmark | None) -> Body:
        """Return what Data Center is asked for the page that begins with ``bookmark``."""
        return self._from_the_start(self._jql(BY_KEY, bookmark))

    def _from_the_start(self, jql: str) -> Body:
        body = {"jql": jql, "startAt": 0, "maxResults": self.size, "fields": [*self.fields]}
        return {**body, "expand": [*self.expand]} if self.expand else body

    def _jql(self, order: str, bookmark: Bookmark | None = None) -> str:
        conditions = [f"project = {_operand(self.project_id)}"]
        if self.since is not None:
            conditions.append(f"updated >= {jql_moment(self.since)}")
        if bookmark is not None:
            conditions.append(f"key >= {_operand(bookmark.key)}")
        return f"{' AND '.join(conditions)} ORDER BY {order}"


def by_tokens(search: Search, post: Post, url: str) -> Iterator[tuple[Body, Page]]:
    """Yield the pages of a search on Cloud, each with what was asked; there is at least one.

    Raises ``PagingError`` if they do not hang together, or were cut short.
    """
    pages = token_pages(lambda token: post(search.by_token(token)), url)
    for token, page in pages:
        _refuse_cut_short(page, url)
        yield search.by_token(token), page


def by_keys(search: Search, post: Post, url: str) -> Iterator[tuple[Body, Page]]:
    """Yield the pages of a search on Data Center by key, as ``by_tokens`` does."""

    def fetch(bookmark: Bookmark | None) -> Page | None:
        try:
            return post(search.by_key(bookmark))
        except RefusedRequestError as error:
            if bookmark is not None and _names(error, bookmark.key):
                return None
            raise

    for bookmark, page in key_windows(fetch, url):
        yield search.by_key(bookmark), page


def cannot_see(error: JiraError, project_id: str) -> bool:
    """Whether a refused search says no more than that the account cannot see the project.

    Jira's words are in the account's language; the value and the field that it quotes are not.
    """
    if isinstance(error, RefusedRequestError):
        return _names(error, project_id) and _names(error, "project")
    return isinstance(error, UnreadableError) and not isinstance(error, WrongPathError)


def _names(error: RefusedRequestError, word: str) -> bool:
    """Whether a 400 quotes ``word``: as a word of its own, in whichever quotation marks."""
    said = re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", words_of(error.body))
    return error.status == HTTPStatus.BAD_REQUEST and said is not None


def _refuse_cut_short(page: Page, url: str) -> None:
    warnings = page.get("warnings")
    for warning in warnings if isinstance(warnings, list) else []:
        said = str(warning)
        if "truncat" in said.lower():
            what = f"Jira says that it cut a search short: {words_of(warning) or said[:300]}."
            raise PagingError(what, url=url, status=HTTPStatus.OK)


def _operand(value: str) -> str:
    """Return an id as JQL takes it, bare; anything else in quotes, which nothing in it ends."""
    if value.isascii() and value.isdecimal():
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
