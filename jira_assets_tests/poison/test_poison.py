"""A few thousand cases, those that found something once, and whether the judge would notice."""

import random
from typing import Any

import pytest

from jira_assets.transform import records
from jira_assets.transform.issue_records import PageRows
from jira_assets_tests.poison.bases import bases
from jira_assets_tests.poison.case import Case, draw, play
from jira_assets_tests.poison.corners import corners
from jira_assets_tests.poison.guard import HangError, budget
from jira_assets_tests.poison.mutate import KINDS
from jira_assets_tests.poison.run import Report, run
from jira_assets_tests.poison.values import written

CASES = 2_500


def report_of(seeds: range, only: tuple[str, ...] = ()) -> Report:
    report = Report()
    for case, outcome in run(seeds, only):
        report.add(case, outcome, only)
    return report


def test_whatever_is_answered_ends_in_right_rows_or_is_set_aside_or_refused() -> None:
    report = report_of(range(1, CASES + 1))
    assert report.failures == []
    assert set(report.counts) == set(KINDS)
    assert report.total["cases"] == CASES
    assert report.total["rows"] > report.total["rejected"] > report.total["refused"] > 100


def test_answers_that_nobody_changed_are_told_alike_by_both_readings() -> None:
    made = 0
    for seed, base in enumerate(bases()):
        body = written(base.document(random.Random(seed)))
        outcome = play(Case(seed, base, (), (body,)))
        assert outcome.problems == []
        made += outcome.rows
    assert made > 2 * len(bases())


def test_every_corner_of_the_schemas_is_told_alike_by_both_readings() -> None:
    if not corners():
        pytest.skip("NOT RUN: set JIRA_OPENAPI_DIR to the folder with Atlassian's OpenAPI specs.")
    specified = [base for base in bases() if base.site.startswith("spec ")]
    assert len(specified) == len(corners())
    for base in specified:
        for number, record in enumerate(base.records):
            answer = {"list": b"[%s]"}.get(base.shape, b'{"%s": [%%s]}' % base.shape.encode())
            case = Case(number, base, (), (answer % record,))
            assert play(case).problems == [], record


def test_a_seed_is_the_same_case_again() -> None:
    assert [draw(seed) for seed in range(50)] == [draw(seed) for seed in range(50)]


@pytest.mark.parametrize(
    ("where", "what", "wrong", "only"),
    [
        (records, "identifier", lambda value: str(value)[:255] or None, ("projects", "type-of-id")),
        (
            records,
            "filled",
            lambda value: value[:60] if isinstance(value, str) else None,
            ("text",),
        ),
        (records, "flag", bool, ("projects", "replace")),
        (PageRows, "reject", lambda *_: None, ("issues", "drop")),
    ],
)
def test_the_judge_notices(
    monkeypatch: pytest.MonkeyPatch, where: Any, what: str, wrong: Any, only: tuple[str, ...]
) -> None:
    seeds = range(1, 301)
    assert report_of(seeds, only).failures == []
    monkeypatch.setattr(where, what, wrong)
    failures = report_of(seeds, only).failures
    assert failures
    assert "--seed" in failures[0]


def test_a_case_that_hangs_is_ended_and_named() -> None:
    def hang() -> None:
        while True:
            pass

    with (
        pytest.raises(HangError, match="seed 7 took more than"),
        budget(7, 0.05),
    ):
        hang()
