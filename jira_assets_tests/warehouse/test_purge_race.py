"""A run that goes on while its integration is purged writes nothing that nobody could remove."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from jira_assets.partitions import PartitionKey
from jira_assets.warehouse.contracts import LeftBehind, Owner, RawPage
from jira_assets.warehouse.integrations import (
    UnknownIntegrationError,
    add_integration,
    remove_integration,
)
from jira_assets.warehouse.landing import land
from jira_assets.warehouse.merge import merge
from jira_assets.warehouse.tables import etl_job_queue, projects, raw_extraction_data
from jira_assets_tests.warehouse.data import mark, page, reading, snapshot

KEY = PartitionKey("acme", "cloud")


@pytest.fixture
def owner(warehouse: sa.Engine) -> Owner:
    added = add_integration(warehouse, KEY, base_url="https://acme.example", auth="none")
    return Owner(added.tenant_id, added.id, str(KEY))


def _count(engine: sa.Engine, table: sa.Table) -> int:
    with engine.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def test_a_reading_that_is_purged_under_way_lands_nothing(
    warehouse: sa.Engine, owner: Owner
) -> None:
    def pages(_: LeftBehind) -> Iterator[RawPage]:
        yield page(0, [{"id": "1"}])
        remove_integration(warehouse, KEY, purge=True)

    purged = reading(owner, pages)
    with pytest.raises(UnknownIntegrationError, match="purged meanwhile"):
        land(warehouse, purged, run_id=None)
    assert _count(warehouse, raw_extraction_data) == 0
    assert _count(warehouse, etl_job_queue) == 0


def test_a_merge_after_a_purge_brings_no_row_back(warehouse: sa.Engine, owner: Owner) -> None:
    landing = mark(warehouse, owner, "projects")
    made = snapshot(owner, "projects", [{"jira_id": "1", "key": "A", "name": "A"}], [landing])
    remove_integration(warehouse, KEY, purge=True)
    with pytest.raises(UnknownIntegrationError, match="purged meanwhile"):
        merge(warehouse, made)
    assert _count(warehouse, projects) == 0
