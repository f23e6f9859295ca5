import pytest
from hypothesis import given
from hypothesis import strategies as st

from jira_assets.sandbox.timing import Timing


def waited(timing: Timing, seconds: float, late_by: float) -> float:
    """Wait as an event loop does: as long as planned, and a bit."""
    planned = timing.plan(seconds)
    if planned:
        timing.took(planned + late_by, planned)
    return planned + late_by if planned else 0.0


@given(
    seconds=st.floats(0.002, 10),
    late_by=st.floats(-0.0009, 0.0015),
)
def test_waits_are_right_on_average_however_late_a_timer_is(seconds: float, late_by: float) -> None:
    timing = Timing()
    waits = [waited(timing, seconds, late_by) for _ in range(200)]
    assert sum(waits) / len(waits) == pytest.approx(seconds, abs=0.00003)
    assert max(abs(wait - seconds) for wait in waits) < 0.004


@given(st.lists(st.floats(0.001, 5), min_size=1, max_size=50))
def test_whole_milliseconds_are_asked_for(wanted: list[float]) -> None:
    timing = Timing()
    planned = [timing.plan(seconds) for seconds in wanted]
    milliseconds = [wait * 1000 for wait in planned]
    assert milliseconds == pytest.approx(list(map(round, milliseconds)), abs=1e-6)
    assert sum(planned) == pytest.approx(sum(wanted), abs=0.00051)


@pytest.mark.parametrize("seconds", [0.0, -0.5])
def test_what_is_due_is_not_waited_for(seconds: float) -> None:
    timing = Timing()
    timing.took(0.021, 0.020)
    assert timing.plan(seconds) == 0.0


def test_a_loop_that_was_held_up_is_not_made_up_for() -> None:
    timing = Timing()
    timing.took(5.0, 0.020)
    assert timing.plan(0.020) == pytest.approx(0.018)
    timing.took(0.018, 0.018)
    assert timing.plan(0.020) == pytest.approx(0.020)


def test_a_wait_that_rounds_to_nothing_is_waited_for_later() -> None:
    timing = Timing()
    assert [timing.plan(0.0004) for _ in range(5)] == [0.0, 0.001, 0.0, 0.001, 0.0]
