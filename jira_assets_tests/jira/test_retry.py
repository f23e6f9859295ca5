import pytest

from jira_assets.jira.errors import MalformedAnswerError, RateLimitedError, UnavailableError
from jira_assets.jira.retry import RetryPolicy, retry_after
from jira_assets_tests.jira.scripted import NOW, half


def _limited(seconds: float | None) -> RateLimitedError:
    return RateLimitedError("slow down", url="https://h/", status=429, retry_after=seconds)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5", 5.0),
        (" 1847 ", 1847.0),
        ("0.5", 0.5),
        ("0", 0.0),
        ("Fri, 15 Jan 2027 08:02:00 GMT", 120.0),
        ("Fri, 15 Jan 2027 08:02:00 -0000", 120.0),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0.0),
        ("-5", None),
        ("inf", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": text}, NOW) == seconds


def test_without_the_header_nothing_was_asked() -> None:
    assert retry_after({}, NOW) is None


def test_pauses_double_up_to_a_cap() -> None:
    policy = RetryPolicy(jitter=half)
    error = MalformedAnswerError("empty")
    assert [policy.pause(error, tries) for tries in (1, 2, 3, 4, 5, 2000)] == [2, 4, 8, 16, 30, 30]


def test_jitter_spreads_a_pause_by_three_tenths_each_way() -> None:
    error = MalformedAnswerError("empty")
    assert RetryPolicy(jitter=lambda: 0.0).pause(error, 1) == pytest.approx(1.4)
    assert RetryPolicy(jitter=lambda: 1.0).pause(error, 1) == pytest.approx(2.6)


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("asked", [0.2, 7.0, 1847.0])
def test_what_jira_asks_for_is_never_cut_short_and_hardly_exceeded(
    asked: float, jitter: float
) -> None:
    pause = RetryPolicy(jitter=lambda: jitter).pause(_limited(asked), 1)
    assert asked <= pause <= asked + 1.0


@pytest.mark.parametrize("asked", [None, 0.0])
def test_a_rate_limit_that_does_not_say_when_is_backed_off_from(asked: float | None) -> None:
    assert RetryPolicy(jitter=half).pause(_limited(asked), 2) == 4.0


def test_tries_are_bounded_and_following_an_instruction_has_a_bound_of_its_own() -> None:
    policy = RetryPolicy()
    cut = MalformedAnswerError("cut")
    proxy = UnavailableError("away", url="https://h/", status=503, retry_after=None)
    assert [policy.may_retry(cut, tries) for tries in (1, 4, 5)] == [True, True, False]
    assert [policy.may_retry(proxy, tries) for tries in (4, 5)] == [True, False]
    assert [policy.may_retry(_limited(1), tries) for tries in (9, 10)] == [True, False]
