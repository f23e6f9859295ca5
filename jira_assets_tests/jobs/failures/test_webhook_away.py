"""What is told when the webhook, or Postgres, is not there: later, once, and nothing is lost."""

from datetime import UTC, datetime

import pytest

from jira_assets.jobs.ended_runs import Cursor
from jira_assets.jobs.webhook import VARIABLE
from jira_assets.warehouse.resource import WarehouseResource
from jira_assets_tests.jobs.failures.place import Place
from jira_assets_tests.jobs.webhooks import CANARY, Receiver, receiving

NO_WAREHOUSE = "postgresql://user:s3cret@127.0.0.1:1/warehouse"


def test_without_a_webhook_it_is_recorded_and_told_once_there_is_one(
    acme: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme.ends()
    assert acme.tick() == f"1 message waits. Nobody is told: {VARIABLE} is not set."
    with receiving() as receiver:
        monkeypatch.setenv(VARIABLE, receiver.url)
        acme.tick()
        assert len(receiver.texts) == 1


def test_a_webhook_that_is_away_gets_the_message_later_and_once(
    acme: Place, receiver: Receiver
) -> None:
    receiver.status = 500
    acme.ends()
    assert "is out of order (500)" in acme.tick()
    receiver.status = 200
    assert "1 message waits. The webhook at 127.0.0.1 is out of order" in acme.tick()
    assert len(receiver.asked) == 1
    acme.patience_is_over()
    acme.tick()
    acme.tick()
    assert len(receiver.texts) == 1


def test_a_recovery_that_the_webhook_did_not_take_is_told_later(
    acme: Place, receiver: Receiver
) -> None:
    acme.ends()
    acme.tick()
    receiver.status = 503
    acme.ends("success")
    acme.tick()
    receiver.status = 200
    acme.patience_is_over()
    acme.tick()
    assert "recovered" in receiver.texts[1]
    assert acme.rows() == []


def test_one_that_fails_again_before_its_recovery_was_told_never_recovered(
    acme: Place, receiver: Receiver
) -> None:
    acme.ends()
    acme.tick()
    receiver.status = 503
    acme.ends("success")
    acme.tick()
    acme.ends()
    acme.patience_is_over()
    receiver.status = 200
    acme.tick()
    assert len(receiver.texts) == 1
    assert acme.rows()[0].failures == 2


def test_a_webhook_that_is_gone_is_said_in_the_tick_and_in_the_log(
    acme: Place, receiver: Receiver, capfd: pytest.CaptureFixture[str]
) -> None:
    receiver.status = 410
    acme.ends()
    said = acme.tick()
    assert "is gone (410). Whoever runs jira_assets must put one that works into" in said
    assert "ERROR - The webhook at 127.0.0.1 is gone (410)" in capfd.readouterr().err


def test_a_limit_of_the_webhook_is_obeyed(acme: Place, receiver: Receiver) -> None:
    receiver.status, receiver.headers = 429, {"Retry-After": "900"}
    acme.ends()
    acme.tick()
    silent = Cursor.read(acme.cursor, datetime.now(UTC)).silent_until
    assert silent is not None
    left = (silent - datetime.now(UTC)).total_seconds()
    assert left == pytest.approx(900, abs=30)


def test_a_webhook_that_cannot_be_is_said_and_not_repeated(
    acme: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, f"http://hooks.example.com/{CANARY}")
    acme.ends()
    said = acme.tick()
    assert f"1 message waits. {VARIABLE} would be called over plain http" in said
    assert "CANARY" not in said


def test_without_postgres_nothing_moves(acme: Place, receiver: Receiver) -> None:
    there, before = acme.warehouse, acme.cursor
    acme.ends()
    acme.warehouse = WarehouseResource(database_url=NO_WAREHOUSE)
    said = acme.tick()
    assert said.startswith("Nothing was recorded. Postgres is not available")
    assert "s3cret" not in said
    assert acme.cursor == before
    acme.warehouse = there
    acme.tick()
    assert len(receiver.texts) == 1
