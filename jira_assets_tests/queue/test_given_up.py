"""Messages that were given up: listed, tried again under new run keys, dropped."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from jira_assets.queue.given_up import (
    NotFailedError,
    count_failed,
    drop_failed,
    failed_messages,
    retry_failed,
)
from jira_assets_tests.queue.conftest import Queue


@pytest.fixture
def failed(queue: Queue) -> Queue:
    """Three messages that failed, and one that is on its way."""
    for entity in ("projects", "statuses", "fields"):
        queue.land(entity)
    queue.change(state="failed", attempt=5, error="no such column", run_id="run")
    queue.land("issue_types")
    return queue


def states(queue: Queue) -> dict[str, str]:
    return {row.entity: row.state for row in queue.rows()}


def test_the_failed_ones_are_listed_and_no_others(failed: Queue) -> None:
    with failed.engine.connect() as connection:
        listed = failed_messages(connection, limit=10)
        assert len(failed_messages(connection, limit=2)) == 2
        assert count_failed(connection) == 3
    assert {each.entity for each in listed} == {"projects", "statuses", "fields"}
    assert {(each.attempts, each.error, each.partition_key) for each in listed} == {
        (5, "no such column", "acme/cloud")
    }


def test_a_retry_begins_another_budget_under_new_numbers(failed: Queue) -> None:
    (row,) = (row for row in failed.rows() if row.entity == "statuses")
    assert retry_failed(failed.engine, [row.message_id]) == 1
    (again,) = (row for row in failed.rows() if row.entity == "statuses")
    assert (again.state, again.attempt, again.run_id) == ("received", 6, None)
    assert (again.finished_at, again.not_before) == (None, None)
    assert again.error == "no such column"
    assert states(failed) == {
        "projects": "failed",
        "statuses": "received",
        "fields": "failed",
        "issue_types": "pending",
    }


@pytest.mark.parametrize(("attempt", "next_one"), [(1, 6), (4, 6), (5, 6), (6, 11), (10, 11)])
def test_no_number_is_used_twice(queue: Queue, attempt: int, next_one: int) -> None:
    queue.land()
    queue.change(state="failed", attempt=attempt)
    assert retry_failed(queue.engine, None) == 1
    assert [row.attempt for row in queue.rows()] == [next_one]


def test_what_is_dropped_stays_as_a_row_that_says_so(failed: Queue) -> None:
    (row,) = (row for row in failed.rows() if row.entity == "fields")
    assert drop_failed(failed.engine, [row.message_id]) == 1
    (gone,) = (row for row in failed.rows() if row.entity == "fields")
    assert gone.state == "dropped"
    assert gone.error == "dropped by a person; it had failed: no such column"
    assert gone.finished_at is not None
    assert states(failed)["projects"] == "failed"
    assert drop_failed(failed.engine, None) == 2
    assert sorted(states(failed).values()) == ["dropped", "dropped", "dropped", "pending"]


@pytest.mark.parametrize("change", [retry_failed, drop_failed])
def test_of_named_ones_all_or_none(failed: Queue, change: Callable[..., int]) -> None:
    before = states(failed)
    ids = {row.entity: row.message_id for row in failed.rows()}
    nobody = uuid4()
    with pytest.raises(NotFailedError, match=f"there is no message {nobody}"):
        change(failed.engine, [ids["projects"], nobody])
    with pytest.raises(NotFailedError, match=f"{ids['issue_types']} is pending, not failed"):
        change(failed.engine, [ids["projects"], ids["issue_types"]])
    assert states(failed) == before
