import pytest

from jira_assets.jira.latency import LatencyWatch


def _round(watch: LatencyWatch, latency: float, now: float, in_flight: int = 10) -> bool:
    """Take in a whole round of equal answers; return whether it was slow."""
    verdicts = [watch.slow_round(latency, now, in_flight) for _ in range(max(4, in_flight))]
    assert not any(verdicts[:-1])
    return verdicts[-1]


def test_the_first_round_is_never_slow() -> None:
    watch = LatencyWatch()
    assert not watch.is_slow(100.0)
    assert not _round(watch, 9.0, now=0)
    assert watch.median == 9.0


@pytest.mark.parametrize(("latency", "slow"), [(0.17, False), (0.18, True), (0.5, True)])
def test_slow_is_much_slower_than_the_best(latency: float, slow: bool) -> None:
    watch = LatencyWatch()
    _round(watch, 0.05, now=0)
    _round(watch, 0.10, now=1)
    assert watch.is_slow(latency) == slow
    assert _round(watch, latency, now=2) == slow


def test_single_answers_do_not_make_a_round_slow() -> None:
    watch = LatencyWatch()
    _round(watch, 0.05, now=0)
    latencies = [0.05] * 6 + [30.0] * 4
    assert not any(watch.slow_round(latency, 1, 10) for latency in latencies)


def test_a_round_has_four_answers_at_least() -> None:
    watch = LatencyWatch()
    assert not _round(watch, 0.05, now=0, in_flight=1)
    assert _round(watch, 5.0, now=1, in_flight=1)


def test_what_stays_slow_is_no_longer_slow_after_a_minute() -> None:
    watch = LatencyWatch()
    _round(watch, 0.05, now=0)
    verdicts = {now: _round(watch, 0.5, now=now) for now in range(1, 70)}
    assert all(verdicts[now] for now in range(1, 30))
    assert not any(verdicts[now] for now in range(61, 70))


def test_what_was_seen_before_a_long_silence_counts_no_more() -> None:
    watch = LatencyWatch()
    _round(watch, 0.05, now=0)
    assert not _round(watch, 5.0, now=3600)
