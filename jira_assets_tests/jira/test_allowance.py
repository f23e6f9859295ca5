import pytest

from jira_assets.jira.allowance import Allowance, Taken
from jira_assets.jira.signals import Limits


def _take(allowance: Allowance, now: float, calls: int) -> list[Taken]:
    """Let calls start at one moment, none of which has to wait."""
    taken = []
    for _ in range(calls):
        assert allowance.wait(now) == 0
        taken.append(allowance.take(now))
    return taken


def test_nothing_known_is_no_limit() -> None:
    allowance = Allowance()
    assert (allowance.rate, allowance.capacity) == (None, None)
    _take(allowance, 0.0, 1000)


def test_our_own_rate_is_spaced_evenly() -> None:
    allowance = Allowance(4.0)
    _take(allowance, 100.0, 1)
    assert allowance.wait(100.0) == 0.25
    assert allowance.wait(100.2) == pytest.approx(0.05)
    _take(allowance, 100.25, 1)
    assert allowance.wait(100.25) == 0.25


def test_what_the_site_has_left_is_known_before_its_next_answer() -> None:
    allowance = Allowance()
    first, *_ = _take(allowance, 0.0, 5)
    allowance.told(first, Limits(19, 20, 10), 0.0)
    assert allowance.rate == 10
    # 20, less 5 that were sent, less 4 that are left alone.
    _take(allowance, 0.0, 11)
    assert allowance.wait(0.0) == pytest.approx(0.1)
    assert allowance.wait(0.1) == 0


def test_what_others_draw_from_the_bucket_is_heard_of() -> None:
    allowance = Allowance()
    (first,) = _take(allowance, 0.0, 1)
    allowance.told(first, Limits(99, 100, 1), 0.0)
    (second,) = _take(allowance, 0.0, 1)
    allowance.told(second, Limits(11, 100, 1), 0.0)
    _take(allowance, 0.0, 1)
    assert allowance.wait(0.0) == 1.0


def test_an_answer_that_was_overtaken_says_nothing_new() -> None:
    allowance = Allowance()
    first, second = _take(allowance, 0.0, 2)
    allowance.told(second, Limits(15, 20, 1), 0.0)
    allowance.told(first, Limits(3, 20, 1), 0.0)
    # 15 less 4 that are left alone, and less the first, which may not have been counted.
    _take(allowance, 0.0, 10)
    assert allowance.wait(0.0) > 0


def test_a_bucket_of_one_is_not_left_alone() -> None:
    allowance = Allowance()
    (first,) = _take(allowance, 0.0, 1)
    allowance.told(first, Limits(0, 1, 2), 0.0)
    assert allowance.wait(0.0) == 0.5


def test_of_a_large_bucket_ten_calls_are_left_alone() -> None:
    allowance = Allowance()
    (first,) = _take(allowance, 0.0, 1)
    allowance.told(first, Limits(1000, 65_000, 1), 0.0)
    _take(allowance, 0.0, 990)
    assert allowance.wait(0.0) > 0


def test_a_limit_that_is_not_said_is_at_least_what_is_left() -> None:
    allowance = Allowance()
    (first,) = _take(allowance, 0.0, 1)
    allowance.told(first, Limits(50), 0.0)
    assert allowance.capacity == 50


def test_how_fast_it_fills_follows_from_two_answers() -> None:
    allowance = Allowance()
    taken = _take(allowance, 0.0, 10)
    allowance.told(taken[0], Limits(80, 100), 0.1)
    assert allowance.rate == 100
    taken += _take(allowance, 1.0, 20)
    for each in taken:
        allowance.settled(each)
    # 29 calls lie between the two, and only 9 tokens are missing: 20 have come back.
    allowance.told(taken[-1], Limits(71, 100), 1.1)
    assert allowance.rate == pytest.approx(20)


def test_a_call_that_took_long_to_get_there_does_not_make_the_bucket_fill_faster() -> None:
    allowance = Allowance()
    first, *_ = taken = _take(allowance, 0.0, 10)
    allowance.told(first, Limits(90, 100), 0.0)
    for each in taken:
        allowance.settled(each)
    (late,) = _take(allowance, 1.0, 1)
    # It was counted a second after it started: the bucket gained 18 in two seconds, not in one.
    allowance.told(late, Limits(98, 100), 2.0)
    assert allowance.rate == pytest.approx(9)


def test_what_seems_to_be_left_may_belong_to_calls_that_are_still_on_their_way() -> None:
    allowance = Allowance()
    taken = _take(allowance, 0.0, 3)
    # The third got there alone: of 20 tokens 19 are left, and two are as good as gone.
    allowance.told(taken[2], Limits(19, 20, 1), 0.0)
    taken += _take(allowance, 0.0, 13)
    assert allowance.wait(0.0) > 0
    for each in taken:
        allowance.settled(each)
    (last,) = _take(allowance, 1.0, 1)
    allowance.told(last, Limits(9, 20, 1), 1.0)
    _take(allowance, 1.0, 5)
    assert allowance.wait(1.0) > 0


def test_a_full_bucket_does_not_say_how_fast_it_fills() -> None:
    allowance = Allowance()
    (first,) = _take(allowance, 0.0, 1)
    allowance.told(first, Limits(99, 100), 0.0)
    (second,) = _take(allowance, 10.0, 1)
    allowance.told(second, Limits(99, 100), 10.0)
    assert allowance.rate == 100


def test_a_bucket_that_does_not_fill_still_lets_a_call_through_now_and_then() -> None:
    allowance = Allowance()
    first, *_ = _take(allowance, 0.0, 3)
    allowance.told(first, Limits(90, 100), 0.0)
    (last,) = _take(allowance, 60.0, 1)
    allowance.told(last, Limits(5, 100), 60.0)
    assert allowance.rate == 0.1
    assert allowance.wait(60.0) == pytest.approx(60.0)


def test_a_refusal_without_a_word_teaches_the_rate_and_spaces_the_calls_evenly() -> None:
    allowance = Allowance()
    taken = []
    for tenth in range(10):
        taken += _take(allowance, tenth / 10, 6)
    for _ in range(50):
        allowance.passed(1.0)
    allowance.refused(taken[50], 1.0)
    assert allowance.known_rate == pytest.approx(50)
    assert allowance.capacity == 1
    assert allowance.wait(1.0) == pytest.approx(1 / 50)


def test_a_first_call_that_is_refused_teaches_nothing() -> None:
    allowance = Allowance()
    (first,) = _take(allowance, 0.0, 1)
    allowance.refused(first, 0.0)
    assert allowance.rate is None
