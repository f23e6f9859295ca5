"""Some hundreds of cases through a real Postgres: see ``stored``."""

from collections import Counter

import pytest
import sqlalchemy as sa

from jira_assets.transform import issue_records
from jira_assets_tests.poison.bases import Base
from jira_assets_tests.poison.case import Case
from jira_assets_tests.poison.stored import play_cases, play_stored

BATCH = 180
BATCHES = 2


def test_postgres_takes_what_is_poisoned_and_holds_what_was_said(
    warehouse: sa.Engine,
) -> None:
    counts: Counter[str] = Counter()
    problems = []
    for number in range(BATCHES):
        stored = play_stored(warehouse, range(number * BATCH, (number + 1) * BATCH))
        counts += stored.counts
        problems += stored.problems
    assert problems == []
    assert counts["cases"] == BATCH * BATCHES
    assert counts["rows"] > counts["rejected"] > 20
    assert min(counts["refused"], counts["swept"]) > 0


ISSUES = Base("by hand", "issues", "issues", ())
ISSUE = b"""{"id": %s, "key": "P-1", "fields": {}, "changelog": {"histories": [
    {"id": "7", "created": %s, "items": [{"field": "status", "from": %s}]}]}}"""


def of_issues(*issues: bytes) -> list[Case]:
    """Return cases with a page of one issue each."""
    bodies = (b'{"issues": [%s]}' % issue for issue in issues)
    return [Case(number, ISSUES, (), (body,)) for number, body in enumerate(bodies)]


def test_a_history_that_comes_with_anything_else_under_its_id_is_one_of_them(
    warehouse: sa.Engine,
) -> None:
    """What ended the judge once, who holds a row beside all of them."""
    created = (b'"2021-03-28T16:06:08.713+0800"', b"null", b"%d" % 10**30, b'"soon"', b"[1]")
    values = (b'"text"', b'{"a": 1}', b"null", b"1.5", b'"[1]"')
    pages = [ISSUE % (b'"1"', *each) for each in zip(created, values, strict=True)]
    stored = play_cases(warehouse, of_issues(*pages), "alike")
    assert stored.problems == []
    assert stored.counts["rows"] == 1 + 1


def test_an_id_with_an_exponent_is_what_postgres_makes_of_it(warehouse: sa.Engine) -> None:
    pages = [ISSUE % (number, b"null", b"null") for number in (b"1e2", b"2.0", b"3", b"-1e400")]
    stored = play_cases(warehouse, of_issues(*pages), "numbers")
    assert stored.problems == []
    assert stored.counts["rejected"] == 2


def test_the_judge_notices_a_row_that_nobody_told(
    warehouse: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issue_records, "moment", lambda _: "2020-01-01T00:00:00+00:00")
    stored = play_cases(warehouse, of_issues(ISSUE % (b'"1"', b"null", b"1")), "wrong")
    assert any("changed_at" in each for each in stored.problems)
