"""Landing: what was read of Jira, whole. The markers, and the door to the pages behind them.

Decisions this module embodies:

* A marker and its message to the transforms are born in one transaction, so neither is ever without
  the other. Landing what has its marker already reads nothing and writes nothing.
* The markers of all the entities that a table is made of are read in one statement, hence of one
  moment; their pages afterwards, when they are wanted: marked pages never change.
* They may go, though, when raw data is pruned (``retention``). Who reads them to the end knows that
  they were all there, and who merges what was made of them that they still are.
"""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert

from jira_assets.partitions import PartitionKey
from jira_assets.warehouse.contracts import (
    SITE_SCOPE,
    Landing,
    Owner,
    Reading,
    Sources,
    message_id,
)
from jira_assets.warehouse.integrations import require_integration
from jira_assets.warehouse.jsonb import to_jsonb
from jira_assets.warehouse.pages_in_turn import PrunedExtractionError, with_pages
from jira_assets.warehouse.raw_pages import (
    Attempt,
    LandingConflictError,
    Tally,
    hold,
    is_page_of,
)
from jira_assets.warehouse.tables import (
    etl_job_queue,
    integrations,
    raw_extraction_data,
    raw_extractions,
    tenants,
)
from jira_assets.warehouse.windows import window_of


class UnknownExtractionError(LookupError):
    """Nothing of that extraction has landed for the integration."""


def land(engine: sa.Engine, reading: Reading, *, run_id: str | None) -> Landing:
    """Drain ``reading`` into the landing table and mark it as whole; return the marker.

    Where the marker is there already it is returned and nothing is drained. What the reading raises
    goes on to the caller, after the pages read so far have landed, unmarked.

    Raises:
        LandingConflictError: another process lands the same extraction at the same time.
    """
    with engine.begin() as connection:
        hold(connection, reading)
        marker = landed(connection, reading.extraction_id, reading.entity, reading.scope)
        if marker is not None:
            return marker
        if not reading.resumable:
            connection.execute(sa.delete(raw_extraction_data).where(is_page_of(reading)))
    attempt = Attempt(engine, reading)
    attempt.take_over()
    attempt.drain()
    return _mark(engine, reading, attempt.tally, run_id)


def landed(
    connection: sa.Connection, extraction_id: UUID, entity: str, scope: str = SITE_SCOPE
) -> Landing | None:
    """Return the marker of one (extraction, entity, scope); None while it is not whole."""
    row = connection.execute(
        select_markers().where(
            raw_extractions.c.extraction_id == extraction_id,
            raw_extractions.c.entity == entity,
            raw_extractions.c.scope == scope,
        )
    ).one_or_none()
    return None if row is None else landing_of(row)


def newest_sources(engine: sa.Engine, owner: Owner, entities: Collection[str]) -> Sources:
    """Return the newest whole landing of each of ``entities``; what never landed is missing."""
    with engine.connect() as connection:
        return _sources(engine, connection, owner, entities)


def landed_entities(engine: sa.Engine, owner: Owner, extraction_id: UUID | None = None) -> set[str]:
    """Return the entities of which anything has landed, in any scope.

    Raises:
        UnknownExtractionError: nothing of ``extraction_id`` has landed for this integration.
    """
    entities = sa.select(raw_extractions.c.entity).distinct()
    ours = raw_extractions.c.integration_id == owner.integration_id
    with engine.connect() as connection:
        if extraction_id is not None:
            _require_extraction(connection, owner, extraction_id)
        return set(connection.scalars(entities.where(ours)))


def _require_extraction(connection: sa.Connection, owner: Owner, extraction_id: UUID) -> None:
    named = sa.select(raw_extractions.c.entity).where(
        raw_extractions.c.extraction_id == extraction_id,
        raw_extractions.c.integration_id == owner.integration_id,
    )
    if connection.execute(named).first() is None:
        raise UnknownExtractionError(
            f"nothing of extraction {extraction_id} has landed for {owner.partition_key}. "
            "Take the id from the materializations of its raw assets."
        )


def sources_of_extraction(
    engine: sa.Engine, owner: Owner, extraction_id: UUID, entities: Collection[str]
) -> Sources:
    """Return what ``extraction_id`` landed of ``entities``, and the newest landing of the others.

    Raises:
        UnknownExtractionError: nothing of that extraction has landed for this integration.
    """
    with engine.connect() as connection:
        _require_extraction(connection, owner, extraction_id)
        return _sources(engine, connection, owner, entities, extraction_id)


