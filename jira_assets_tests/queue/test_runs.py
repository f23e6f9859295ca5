"""What Dagster's records and the signs of life say about a run."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from dagster import (
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    Failure,
    job,
    op,
)
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)

from jira_assets.queue.planning import QueueRow
from jira_assets.queue.run_state import Phase, RunState
from jira_assets.queue.runs import IN_FLIGHT, STARTING_SECONDS, is_dead, run_states
from jira_assets.queue.tick import SENSOR_NAME
from jira_assets.warehouse.heartbeat import Beat, beat, finish
from jira_assets.warehouse.tables import run_heartbeats

ORIGIN = RemoteJobOrigin(RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("any"), "any"), "any")
NOW = datetime.now(UTC)
FRESH = Beat(NOW, None, age_seconds=59)
STALE = Beat(NOW, None, age_seconds=61)
ENDED = Beat(NOW, NOW, age_seconds=99_999)
GOING = [
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]
NEVER_DEAD = [status for status in DagsterRunStatus if status not in IN_FLIGHT] + [
    DagsterRunStatus.QUEUED
]


@pytest.mark.parametrize("status", GOING)
@pytest.mark.parametrize(
    ("sign", "unchanged", "dead"),
    [
        (FRESH, 99_999, False),
        (STALE, 0, True),
        (ENDED, 99_999, False),
        (None, STARTING_SECONDS - 1, False),
        (None, STARTING_SECONDS + 1, True),
    ],
)
def test_a_run_that_goes_on_is_dead_when_its_signs_of_life_stop(
    status: DagsterRunStatus, sign: Beat | None, unchanged: float, dead: bool
) -> None:
    assert is_dead(status, sign, unchanged, 60) is dead


@pytest.mark.parametrize("status", NEVER_DEAD)
@pytest.mark.parametrize("sign", [None, FRESH, STALE, ENDED])
def test_a_run_that_waits_or_is_over_is_never_dead(
    status: DagsterRunStatus, sign: Beat | None
) -> None:
    assert not is_dead(status, sign, 99_999, 60)


# ------------------------------------------------------------------------- read from an instance


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as made:
        yield made


def row(**changes: object) -> QueueRow:
    fields = {
        "message_id": UUID(int=1),
        "partition_key": "acme/cloud",
        "integration_id": 1,
        "entity": "statuses",
        "state": "received",
        "attempt": 1,
        "created_at": NOW,
    }
    return QueueRow(**{**fields, **changes})  # type: ignore[arg-type]  # a row as the test wants it


def add_run(instance: DagsterInstance, status: DagsterRunStatus, **tags: str) -> str:
    named = {f"dagster/{name}": value for name, value in tags.items() if name != "message_ids"}
    if "message_ids" in tags:
        named["jira_assets/message_ids"] = tags["message_ids"]
    run = DagsterRun(
        job_name="any",
        run_id=str(uuid4()),
        status=status,
        tags=named,
        remote_job_origin=ORIGIN,
    )
    instance.add_run(run)
    return run.run_id


def states(instance: DagsterInstance, warehouse: sa.Engine, *rows: QueueRow) -> dict[str, RunState]:
    with warehouse.connect() as connection:
        found = run_states(instance, connection, rows, sensor_name=SENSOR_NAME, dead_after=60)
    return {state.run_id: state for state in found}


def age(warehouse: sa.Engine, seconds: float) -> None:
    """Make every sign of life older."""
    older = run_heartbeats.c.heartbeat_at - sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)
    with warehouse.begin() as connection:
        connection.execute(sa.update(run_heartbeats).values(heartbeat_at=older))


def test_the_phases_of_the_runs_that_landed_messages(
    instance: DagsterInstance, warehouse: sa.Engine
) -> None:
    phases = {
        DagsterRunStatus.QUEUED: Phase.WAITING,
        DagsterRunStatus.NOT_STARTED: Phase.WAITING,
        DagsterRunStatus.STARTING: Phase.WORKING,
        DagsterRunStatus.STARTED: Phase.WORKING,
        DagsterRunStatus.CANCELING: Phase.WORKING,
        DagsterRunStatus.SUCCESS: Phase.SUCCEEDED,
        DagsterRunStatus.FAILURE: Phase.FAILED,
        DagsterRunStatus.CANCELED: Phase.CANCELED,
    }
    expected = {add_run(instance, status): phase for status, phase in phases.items()}
    found = states(instance, warehouse, *(row(extraction_run_id=run_id) for run_id in expected))
    assert {run_id: state.phase for run_id, state in found.items()} == expected


def test_the_run_that_was_asked_for_says_what_it_covers(
    instance: DagsterInstance, warehouse: sa.Engine
) -> None:
    covered = [UUID(int=1), UUID(int=2)]
    run_id = add_run(
        instance,
        DagsterRunStatus.QUEUED,
        run_key=row().run_key,
        partition="acme/cloud",
        message_ids=",".join(map(str, covered)),
    )
    assert states(instance, warehouse, row())[run_id] == RunState(
        run_id, Phase.WAITING, row().run_key, "acme/cloud", frozenset(covered)
    )


def test_every_transform_run_in_flight_is_found(
    instance: DagsterInstance, warehouse: sa.Engine
) -> None:
    going = add_run(instance, DagsterRunStatus.STARTED, sensor_name=SENSOR_NAME)
    add_run(instance, DagsterRunStatus.SUCCESS, sensor_name=SENSOR_NAME)
    add_run(instance, DagsterRunStatus.STARTED, sensor_name="somebody else's")
    assert states(instance, warehouse, row()).keys() == {going}


def test_a_killed_run_is_dead(instance: DagsterInstance, warehouse: sa.Engine) -> None:
    run_id = add_run(instance, DagsterRunStatus.STARTED)
    claimed = row(state="launched", run_id=run_id)
    beat(warehouse, run_id)
    assert states(instance, warehouse, claimed)[run_id].phase is Phase.WORKING
    age(warehouse, 61)
    assert states(instance, warehouse, claimed)[run_id].phase is Phase.DEAD


def test_a_run_whose_own_steps_have_long_ended_has_done_its_work(
    instance: DagsterInstance, warehouse: sa.Engine
) -> None:
    run_id = add_run(instance, DagsterRunStatus.STARTED)
    landed = row(extraction_run_id=run_id)
    finish(warehouse, run_id)
    assert states(instance, warehouse, landed)[run_id].phase is Phase.WORKING
    age(warehouse, STARTING_SECONDS + 1)
    assert states(instance, warehouse, landed)[run_id].phase is Phase.DONE


def test_a_run_of_another_dagster_is_known_by_its_signs_of_life(
    instance: DagsterInstance, warehouse: sa.Engine
) -> None:
    rows = [row(extraction_run_id="elsewhere"), row(state="launched", run_id="ended elsewhere")]
    beat(warehouse, "elsewhere")
    finish(warehouse, "ended elsewhere")
    assert states(instance, warehouse, *rows) == {"elsewhere": RunState("elsewhere", Phase.WORKING)}
    age(warehouse, 61)
    assert states(instance, warehouse, *rows) == {}


def merge() -> None:
    raise KeyError("colour")


@op
def failing() -> None:
    try:
        merge()
    except KeyError as error:
        raise RuntimeError("the merge of statuses failed") from error


@op
def refused() -> None:
    raise Failure("Jira refused the credentials: check secret_ref")


@op
def unstorable() -> None:
    raise ValueError("page \x00 ends in \ud83d")


@job
def failing_job() -> None:
    failing()


@job
def unstorable_job() -> None:
    unstorable()


@job
def refused_job() -> None:
    refused()


@pytest.mark.parametrize(
    ("given_job", "said"),
    [
        (failing_job, "RuntimeError: the merge of statuses failed"),
        (refused_job, "Jira refused the credentials: check secret_ref"),
        (unstorable_job, "ValueError: page  ends in \ufffd"),
    ],
)
def test_the_reason_of_a_failure_is_its_sentence(
    instance: DagsterInstance, warehouse: sa.Engine, given_job: object, said: str
) -> None:
    result = given_job.execute_in_process(instance=instance, raise_on_error=False)  # type: ignore[attr-defined]  # two jobs
    claimed = row(state="launched", run_id=result.run_id)
    state = states(instance, warehouse, claimed)[result.run_id]
    assert state.phase is Phase.FAILED
    assert said in str(state.error)


def test_a_run_that_was_failed_from_outside_says_why(
    instance: DagsterInstance, warehouse: sa.Engine
) -> None:
    run_id = add_run(instance, DagsterRunStatus.STARTED)
    run = instance.get_run_by_id(run_id)
    assert run is not None
    instance.report_run_failed(run, "The run was killed.")
    state = states(instance, warehouse, row(state="launched", run_id=run_id))[run_id]
    assert (state.phase, state.error) == (Phase.FAILED, "The run was killed.")


def test_a_process_that_ended_without_a_word_is_told_by_its_signal(
    instance: DagsterInstance, warehouse: sa.Engine
) -> None:
    run_id = add_run(instance, DagsterRunStatus.STARTED)
    run = instance.get_run_by_id(run_id)
    assert run is not None
    instance.report_engine_event("Run execution process was terminated by signal 9.", run)
    instance.report_run_failed(run)  # as the code server does: in Dagster's own words
    state = states(instance, warehouse, row(state="launched", run_id=run_id))[run_id]
    assert state.error == "Run execution process was terminated by signal 9."
