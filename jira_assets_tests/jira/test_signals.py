from collections.abc import Mapping

import pytest
from requests.structures import CaseInsensitiveDict

from jira_assets.jira import errors
from jira_assets.jira.signals import Limits, Signal, limits_of, signal_of
from jira_assets.jira.transport import HttpAnswer


def _answer(status: int = 200, headers: Mapping[str, str] | None = None) -> HttpAnswer:
    return HttpAnswer("https://acme.example.com/x", status, CaseInsensitiveDict(headers), b"")


CLOUD = {"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "42"}


def test_cloud_says_how_much_is_left_and_not_how_fast_it_comes_back() -> None:
    assert signal_of(_answer(headers=CLOUD), None) == Signal(limits=Limits(42, 100, None))


@pytest.mark.parametrize(("rate", "interval", "expected"), [("5", "1", 5), ("300", "60", 5)])
def test_data_center_says_both(rate: str, interval: str, expected: float) -> None:
    fill = {"X-RateLimit-FillRate": rate, "X-RateLimit-Interval-Seconds": interval}
    assert limits_of(CLOUD | fill) == Limits(42, 100, expected)


def test_a_fill_rate_without_an_interval_is_by_the_second() -> None:
    assert limits_of(CLOUD | {"X-RateLimit-FillRate": "7"}) == Limits(42, 100, 7)


@pytest.mark.parametrize("remaining", ["", "many", "-1", "1e3", "٣x"])
def test_what_is_no_number_says_nothing(remaining: str) -> None:
    assert limits_of({"X-RateLimit-Remaining": remaining}) is None


def test_no_headers_say_nothing() -> None:
    assert signal_of(_answer(), None) == Signal()


@pytest.mark.parametrize(
    ("status", "healthy", "refused", "overloaded"),
    [
        (200, True, False, False),
        (404, True, False, False),
        (429, False, True, True),
        (503, False, False, True),
        (500, False, False, False),
        (502, False, False, False),
    ],
)
def test_what_a_status_says_of_the_load(
    status: int, healthy: bool, refused: bool, overloaded: bool
) -> None:
    signal = signal_of(_answer(status), None)
    assert (signal.healthy, signal.refused, signal.overloaded) == (healthy, refused, overloaded)


@pytest.mark.parametrize(
    ("error", "overloaded"),
    [(errors.ConnectionFailedError("timeout"), True), (errors.SecretError("none"), False)],
)
def test_no_answer_is_never_healthy(error: errors.JiraError, overloaded: bool) -> None:
    assert signal_of(None, error) == Signal(healthy=False, overloaded=overloaded)


@pytest.mark.parametrize(
    ("reason", "of_one_endpoint"),
    [
        ("jira-burst-based", True),
        ("JIRA-BURST-BASED", True),
        ("jira-quota-global-based", False),
        ("jira-quota-tenant-based", False),
        ("", False),
    ],
)
def test_the_reason_says_what_must_pause(reason: str, of_one_endpoint: bool) -> None:
    signal = signal_of(_answer(429, {"RateLimit-Reason": reason}), None)
    assert signal.of_one_endpoint == of_one_endpoint


@pytest.mark.parametrize(("text", "near"), [("true", True), ("False", False), ("", False)])
def test_near_limit(text: str, near: bool) -> None:
    assert signal_of(_answer(headers={"X-RateLimit-NearLimit": text}), None).near_limit == near
