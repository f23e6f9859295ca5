import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from jira_assets.jira.budget import Budget, Ticket
from jira_assets.jira.clock import SystemClock
from jira_assets.jira.signals import Limits, Signal
from jira_assets.jira.window import START
from jira_assets_tests.jira.scripted import FakeClock

GO_ON = threading.Event()
ENDPOINT = "/rest/api/3/status"
OTHER = "/rest/api/3/project/search"
FINE = Signal()
BURST = Signal(healthy=False, refused=True, overloaded=True, reason="jira-burst-based")
QUOTA = Signal(healthy=False, refused=True, overloaded=True, reason="jira-quota-global-based")
SILENT = Signal(healthy=False, refused=True, overloaded=True)


def _budget(clock: FakeClock | SystemClock, most: int = 10, rate: float | None = None) -> Budget:
    return Budget(clock, max_concurrency=most, requests_per_second=rate)


def _admitted(budget: Budget, endpoint: str = ENDPOINT) -> Ticket:
    ticket = budget.admit(endpoint, GO_ON)
    assert ticket is not None
    return ticket


def _waited(budget: Budget, endpoint: str = ENDPOINT) -> float:
    """Make one call that goes well; return how long it was kept waiting."""
    ticket = _admitted(budget, endpoint)
    budget.settle(ticket, FINE)
    return ticket.waited


def _refuse(budget: Budget, seconds: float, signal: Signal, endpoint: str = ENDPOINT) -> float:
    ticket = _admitted(budget, endpoint)
    budget.settle(ticket, signal)
    return budget.pause(seconds, ticket, signal)


def _let_in_at_once(budget: Budget, endpoint: str = ENDPOINT) -> int:
    tickets = []
    while isinstance(ticket := budget.offer(endpoint), Ticket):
        tickets.append(ticket)
    for ticket in tickets:
        budget.settle(ticket, Signal(healthy=False))
    return len(tickets)


# ------------------------------------------------------------------------------- our own rate


def test_without_a_limit_nobody_waits() -> None:
    clock = FakeClock()
    budget = _budget(clock)
    assert [_waited(budget) for _ in range(100)] == [0.0] * 100
    assert clock.waits == []


def test_calls_are_spaced_evenly() -> None:
    clock = FakeClock()
    budget = _budget(clock, rate=4)
    assert [_waited(budget) for _ in range(9)] == [0.0] + [0.25] * 8
    assert clock.elapsed == pytest.approx(2.0)


def test_the_rate_is_the_sites_not_an_endpoints() -> None:
    clock = FakeClock()
    budget = _budget(clock, rate=4)
    assert [_waited(budget, endpoint) for endpoint in (ENDPOINT, OTHER) * 2] == [0.0, *[0.25] * 3]


def test_idle_time_is_not_saved_up_for_a_burst() -> None:
    clock = FakeClock()
    budget = _budget(clock, rate=4)
    _waited(budget)
    clock.elapsed += 60
    assert [_waited(budget) for _ in range(3)] == [0.0, 0.25, 0.25]


def test_many_threads_together_keep_the_rate() -> None:
    clock = FakeClock()
    budget = _budget(clock, rate=10)
    with ThreadPoolExecutor(8) as executor:
        list(executor.map(lambda _: _waited(budget), range(200)))
    assert clock.elapsed >= 19.9 - 1e-6


# ------------------------------------------------------------------------------------- pauses


def test_a_pause_holds_for_everybody_and_ends_with_one_call_alone() -> None:
    clock = FakeClock()
    budget = _budget(clock)
    assert _let_in_at_once(budget) == START
    assert _refuse(budget, 30, QUOTA) == 30
    ahead = _admitted(budget, OTHER)
    assert ahead.waited == 30
    assert budget.offer(ENDPOINT) == 0.0
    assert budget.offer(OTHER) == 0.0
    budget.settle(ahead, FINE)
    assert _let_in_at_once(budget) == START // 2


def test_a_pause_is_added_to_but_never_shortened() -> None:
    clock = FakeClock()
    budget = _budget(clock)
    tickets = [_admitted(budget) for _ in range(3)]
    assert [
        budget.pause(seconds, ticket, QUOTA)
        for seconds, ticket in zip((30, 5, 50), tickets, strict=True)
    ] == [30, 0, 20]


@pytest.mark.parametrize(("signal", "seconds"), [(BURST, 0.0), (QUOTA, 30.0), (SILENT, 30.0)])
def test_the_reason_decides_whether_other_endpoints_pause_too(
    signal: Signal, seconds: float
) -> None:
    budget = _budget(FakeClock())
    _refuse(budget, 30, signal)
    assert _waited(budget, OTHER) == seconds


@pytest.mark.parametrize("signal", [BURST, QUOTA, SILENT])
def test_the_endpoint_itself_pauses_in_any_case(signal: Signal) -> None:
    budget = _budget(FakeClock())
    _refuse(budget, 30, signal)
    assert _waited(budget) == 30.0


