"""Runs that try to cross into another partition: by a wrong id in code, and by what Jira says."""

from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from jira_assets.partitions import partitions_definition
from jira_assets.warehouse.contracts import Owner, Reading, Snapshots
from jira_assets.warehouse.io_managers import RawIOManager, TableIOManager
from jira_assets.warehouse.landing import land
from jira_assets.warehouse.resource import WarehouseResource
from jira_assets.warehouse.tables import raw_extraction_data, statuses
from jira_assets_tests.scenario import BOBBY, CLOUD, DATA_CENTER
from jira_assets_tests.transform.conftest import Transforms
from jira_assets_tests.warehouse.data import mark, page, reading, snapshot, status

MINE, THEIRS = CLOUD.partition_key, DATA_CENTER.partition_key


def _materialize(transforms: Transforms, name: str, body: Callable[[Any], Any]) -> Any:
    """Run an asset of somebody's own on MINE, with our IO managers; return what it failed with."""
    manager = "raw_io_manager" if name.startswith("raw_") else "table_io_manager"

    @dg.asset(name=name, io_manager_key=manager, partitions_def=partitions_definition())
    def made(warehouse: WarehouseResource) -> Any:
        return body(warehouse)

    warehouse = transforms.resources["warehouse"]
    result = dg.materialize(
        [made],
        partition_key=MINE,
        instance=transforms.instance,
        resources={
            "warehouse": warehouse,
            "raw_io_manager": RawIOManager(warehouse=warehouse),
            "table_io_manager": TableIOManager(warehouse=warehouse, deployed_tables=["statuses"]),
        },
        raise_on_error=False,
    )
    failures = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    return " ".join(str(failure.error_display_string) for failure in failures)


def _impostor(transforms: Transforms) -> Owner:
    """MINE by its key, and THEIRS by its ids."""
    theirs = transforms.owners[THEIRS]
    return Owner(theirs.tenant_id, theirs.integration_id, MINE)


def _rows(transforms: Transforms, table: sa.Table) -> list[Any]:
    return transforms.all(sa.select(table.c.integration_id, table.c.tenant_id))


def test_an_asset_that_merges_under_anothers_ids_fails_and_writes_nothing(
    transforms: Transforms,
) -> None:
    landing = mark(transforms.engine, transforms.owners[THEIRS], "statuses")
    made = snapshot(_impostor(transforms), "statuses", [status("1")], [landing])
    said = _materialize(
        transforms, "statuses", lambda _: Snapshots("statuses", lambda: iter([made]))
    )
    assert "is not one of this run's: nothing is written for it" in said
    assert _rows(transforms, statuses) == []


def test_an_asset_that_lands_under_anothers_ids_fails_and_writes_nothing(
    transforms: Transforms,
) -> None:
    forged: Reading = reading(_impostor(transforms), [page(0, [])])
    said = _materialize(transforms, "raw_statuses", lambda _: forged)
    assert "is not one of this run's" in said
    assert _rows(transforms, raw_extraction_data) == []


def test_an_asset_that_names_anothers_partition_fails(transforms: Transforms) -> None:
    theirs = reading(transforms.owners[THEIRS], [page(0, [])])
    assert f"{THEIRS} is no partition of this run" in _materialize(
        transforms, "raw_statuses", lambda _: theirs
    )


@pytest.mark.parametrize(
    "open_it",
    [
        lambda warehouse: warehouse.engine_of([THEIRS]),
        lambda warehouse: warehouse.everything("I am curious"),
    ],
)
def test_a_run_is_given_no_engine_that_sees_more(
    transforms: Transforms, open_it: Callable[[WarehouseResource], sa.Engine]
) -> None:
    assert "ScopeError" in _materialize(transforms, "raw_statuses", open_it)


def test_a_query_that_names_no_partition_finds_that_of_its_run(transforms: Transforms) -> None:
    for key in (MINE, THEIRS):
        mark(transforms.engine, transforms.owners[key], "statuses")
    seen: list[Any] = []

    def look(warehouse: WarehouseResource) -> Any:
        with warehouse.engine().connect() as connection:
            query = "SELECT integration_id FROM jira.raw_extractions"
            seen.extend(connection.scalars(sa.text(query)))
        return reading(transforms.owners[MINE], [page(0, [])])

    assert _materialize(transforms, "raw_statuses", look) == ""
    assert seen == [transforms.owners[MINE].integration_id]


def test_ids_of_ours_in_what_jira_says_are_jiras_words_and_no_more(transforms: Transforms) -> None:
    theirs = transforms.owners[THEIRS]
    forged = {
        "id": "7",
        "name": BOBBY,
        "statusCategory": {"key": "new", "name": "'); SELECT set_config('jira_assets.tenants',"},
        "tenant_id": theirs.tenant_id,
        "integration_id": theirs.integration_id,
        "partition_key": THEIRS,
        "scope": {"type": "PROJECT", "project": {"id": "' OR 1=1 --"}},
    }
    transforms.land(CLOUD, "project_statuses")
    mine = transforms.owners[MINE]
    land(transforms.engine, reading(mine, [page(0, [forged])]), run_id="extraction")
    result = transforms.run(MINE, ["statuses"])
    assert result.success
    found = transforms.all(sa.select(statuses).where(statuses.c.jira_id == "7"))
    assert [(row.tenant_id, row.integration_id, row.name) for row in found] == [
        (mine.tenant_id, mine.integration_id, BOBBY)
    ]
    assert {row.integration_id for row in _rows(transforms, statuses)} == {mine.integration_id}
