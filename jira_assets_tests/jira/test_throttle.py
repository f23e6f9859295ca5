import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from jira_assets.jira.clock import SystemClock
from jira_assets.jira.throttle import Throttle
from jira_assets_tests.jira.scripted import FakeClock

GO_ON = threading.Event()


def test_without_a_limit_nobody_waits() -> None:
    clock = FakeClock()
    throttle = Throttle(clock)
    assert [throttle.admit(GO_ON) for _ in range(100)] == [0.0] * 100
    assert clock.waits == []


def test_calls_are_spaced_evenly() -> None:
    clock = FakeClock()
    throttle = Throttle(clock, requests_per_second=4)
    waited = [throttle.admit(GO_ON) for _ in range(9)]
    assert waited == [0.0] + [0.25] * 8
    assert clock.elapsed == pytest.approx(2.0)


def test_idle_time_is_not_saved_up_for_a_burst() -> None:
    clock = FakeClock()
    throttle = Throttle(clock, requests_per_second=4)
    throttle.admit(GO_ON)
    clock.elapsed += 60
    assert [throttle.admit(GO_ON) for _ in range(3)] == [0.0, 0.25, 0.25]


def test_many_threads_together_keep_the_rate() -> None:
    clock = FakeClock()
    throttle = Throttle(clock, requests_per_second=10)
    with ThreadPoolExecutor(8) as executor:
        list(executor.map(lambda _: throttle.admit(GO_ON), range(200)))
    assert clock.elapsed >= 19.9 - 1e-6


def test_a_pause_holds_for_everybody_and_ends_gently() -> None:
    clock = FakeClock()
    throttle = Throttle(clock)
    throttle.pause(30)
    throttle.pause(5)
    waited = [throttle.admit(GO_ON) for _ in range(20)]
    assert waited[0] == 30
    assert waited[1:10] == pytest.approx([0.1] * 9)
    assert waited[12:] == [0.0] * 8


class _PausedMeanwhile(FakeClock):
    """A clock on which another thread's call is told to pause while this one waits."""

    throttle: Throttle

    def wait(self, seconds: float, stop: threading.Event) -> None:
        if not self.waits:
            self.throttle.pause(20)
        super().wait(seconds, stop)


def test_a_pause_that_begins_while_one_waits_holds_for_that_one_too() -> None:
    clock = _PausedMeanwhile()
    clock.throttle = Throttle(clock, requests_per_second=1)
    clock.throttle.admit(GO_ON)
    assert clock.throttle.admit(GO_ON) == 20.0


def test_a_wait_ends_when_it_is_told_to() -> None:
    stop = threading.Event()
    throttle = Throttle(SystemClock())
    throttle.pause(3600)
    with ThreadPoolExecutor(1) as executor:
        waiting = executor.submit(throttle.admit, stop)
        stop.set()
        assert waiting.result(timeout=5) > 0


def test_the_systems_clock_tells_time_and_takes_any_pause() -> None:
    clock = SystemClock()
    stop = threading.Event()
    stop.set()
    before = clock.monotonic()
    clock.wait(1e12, stop)
    assert clock.monotonic() - before < 5
    assert clock.time() > 1_700_000_000