def test_a_long_wait_is_told_once_with_what_waits_and_until_when() -> None:
    budget = _budget(FakeClock())
    told: list[str] = []
    budget.tell = told.append
    tickets = [_admitted(budget) for _ in range(3)]
    for ticket in tickets:
        budget.settle(ticket, QUOTA)
        budget.pause(1847, ticket, QUOTA)
    (line,) = told
    assert line == (
        "Jira asks for no call of any endpoint for 1,847 s (jira-quota-global-based): "
        "waiting until 2027-01-15 08:30:47 UTC."
    )


def test_a_burst_names_its_endpoint_and_a_short_wait_is_not_told() -> None:
    budget = _budget(FakeClock())
    told: list[str] = []
    budget.tell = told.append
    _refuse(budget, 9, QUOTA)
    _refuse(budget, 30, BURST)
    assert [re.findall("no call of (.*?) for", line) for line in told] == [[ENDPOINT]]


def test_a_wait_of_centuries_can_be_told() -> None:
    budget = _budget(FakeClock())
    told: list[str] = []
    budget.tell = told.append
    _refuse(budget, 1e12, QUOTA)
    assert "1,000,000,000,000 s" in told[0]


class _PausedMeanwhile(FakeClock):
    """A clock on which another thread's call is told to pause while this one waits."""

    budget: Budget
    other: Ticket

    def wait(self, seconds: float, stop: threading.Event) -> None:
        if not self.waits:
            self.budget.pause(20, self.other, QUOTA)
        super().wait(seconds, stop)


def test_a_pause_that_begins_while_one_waits_holds_for_that_one_too() -> None:
    clock = _PausedMeanwhile()
    clock.budget = _budget(clock, rate=1)
    clock.other = _admitted(clock.budget)
    clock.budget.settle(clock.other, FINE)
    assert _admitted(clock.budget).waited == 20.0


def test_a_wait_ends_when_it_is_told_to() -> None:
    stop = threading.Event()
    budget = _budget(SystemClock())
    _refuse(budget, 3600, QUOTA)
    with ThreadPoolExecutor(2) as executor:
        waiting = [executor.submit(budget.admit, ENDPOINT, stop) for _ in range(2)]
        stop.set()
        assert [each.result(timeout=5) for each in waiting] == [None, None]


def test_who_waits_for_a_place_gets_the_next_one() -> None:
    budget = _budget(SystemClock(), most=1)
    ticket = _admitted(budget)
    with ThreadPoolExecutor(1) as executor:
        waiting = executor.submit(budget.admit, ENDPOINT, GO_ON)
        assert budget.offer(OTHER) == 0.0
        budget.settle(ticket, FINE)
        assert waiting.result(timeout=5) is not None


# ------------------------------------------------------------------------------------- window


def _round(budget: Budget) -> list[Ticket]:
    """Let in as many calls as there are places; let all of them go well."""
    tickets = []
    while isinstance(ticket := budget.offer(ENDPOINT), Ticket):
        tickets.append(ticket)
    for ticket in tickets:
        budget.settle(ticket, FINE)
    return tickets


def test_it_starts_low_and_grows_while_answers_are_healthy_up_to_what_is_allowed() -> None:
    budget = _budget(FakeClock(), most=10)
    sizes = [len(_round(budget)) for _ in range(6)]
    assert sizes[0] == START
    assert sizes == sorted(sizes)
    assert sizes[-1] == 10


def test_a_window_that_nobody_fills_does_not_grow() -> None:
    budget = _budget(FakeClock(), most=10)
    for _ in range(100):
        _waited(budget)
    assert budget.pace(ENDPOINT).at_once == START


def test_an_integrations_own_bound_is_never_passed() -> None:
    budget = _budget(FakeClock(), most=2)
    for _ in range(20):
        assert _let_in_at_once(budget) == 2
        _waited(budget)


@pytest.mark.parametrize("signal", [SILENT, Signal(healthy=False, overloaded=True)])
def test_what_was_in_flight_when_the_site_refused_is_one_event(signal: Signal) -> None:
    budget = _budget(FakeClock(), most=4)
    tickets = [_admitted(budget) for _ in range(4)]
    for ticket in tickets:
        budget.settle(ticket, signal)
    assert budget.pace(ENDPOINT).at_once == 2


def test_a_near_limit_without_numbers_is_a_reason_to_slow_down() -> None:
    budget = _budget(FakeClock(), most=4)
    budget.settle(_admitted(budget), Signal(near_limit=True))
    assert budget.pace(ENDPOINT).at_once == 2


def test_the_pace_is_what_was_seen() -> None:
    clock = FakeClock()
    budget = _budget(clock, most=4)
    for _ in range(4):
        ticket = _admitted(budget)
        clock.elapsed += 0.25
        budget.settle(ticket, Signal(limits=Limits(90, 100, 20)))
    pace = budget.pace(ENDPOINT)
    assert (pace.at_once, pace.at_once_allowed) == (4, 4)
    assert (pace.latency, pace.limit, pace.rate) == (0.25, 100, 20)
    assert budget.pace(OTHER).limit is None
