"""The plan: given rows and runs, what is asked for, what changes, and what is said."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jira_assets.queue.planning import (
    MAX_ATTEMPTS,
    MAX_COVERED,
    PAUSES,
    Plan,
    QueueRow,
    World,
    last_attempt,
    plan,
)
from jira_assets.queue.run_state import Phase, RunState
from jira_assets.warehouse.queue_rows import targets_of
from jira_assets.warehouse.tables import SOURCES

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
KEY = "acme/cloud"
TARGETS = targets_of(SOURCES)
OVER = [phase for phase in Phase if not phase.in_flight]
IN_FLIGHT = [Phase.WAITING, Phase.WORKING]


def row(number: int = 1, entity: str = "projects", **changes: Any) -> QueueRow:
    """A received message; a higher number is a newer one."""
    given_row = QueueRow(
        message_id=UUID(int=number),
        partition_key=KEY,
        integration_id=1,
        entity=entity,
        state="received",
        attempt=1,
        created_at=NOW - timedelta(hours=1) + timedelta(seconds=number),
        extraction_run_id="extraction",
    )
    return replace(given_row, **changes)


def launched(number: int = 1, run_id: str = "run", **changes: Any) -> QueueRow:
    return row(number, state="launched", run_id=run_id, **changes)


def run(phase: Phase, *rows: QueueRow, run_id: str = "run", **changes: Any) -> RunState:
    """A transform run asked for under the key of the last of ``rows``, covering all of them."""
    given_run = RunState(
        run_id=run_id,
        phase=phase,
        run_key=rows[-1].run_key if rows else None,
        partition_key=KEY if rows else None,
        covers=frozenset(each.message_id for each in rows),
    )
    return replace(given_run, **changes)


def extraction(phase: Phase) -> RunState:
    return RunState("extraction", phase, partition_key=KEY)


def planned(
    rows: Iterable[QueueRow],
    *runs: RunState,
    partitions: Collection[str] = (KEY,),
    max_requests: int = 50,
    targets: Any = TARGETS,
) -> Plan:
    world = World(now=NOW, runs=runs, partitions=partitions, targets=targets)
    return plan(rows, world, max_requests=max_requests)


# ------------------------------------------------------------------------------ asking for runs


def test_nothing_leads_to_nothing() -> None:
    assert planned([]) == Plan()


def test_one_run_covers_every_message_of_a_partition() -> None:
    entities = ["projects", "statuses", "fields", "project_statuses", "issue_samples", "issues"]
    rows = [row(number, entity) for number, entity in enumerate(entities, 1)]
    made = planned([rows[0], rows[3], *rows[4:], rows[1], rows[2]], extraction(Phase.SUCCEEDED))
    (request,) = made.requests
    assert request.partition_key == KEY
    assert request.run_key == f"{UUID(int=6)}:1"
    assert request.message_ids == tuple(UUID(int=number) for number in range(1, 7))
    assert set(request.tables) == set(SOURCES)
    assert not made.transitions
    assert "asks for a run of projects, " in made.words[0]
    assert "(6 messages, attempt 1)" in made.words[0]


@pytest.mark.parametrize("entity", sorted(TARGETS))
def test_exactly_the_tables_that_the_entity_feeds_are_asked_for(entity: str) -> None:
    (request,) = planned([row(entity=entity)]).requests
    assert request.tables == tuple(t for t, sources in SOURCES.items() if entity in sources)


def test_only_deployed_tables_are_asked_for() -> None:
    (request,) = planned(
        [row(entity="project_statuses")], targets=targets_of(["projects_statuses"])
    ).requests
    assert request.tables == ("projects_statuses",)


def test_each_partition_gets_its_own_run_the_longest_waiting_first() -> None:
    keys = ("a/one", "b/two", "c/three")
    rows = [row(3, partition_key="a/one"), row(1, partition_key="b/two")]
    rows.append(row(2, partition_key="c/three"))
    made = planned(rows, partitions=keys)
    assert [request.partition_key for request in made.requests] == ["b/two", "c/three", "a/one"]


def test_what_exceeds_a_tick_is_left_for_the_next() -> None:
    rows = [row(number, partition_key=f"acme/p{number}") for number in range(1, 8)]
    made = planned(rows, partitions={r.partition_key for r in rows}, max_requests=3)
    assert [request.partition_key for request in made.requests] == [
        "acme/p1",
        "acme/p2",
        "acme/p3",
    ]
    assert made.words[-1] == "4 more partitions are left for the next tick"


def test_a_run_is_told_of_as_many_messages_as_a_tag_can_hold() -> None:
    rows = [row(number) for number in range(1, MAX_COVERED + 11)]
    (request,) = planned(rows).requests
    assert len(request.message_ids) == MAX_COVERED
    assert request.run_key == rows[-1].run_key
    assert len(",".join(map(str, request.message_ids))) < 2500


@pytest.mark.parametrize("state", ["pending", "published", "completed", "superseded", "failed"])
def test_what_was_not_received_or_is_closed_is_not_looked_at(state: str) -> None:
    assert planned([row(state=state)]) == Plan()


# -------------------------------------------------------------------------------------- waiting


@pytest.mark.parametrize("phase", IN_FLIGHT)
def test_a_message_waits_for_the_run_that_landed_it(phase: Phase) -> None:
    made = planned([row(1, "projects"), row(2, "statuses")], extraction(phase))
    assert not made.requests
    assert not made.transitions
    assert made.words == [
        f"{KEY}: projects, statuses: received; the extraction goes on, run extracti {phase.value}"
    ]


@pytest.mark.parametrize("phase", OVER)
def test_an_extraction_that_is_over_in_any_way_is_not_waited_for(phase: Phase) -> None:
    assert len(planned([row()], extraction(phase)).requests) == 1


@pytest.mark.parametrize("run_id", [None, "unknown to Dagster"])
def test_a_message_of_no_run_of_ours_waits_for_nothing(run_id: str | None) -> None:
    assert len(planned([row(extraction_run_id=run_id)]).requests) == 1


def test_one_extraction_at_work_does_not_hold_back_another() -> None:
    rows = [row(1), row(2, "statuses", extraction_run_id="other")]
    made = planned(rows, extraction(Phase.WORKING), RunState("other", Phase.SUCCEEDED))
    assert made.requests[0].message_ids == (UUID(int=2),)


def test_a_partition_that_dagster_does_not_have_is_not_asked_for() -> None:
    made = planned([row(1), row(2, partition_key="acme/gone")])
    assert [request.partition_key for request in made.requests] == [KEY]
    assert "acme/gone: projects: received, but Dagster has no such partition" in made.words


def test_a_pause_is_waited_for_and_then_over() -> None:
    resting = row(attempt=2, not_before=NOW + timedelta(seconds=20))
    made = planned([resting])
    assert not made.requests
    assert made.words == [f"{KEY}: projects: attempt 2 of 5 in 20 s"]
    (request,) = planned([replace(resting, not_before=NOW)]).requests
    assert request.run_key.endswith(":2")


def test_a_message_that_rests_does_not_hold_back_a_newer_one() -> None:
    resting = row(1, attempt=2, not_before=NOW + timedelta(seconds=20))
    (request,) = planned([resting, row(2, "statuses")]).requests
    assert request.message_ids == (UUID(int=2),)


@pytest.mark.parametrize("phase", IN_FLIGHT)
def test_a_run_that_was_asked_for_is_waited_for(phase: Phase) -> None:
    rows = [row(1), row(2, "statuses")]
    made = planned(rows, run(phase, *rows))
    assert not made.requests
    assert not made.transitions
    assert made.words == [f"{KEY}: run run {phase.value}"]


@pytest.mark.parametrize("phase", IN_FLIGHT)
def test_a_message_that_comes_while_a_run_goes_on_waits_for_it(phase: Phase) -> None:
    asked = row(1)
    made = planned([asked, row(2, "statuses")], run(phase, asked))
    assert not made.requests
    claimed = launched(1)
    assert not planned([claimed, row(2, "statuses")], run(phase, asked)).requests


def test_a_message_whose_lead_is_closed_waits_for_the_run_all_the_same() -> None:
    closed, left = row(2), row(1, "statuses")
    assert not planned([left], run(Phase.WORKING, left, closed)).requests


def test_the_leftover_gets_its_own_run_once_the_older_one_is_over() -> None:
    closed, newer = row(1), row(2, "statuses")
    (request,) = planned([newer], run(Phase.SUCCEEDED, closed)).requests
    assert request.run_key == newer.run_key


def test_a_run_of_the_same_partition_that_somebody_else_started_is_not_waited_for() -> None:
    other = RunState("by hand", Phase.WORKING, partition_key=KEY)
    assert len(planned([row()], other).requests) == 1


def test_a_claim_by_a_run_that_somebody_else_started_is_waited_for() -> None:
    other = RunState("by hand", Phase.WORKING, partition_key=KEY)
    assert not planned([launched(run_id="by hand"), row(2)], other).requests


def test_of_two_runs_under_one_key_the_one_in_flight_counts() -> None:
    asked = row()
    runs = [run(Phase.FAILED, asked, run_id="a"), run(Phase.WORKING, asked, run_id="b")]
    for order in (runs, runs[::-1]):
        made = planned([asked], *order)
        assert not made.transitions
        assert not made.requests


# -------------------------------------------------------------------------------- coming back


@pytest.mark.parametrize("phase", OVER)
def test_every_message_that_an_ended_run_left_begins_its_next_attempt(phase: Phase) -> None:
    rows = [row(1), row(2, "statuses"), row(3, "project_statuses")]
    made = planned(rows, run(phase, *rows))
    assert not made.requests
    assert [t.before for t in made.transitions] == rows
    assert {(t.state, t.attempt) for t in made.transitions} == {("received", 2)}
    assert {t.not_before for t in made.transitions} == {NOW + timedelta(seconds=PAUSES[0])}
    assert all(phase.value in str(t.error) for t in made.transitions)
    assert made.words[0].endswith("; attempt 2 of 5 in 10 s")
    assert not made.failures


@pytest.mark.parametrize("phase", OVER)
def test_what_an_ended_run_had_claimed_comes_back(phase: Phase) -> None:
    claimed = [launched(1), launched(2, entity="statuses")]
    made = planned(claimed, replace(run(phase, row(1)), covers=frozenset()))
    assert [t.before for t in made.transitions] == claimed
    assert {(t.state, t.attempt) for t in made.transitions} == {("received", 2)}


def test_what_an_unknown_run_had_claimed_comes_back() -> None:
    made = planned([launched()])
    assert made.transitions[0].attempt == 2
    assert "is unknown to Dagster" in str(made.transitions[0].error)


def test_a_run_that_left_something_out_says_so() -> None:
    made = planned([row()], run(Phase.SUCCEEDED, row()))
    assert "succeeded, but the tables have not caught up" in str(made.transitions[0].error)


def test_the_error_of_the_run_is_kept() -> None:
    made = planned([row()], run(Phase.FAILED, row(), error="no such column: colour"))
    assert made.transitions[0].error == "run run failed: no such column: colour"


def test_messages_keep_their_own_count() -> None:
    old, new = row(1, attempt=4), row(2, "statuses")
    made = planned([old, new], run(Phase.FAILED, old, new))
    assert {t.before.message_id.int: t.attempt for t in made.transitions} == {1: 5, 2: 2}
    pauses = {t.before.message_id.int: t.not_before for t in made.transitions}
    assert pauses == {1: NOW + timedelta(seconds=270), 2: NOW + timedelta(seconds=10)}


def test_a_message_that_the_failed_run_did_not_cover_is_asked_for_at_once() -> None:
    asked, newer = row(1), row(2, "statuses")
    made = planned([asked, newer], run(Phase.FAILED, asked))
    assert [t.before for t in made.transitions] == [asked]
    assert [request.message_ids for request in made.requests] == [(UUID(int=2),)]


def test_a_message_that_another_run_has_claimed_stays_with_it() -> None:
    asked, claimed = row(2), launched(1, run_id="by hand")
    runs = [run(Phase.FAILED, claimed, asked), RunState("by hand", Phase.WORKING)]
    made = planned([asked, claimed], *runs)
    assert [t.before for t in made.transitions] == [asked]


def test_pauses_grow_and_end() -> None:
    assert len(PAUSES) == MAX_ATTEMPTS - 1
    assert list(PAUSES) == sorted(PAUSES)
    attempt = row()
    for pause in PAUSES:
        (transition,) = planned([attempt], run(Phase.DEAD, attempt)).transitions
        assert transition.not_before == NOW + timedelta(seconds=pause)
        attempt = replace(attempt, attempt=transition.attempt)
    made = planned([attempt], run(Phase.DEAD, attempt))
    (transition,) = made.transitions
    assert (transition.state, transition.attempt) == ("failed", MAX_ATTEMPTS)
    assert transition.not_before is None
    why = "run run died: it has given no sign of life for too long"
    assert made.failures == [f"{KEY}: {why}; projects: failed after 5 attempts"]
    assert made.words == made.failures


def test_a_message_that_a_person_retries_has_as_many_attempts_again() -> None:
    assert [last_attempt(n) for n in (1, 4, 5, 6, 10, 11)] == [5, 5, 5, 10, 10, 15]
    attempt = row(attempt=MAX_ATTEMPTS + 1)
    for count, pause in enumerate(PAUSES, start=MAX_ATTEMPTS + 2):
        made = planned([attempt], run(Phase.FAILED, attempt))
        (transition,) = made.transitions
        assert (transition.state, transition.attempt) == ("received", count)
        assert transition.not_before == NOW + timedelta(seconds=pause)
        assert f"attempt {count} of 10 in {pause} s" in made.words[0]
        attempt = replace(attempt, attempt=transition.attempt)
    made = planned([attempt], run(Phase.FAILED, attempt))
    (transition,) = made.transitions
    assert (transition.state, transition.attempt) == ("failed", 2 * MAX_ATTEMPTS)
    assert made.failures == [f"{KEY}: run run failed; projects: failed after 10 attempts"]


def test_a_later_attempt_is_not_confused_with_an_earlier_run() -> None:
    first = row()
    again = replace(first, attempt=2)
    (request,) = planned([again], run(Phase.FAILED, first)).requests
    assert request.run_key == f"{first.message_id}:2"


# ------------------------------------------------------------------------------ nothing to feed


def test_a_message_that_feeds_no_deployed_table_is_completed() -> None:
    made = planned([row(1, "boards"), row(2, "statuses")])
    (transition,) = made.transitions
    assert (transition.before.entity, transition.state) == ("boards", "completed")
    assert f"{KEY}: boards feeds no table deployed here, completed" in made.words
    assert made.requests[0].message_ids == (UUID(int=2),)


# ---------------------------------------------------------------------------------- whatever comes

_ROWS = st.lists(
    st.builds(
        row,
        st.integers(1, 9),
        st.sampled_from([*TARGETS, "fields"]),
        state=st.sampled_from(["received", "launched", "published"]),
        attempt=st.integers(1, 2 * MAX_ATTEMPTS),
        partition_key=st.sampled_from([KEY, "acme/two", "acme/gone"]),
        run_id=st.sampled_from(["r1", "r2", None]),
        extraction_run_id=st.sampled_from(["r1", "x", None]),
        not_before=st.sampled_from([None, NOW, NOW + timedelta(seconds=9)]),
    ),
    unique_by=lambda each: each.message_id,
)


@given(_ROWS, st.data())
def test_whatever_comes_no_message_is_forgotten_or_treated_twice(
    rows: list[QueueRow], data: st.DataObject
) -> None:
    some_run = st.builds(
        RunState,
        st.sampled_from(["r1", "r2", "r3"]),
        st.sampled_from(Phase),
        st.sampled_from([None, *(each.run_key for each in rows)]),
        st.sampled_from([KEY, "acme/two"]),
        st.frozensets(st.integers(1, 9).map(lambda number: UUID(int=number))),
    )
    runs = data.draw(st.lists(some_run, unique_by=lambda each: each.run_id))
    made = planned(rows, *runs, partitions={KEY, "acme/two"})
    asked = [message_id for request in made.requests for message_id in request.message_ids]
    changed = [transition.before.message_id for transition in made.transitions]
    assert len({*asked, *changed}) == len(asked) + len(changed)
    assert len({request.partition_key for request in made.requests}) == len(made.requests)
    assert "acme/gone" not in {request.partition_key for request in made.requests}
    # Whatever is neither asked for nor changed is spoken of.
    for each in rows:
        if each.state != "published" and each.message_id not in {*asked, *changed}:
            assert any(words.startswith(each.partition_key) for words in made.words)
