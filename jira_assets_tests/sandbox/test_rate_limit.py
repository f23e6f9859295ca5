import pytest
import requests

from jira_assets.sandbox.rate_limit import (
    RateLimit,
    TokenBucket,
    Verdict,
    limit_headers,
    refusal_headers,
)
from jira_assets.sandbox.server import SandboxServer
from jira_assets.sandbox.synthetic import synthetic_site


class Clock:
    """Time that passes when told to, in seconds."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_burst_passes_and_then_the_rate(clock: Clock) -> None:
    bucket = TokenBucket(RateLimit(requests_per_second=4, burst=3), clock)
    assert [bucket.take().remaining for _ in range(3)] == [2, 1, 0]
    refused = bucket.take()
    assert refused == Verdict(allowed=False, remaining=0, wait=0.25)
    clock.now += 0.25
    assert bucket.take().allowed
    assert not bucket.take().allowed


def test_a_refused_request_takes_no_token(clock: Clock) -> None:
    bucket = TokenBucket(RateLimit(1, burst=1), clock)
    bucket.take()
    for _ in range(10):
        clock.now += 0.09
        assert not bucket.take().allowed
    clock.now += 0.11
    assert bucket.take().allowed


def test_an_idle_bucket_fills_to_its_burst_and_no_further(clock: Clock) -> None:
    bucket = TokenBucket(RateLimit(100, burst=5), clock)
    clock.now += 3600
    assert sum(bucket.take().allowed for _ in range(50)) == 5


def test_over_a_minute_no_more_pass_than_the_rate_and_one_burst(clock: Clock) -> None:
    bucket = TokenBucket(RateLimit(50, burst=20), clock)
    passed = 0
    for _ in range(60_000):
        clock.now += 0.001
        passed += bucket.take().allowed
    assert passed == pytest.approx(50 * 60 + 20, abs=2)


@pytest.mark.parametrize(("wait", "seconds"), [(0.01, 1), (1.0, 1), (1.2, 2), (1846.5, 1847)])
def test_retry_after_is_in_whole_seconds_and_never_too_short(wait: float, seconds: int) -> None:
    assert Verdict(allowed=False, remaining=0, wait=wait).retry_after == seconds


def test_the_headers_are_those_of_the_deployment() -> None:
    limit = RateLimit(50, burst=20)
    plenty, few = (Verdict(allowed=True, remaining=left, wait=0) for left in (4, 3))
    assert dict(limit_headers(limit, plenty, cloud=True)) == {
        b"x-ratelimit-limit": b"20",
        b"x-ratelimit-remaining": b"4",
    }
    assert dict(limit_headers(limit, few, cloud=True))[b"x-ratelimit-nearlimit"] == b"true"
    assert dict(limit_headers(limit, few, cloud=False)) == {
        b"x-ratelimit-limit": b"20",
        b"x-ratelimit-remaining": b"3",
        b"x-ratelimit-fillrate": b"50",
        b"x-ratelimit-interval-seconds": b"1",
    }
    assert dict(refusal_headers(7, cloud=True))[b"ratelimit-reason"] == b"jira-burst-based"
    assert dict(refusal_headers(7, cloud=False)) == {b"retry-after": b"7"}


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (1, 0)])
def test_a_limit_that_lets_nothing_pass_is_refused(rate: float, burst: int) -> None:
    with pytest.raises(ValueError, match="above 0"):
        RateLimit(rate, burst)


@pytest.mark.parametrize("cloud", [True, False])
def test_a_silent_limit_says_nothing_on_healthy_answers(cloud: bool) -> None:
    verdict = Verdict(allowed=True, remaining=1, wait=0)
    assert limit_headers(RateLimit(50, burst=20, silent=True), verdict, cloud=cloud) == ()


def test_a_silent_limit_says_only_when_to_come_back() -> None:
    limit = RateLimit(requests_per_second=0.1, silent=True)
    with SandboxServer(synthetic_site(), rate_limit=limit) as server:
        url = f"{server.url}/rest/api/3/serverInfo"
        allowed, refused = requests.get(url, timeout=10), requests.get(url, timeout=10)
    told = [name for name in refused.headers if "ratelimit" in name.lower()]
    assert (allowed.status_code, refused.status_code, told) == (200, 429, [])
    assert refused.headers["retry-after"] == "10"
