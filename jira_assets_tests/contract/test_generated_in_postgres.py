"""Some hundreds of generated answers through a real Postgres: none is refused there, and what was
landed can be read again."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from hypothesis import given, settings

from jira_assets.sandbox.model import Deployment
from jira_assets.transform.snapshots import build_snapshot
from jira_assets.warehouse.contracts import Owner, RawPage, Reading, Snapshot
from jira_assets.warehouse.landing import land, sources_of_extraction
from jira_assets.warehouse.merge import EmptySnapshotError, merge
from jira_assets.warehouse.tables import DATA_TABLES, ENTITIES, rejected_records
from jira_assets_tests.conftest import AddIntegration
from jira_assets_tests.contract.landing import read
from jira_assets_tests.contract.sites import Answers, as_nobody_declared
from jira_assets_tests.contract.spec import Spec
from jira_assets_tests.contract.test_generated_answers import thorough
from jira_assets_tests.transform.conftest import TABLES

EXAMPLES = 40


def land_all(engine: sa.Engine, owner: Owner, site: Answers) -> UUID:
    extraction = uuid4()
    sources, _ = read(site)
    for entity, source in sources.items():
        pages = list(source.pages())
        land(engine, _reading(owner, extraction, entity, pages), run_id=None)
    return extraction


def _reading(owner: Owner, extraction: UUID, entity: str, pages: Sequence[RawPage]) -> Reading:
    def drained(_left: Any) -> Iterator[RawPage]:
        return iter(pages)

    return Reading(owner=owner, extraction_id=extraction, entity=entity, pages=drained)


def merged(engine: sa.Engine, snapshot: Snapshot) -> bool:
    """Merge; tell whether it took place. A list without rows never empties a table."""
    try:
        merge(engine, snapshot)
    except EmptySnapshotError:
        assert snapshot.frame.empty
        return False
    return True


def stored(engine: sa.Engine, snapshot: Snapshot) -> tuple[int, int]:
    """Count the living rows of a table, and what was set aside on the way to it."""
    table, rejected = DATA_TABLES[snapshot.table], rejected_records.c
    living = sa.select(sa.func.count()).select_from(table).where(table.c.deleted_at.is_(None))
    extractions = [source.extraction_id for source in snapshot.sources]
    aside = sa.select(sa.func.count(rejected.id)).where(
        rejected.table_name == snapshot.table, rejected.extraction_id.in_(extractions)
    )
    with engine.connect() as connection:
        return connection.scalar(living) or 0, connection.scalar(aside) or 0


def test_postgres_takes_whatever_is_answered(
    spec: Spec, deployment: Deployment, warehouse: sa.Engine, integration: AddIntegration
) -> None:
    added = integration()
    owner = Owner(added.tenant_id, added.id, "acme/cloud")
    merges = []

    @settings(thorough, max_examples=EXAMPLES)
    @given(as_nobody_declared(spec, deployment))
    def holds(site: Answers) -> None:
        extraction = land_all(warehouse, owner, site)
        sources = sources_of_extraction(warehouse, owner, extraction, ENTITIES)
        for table in TABLES:
            snapshot = build_snapshot(table, owner, sources)
            merges.append(merged(warehouse, snapshot))
            living, aside = stored(warehouse, snapshot)
            if merges[-1]:
                assert living >= len(snapshot.frame)
                assert aside == len(snapshot.rejected)

    holds()
    assert len(merges) == EXAMPLES * len(TABLES)
    assert sum(merges) > len(merges) * 3 // 4
