"""What the tests of landing, merge and IO managers put in: integrations, readings, snapshots."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import pandas as pd
import sqlalchemy as sa

from jira_assets.partitions import PartitionKey
from jira_assets.warehouse.contracts import Landing, LeftBehind, Owner, RawPage, Reading, Snapshot
from jira_assets.warehouse.landing import land
from jira_assets.warehouse.staging import OWNER_COLUMNS, staged_columns
from jira_assets.warehouse.tables import DATA_TABLES, integrations, tenants

Row = dict[str, Any]


def add_owner(engine: sa.Engine, partition_key: str = "acme/cloud") -> Owner:
    key = PartitionKey.parse(partition_key)
    with engine.begin() as connection:
        tenant = connection.scalar(sa.select(tenants.c.id).where(tenants.c.slug == key.tenant))
        if tenant is None:
            added = sa.insert(tenants).values(slug=key.tenant).returning(tenants.c.id)
            tenant = connection.scalar(added)
        integration = connection.scalar(
            sa.insert(integrations)
            .values(tenant_id=tenant, slug=key.integration, base_url="https://jira.example.com")
            .returning(integrations.c.id)
        )
    assert tenant is not None
    assert integration is not None
    return Owner(tenant, integration, partition_key)


def page(number: int, payload: Any, *, status: int = 200, project: str | None = None) -> RawPage:
    request = {"path": f"/page/{number}", "params": {}}
    if project is not None:
        request |= {"project_id": project, "project_key": f"P{project}"}
    return RawPage(number, request, status, payload)


def reading(
    owner: Owner,
    pages: Iterable[RawPage] | Callable[[LeftBehind], Iterator[RawPage]] = (),
    *,
    entity: str = "statuses",
    extraction_id: UUID | None = None,
    **more: Any,
) -> Reading:
    read = pages if callable(pages) else lambda _left: iter(pages)
    return Reading(owner, extraction_id or uuid4(), entity, read, **more)


def mark(
    engine: sa.Engine, owner: Owner, entity: str, extraction_id: UUID | None = None
) -> Landing:
    """Land an entity without pages, after everything that landed before."""
    return land(engine, reading(owner, entity=entity, extraction_id=extraction_id), run_id="run")


def snapshot(
    owner: Owner, table: str, rows: Sequence[Row], sources: Sequence[Landing], **more: Any
) -> Snapshot:
    """Make a snapshot; what a row leaves out is null."""
    columns = staged_columns(DATA_TABLES[table])
    frame = pd.DataFrame(
        [[row.get(column) for column in columns] for row in rows], columns=columns, dtype=object
    )
    for name, value in zip(OWNER_COLUMNS, (owner.tenant_id, owner.integration_id), strict=True):
        frame[name] = value
    return Snapshot(table, owner, frame, tuple(sources), more.pop("transform_version", "1"), **more)


def status(jira_id: str, name: str = "To Do", **more: Any) -> Row:
    return {"jira_id": jira_id, "name": name, "category": "new", **more}


def uses(project: str, status_id: str) -> Row:
    return {"project_jira_id": project, "status_jira_id": status_id}


def stored(engine: sa.Engine, table: str, owner: Owner) -> list[Row]:
    """Return every row of the owner, deleted ones included, in the order of the key."""
    target = DATA_TABLES[table]
    query = sa.select(target).where(target.c.integration_id == owner.integration_id)
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(*target.primary_key)).mappings().all()
    return [dict(row) for row in rows]


def alive(engine: sa.Engine, table: str, owner: Owner) -> set[tuple[Any, ...]]:
    """Return the keys of the living rows of the owner."""
    keys = [key.name for key in DATA_TABLES[table].primary_key if key.name not in OWNER_COLUMNS]
    return {
        tuple(row[key] for key in keys)
        for row in stored(engine, table, owner)
        if row["deleted_at"] is None
    }
