"""Who may read an integration: taken, kept, waited for, given back, and fallen."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from jira_assets.partitions import PartitionKey
from jira_assets.warehouse import reading_leases as module
from jira_assets.warehouse.contracts import Owner
from jira_assets.warehouse.heartbeat import Heartbeat, beat, finish
from jira_assets.warehouse.integrations import UnknownIntegrationError, remove_integration
from jira_assets.warehouse.reading_leases import Lease, holder, reading_alone, release, take
from jira_assets.warehouse.tables import reading_leases, run_heartbeats
from jira_assets_tests.warehouse.data import add_owner

DEAD_AFTER = 60.0
SOON = 20.0


def taken(engine: sa.Engine, owner: Owner, run_id: str) -> Lease | None:
    return take(engine, owner, run_id, dead_after=DEAD_AFTER)


def age(engine: sa.Engine, **seconds: float) -> None:
    """Move the named times of every beat, and of every lease, into the past."""
    with engine.begin() as connection:
        for table in (run_heartbeats, reading_leases):
            moved = {
                name: table.c[name] - timedelta(seconds=by)
                for name, by in seconds.items()
                if name in table.c
            }
            if moved:
                connection.execute(sa.update(table).values(moved))


def test_a_lease_is_taken_once(warehouse: sa.Engine) -> None:
    owner, other = add_owner(warehouse), add_owner(warehouse, "acme/other")
    assert holder(warehouse, owner.integration_id) is None
    first = taken(warehouse, owner, "one")

    assert first is not None
    assert taken(warehouse, owner, "two") is None
    assert holder(warehouse, owner.integration_id) == first
    assert taken(warehouse, other, "two") is not None
    with warehouse.connect() as connection:
        assert set(connection.scalars(sa.select(reading_leases.c.tenant_id))) == {owner.tenant_id}


def test_what_is_given_back_is_free(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    first = taken(warehouse, owner, "one")
    assert first is not None
    assert release(warehouse, first)
    assert not release(warehouse, first)
    assert taken(warehouse, owner, "two") is not None


def test_a_run_that_tries_again_has_it_anew_and_its_first_attempt_no_more(
    warehouse: sa.Engine,
) -> None:
    owner = add_owner(warehouse)
    first = taken(warehouse, owner, "one")
    second = taken(warehouse, owner, "one")
    assert first is not None
    assert second is not None
    assert second.since > first.since

    assert not release(warehouse, first)
    assert holder(warehouse, owner.integration_id) == second
    assert release(warehouse, second)


def test_a_run_that_beats_keeps_it_however_long_it_reads(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    assert taken(warehouse, owner, "one")
    age(warehouse, since=24 * 3600)
    beat(warehouse, "one")
    assert taken(warehouse, owner, "two") is None


@pytest.mark.parametrize("has_beaten", [True, False])
def test_a_dead_runs_lease_falls(warehouse: sa.Engine, *, has_beaten: bool) -> None:
    owner = add_owner(warehouse)
    if has_beaten:
        beat(warehouse, "one")
    assert taken(warehouse, owner, "one")
    age(warehouse, heartbeat_at=DEAD_AFTER - 10, since=DEAD_AFTER - 10)
    assert taken(warehouse, owner, "two") is None
    age(warehouse, heartbeat_at=20, since=20)

    found = taken(warehouse, owner, "two")

    assert found is not None
    assert holder(warehouse, owner.integration_id) == found


def test_an_old_beat_says_nothing_against_a_lease_that_was_just_taken(
    warehouse: sa.Engine,
) -> None:
    owner = add_owner(warehouse)
    beat(warehouse, "one")
    age(warehouse, heartbeat_at=10 * DEAD_AFTER)
    assert taken(warehouse, owner, "one")
    assert taken(warehouse, owner, "two") is None


def test_an_ended_runs_lease_falls_once_no_beat_took_the_end_back(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    assert taken(warehouse, owner, "one")
    finish(warehouse, "one")
    assert taken(warehouse, owner, "two") is None
    age(warehouse, finished_at=11, since=30)
    beat(warehouse, "one")
    assert taken(warehouse, owner, "two") is None
    finish(warehouse, "one")
    age(warehouse, finished_at=11)
    assert taken(warehouse, owner, "two") is not None


def test_the_end_of_an_earlier_process_of_the_run_does_not_count(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    finish(warehouse, "one")
    age(warehouse, finished_at=30)
    assert taken(warehouse, owner, "one")
    assert taken(warehouse, owner, "two") is None


def test_one_of_many_that_ask_at_once_gets_it(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    beat(warehouse, "dead")
    assert taken(warehouse, owner, "dead")
    age(warehouse, heartbeat_at=2 * DEAD_AFTER, since=2 * DEAD_AFTER)
    together = threading.Barrier(4)

    def ask(run_id: str) -> Lease | None:
        together.wait()
        return taken(warehouse, owner, run_id)

    with ThreadPoolExecutor(4) as pool:
        found = [lease for lease in pool.map(ask, "abcd") if lease]
    assert found == [holder(warehouse, owner.integration_id)]


def test_a_purged_integration_has_no_lease_and_gets_none(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    assert taken(warehouse, owner, "one")
    remove_integration(warehouse, PartitionKey.parse(owner.partition_key), purge=True)
    assert holder(warehouse, owner.integration_id) is None
    with pytest.raises(UnknownIntegrationError, match="purged meanwhile"):
        taken(warehouse, owner, "two")


# ---------------------------------------------------------------------------- waiting


class Time:
    """Stands still but for sleeps; ``meanwhile`` is called with the number of each."""

    def __init__(self, meanwhile: Callable[[int], None]) -> None:
        self.now = 1_000.0
        self.pauses: list[float] = []
        self.meanwhile = meanwhile

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        self.meanwhile(len(self.pauses))


def alone(engine: sa.Engine, owner: Owner, run_id: str, said: list[str]) -> object:
    with reading_alone(engine, owner, run_id, dead_after=DEAD_AFTER, log=said.append) as lease:
        assert holder(engine, owner.integration_id) == lease
        return lease


def test_nobody_waits_for_nobody_and_nothing_is_left(warehouse: sa.Engine) -> None:
    owner, said = add_owner(warehouse), list[str]()
    alone(warehouse, owner, "one", said)
    assert said == []
    assert holder(warehouse, owner.integration_id) is None


def test_a_block_that_raises_gives_it_back(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    with (
        pytest.raises(ZeroDivisionError),
        reading_alone(warehouse, owner, "one", dead_after=DEAD_AFTER, log=print),
    ):
        raise ZeroDivisionError
    assert holder(warehouse, owner.integration_id) is None


def test_who_waits_asks_ever_less_often_and_says_so_once_a_minute(
    warehouse: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, said = add_owner(warehouse), list[str]()
    first = taken(warehouse, owner, "one")
    assert first is not None

    def meanwhile(pauses: int) -> None:
        if pauses == 30:
            release(warehouse, first)

    time = Time(meanwhile)
    monkeypatch.setattr(module, "time", time)
    alone(warehouse, owner, "two", said)

    assert time.pauses[:3] == [1.0, 1.5, 2.25]
    assert time.pauses == sorted(time.pauses)
    assert time.pauses[-1] == 5.0
    waiting = f"acme/cloud is being read by run one since {first.since:%Y}"
    assert [line.startswith(waiting) for line in said] == [True, True, True, False]
    assert said[-1] == f"waited {sum(time.pauses):.0f} s for acme/cloud"


def test_who_waits_can_be_interrupted(
    warehouse: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = add_owner(warehouse)
    first = taken(warehouse, owner, "one")

    def interrupt(_pauses: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "time", Time(interrupt))
    with pytest.raises(KeyboardInterrupt):
        alone(warehouse, owner, "two", [])
    assert holder(warehouse, owner.integration_id) == first


def test_two_readings_at_once_are_two_one_after_the_other(
    warehouse: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE_SECONDS", 0.01)
    owner, together = add_owner(warehouse), threading.Barrier(2)
    inside: list[str] = []

    def read(run_id: str) -> None:
        together.wait(SOON)
        with (
            Heartbeat(warehouse, run_id),
            reading_alone(warehouse, owner, run_id, dead_after=DEAD_AFTER, log=lambda _: None),
        ):
            for _ in range(20):
                inside.append(run_id)
                holder(warehouse, owner.integration_id)  # lets the other one go on

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(read, ["one", "two"]))
    assert inside in ([*["one"] * 20, *["two"] * 20], [*["two"] * 20, *["one"] * 20])


def test_a_lease_that_cannot_be_given_back_fails_nothing(
    warehouse: sa.Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    owner = add_owner(warehouse)

    def away(*_: object) -> None:
        raise ConnectionError("Postgres is away")

    monkeypatch.setattr(module, "release", away)
    alone(warehouse, owner, "one", [])
    assert "the lease of run one falls by itself: Postgres is away" in caplog.text
