"""What refusals teach, where a site says nothing else about its limit."""

import pytest

from jira_assets.jira.silent_limit import SilentLimit


class Site:
    """Feeds a limit with calls that pass, and with one that does not, at moments of its own."""

    def __init__(self) -> None:
        self.limit = SilentLimit()
        self.now = 0.0
        self.calls = 0

    def passes(self, calls: int, seconds: float) -> None:
        """Let calls pass, evenly over some seconds."""
        for _ in range(calls):
            self.calls += 1
            self.limit.started(self.now)
            self.now += seconds / calls
            self.limit.passed(self.now)

    def refuses(self, *, number: int | None = None, pause: float = 1.0) -> bool:
        """Turn the next call away, or the call of a number; then a pause."""
        self.calls += 1
        self.limit.started(self.now)
        learned = self.limit.refused(number or self.calls, self.calls, self.now)
        self.now += pause
        return learned


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def steady(site: Site) -> Site:
    """A site that refused at 20 calls a second, seconds after its last refusal."""
    site.passes(20, 1.0)
    site.refuses()
    site.passes(60, 3.0)
    site.refuses()
    return site


def rate(site: Site) -> float:
    assert site.limit.rate is not None
    return site.limit.rate


def test_nothing_is_known_before_a_refusal(site: Site) -> None:
    site.passes(1000, 1.0)
    assert site.limit.rate is None


def test_a_burst_that_ends_in_a_refusal_says_nothing(site: Site) -> None:
    site.passes(20, 0.1)
    assert not site.refuses()
    assert site.limit.rate is None


def test_what_passed_in_all_the_time_is_borne_for_sure(site: Site) -> None:
    site.passes(20, 0.1)
    site.refuses()
    site.passes(20, 0.1)
    assert site.refuses()
    assert rate(site) == pytest.approx(40 / 1.2)


def test_from_there_the_rate_is_searched_quickly(site: Site) -> None:
    site.passes(20, 1.0)
    site.refuses()
    site.passes(200, 10.0)
    assert rate(site) == pytest.approx(20 * 1.1**10, rel=0.05)


def test_a_refusal_after_more_than_a_burst_is_the_limit(steady: Site) -> None:
    assert rate(steady) == pytest.approx(0.9 * 20, rel=0.06)


def test_near_the_limit_the_rate_grows_slowly_at_first(steady: Site) -> None:
    before = rate(steady)
    steady.passes(100, 5.0)
    assert rate(steady) == pytest.approx(before * 1.015, rel=0.002)
    steady.passes(1900, 95.0)
    assert rate(steady) > 2 * before


def test_a_refusal_at_once_halves_the_rate(steady: Site) -> None:
    before = rate(steady)
    steady.passes(20, 1.0)
    grown = rate(steady)
    assert steady.refuses()
    assert before < grown
    assert rate(steady) == pytest.approx(grown / 2, rel=0.01)


def test_what_was_in_flight_at_a_refusal_teaches_nothing_more(steady: Site) -> None:
    before, in_flight = rate(steady), steady.calls
    assert not steady.refuses(number=in_flight)
    assert rate(steady) == before


def test_the_rate_never_falls_to_nothing(site: Site) -> None:
    site.passes(10, 2.0)
    for _ in range(30):
        site.refuses()
        site.passes(1, 0.1)
    assert rate(site) == pytest.approx(0.1, rel=0.02)


def test_an_endpoint_that_hardly_answers_teaches_no_rate(site: Site) -> None:
    for _ in range(5):
        site.passes(1, 2.0)
        assert not site.refuses()
    assert site.limit.rate is None


def test_an_answer_to_nothing_is_not_counted(site: Site) -> None:
    site.limit.passed(1.0)
    assert not site.limit.refused(1, 1, 2.0)
    assert site.limit.rate is None
