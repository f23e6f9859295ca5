"""A few rounds of the chaos harness with every run of the suite; ``make chaos`` plays many."""

import pytest

from jira_assets_tests.chaos.deployment import deployed
from jira_assets_tests.chaos.plan import plan_round
from jira_assets_tests.chaos.points import AFTER_QUEUE, POINTS
from jira_assets_tests.chaos.report import told
from jira_assets_tests.chaos.rounds import play

SEEDS = (42, 62, 71, 74, 86)
"""Every point but one, everything of Dagster killed at once, Postgres and RabbitMQ stopped, Jira
that fails, both tenants, and few jobs: the rounds of a hundred that took half a minute."""


def test_the_seeds_kill_at_all_points_but_one_that_takes_long() -> None:
    planned = {one.kind for seed in SEEDS for one in plan_round(seed).injections}
    assert set(POINTS) - planned == {AFTER_QUEUE}
    assert {"kill everything of Dagster", "Postgres stops", "RabbitMQ stops"} <= planned


@pytest.mark.timeout(900)
def test_nothing_is_lost_or_stuck_after_rounds_of_faults() -> None:
    with deployed() as deployment:
        outcomes = list(play(deployment, SEEDS))
    for outcome in outcomes:
        planned = {one.kind for one in outcome.plan.injections}
        assert planned & {*POINTS} <= {*outcome.injected}, told(outcome)
    assert not any(outcome.differences for outcome in outcomes), "\n".join(map(told, outcomes))
