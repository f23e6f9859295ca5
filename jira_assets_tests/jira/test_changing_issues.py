"""Whatever happens to issues while they are read: what stays is read, in a version that counts."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jira_assets.jira.searches import BY_KEY, BY_UPDATE, Search, by_keys, by_tokens
from jira_assets_tests.jira.changing_site import BEGINNING, URL, Change, ChangingSite

KINDS = ["touched", "deleted", "moved", "comes"]
NUMBERS = st.integers(1, 40)
MOMENTS = st.dictionaries(
    NUMBERS, st.integers(BEGINNING - 9_000, BEGINNING - 1), min_size=0, max_size=40
)
"""Within nine seconds: many of them share one."""
CHANGES = st.dictionaries(
    st.integers(0, 12),
    st.lists(st.builds(Change, st.sampled_from(KINDS), NUMBERS), max_size=6),
    max_size=6,
)
SINCE = st.none() | st.integers(BEGINNING - 9_000, BEGINNING - 1)


def _search(since: int | None, order: str) -> Search:
    moment = None if since is None else datetime.fromtimestamp(since / 1000, UTC)
    return Search("10", ("summary",), 100, order, since=moment)


def _pages(site: ChangingSite, since: int | None, order: str) -> Iterator[dict[str, Any]]:
    by = by_tokens if site.cloud else by_keys
    for _, page in by(_search(since, order), site.post, URL):
        yield dict(page)


def _read(site: ChangingSite, since: int | None, order: str) -> dict[int, int]:
    """Return the least version that was shown of each issue."""
    seen: dict[int, int] = {}
    for page in _pages(site, since, order):
        for issue in page["issues"]:
            number, version = int(issue["id"]), issue["version"]
            seen[number] = min(version, seen.get(number, version))
    return seen


@pytest.mark.parametrize("cloud", [True, False])
@given(moments=MOMENTS, size=st.integers(2, 9), before=CHANGES, between=CHANGES, since=SINCE)
@settings(max_examples=300, deadline=None)
def test_what_is_there_throughout_is_read(
    moments: dict[int, int],
    size: int,
    before: dict[int, list[Change]],
    between: dict[int, list[Change]],
    since: int | None,
    *,
    cloud: bool,
) -> None:
    site = ChangingSite(moments, size, cloud=cloud)
    site.before = lambda call: before.get(call, [])
    site.between = lambda call: between.get(call, [])
    gone = {
        change.number
        for changes in (*before.values(), *between.values())
        for change in changes
        if change.kind in {"deleted", "moved"}
    }
    due = {n for n, at in moments.items() if since is None or at >= since} - gone
    seen = _read(site, since, BY_UPDATE)
    assert due <= seen.keys()
    for number in due:  # what is newer than what was seen is due at the next reading
        issue = site.issues[number]
        assert issue.version == seen[number] or issue.updated > BEGINNING


@pytest.mark.parametrize("cloud", [True, False])
@given(moments=MOMENTS, size=st.integers(2, 9))
def test_a_site_that_stays_as_it_is_is_read_without_a_call_too_many(
    moments: dict[int, int], size: int, *, cloud: bool
) -> None:
    site = ChangingSite(moments, size, cloud=cloud)
    assert _read(site, None, BY_KEY).keys() == moments.keys()
    step = size if cloud else size - 1  # the first issue of a window is the last of the one before
    behind_the_first = max(0, len(moments) - size)
    assert len(site.asked) == 1 + -(-behind_the_first // step)


def test_a_data_center_is_never_asked_for_an_offset() -> None:
    site = ChangingSite(dict.fromkeys(range(1, 500), BEGINNING - 1), 7, cloud=False)
    assert len(_read(site, BEGINNING - 5_000, BY_UPDATE)) == 499
    assert {body["startAt"] for body in site.asked} == {0}


def test_an_issue_that_shows_a_newer_moment_than_it_was_found_by_hides_no_other() -> None:
    """The last one of the first page is changed between the search and the showing."""
    site = ChangingSite({n: BEGINNING - 9_000 + n for n in range(1, 31)}, 5, cloud=False)
    site.between = lambda call: [Change("touched", 5)] if call == 0 else []
    assert _read(site, None, BY_UPDATE).keys() == set(range(1, 31))


@pytest.mark.parametrize("kind", ["deleted", "moved"])
@pytest.mark.parametrize("when", ["before", "between"])
def test_the_bookmark_may_go_away(kind: str, when: str) -> None:
    site = ChangingSite(dict.fromkeys(range(1, 31), BEGINNING - 9_000), 5, cloud=False)
    gone = {1: [Change(kind, 5), Change(kind, 4)], 3: [Change(kind, 9)]}
    setattr(site, when, lambda call: gone.get(call, []))
    assert _read(site, None, BY_UPDATE).keys() >= set(range(1, 31)) - {4, 5, 9}
