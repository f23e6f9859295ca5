from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from jira_assets.warehouse.contracts import Landing, Owner, message_id
from jira_assets.warehouse.merge import merge
from jira_assets.warehouse.queue_rows import Targets, claim, settle, targets_of
from jira_assets.warehouse.tables import OPEN_STATES, etl_job_queue
from jira_assets_tests.warehouse.data import add_owner, mark, snapshot, status, uses

BOTH: Targets = {"project_statuses": ["projects_statuses", "statuses"], "statuses": ["statuses"]}


def id_of(landing: Landing) -> UUID:
    return message_id(landing.extraction_id, landing.entity, landing.scope)


def states(engine: sa.Engine) -> dict[UUID, str]:
    query = sa.select(etl_job_queue.c.message_id, etl_job_queue.c.state)
    with engine.connect() as connection:
        return {row.message_id: row.state for row in connection.execute(query)}


def put(engine: sa.Engine, landing: Landing, **values: Any) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.update(etl_job_queue)
            .where(etl_job_queue.c.message_id == id_of(landing))
            .values(**values)
        )


def row_of(engine: sa.Engine, landing: Landing) -> sa.Row[Any]:
    query = sa.select(etl_job_queue).where(etl_job_queue.c.message_id == id_of(landing))
    with engine.connect() as connection:
        return connection.execute(query).one()


def apply(
    engine: sa.Engine, owner: Owner, table: str, *sources: Landing, targets: Targets = BOTH
) -> None:
    rows = [status("1")] if table == "statuses" else [uses("10", "1")]
    merge(engine, snapshot(owner, table, rows, sources), targets=targets)


def test_a_message_is_done_once_every_table_that_it_feeds_is(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    relations, site = (mark(warehouse, owner, e) for e in ("project_statuses", "statuses"))

    apply(warehouse, owner, "projects_statuses", relations)
    assert states(warehouse) == {id_of(relations): "pending", id_of(site): "pending"}

    apply(warehouse, owner, "statuses", relations, site)
    assert states(warehouse) == {id_of(relations): "completed", id_of(site): "completed"}
    done = row_of(warehouse, site)
    assert done.finished_at == done.updated_at


@pytest.mark.parametrize("state", [*OPEN_STATES, "failed"])
def test_any_unsettled_message_is_settled_and_its_last_failure_forgotten(
    warehouse: sa.Engine, state: str
) -> None:
    owner = add_owner(warehouse)
    site = mark(warehouse, owner, "statuses")
    put(warehouse, site, state=state, error="boom", not_before=sa.func.now(), attempt=3)
    apply(warehouse, owner, "statuses", site)
    row = row_of(warehouse, site)
    assert (row.state, row.error, row.not_before, row.attempt) == ("completed", None, None, 3)


@pytest.mark.parametrize("state", ["completed", "superseded"])
def test_what_is_settled_stays_as_it_is(warehouse: sa.Engine, state: str) -> None:
    owner = add_owner(warehouse)
    site = mark(warehouse, owner, "statuses")
    put(warehouse, site, state=state, error="kept")
    apply(warehouse, owner, "statuses", site)
    row = row_of(warehouse, site)
    assert (row.state, row.error) == (state, "kept")


def test_what_something_newer_went_past_is_superseded(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    old, new = mark(warehouse, owner, "statuses"), mark(warehouse, owner, "statuses")
    apply(warehouse, owner, "statuses", new)
    assert states(warehouse) == {id_of(old): "superseded", id_of(new): "completed"}


def test_tables_of_two_extractions_supersede_the_older_and_keep_the_newer_open(
    warehouse: sa.Engine,
) -> None:
    owner = add_owner(warehouse)
    old, new = (mark(warehouse, owner, "project_statuses") for _ in range(2))
    apply(warehouse, owner, "projects_statuses", old)
    apply(warehouse, owner, "statuses", new)
    assert states(warehouse) == {id_of(old): "superseded", id_of(new): "pending"}


def test_messages_of_another_integration_stay(warehouse: sa.Engine) -> None:
    owner, other = add_owner(warehouse), add_owner(warehouse, "acme/other")
    theirs, ours = mark(warehouse, other, "statuses"), mark(warehouse, owner, "statuses")
    apply(warehouse, owner, "statuses", ours)
    assert states(warehouse) == {id_of(theirs): "pending", id_of(ours): "completed"}


@pytest.mark.parametrize(
    ("targets", "state"),
    [({"projects": [], "statuses": []}, "completed"), ({"statuses": []}, "pending")],
)
def test_an_entity_that_feeds_nothing_is_done_and_an_unknown_one_left_alone(
    warehouse: sa.Engine, targets: Targets, state: str
) -> None:
    owner = add_owner(warehouse)
    roster = mark(warehouse, owner, "projects")
    with warehouse.begin() as connection:
        assert settle(connection, owner.integration_id, targets) == (state == "completed")
        assert settle(connection, owner.integration_id, targets) == 0
    assert row_of(warehouse, roster).state == state


def test_settling_passes_over_a_row_that_somebody_writes(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    site = mark(warehouse, owner, "statuses")
    with warehouse.begin() as sensor:
        sensor.execute(sa.update(etl_job_queue).values(state="received"))
        apply(warehouse, owner, "statuses", site)
    assert row_of(warehouse, site).state == "received"
    with warehouse.begin() as connection:
        assert settle(connection, owner.integration_id, BOTH) == 1


def test_a_run_claims_what_was_received_and_nobody_else_has(warehouse: sa.Engine) -> None:
    owner, other = add_owner(warehouse), add_owner(warehouse, "acme/other")
    ours = [mark(warehouse, owner, "statuses") for _ in range(3)]
    relations = mark(warehouse, owner, "project_statuses")
    theirs = mark(warehouse, other, "statuses")
    for landing in (*ours[:2], relations, theirs):
        put(warehouse, landing, state="received")
    put(warehouse, ours[1], state="launched", run_id="first")

    assert claim(warehouse, "second", owner.integration_id, ["statuses"]) == [id_of(ours[0])]
    assert claim(warehouse, "third", owner.integration_id, ["statuses"]) == []

    runs = {row_of(warehouse, each).state: row_of(warehouse, each).run_id for each in ours[1:]}
    assert runs == {"launched": "first", "pending": None}
    row = row_of(warehouse, ours[0])
    assert (row.state, row.run_id, row.launched_at) == ("launched", "second", row.updated_at)
    assert row_of(warehouse, relations).state == row_of(warehouse, theirs).state == "received"


def test_targets_are_the_deployed_tables_of_each_entity() -> None:
    assert targets_of(["projects_statuses", "statuses"]) == {
        "fields": (),
        "issue_ids": (),
        "issue_samples": (),
        "issue_types": (),
        "issues": (),
        "project_statuses": ("statuses", "projects_statuses"),
        "projects": (),
        "statuses": ("statuses",),
    }
