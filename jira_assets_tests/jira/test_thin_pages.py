"""Pages of issues of which a part is built: the reading judges them as it would the whole."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jira_assets.jira.changelogs import short_changelogs
from jira_assets.jira.key_windows import key_windows
from jira_assets.jira.shapes import ids_of, is_search, items_of, number
from jira_assets.jira.thin_pages import ThinPage, read_search
from jira_assets.lenient_json import read_json

SINCE = datetime(2026, 6, 1, tzinfo=UTC)
ISSUE = {
    "expand": "operations",
    "id": "1",
    "key": "P-1",
    "fields": {"created": "2026-06-02T00:00:00.000+0000", "customfield_1": {"deep": [1, 2]}},
    "changelog": {
        "startAt": 0,
        "total": 3,
        "histories": [
            {
                "id": "7",
                "author": {"displayName": "Ada"},
                "created": "2026-06-02T00:00:00.000+0000",
                "items": [{"field": "status", "from": "1", "to": "2"}],
            }
        ],
    },
}
PAGE = {"issues": [ISSUE], "isLast": False, "nextPageToken": "t", "names": {"a": "b"}}


def encoded(page: Any) -> bytes:
    return json.dumps(page).encode()


def test_what_the_reading_needs_is_built_and_the_rest_is_kept_as_text() -> None:
    body = encoded(PAGE)
    page = read_search(body)
    assert isinstance(page, ThinPage)
    assert page.text is body
    assert page == {
        "isLast": False,
        "nextPageToken": "t",
        "issues": [
            {
                "id": "1",
                "key": "P-1",
                "fields": {"created": "2026-06-02T00:00:00.000+0000"},
                "changelog": {
                    "total": 3,
                    "histories": [
                        {
                            "id": "7",
                            "created": "2026-06-02T00:00:00.000+0000",
                            "items": [{"field": "status"}],
                        }
                    ],
                },
            }
        ],
    }


@pytest.mark.parametrize(
    "page",
    [
        {"errorMessages": ["no"]},
        [],
        {"issues": [1, {"id": "2"}]},
        {"issues": "none"},
        {"issues": [{"id": "1", "fields": None, "changelog": None}]},
        {"issues": [{"id": "1", "changelog": {"histories": None}}]},
        {"issues": [{"id": "1", "changelog": {"histories": [{"id": "1", "items": None}]}}]},
        {"issues": [{"id": "1", "changelog": {"histories": [{"id": "1", "items": [3]}]}}]},
    ],
)
def test_what_is_unusual_is_read_whole(page: Any) -> None:
    found = read_search(encoded(page))
    assert not isinstance(found, ThinPage)
    assert found == page


@pytest.mark.parametrize(
    "body",
    [
        b'\xef\xbb\xbf{"issues": []}',
        b'{"issues": [], "a": NaN}',
        b'{"issues": [], "a": "\\ud83d"}',
        b'{"issues": [], "a": ' + b"[" * 1010 + b"]" * 1010 + b"}",
    ],
)
def test_what_only_the_lenient_read_is_read_by_them(body: bytes) -> None:
    found = read_search(body)
    assert found["issues"] == []
    assert not isinstance(found, ThinPage)


@pytest.mark.parametrize("bad", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\x80", b"\x80"])
@pytest.mark.parametrize(
    "body",
    [
        b'{"issues": [{"id": "3%s5", "key": "P-1"}], "isLast": true}',
        b'{"issues": [{"id": "1", "key": "P-%s"}], "isLast": true}',
        b'{"issues": [{"id": "1", "changelog": {"histories": [{"id": "35%s317"}]}}]}',
        b'{"issues": [{"id": "1", "changelog": {"histories": [{"created": "2023-%s"}]}}]}',
        b'{"issues": [], "nextPageToken": "%s"}',
        b'{"issues": [{"id": "1", "fields": {"summary": "%s"}}]}',
        b'{"issues": [{"id": "1", "fields": {"%s": 1}}]}',
    ],
)
def test_bytes_that_are_no_utf8_are_read_as_by_the_lenient(body: bytes, bad: bytes) -> None:
    found = read_search(body % bad)
    whole = read_json(body % bad)
    assert is_search(found)
    assert ids_of(found) == ids_of(whole)
    assert list(short_changelogs(found, SINCE)) == list(short_changelogs(whole, SINCE))
    assert found.get("nextPageToken") == whole.get("nextPageToken")


@pytest.mark.parametrize("body", [b"", b"{", encoded(PAGE)[:-1], encoded(PAGE) + b"}"])
def test_what_is_no_json_is_an_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_search(body)


MOMENTS = st.sampled_from(
    ["2026-05-01T00:00:00.000+0000", "2026-07-01T00:00:00.000+0000", "soon", 5, None]
)
ODD = st.none() | st.integers(-1, 5) | st.booleans() | st.text(max_size=3)
NAMED = st.sampled_from(["Key", "project", "status"]) | ODD
ITEMS = st.lists(st.fixed_dictionaries({}, optional={"field": NAMED, "to": ODD}) | ODD, max_size=2)
HISTORIES = st.lists(
    st.fixed_dictionaries({}, optional={"id": ODD, "created": MOMENTS, "items": ITEMS | ODD}) | ODD,
    max_size=3,
)
CHANGELOGS = st.fixed_dictionaries({}, optional={"total": ODD, "histories": HISTORIES | ODD}) | ODD
ISSUES = st.fixed_dictionaries(
    {"id": st.sampled_from(["1", "2", 3]) | ODD},
    optional={
        "key": st.sampled_from(["P-1", "P-2"]) | ODD,
        "fields": st.fixed_dictionaries({"created": MOMENTS}) | ODD,
        "changelog": CHANGELOGS,
        "self": ODD,
    },
)
PAGES = st.fixed_dictionaries(
    {"issues": st.lists(ISSUES | ODD, max_size=3)},
    optional={"isLast": ODD, "nextPageToken": ODD, "total": ODD, "maxResults": ODD},
)


@given(PAGES, st.sampled_from([None, SINCE]))
def test_a_thin_page_is_judged_as_the_whole_one(page: Any, since: datetime | None) -> None:
    thin = read_search(encoded(page))
    assert is_search(thin) == is_search(page)
    assert ids_of(thin) == ids_of(page)
    assert len(items_of(thin)) == len(items_of(page))
    for name in ("total", "maxResults"):
        assert number(thin, name) == number(page, name)
    for name in ("isLast", "nextPageToken"):
        assert thin.get(name) == page.get(name)
    assert list(short_changelogs(thin, since)) == list(short_changelogs(page, since))
    first, _ = next(key_windows(lambda _: thin, "url"))
    assert first is None


@pytest.mark.parametrize(
    "id_", [2**64 - 1, 2**64, 10**30, -(2**63), -(2**63) - 1, -(2**64) + 1, -(10**30)]
)
def test_an_integer_that_only_some_parsers_keep_is_no_id_to_any(id_: int) -> None:
    body = encoded({"issues": [{"id": id_}], "total": id_})
    known = -(2**63) <= id_ < 2**64
    assert isinstance(read_search(body), ThinPage)
    for found in (read_search(body), read_json(body), json.loads(body)):
        assert is_search(found) == known
        assert items_of(found)
        assert ids_of(found) == ({str(id_)} if known else set())
        assert number(found, "total") == (id_ if known and id_ >= 0 else None)


def test_the_objects_of_a_page_are_in_a_list() -> None:
    assert items_of({"values": [{"id": "1"}], "issues": 7}) == [{"id": "1"}]
