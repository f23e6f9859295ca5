"""Rounds are drawn from their seeds alone, and between them leave nothing out."""

from jira_assets_tests.chaos.changes import CHANGES, METADATA
from jira_assets_tests.chaos.plan import KEYS, KINDS, Job, plan_round
from jira_assets_tests.chaos.report import Report, told
from jira_assets_tests.chaos.rounds import Outcome

SEEDS = range(1, 101)


def test_a_seed_is_a_round() -> None:
    assert [plan_round(seed) for seed in SEEDS] == [plan_round(seed) for seed in SEEDS]
    assert plan_round(1) != plan_round(2)


def test_a_hundred_rounds_have_every_fault_and_every_change() -> None:
    plans = [plan_round(seed) for seed in SEEDS]
    assert {one.kind for plan in plans for one in plan.injections} == set(KINDS)
    assert {(key, one.name) for plan in plans for key, one in (*plan.first, *plan.second)} == {
        (key, change.name) for key in KEYS for change in CHANGES
    }


def test_one_fault_alone() -> None:
    for seed in SEEDS:
        assert [one.kind for one in plan_round(seed, "kill a run").injections] == ["kill a run"]


def test_all_that_sees_a_change_is_asked_for_after_the_last_one() -> None:
    for plan in map(plan_round, SEEDS):
        changes = (*plan.first, *plan.second)
        needed = {Job(key, job) for key, change in changes for job in change.jobs}
        assert set(plan.second_jobs) == needed | {Job(KEYS[0], METADATA)}


def test_a_report_names_the_seed_of_what_was_found() -> None:
    report, plan = Report(), plan_round(7, "kill a run")
    report.add(Outcome(plan, ["kill a run"], ["a row too many"], 30.0))
    report.add(Outcome(plan_round(8), [], [], 20.0))
    assert report.differences == 1
    assert ("kill a run", 1, 1, 1) in report.rows()
    assert "2 rounds of 25 s" in report.summary()
    assert "1 differences (seeds 7)" in report.markdown()
    assert "FOUND     a row too many" in report.markdown()
    assert told(report.outcomes[0]).startswith("seed 7: 30 s")
