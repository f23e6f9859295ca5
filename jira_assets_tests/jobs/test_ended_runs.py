"""Each end of a run is seen once, in order, whenever its record becomes visible."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest

from jira_assets.jobs.ended_runs import AGAIN, Cursor, ended_runs

START = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def ends(
    instance: dg.DagsterInstance,
    seconds: float,
    *,
    succeeds: bool = False,
    start: datetime = START,
) -> str:
    """Let a run end so many seconds after the start; returns its id."""
    run_id = str(uuid4())
    instance.add_run(
        dg.DagsterRun(job_name="any", run_id=run_id, status=dg.DagsterRunStatus.STARTED)
    )
    kind = dg.DagsterEventType.RUN_SUCCESS if succeeds else dg.DagsterEventType.RUN_FAILURE
    event = dg.DagsterEvent(event_type_value=kind.value, job_name="any", message="over")
    at = start + timedelta(seconds=seconds)
    instance.run_storage.handle_run_event(run_id, event, at)
    return run_id


def read(instance: dg.DagsterInstance, cursor: Cursor, **more: Any) -> tuple[list[str], Cursor]:
    ended = ended_runs(instance, cursor, **{"most": 100, **more})
    kept = Cursor.read(ended.cursor.model_dump_json(), START)
    return [record.dagster_run.run_id for record in ended.records], kept


def test_what_ended_is_returned_once_and_in_order(instance: dg.DagsterInstance) -> None:
    later, sooner = ends(instance, 20), ends(instance, 10, succeeds=True)
    ids, cursor = read(instance, Cursor(since=START))
    assert ids == [sooner, later]
    assert read(instance, cursor) == ([], cursor)
    third = ends(instance, 30)
    assert read(instance, cursor)[0] == [third]


def test_what_is_seen_late_is_not_lost(instance: dg.DagsterInstance) -> None:
    ends(instance, 100)
    _, cursor = read(instance, Cursor(since=START))
    late = ends(instance, 45)
    ids, cursor = read(instance, cursor)
    assert ids == [late]
    assert read(instance, cursor)[0] == []


def test_what_ended_long_ago_and_got_a_tag_is_no_news(instance: dg.DagsterInstance) -> None:
    old = ends(instance, 10)
    ends(instance, 200)
    _, cursor = read(instance, Cursor(since=START))
    instance.add_run_tags(old, {"seen": "by a person"})
    assert read(instance, cursor)[0] == []


def test_a_tick_is_bounded_and_the_next_ones_go_on(instance: dg.DagsterInstance) -> None:
    runs = [ends(instance, second) for second in range(1, 8)]
    cursor, seen = Cursor(since=START), []
    for _ in range(4):
        ids, cursor = read(instance, cursor, most=2)
        assert len(ids) <= 2
        seen += ids
    assert seen == runs


def test_a_tick_that_is_full_of_what_ended_long_ago_says_that_more_comes(
    instance: dg.DagsterInstance,
) -> None:
    day = 24 * 3600
    for second in (1, 2, 3, day - 1):
        ends(instance, second)
    first = ended_runs(instance, Cursor(since=START), most=2)
    assert first.more
    assert not ended_runs(instance, first.cursor, most=100).more


def test_a_failure_waits_until_dagster_has_said_whether_it_retries_it() -> None:
    with dg.DagsterInstance.ephemeral(settings={"run_retries": {"enabled": True}}) as instance:
        old = ends(instance, 0)
        now = datetime.now(UTC)
        fresh, succeeded = ends(instance, 0, start=now), ends(instance, 0, succeeds=True, start=now)
        ids, cursor = read(instance, Cursor(since=START - AGAIN))
        assert set(ids) == {old, succeeded}
        instance.add_run_tags(fresh, {"dagster/will_retry": "false"})
        assert read(instance, cursor)[0] == [fresh]


def test_what_is_remembered_does_not_grow(instance: dg.DagsterInstance) -> None:
    cursor = Cursor(since=START)
    for minute in range(6):
        ends(instance, 300 * minute + 1)
        _, cursor = read(instance, cursor)
        assert len(cursor.returned) == 1


def test_what_goes_on_or_was_canceled_is_no_end(instance: dg.DagsterInstance) -> None:
    for status in (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELED):
        instance.add_run(dg.DagsterRun(job_name="any", run_id=str(uuid4()), status=status))
    assert read(instance, Cursor(since=START))[0] == []


@pytest.mark.parametrize("text", [None, "", "{}", "no json", '{"since": "yesterday"}'])
def test_without_a_cursor_what_ends_from_now_on_counts(text: str | None) -> None:
    assert Cursor.read(text, START) == Cursor(since=START)