def require_landed(connection: sa.Connection, landings: Iterable[Landing]) -> None:
    """Raise ``PrunedExtractionError`` for the first of these whose marker is gone."""
    wanted = {(each.extraction_id, each.entity, each.scope): each for each in landings}
    arrays: list[sa.BindParameter[Any]] = [
        sa.literal([key[0] for key in wanted], ARRAY(sa.Uuid)),
        sa.literal([key[1] for key in wanted], ARRAY(sa.Text)),
        sa.literal([key[2] for key in wanted], ARRAY(sa.Text)),
    ]
    named = sa.func.unnest(*arrays).table_valued("extraction_id", "entity", "scope", name="named")
    named = named.render_derived()
    markers = raw_extractions.c
    found = sa.select(markers.extraction_id, markers.entity, markers.scope).join(
        named,
        sa.and_(
            markers.extraction_id == named.c.extraction_id,
            markers.entity == named.c.entity,
            markers.scope == named.c.scope,
        ),
    )
    there = {tuple(row) for row in connection.execute(found)}
    for key, landing in wanted.items():
        if key not in there:
            raise PrunedExtractionError(landing)


def _mark(engine: sa.Engine, reading: Reading, tally: Tally, run_id: str | None) -> Landing:
    """Write the marker and the message, in one transaction."""
    identity = {
        "extraction_id": reading.extraction_id,
        "entity": reading.entity,
        "scope": reading.scope,
        "tenant_id": reading.owner.tenant_id,
        "integration_id": reading.owner.integration_id,
    }
    marker = insert(raw_extractions).values(
        **identity,
        pages=len(tally.pages),
        items=tally.items,
        complete_for=sa.cast(_complete_for(reading, tally), JSONB),
        took=dict(reading.notes()) or None,
        run_id=run_id,
        started_at=tally.began,
    )
    message = insert(etl_job_queue).values(
        **identity,
        message_id=message_id(reading.extraction_id, reading.entity, reading.scope),
        partition_key=reading.owner.partition_key,
        extraction_run_id=run_id,
    )
    count = sa.select(sa.func.count()).select_from(raw_extraction_data).where(is_page_of(reading))
    with engine.begin() as connection:
        hold(connection, reading)
        require_integration(connection, reading.owner.integration_id)
        if connection.scalar(count) != len(tally.pages):
            raise LandingConflictError(reading)
        connection.execute(marker)
        connection.execute(message)
        written = landed(connection, reading.extraction_id, reading.entity, reading.scope)
    if written is None:
        raise LookupError(f"the marker of {reading.entity} was not written")
    return written


def _complete_for(reading: Reading, tally: Tally) -> sa.BindParameter[str]:
    complete_for = {
        "included": list(reading.included_projects),
        "excluded": list(reading.excluded_projects),
        "unreadable": tally.unreadable,
    }
    return sa.literal(to_jsonb(complete_for), sa.Text)


def _sources(
    engine: sa.Engine,
    connection: sa.Connection,
    owner: Owner,
    entities: Collection[str],
    preferred: UUID | None = None,
) -> Sources:
    ranked = _ranked(owner, entities, preferred).subquery()
    newest = sa.select(ranked).where(ranked.c.rank == 1)
    landings = [landing_of(row) for row in connection.execute(newest)]
    return {landing.entity: with_pages(engine, [landing])[0] for landing in landings}


def _ranked(owner: Owner, entities: Collection[str], preferred: UUID | None) -> sa.Select[Any]:
    """Rank the markers of each entity: the preferred extraction first, then from the newest."""
    marker = raw_extractions.c
    order = [marker.started_at.desc(), marker.sequence.desc()]
    if preferred is not None:
        order.insert(0, (marker.extraction_id == preferred).desc())
    rank = sa.func.row_number().over(partition_by=marker.entity, order_by=order)
    return (
        select_markers()
        .add_columns(rank.label("rank"))
        .where(
            marker.integration_id == owner.integration_id,
            marker.entity.in_(entities),
            marker.scope == SITE_SCOPE,
        )
    )


def select_markers() -> sa.Select[Any]:
    """Select markers with what ``landing_of`` needs."""
    return (
        sa.select(
            raw_extractions,
            tenants.c.slug.label("tenant"),
            integrations.c.slug.label("integration"),
        )
        .join(integrations, integrations.c.id == raw_extractions.c.integration_id)
        .join(tenants, tenants.c.id == integrations.c.tenant_id)
    )


def landing_of(row: sa.Row[Any]) -> Landing:
    """Return the landing that a row of ``select_markers`` is."""
    key = PartitionKey(row.tenant, row.integration)
    window = row.complete_for.get("window")
    return Landing(
        owner=Owner(row.tenant_id, row.integration_id, str(key)),
        extraction_id=row.extraction_id,
        entity=row.entity,
        scope=row.scope,
        sequence=row.sequence,
        pages=row.pages,
        items=row.items,
        started_at=row.started_at,
        landed_at=row.landed_at,
        included_projects=tuple(row.complete_for["included"]),
        excluded_projects=tuple(row.complete_for["excluded"]),
        unreadable=row.complete_for["unreadable"],
        is_full=row.is_full,
        window=None if window is None else window_of(window),
    )
