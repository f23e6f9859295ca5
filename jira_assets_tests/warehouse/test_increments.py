"""Which landings of issues are due."""

from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from jira_assets.warehouse.contracts import Owner
from jira_assets.warehouse.increments import (
    NothingLandedError,
    changes_to_apply,
    field_types,
    field_usage,
)
from jira_assets.warehouse.landing import UnknownExtractionError
from jira_assets.warehouse.tables import custom_fields, etl_job_queue, projects_custom_fields
from jira_assets_tests.warehouse.data import add_owner, mark
from jira_assets_tests.warehouse.issues_data import (
    TABLES,
    apply,
    day,
    issue,
    put,
    put_sweep,
    whole,
)


@pytest.fixture
def owner(warehouse: sa.Engine) -> Owner:
    return add_owner(warehouse)


def due(engine: sa.Engine, owner: Owner, version: str = "1", **more: Any) -> list[str]:
    """Return what is due, by scope; a plus for what is no full landing."""
    landed = changes_to_apply(engine, owner, TABLES, version, **more)
    return [f"{each.landing.scope}{'' if each.landing.is_full else '+'}" for each in landed]


def test_what_is_newer_than_the_applied_is_due_in_order(warehouse: sa.Engine, owner: Owner) -> None:
    put(warehouse, owner, *whole("10", issue("1")))
    put(warehouse, owner, *whole("20", issue("2")))
    put_sweep(warehouse, owner, {"10": ["1"], "20": ["2"]})
    put(warehouse, owner, *whole("10", issue("1", updated=day(1)), since=0))
    assert due(warehouse, owner) == ["10", "20", "site", "10+"]
    apply(warehouse, owner)
    assert due(warehouse, owner) == []
    put(warehouse, owner, *whole("20", issue("2", updated=day(1)), since=0))
    assert due(warehouse, owner) == ["20+"]


def test_another_transform_begins_with_the_last_full_landing(
    warehouse: sa.Engine, owner: Owner
) -> None:
    for since in (0, None, 1, None, 2, 3):
        put(warehouse, owner, *whole("10", issue("1"), since=since))
    put(warehouse, owner, *whole("20", issue("2"), since=0), *whole("30", issue("3"), since=0))
    put(warehouse, owner, *whole("20", issue("2"), since=1))
    put_sweep(warehouse, owner, {"10": ["1"]})
    expected = ["10", "10+", "10+", "20+", "30+", "20+", "site"]
    assert due(warehouse, owner) == expected
    apply(warehouse, owner)
    assert due(warehouse, owner) == []
    assert due(warehouse, owner, "2") == expected
    assert due(warehouse, owner, force=True) == expected


def test_a_newer_full_landing_makes_up_for_those_before_it(
    warehouse: sa.Engine, owner: Owner
) -> None:
    put(warehouse, owner, *whole("10", issue("1")))
    apply(warehouse, owner)
    put(warehouse, owner, *whole("10", issue("1"), since=0))
    assert due(warehouse, owner) == ["10+"]
    put(warehouse, owner, *whole("10", issue("1")))
    put(warehouse, owner, *whole("10", issue("1"), since=1))
    assert due(warehouse, owner) == ["10", "10+"]


def test_what_was_dropped_holds_nothing_up_until_a_replay(
    warehouse: sa.Engine, owner: Owner
) -> None:
    put(warehouse, owner, *whole("10", issue("1")))
    apply(warehouse, owner)
    bad = put(warehouse, owner, *whole("10", issue("1"), since=0)).extraction_id
    put(warehouse, owner, *whole("20", issue("2")))
    put_sweep(warehouse, owner, {"10": ["1"], "20": ["2"]})
    mine = etl_job_queue.c.extraction_id == bad
    with warehouse.begin() as connection:
        connection.execute(sa.update(etl_job_queue).where(mine).values(state="dropped"))
    assert due(warehouse, owner) == ["20", "site"]
    assert due(warehouse, owner, force=True) == ["10", "10+", "20", "site"]


def test_a_replay_of_an_extraction_ends_with_it(warehouse: sa.Engine, owner: Owner) -> None:
    put(warehouse, owner, *whole("10", issue("1")))
    put_sweep(warehouse, owner, {"10": ["1"]})
    named = put(warehouse, owner, *whole("10", issue("1"), since=0)).extraction_id
    put_sweep(warehouse, owner, {"10": ["1"]})
    put(warehouse, owner, *whole("10", issue("1")))
    put(warehouse, owner, *whole("20", issue("2")))

    assert due(warehouse, owner, extraction=named) == ["10", "site", "10+"]
    landed = changes_to_apply(warehouse, owner, TABLES, "1", extraction=named)
    assert landed[-1].landing.extraction_id == named


def test_an_extraction_of_other_entities_replays_the_newest(
    warehouse: sa.Engine, owner: Owner
) -> None:
    put(warehouse, owner, *whole("10", issue("1")))
    apply(warehouse, owner)
    other = mark(warehouse, owner, "statuses")
    assert due(warehouse, owner, extraction=other.extraction_id) == ["10"]


def test_nothing_landed_and_nothing_of_an_extraction_are_told(
    warehouse: sa.Engine, owner: Owner
) -> None:
    with pytest.raises(NothingLandedError, match="acme/cloud"):
        due(warehouse, owner)
    with pytest.raises(UnknownExtractionError, match="acme/cloud"):
        due(warehouse, owner, extraction=uuid4())


def test_sweeps_before_the_newest_are_not_due(warehouse: sa.Engine, owner: Owner) -> None:
    put(warehouse, owner, *whole("10", issue("1")))
    for _ in range(2):
        put_sweep(warehouse, owner, {"10": ["1"]})
    assert due(warehouse, owner) == ["10", "site"]


def test_fields_are_told_by_project_and_by_site(warehouse: sa.Engine, owner: Owner) -> None:
    ours = {"integration_id": owner.integration_id, "tenant_id": owner.tenant_id}
    use = {**ours, "project_jira_id": "10", "sampled": 9}
    with warehouse.begin() as connection:
        connection.execute(
            sa.insert(projects_custom_fields),
            [
                {**use, "custom_field_jira_id": "a", "filled": 3, "deleted_at": None},
                {**use, "custom_field_jira_id": "b", "filled": 2, "deleted_at": day(0)},
            ],
        )
        connection.execute(
            sa.insert(custom_fields),
            [
                {**ours, "jira_id": "a", "name": "A", "type": "number", "deleted_at": None},
                {**ours, "jira_id": "b", "name": "B", "type": None, "deleted_at": None},
                {**ours, "jira_id": "c", "name": "C", "type": "string", "deleted_at": day(0)},
            ],
        )
    assert field_usage(warehouse, owner.integration_id) == {"10": {"a": (3, 9)}}
    assert field_types(warehouse, owner.integration_id) == {"a": "number", "b": None}
