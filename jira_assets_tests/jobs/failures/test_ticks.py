"""Ticks that die, that come twice or take long, and failures that come in crowds."""

from datetime import timedelta

import pytest

from jira_assets.jobs.failure_messages import ONE_BY_ONE
from jira_assets.partitions import PartitionKey
from jira_assets.warehouse.connect import try_advisory_lock
from jira_assets.warehouse.integrations import add_integration
from jira_assets_tests.jobs.failures.place import Place
from jira_assets_tests.jobs.webhooks import Receiver


def test_a_tick_that_died_before_its_cursor_was_kept_changes_nothing_when_it_comes_again(
    acme: Place, receiver: Receiver
) -> None:
    before = acme.cursor
    acme.ends()
    acme.tick()
    acme.cursor = before
    acme.tick()
    assert len(receiver.texts) == 1
    assert acme.rows()[0].failures == 1
    acme.ends("success")
    acme.tick()
    acme.cursor = before
    acme.tick()
    assert len(receiver.texts) == 2
    assert acme.rows() == []


def test_two_daemons_tell_it_once(acme: Place, receiver: Receiver) -> None:
    acme.ends()
    with acme.engine.begin() as other:
        assert try_advisory_lock(other, "jira_assets/report_failures")
        assert acme.tick() == "Another daemon is telling what failed."
    assert receiver.texts == []
    acme.tick()
    assert len(receiver.texts) == 1


def test_a_cloud_that_is_down_is_a_few_messages(acme: Place, receiver: Receiver) -> None:
    keys = [f"acme/site{number}" for number in range(40)]
    for key in keys:
        add_integration(
            acme.engine, PartitionKey.parse(key), base_url="https://acme.example", auth="none"
        )
        acme.ends(partition=key)
    acme.tick()
    assert len(receiver.texts) == ONE_BY_ONE + 1
    assert "35 partitions are failing besides" in receiver.texts[-1]
    assert all(row.told_at is not None for row in acme.rows())
    for key in keys:
        acme.ends("success", partition=key)
    acme.tick()
    assert len(receiver.texts) == 2 * (ONE_BY_ONE + 1)
    assert acme.rows() == []


def test_a_sensor_that_was_off_tells_what_still_fails_and_not_what_has_recovered(
    acme: Place, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jira_assets.jobs.failure_sensor.MOST", 1)
    monkeypatch.setattr("jira_assets.jobs.ended_runs.BEHIND", timedelta(0))
    acme.ends()
    acme.ends("success")
    for _ in range(3):
        acme.tick()
    assert receiver.texts == []
    assert "Reads what ended since " in acme.said[1]


def test_a_tick_that_took_long_leaves_the_rest_to_the_next(
    acme: Place, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme.ends()
    with monkeypatch.context() as late:
        late.setattr("jira_assets.jobs.failure_sensor.POSTING_SECONDS", -1.0)
        assert acme.tick() == "The other messages come with the next tick."
    acme.tick()
    assert len(receiver.texts) == 1


def test_what_came_before_the_first_tick_is_not_told(acme: Place, receiver: Receiver) -> None:
    acme.ends()
    acme.cursor = None
    acme.tick()
    assert receiver.texts == []
