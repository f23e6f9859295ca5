"""A few rounds of the chaos harness with every run of the suite; ``make chaos`` plays many."""

import pytest

from jira_assets_tests.chaos.deployment import deployed
from jira_assets_tests.chaos.report import told
from jira_assets_tests.chaos.rounds import play

SEEDS = (6, 94)
"""Four points, Postgres stopped in both, Jira that fails, both tenants, and few jobs: short."""


@pytest.mark.timeout(900)
def test_nothing_is_lost_or_stuck_after_rounds_of_faults() -> None:
    with deployed() as deployment:
        outcomes = list(play(deployment, SEEDS))
    assert all(outcome.injected for outcome in outcomes)
    assert not any(outcome.differences for outcome in outcomes), "\n".join(map(told, outcomes))
