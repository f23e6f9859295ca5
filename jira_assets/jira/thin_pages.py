"""Pages of issues, of which only that is built what the reading itself goes by.

Decisions this module embodies:

* A page is a megabyte of JSON, and lands as it came. To build all of it as Python values takes four
  times as long as to walk over it, and ten times the memory while it waits to be landed.
* What is built is what ``paging``, ``key_windows``, ``searches`` and ``changelogs`` look at: a page
  that they would judge otherwise by all of it is read whole. So is one in which anything of that
  has another type than is usual, and one that is no JSON to the strict: leniency has one place.
"""

from typing import Any, Final, TypedDict

import msgspec

from jira_assets.lenient_json import read_json


class ThinPage(dict[str, Any]):
    """What of a page the reading goes by. ``text`` is all of it: JSON in UTF-8, as it came."""

    def __init__(self, members: dict[str, Any], text: bytes) -> None:
        super().__init__(members)
        self.text = text


class _Item(TypedDict, total=False):
    field: Any


class _History(TypedDict, total=False):
    id: Any
    created: Any
    items: list[_Item]


class _Changelog(TypedDict, total=False):
    total: Any
    histories: list[_History]


class _Fields(TypedDict, total=False):
    created: Any


class _Issue(TypedDict, total=False):
    id: Any
    key: Any
    changelog: _Changelog
    fields: _Fields


class _Page(TypedDict, total=False):
    isLast: Any
    nextPageToken: Any
    startAt: Any
    maxResults: Any
    total: Any
    warnings: Any
    issues: list[_Issue]


_DECODER: Final = msgspec.json.Decoder(_Page)


def read_search(body: bytes) -> Any:
    """Parse a page of a search: a ``ThinPage``, or all of it; raises ``ValueError`` for no JSON."""
    try:
        page: Any = _DECODER.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return read_json(body)
    return ThinPage(page, body) if "issues" in page else read_json(body)
