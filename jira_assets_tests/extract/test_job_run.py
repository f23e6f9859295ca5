"""How far a job is as a whole: over its entities in turn, and at most once a second."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jira_assets.extract.job_run import WEIGHTS, JobProgress
from jira_assets.extract.progress import Progress
from jira_assets.warehouse.job_settings import JOB_TYPES
from jira_assets.warehouse.tables import ENTITIES

METADATA = JOB_TYPES["metadata"]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _followed(
    clock: Clock, entities: tuple[str, ...] = METADATA
) -> tuple[JobProgress, list[tuple[float, Any]]]:
    written: list[tuple[float, Any]] = []
    return JobProgress(entities, lambda *told: written.append(told), clock), written


def _step(entity: str, done: int, total: int) -> Progress:
    return Progress("acme/cloud", entity, done, total, seconds=2.0)


def test_an_entity_counts_with_its_weight() -> None:
    clock = Clock()
    progress, written = _followed(clock)
    half = _step("project_statuses", 50, 100)
    for entity in METADATA[:-1]:
        progress.over(entity)
        clock.now += 1
    progress.tell(half)
    of_all = sum(WEIGHTS[entity] for entity in METADATA)
    before = of_all - WEIGHTS["project_statuses"]
    assert written[-1] == (
        round(100 * (before + 0.5 * WEIGHTS["project_statuses"]) / of_all, 1),
        half,
    )
    assert half.as_json() == {
        "entity": "project_statuses",
        "done": 50,
        "total": 100,
        "per_second": 25.0,
        "seconds_left": 2.0,
    }


@pytest.mark.parametrize("job_type", JOB_TYPES)
def test_a_job_is_as_far_as_what_it_reads_itself(job_type: str) -> None:
    clock = Clock()
    progress, written = _followed(clock, JOB_TYPES[job_type])
    for entity in JOB_TYPES[job_type]:
        progress.over(entity)
        clock.now += 1
    assert [percent for percent, _ in written] == sorted(percent for percent, _ in written)
    assert written[-1] == (100, None)


def test_every_entity_has_a_weight() -> None:
    assert WEIGHTS.keys() == set(ENTITIES)


def test_it_is_written_at_most_once_a_second() -> None:
    clock = Clock()
    progress, written = _followed(clock)
    for done in range(101):
        progress.tell(_step("projects", done, 100))
        clock.now += 0.25
    assert len(written) == 26


@given(st.lists(st.tuples(st.sampled_from(METADATA), st.integers(0, 9), st.integers(0, 9))))
def test_it_stays_between_0_and_100(steps: list[tuple[str, int, int]]) -> None:
    clock = Clock()
    progress, written = _followed(clock)
    for entity, done, total in steps:
        progress.tell(_step(entity, min(done, total), total))
        progress.over(entity)
        clock.now += 1
    assert all(0 <= percent <= 100 for percent, _ in written)
