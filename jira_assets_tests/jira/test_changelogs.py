"""Which issues of a page need more of their changelog."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jira_assets.jira.changelogs import short_changelogs, take_in

SINCE = datetime(2026, 6, 1, tzinfo=UTC)
BEFORE, SINCE_THEN = "2026-05-31T19:00:00.000-0400", "2026-05-31T20:00:00.000-0400"
"""An hour before, and the very moment."""


def _history(number: int, created: Any, field: Any = "status") -> dict[str, Any]:
    return {"id": str(number), "created": created, "items": [{"field": field}]}


def _issue(*histories: dict[str, Any], total: Any, created: str = BEFORE) -> dict[str, Any]:
    changelog = {"startAt": 0, "total": total, "histories": [*histories]}
    return {"id": "7", "fields": {"created": created}, "changelog": changelog}


def _shorts(issue: Any, since: datetime | None) -> list[tuple[str, int | None]]:
    page = {"issues": [issue]}
    return [(short.issue_id, short.missing) for short in short_changelogs(page, since)]


def test_what_came_whole_is_not_read_again() -> None:
    assert _shorts(_issue(_history(1, BEFORE), total=1), None) == []
    assert _shorts(_issue(total=0), None) == []


def test_what_is_missing_is_counted() -> None:
    assert _shorts(_issue(_history(1, BEFORE), total=3), None) == [("7", 2)]


@pytest.mark.parametrize("changelog", [None, {}, {"histories": []}, {"total": "3"}, "odd"])
def test_a_changelog_that_says_nothing_is_read(changelog: Any) -> None:
    issue = {"id": 7, "changelog": changelog}
    assert _shorts(issue, None) == _shorts(issue, SINCE) == [("7", None)]


@pytest.mark.parametrize("issue", [None, 5, {}, {"key": "P-1"}, {"id": ""}])
def test_what_is_no_issue_has_no_changelog(issue: Any) -> None:
    assert _shorts(issue, None) == []


def test_older_histories_have_landed_before() -> None:
    issue = _issue(_history(2, SINCE_THEN), _history(1, BEFORE), total=9)
    assert _shorts(issue, None) == [("7", 7)]
    assert _shorts(issue, SINCE) == []


@pytest.mark.parametrize(
    "issue",
    [
        _issue(_history(1, SINCE_THEN), total=9),
        _issue(_history(1, BEFORE), total=9, created=SINCE_THEN),
        _issue(_history(1, BEFORE), _history(2, SINCE_THEN, "project"), total=9),
        _issue(_history(1, BEFORE), _history(2, SINCE_THEN, "Key"), total=9),
        _issue(_history(1, BEFORE), _history(2, SINCE_THEN, "security"), total=9),
        _issue(_history(1, BEFORE), _history(2, "odd"), total=9),
    ],
    ids=[
        "all newer",
        "created since",
        "moved since",
        "key changed since",
        "security level changed since",
        "unreadable moment",
    ],
)
def test_older_histories_may_never_have_landed(issue: dict[str, Any]) -> None:
    assert [issue_id for issue_id, _ in _shorts(issue, SINCE)] == ["7"]


def test_a_move_that_has_landed_before_is_none() -> None:
    issue = _issue(_history(1, BEFORE, "project"), _history(2, SINCE_THEN), total=9)
    assert _shorts(issue, SINCE) == []


def test_the_bulk_s_histories_count_once() -> None:
    [short] = short_changelogs({"issues": [_issue(_history(3, BEFORE), total=3)]}, None)
    told = {"issueId": "7", "changeHistories": [_history(3, 0), _history(1, 0)]}
    take_in({"issueChangeLogs": [told, {"issueId": "8"}, None]}, {"7": short})
    assert short.missing == 1
    take_in(
        {"issueChangeLogs": [{"issueId": 7, "changeHistories": [_history(2, 0)]}]}, {"7": short}
    )
    assert short.missing == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(odd=JSON, since=st.sampled_from([None, SINCE]))
def test_nothing_that_a_site_may_send_breaks_it(odd: Any, since: datetime | None) -> None:
    history = {"id": odd, "created": odd, "items": odd}
    issues = [
        odd,
        {"id": "1", "changelog": odd, "fields": odd},
        {"id": "1", "changelog": {"total": odd, "histories": odd}},
        {"id": "1", "changelog": {"total": 5, "histories": [odd, history]}, "fields": odd},
        _issue(_history(1, BEFORE), {"id": "2", "created": SINCE_THEN, "items": odd}, total=9),
        _issue(_history(1, BEFORE), _history(2, SINCE_THEN, odd), total=9),
    ]
    shorts = {short.issue_id: short for short in short_changelogs({"issues": issues}, since)}
    take_in({"issueChangeLogs": [odd, {"issueId": "1", "changeHistories": odd}]}, shorts)
    assert shorts
