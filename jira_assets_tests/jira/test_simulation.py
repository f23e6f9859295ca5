"""The budget against sites of all kinds, in virtual time: how much is read, and how politely."""

from random import Random

import pytest

from jira_assets.jira.budget import Budget
from jira_assets.jira.signals import Signal
from jira_assets.sandbox.rate_limit import RateLimit
from jira_assets_tests.jira.scripted import FakeClock
from jira_assets_tests.jira.simulation import Limited, Run, simulate


def _minute(
    limit: RateLimit, *, says: str, latency: float = 0.05, at_once: int = 10, seconds: float = 60
) -> Run:
    clock = FakeClock()
    budget = Budget(clock, max_concurrency=at_once)
    site = Limited(limit, clock, latency=latency, says=says)
    return simulate(budget, clock, site, workers=at_once, seconds=seconds)


@pytest.mark.parametrize("says", ["cloud", "data_center"])
@pytest.mark.parametrize(
    "limit", [RateLimit(50, 20), RateLimit(50, 5), RateLimit(20, 100), RateLimit(3, 10)]
)
def test_a_site_that_says_what_is_left_is_read_at_its_rate_and_hardly_ever_refuses(
    limit: RateLimit, says: str
) -> None:
    run = _minute(limit, says=says)
    assert len(run.answered) >= 0.95 * limit.requests_per_second * 60
    assert run.share_refused < 0.02


@pytest.mark.parametrize("says", ["cloud", "data_center"])
@pytest.mark.parametrize("late", [0.0, 0.05, 0.3])
@pytest.mark.parametrize("seed", range(5))
def test_calls_that_overtake_each_other_are_not_turned_away(
    seed: int, late: float, says: str
) -> None:
    """Before the limiter counted them as on their way, half of these minutes had refusals."""
    rng, clock = Random(seed), FakeClock()
    budget = Budget(clock, max_concurrency=10)
    site = Limited(RateLimit(50, 10), clock, latency=0.02, says=says)

    def under_way() -> float:
        return rng.random() * (late if rng.random() < 0.1 else 0.002)

    run = simulate(budget, clock, site, workers=10, seconds=60, under_way=under_way)
    assert run.refused == []
    assert len(run.answered) >= 0.99 * 50 * 60


@pytest.mark.parametrize("latency", [0.02, 0.2, 1.0])
def test_the_latency_does_not_matter_while_the_window_suffices(latency: float) -> None:
    run = _minute(RateLimit(50, 20), says="cloud", latency=latency, at_once=100)
    assert run.rate(10, 60) >= 0.95 * 50
    assert run.share_refused < 0.02


@pytest.mark.parametrize("limit", [RateLimit(50, 20), RateLimit(20, 5), RateLimit(200, 50)])
def test_a_site_that_says_nothing_teaches_its_rate_by_refusing(limit: RateLimit) -> None:
    run = _minute(limit, says="nothing", latency=0.02, seconds=120)
    assert run.rate(0, 60) >= 0.85 * limit.requests_per_second
    assert run.rate(30, 120) >= 0.9 * limit.requests_per_second
    assert run.share_refused < 0.01


def test_a_limit_that_is_never_reached_costs_nothing() -> None:
    limited = _minute(RateLimit(1000, 1000), says="cloud")
    unlimited = _minute(RateLimit(1000, 1000), says="nothing")
    assert limited.refused == []
    assert len(limited.answered) == len(unlimited.answered) >= 0.99 * 10 / 0.05 * 60


class _SlowFor:
    """A site that takes ten times as long between two moments, and never refuses."""

    def __init__(self, clock: FakeClock, begin: float, end: float) -> None:
        self._clock, self._begin, self._end = clock, begin, end

    def __call__(self) -> tuple[float, Signal]:
        return (0.5 if self._begin <= self._clock.elapsed < self._end else 0.05), Signal()


def test_a_site_that_slows_down_is_called_less_and_soon_again_at_full_speed() -> None:
    clock = FakeClock()
    budget = Budget(clock, max_concurrency=10)
    run = simulate(budget, clock, _SlowFor(clock, 10, 20), workers=10, seconds=30)
    assert run.rate(5, 10) == pytest.approx(200, rel=0.01)
    assert run.rate(13, 20) < 0.5 * (10 / 0.5)
    assert run.rate(22, 30) == pytest.approx(200, rel=0.01)


def test_a_site_that_stays_slow_is_read_at_full_concurrency_again() -> None:
    clock = FakeClock()
    budget = Budget(clock, max_concurrency=10)
    run = simulate(budget, clock, _SlowFor(clock, 10, 1000), workers=10, seconds=120)
    assert run.rate(100, 120) == pytest.approx(10 / 0.5, rel=0.05)
