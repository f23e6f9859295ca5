"""A landing of issues as the pieces that are merged, one a page.

Decisions this module embodies:

* A page is told by its shape, not by what was asked: found issues, changelogs of many issues
  (Cloud's bulk answer), a page of one issue's changelog, or one issue with its whole changelog.
* What is on a page that is none of these is set aside; a page that is no answer (a status other
  than 200) is passed over, since an issue that is gone between two calls is no fault.
* The keys that an issue had may come later than the issue: in its changelog, when that did not fit
  beside it. The client asks for that right after the page, so a page of issues is held back until
  the next one comes. What came later still is given to the issues in a second walk over the pages,
  which a landing needs as good as never.
* What is set aside of an issue is set aside with its rows or after them: rows that come later mean
  that the issue has come well since.
* Pages are as Postgres gave them, without U+0000 and lone surrogates. That is looked at, not relied
  on: a page that has one is cleaned as a whole and read again.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import compress
from typing import Any, Final

import orjson

from jira_assets.transform.issue_records import Column, PageRows
from jira_assets.transform.mapped_fields import FieldMapping
from jira_assets.transform.values import identifier
from jira_assets.warehouse.contracts import (
    LandedEntity,
    Landing,
    Piece,
    RawPage,
    Rejected,
    Rows,
)
from jira_assets.warehouse.jsonb import to_jsonb

ISSUES: Final = "issues"
CHANGELOGS: Final = "issue_changelogs"
_WRITTEN_AS_JSON: Final = frozenset({"description_document", "custom_fields"})
"""Columns that hold no U+0000 and no surrogate, whatever came: writing JSON has seen to it."""


def issue_pieces(source: LandedEntity) -> Iterator[Piece]:
    """Yield what each page of a landing of ``issues`` says, rows of both of its tables.

    An issue may come again: what comes later is the newer one.
    """
    reader = _Reader(source.landing)
    held: _Page | None = None
    late: dict[str, set[str]] = {}
    for page in reader.read(source.pages()):
        if page.issue_ids:
            if held is not None:
                yield held.piece()
            held = page
            continue
        for issue_id, keys in page.earlier_keys.items():
            is_of_held = held is not None and issue_id in held.issue_ids
            known = held.earlier_keys if held is not None and is_of_held else late
            known.setdefault(issue_id, set()).update(keys)
        if held is not None:
            page.set_aside_with(held)
        yield page.piece()
    if held is not None:
        yield held.piece()
    if late:
        yield from _belated(reader, source, late)


def _belated(
    reader: "_Reader", source: LandedEntity, earlier_keys: dict[str, set[str]]
) -> Iterator[Piece]:
    """Yield once more the issues of these ids, now with all of their earlier keys.

    And then what was set aside of them.
    """
    aside: list[Rejected] = []
    for page in reader.read(source.pages()):
        aside += [each for each in page.rejected if each.jira_id in earlier_keys]
        found = earlier_keys.keys() & set(page.issue_ids)
        for issue_id in found:
            page.earlier_keys.setdefault(issue_id, set()).update(earlier_keys[issue_id])
        if found:
            yield page.issues_of(found)
    if aside:
        yield reader.aside(aside)


class _Page:
    """The rows of one page, and the keys that its issues had, to which later pages may add."""

    def __init__(self, rows: PageRows) -> None:
        self._rows = rows
        self._issues = rows.issues()
        self._changelogs = rows.changelogs()
        self.issue_ids = rows.issue_ids
        self.earlier_keys = rows.earlier_keys
        self.rejected = rows.rejected

    def set_aside_with(self, other: "_Page") -> None:
        """Leave what is set aside to the piece of another page."""
        other.rejected += self.rejected
        self.rejected = []

    def is_clean(self) -> bool:
        """Whether no text holds U+0000, or half a character, neither of which Postgres takes."""
        columns = {**self._issues, **self._changelogs}
        return all(
            name in _WRITTEN_AS_JSON or _is_clean(column) for name, column in columns.items()
        )

    def piece(self) -> Piece:
        """Return all of it."""
        issues = {**self._issues, "earlier_keys": self._rows.earlier_keys_column()}
        rows = {ISSUES: Rows(issues), CHANGELOGS: Rows(self._changelogs)}
        return Piece(rows, tuple(self.rejected))

    def issues_of(self, ids: Collection[str]) -> Piece:
        """Return these issues alone."""
        issues = {**self._issues, "earlier_keys": self._rows.earlier_keys_column()}
        wanted = [issue_id in ids for issue_id in self.issue_ids]
        rows = {name: list(compress(column, wanted)) for name, column in issues.items()}
        return Piece({ISSUES: Rows(rows), CHANGELOGS: Rows(dict.fromkeys(self._changelogs, ()))})


def _is_clean(column: Column) -> bool:
    joined = "".join(filter(None, column))
    if not joined.isascii():
        try:
            joined.encode()
        except UnicodeEncodeError:
            return False
    return "\x00" not in joined


class _Reader:
    """Reads the pages of one landing."""

    def __init__(self, landing: Landing) -> None:
        self._project_id = landing.scope
        self._mapping = FieldMapping({} if landing.window is None else landing.window.mapped)

    def read(self, pages: Iterable[RawPage]) -> Iterator[_Page]:
        """Yield the rows of each page that is an answer."""
        for page in pages:
            if page.readable:
                read = _Page(self._rows(page, page.payload))
                if not read.is_clean():
                    read = _Page(self._rows(page, orjson.loads(to_jsonb(page.payload))))
                yield read

    def aside(self, rejected: Iterable[Rejected]) -> Piece:
        """Return a piece without rows that sets these aside."""
        rows = PageRows(self._project_id, self._mapping)
        rows.rejected += rejected
        return _Page(rows).piece()

    def _rows(self, page: RawPage, payload: Any) -> PageRows:
        rows = PageRows(self._project_id, self._mapping)
        found = payload if isinstance(payload, dict) else {}
        if isinstance(found.get("issues"), list):
            for issue in found["issues"]:
                rows.add_issue(issue)
        elif isinstance(found.get("issueChangeLogs"), list):
            for changelog in found["issueChangeLogs"]:
                _add_changelog(rows, changelog)
        elif isinstance(found.get("values"), list):
            _add_histories(rows, page, page.request.get("issue_id"), found["values"])
        elif "changelog" in found:
            issue_id = found.get("id", page.request.get("issue_id"))
            _add_histories(rows, page, issue_id, found["changelog"])
        else:
            rows.reject(payload, f"page {page.page} holds neither issues nor a changelog")
        return rows


def _add_changelog(rows: PageRows, changelog: Any) -> None:
    """Add one issue's part of a bulk answer."""
    issue_id = identifier(changelog.get("issueId")) if isinstance(changelog, dict) else None
    if issue_id is None:
        rows.reject(changelog, "changelog is of no issue")
    else:
        histories = changelog.get("changeHistories")
        rows.add_histories(issue_id, [] if histories is None else histories)


def _add_histories(rows: PageRows, page: RawPage, issue_id: Any, changelog: Any) -> None:
    known = identifier(issue_id)
    if known is None:
        rows.reject(changelog, f"page {page.page}: changelog is of no issue")
    else:
        rows.add_changelog(known, changelog)
