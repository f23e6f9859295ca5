"""Batches are written beside the reading, and no failure of theirs gets lost."""

import threading
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from jira_assets.warehouse import raw_pages
from jira_assets.warehouse.contracts import LeftBehind, Owner, RawPage
from jira_assets.warehouse.landing import land
from jira_assets.warehouse.raw_pages import LandingConflictError
from jira_assets.warehouse.tables import etl_job_queue, raw_extraction_data, raw_extractions
from jira_assets_tests.warehouse.data import add_owner, page, reading


class JiraAwayError(Exception):
    pass


@pytest.fixture(autouse=True)
def _batches_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every batch be three pages, and none so small that it is written at once."""
    monkeypatch.setattr(raw_pages, "BATCH_PAGES", 3)
    monkeypatch.setattr(raw_pages, "SMALL_PAGES", 0)
    monkeypatch.setattr(raw_pages, "SMALL_BYTES", 0)


def count(engine: sa.Engine, table: sa.Table) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0)


def pages(*numbers: int) -> list[RawPage]:
    return [page(number, [{"id": str(number)}]) for number in numbers]


def test_the_reading_goes_on_while_a_batch_is_written(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    seen: list[int] = []
    with warehouse.connect() as blocker:
        # Whoever writes waits here for the integration's row, as for a purge.
        blocker.execute(sa.text("SELECT FROM jira.integrations FOR UPDATE"))

        def answers() -> Iterator[RawPage]:
            for each in pages(0, 1, 2, 3, 4):
                seen.append(each.page)
                yield each
            assert count(warehouse, raw_extraction_data) == 0
            blocker.rollback()
            yield from pages(5, 6)

        landing = land(warehouse, reading(owner, answers()), run_id=None)
    assert seen == [0, 1, 2, 3, 4]
    assert landing.pages == count(warehouse, raw_extraction_data) == 7


@pytest.mark.parametrize("count_of_pages", [3, 4, 6])
def test_a_batch_that_cannot_be_written_ends_the_reading_without_a_marker(
    warehouse: sa.Engine, count_of_pages: int
) -> None:
    owner, extraction = add_owner(warehouse), uuid4()

    def answers(_left: LeftBehind) -> Iterator[RawPage]:
        for each in pages(*range(count_of_pages)):
            if each.page == 1:
                _land_of_somebody_else(warehouse, owner, extraction)
            yield each

    first = reading(owner, answers, extraction_id=extraction, resumable=True)
    with pytest.raises(LandingConflictError):
        land(warehouse, first, run_id="run-1")
    assert count(warehouse, raw_extractions) == count(warehouse, etl_job_queue) == 0
    with warehouse.connect() as connection:
        kept = connection.execute(sa.select(raw_extraction_data.c.page)).scalars().all()
    assert kept == [1]
    assert not [each for each in threading.enumerate() if each.name.startswith("landing")]


def _land_of_somebody_else(engine: sa.Engine, owner: Owner, extraction: UUID) -> None:
    def answers(_left: LeftBehind) -> Iterator[RawPage]:
        yield page(1, ["of somebody else"])
        raise JiraAwayError

    other = reading(owner, answers, extraction_id=extraction, resumable=True)
    with pytest.raises(JiraAwayError):
        land(engine, other, run_id="run-2")


def test_pages_before_a_failure_of_the_reader_are_there(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)

    def answers() -> Iterator[RawPage]:
        yield from pages(0, 1, 2, 3)
        raise JiraAwayError

    with pytest.raises(JiraAwayError):
        land(warehouse, reading(owner, answers()), run_id=None)
    assert count(warehouse, raw_extraction_data) == 4
    assert count(warehouse, raw_extractions) == 0
    assert not [each for each in threading.enumerate() if each.name.startswith("landing")]
