"""Where landings add up, all stay from the last whole one on that the tables hold."""

import pytest
import sqlalchemy as sa

from jira_assets.partitions import PartitionKey
from jira_assets.warehouse.contracts import LandedEntity, Owner
from jira_assets.warehouse.increments import changes_to_apply
from jira_assets.warehouse.integrations import remove_integration
from jira_assets.warehouse.retention import preview, prune
from jira_assets.warehouse.tables import (
    DATA_TABLES,
    applied_extractions,
    etl_job_queue,
    issue_watermarks,
    raw_extraction_data,
    raw_extractions,
    rejected_records,
)
from jira_assets_tests.warehouse.data import add_owner, stored
from jira_assets_tests.warehouse.issues_data import TABLES, apply, issue, put, whole
from jira_assets_tests.warehouse.retention_data import NEWEST_ONLY, days_ago


@pytest.fixture
def owner(warehouse: sa.Engine) -> Owner:
    return add_owner(warehouse)


def land_all(engine: sa.Engine, owner: Owner, sinces: list[float | None]) -> None:
    """Land a scope so often; None: all of it. Then let all of it have aged."""
    for number, since in enumerate(sinces):
        put(engine, owner, *whole("10", issue(str(number)), since=since))
    age = sa.update(raw_extractions).values(landed_at=days_ago(100))
    with engine.begin() as connection:
        connection.execute(age)


def left(engine: sa.Engine) -> list[bool]:
    """Return of what is left, the oldest first, whether it is whole; markers and pages alike."""
    markers = sa.select(raw_extractions).order_by(raw_extractions.c.sequence)
    pages = sa.select(raw_extraction_data.c.extraction_id)
    with engine.connect() as connection:
        rows = connection.execute(markers).all()
        paged = set(connection.execute(pages).scalars())
    assert paged == {row.extraction_id for row in rows}
    return [row.is_full for row in rows]


@pytest.mark.parametrize(
    ("sinces", "kept"),
    [
        ([None, 1, 2], [True, False, False]),
        ([None, 1, None, 2, 3], [True, False, False]),
        ([None, None, None], [True]),
        ([1, 2, 3], [False, False, False]),
    ],
)
def test_what_the_tables_are_rebuilt_from_stays(
    warehouse: sa.Engine, owner: Owner, sinces: list[float | None], kept: list[bool]
) -> None:
    land_all(warehouse, owner, sinces)
    apply(warehouse, owner)
    expected = [each.landing.extraction_id for each in due(warehouse, owner)]
    going = len(sinces) - len(kept)
    assert preview(warehouse, NEWEST_ONLY).total.landings == going

    assert prune(warehouse, NEWEST_ONLY).total.landings == going

    assert left(warehouse) == kept
    assert [each.landing.extraction_id for each in due(warehouse, owner)] == expected


def due(engine: sa.Engine, owner: Owner) -> list[LandedEntity]:
    return changes_to_apply(engine, owner, TABLES, "1", force=True)


def test_what_is_not_applied_yet_stays_and_what_it_adds_to(
    warehouse: sa.Engine, owner: Owner
) -> None:
    land_all(warehouse, owner, [None, 1])
    apply(warehouse, owner)
    land_all(warehouse, owner, [None, 2])
    prune(warehouse, NEWEST_ONLY)
    assert left(warehouse) == [True, False, True, False]
    with warehouse.begin() as connection:
        settled = sa.update(etl_job_queue).values(state="completed")
        connection.execute(settled)  # As though somebody had called it done.
    prune(warehouse, NEWEST_ONLY)
    assert left(warehouse) == [True, False, True, False]
    apply(warehouse, owner)
    prune(warehouse, NEWEST_ONLY)
    assert left(warehouse) == [True, False]


def test_a_rebuild_after_pruning_finds_every_issue(warehouse: sa.Engine, owner: Owner) -> None:
    land_all(warehouse, owner, [None, None, 1, 2])
    apply(warehouse, owner)
    prune(warehouse, NEWEST_ONLY)
    before = stored(warehouse, "issues", owner)
    assert len(before) == 3
    with warehouse.begin() as connection:
        for table in (*(DATA_TABLES[name] for name in TABLES), applied_extractions):
            connection.execute(sa.delete(table))

    apply(warehouse, owner)

    rebuilt = [row["jira_id"] for row in stored(warehouse, "issues", owner)]
    assert rebuilt == [row["jira_id"] for row in before]


def test_what_was_set_aside_stays_as_long_as_a_scope_of_its_extraction(
    warehouse: sa.Engine, owner: Owner
) -> None:
    put(warehouse, owner, *whole("10", issue("1", bad="no key")), *whole("20", issue("2")))
    put(warehouse, owner, *whole("20", issue("2")))
    apply(warehouse, owner)
    land_all(warehouse, owner, [])
    assert prune(warehouse, NEWEST_ONLY).total.landings == 1
    assert set_aside(warehouse) == ["1"]
    put(warehouse, owner, *whole("10"))
    apply(warehouse, owner)
    land_all(warehouse, owner, [])
    assert prune(warehouse, NEWEST_ONLY).total.landings == 1
    assert set_aside(warehouse) == []


def set_aside(engine: sa.Engine) -> list[str | None]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(rejected_records.c.jira_id)).scalars())


def test_a_purge_takes_issues_and_watermarks_along(warehouse: sa.Engine, owner: Owner) -> None:
    land_all(warehouse, owner, [None])
    apply(warehouse, owner)
    deleted = remove_integration(warehouse, PartitionKey.parse(owner.partition_key), purge=True)
    assert (deleted["issues"], deleted[issue_watermarks.name]) == (1, 1)
