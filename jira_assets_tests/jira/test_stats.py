from concurrent.futures import ThreadPoolExecutor

from jira_assets.jira.stats import Counts, Stats

SOME = Counts(
    calls=5,
    retries=2,
    rate_limited=1,
    waited_seconds=1.5,
    asked_to_wait_seconds=1.0,
    received_bytes=100,
)


def test_counts_are_added_and_taken_away() -> None:
    assert SOME + SOME - SOME == SOME
    assert Counts() == SOME - SOME
    assert (SOME + Counts(calls=1)).calls == 6


def test_threads_together_lose_no_count() -> None:
    stats = Stats()
    with ThreadPoolExecutor(8) as executor:
        list(executor.map(lambda _: stats.add(Counts(calls=1, received_bytes=3)), range(2000)))
    assert stats.total == Counts(calls=2000, received_bytes=6000)
