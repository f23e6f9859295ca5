"""What issues have landed that the tables have yet to take in; and what readings need to know.

Decisions this module embodies:

* A project's landings count from its last full one on: that one says all there is. They are taken
  in from the oldest that is not applied, in the order in which their readings began.
* Made by another version of the transforms, what is applied counts as not applied: the scope is
  made anew from its last full landing on.
* Of the sweeps, the newest alone counts: it says all there is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from jira_assets.warehouse.contracts import LandedEntity, Landing, MappedField, Owner
from jira_assets.warehouse.issue_stage import STAGED
from jira_assets.warehouse.landing import (
    all_pages,
    landing_of,
    markers,
    newest_sources,
    require_extraction,
    sources_of_extraction,
)
from jira_assets.warehouse.tables import (
    INCREMENTAL,
    applied_extractions,
    custom_fields,
    issue_watermarks,
    projects_custom_fields,
    raw_extractions,
)

_SWEEP: Final = "issue_ids"
_marker: Final = raw_extractions.c


@dataclass(frozen=True)
class Watermark:
    """How far the issues of one project were read."""

    project_key: str
    read_until: datetime | None
    full_read_at: datetime | None
    mapped: Mapping[str, MappedField]
    unreadable: str | None


@dataclass(frozen=True)
class _Applied:
    """What all the tables hold of one scope; of several, the oldest."""

    order: tuple[datetime, int]
    versions: frozenset[str]


def changes_to_apply(
    engine: sa.Engine,
    owner: Owner,
    transform_version: str,
    *,
    force: bool = False,
    extraction: UUID | None = None,
) -> list[LandedEntity]:
    """Return the landings of issues, and of their sweep, to be taken in, oldest first.

    Args:
        engine: the warehouse's.
        owner: whose.
        transform_version: with which they are made now.
        force: what is applied, too.
        extraction: nothing that began after it, of each scope; implies ``force``.

    Raises:
        UnknownExtractionError: nothing of ``extraction`` has landed for this integration.
    """
    with engine.connect() as connection:
        last = None if extraction is None else _order_of(connection, owner, extraction)
        applied = {} if force or last else _applied(connection, owner)
        landings = [landing_of(row) for row in connection.execute(_since_full(owner, last))]
    wanted = [each for each in landings if _is_open(each, applied, transform_version)]
    found = [LandedEntity(each, partial(all_pages, engine, each)) for each in wanted]
    if extraction is None:
        sweeps = newest_sources(engine, owner, [_SWEEP])
    else:
        sweeps = sources_of_extraction(engine, owner, extraction, [_SWEEP])
    found += [
        each for each in sweeps.values() if _is_open(each.landing, applied, transform_version)
    ]
    return sorted(found, key=lambda each: each.landing.order)


def read_watermarks(engine: sa.Engine, integration_id: int) -> dict[str, Watermark]:
    """Return how far each project was read, by its id."""
    mark = issue_watermarks.c
    query = sa.select(issue_watermarks).where(mark.integration_id == integration_id)
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    return {
        row.project_jira_id: Watermark(
            row.project_key,
            row.read_until,
            row.full_read_at,
            {column: MappedField(**each) for column, each in row.mapped.items()},
            row.unreadable,
        )
        for row in rows
    }


def field_usage(engine: sa.Engine, integration_id: int) -> dict[str, dict[str, int]]:
    """Return how many sampled issues of each project have a value in each field it uses."""
    usage = projects_custom_fields.c
    query = sa.select(usage.project_jira_id, usage.custom_field_jira_id, usage.filled).where(
        usage.integration_id == integration_id, usage.deleted_at.is_(None)
    )
    found: dict[str, dict[str, int]] = {}
    with engine.connect() as connection:
        for project_id, field_id, filled in connection.execute(query):
            found.setdefault(project_id, {})[field_id] = filled
    return found


def field_types(engine: sa.Engine, integration_id: int) -> dict[str, str | None]:
    """Return the type of each custom field of the site, by its id."""
    known = custom_fields.c
    query = sa.select(known.jira_id, known.type).where(
        known.integration_id == integration_id, known.deleted_at.is_(None)
    )
    with engine.connect() as connection:
        return {row.jira_id: row.type for row in connection.execute(query)}


def _since_full(owner: Owner, last: tuple[datetime, int] | None) -> sa.Select[Any]:
    """Select each scope's landings from its last full one on, up to ``last``."""
    ours = sa.and_(
        _marker.integration_id == owner.integration_id, _marker.entity.in_(sorted(INCREMENTAL))
    )
    if last is not None:
        order = sa.tuple_(_marker.started_at, _marker.sequence)
        ours = sa.and_(ours, order <= sa.tuple_(*map(sa.literal, last)))
    fulls = (
        sa.select(
            _marker.entity,
            _marker.scope,
            sa.func.row_number()
            .over(
                partition_by=(_marker.entity, _marker.scope),
                order_by=(_marker.started_at.desc(), _marker.sequence.desc()),
            )
            .label("place"),
            _marker.started_at,
            _marker.sequence,
        )
        .where(ours, _marker.is_full)
        .subquery()
    )
    last_full = sa.select(fulls).where(fulls.c.place == 1).subquery("last_full")
    same = sa.and_(last_full.c.entity == _marker.entity, last_full.c.scope == _marker.scope)
    not_before = sa.tuple_(_marker.started_at, _marker.sequence) >= sa.tuple_(
        last_full.c.started_at, last_full.c.sequence
    )
    return (
        markers()
        .outerjoin(last_full, same)
        .where(ours, sa.or_(last_full.c.place.is_(None), not_before))
        .order_by(_marker.started_at, _marker.sequence)
    )


def _applied(connection: sa.Connection, owner: Owner) -> dict[tuple[str, str], _Applied]:
    """Read what the tables hold of each scope; what one of them lacks is not applied."""
    applied = applied_extractions.c
    rows = connection.execute(
        sa.select(applied_extractions).where(
            applied.integration_id == owner.integration_id, applied.table_name.in_(STAGED)
        )
    ).all()
    by_scope: dict[tuple[str, str], list[sa.Row[Any]]] = {}
    for row in rows:
        by_scope.setdefault((row.entity, row.scope), []).append(row)
    return {
        scope: _Applied(
            min((row.started_at, row.sequence) for row in held),
            frozenset(row.transform_version for row in held),
        )
        for scope, held in by_scope.items()
        if len(held) == len(STAGED)
    }


def _is_open(
    landing: Landing, applied: Mapping[tuple[str, str], _Applied], transform_version: str
) -> bool:
    held = applied.get((landing.entity, landing.scope))
    if held is None or held.versions != {transform_version}:
        return True
    return landing.order > held.order


def _order_of(connection: sa.Connection, owner: Owner, extraction: UUID) -> tuple[datetime, int]:
    """Return the order of the newest landing of an extraction."""
    newest = (
        sa.select(_marker.started_at, _marker.sequence)
        .where(_marker.extraction_id == extraction, _marker.integration_id == owner.integration_id)
        .order_by(_marker.started_at.desc(), _marker.sequence.desc())
        .limit(1)
    )
    require_extraction(connection, owner, extraction)
    row = connection.execute(newest).one()
    return (row.started_at, row.sequence)
