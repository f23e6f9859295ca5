"""What the tables of issues have yet to take in, and how far each project has been read.

Decisions this module embodies:

* Of an incremental entity every landing counts from the last full one of its scope on (from the
  oldest, where there is none), in the order in which they were read: those that are newer than what
  the tables hold, or all, where they hold nothing of the scope or what another transform made. So a
  full landing helps over one before it that cannot be merged.
* What somebody dropped is left out, until a replay: it must not hold up what comes after it.
* Of the sweeps only the newest counts. It comes again where something older than it is applied:
  what that brings may be gone.
* Whether something is applied is read off ``applied_extractions``; a landing counts as applied once
  every one of the tables holds it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from jira_assets.warehouse.contracts import LandedEntity, MappedField, Owner
from jira_assets.warehouse.landing import (
    UnknownExtractionError,
    landing_of,
    select_markers,
)
from jira_assets.warehouse.pages_in_turn import with_pages
from jira_assets.warehouse.tables import (
    custom_fields,
    issue_watermarks,
    projects_custom_fields,
    raw_extractions,
)
from jira_assets.warehouse.windows import mapped_of

SWEEP: Final = "issue_ids"
ISSUES: Final = "issues"


class NothingLandedError(LookupError):
    """Nothing that the tables are made of has ever landed for an integration."""


@dataclass(frozen=True)
class Watermark:
    """How far the issues of one project have been read."""

    project_key: str
    read_until: datetime | None
    """None: they were never read."""
    full_read_at: datetime | None
    mapped: Mapping[str, MappedField] = field(default_factory=dict)
    """Column of ``issues`` to the field that the last full reading had for it."""
    unreadable: str | None = None
    withheld_deletions: int = 0
    idle_until: datetime | None = None
    """Since it was read nothing has changed until then, as the site's list said."""


@dataclass(frozen=True)
class FullLanding:
    """The last landing of a project that holds all of its issues."""

    age: timedelta
    """How long ago its reading began, by Postgres's clock."""
    fields: tuple[str, ...]
    """What it asked for."""
    is_added_to: bool
    """Whether anything of the project has landed since."""


def changes_to_apply(  # noqa: PLR0913 # the last two are choices, given by name
    engine: sa.Engine,
    owner: Owner,
    tables: Collection[str],
    transform_version: str,
    *,
    force: bool = False,
    extraction: UUID | None = None,
) -> list[LandedEntity]:
    """Return the landings of issues, and of their ids, that are to be applied, in that order.

    Args:
        engine: of the runtime role.
        owner: the integration.
        tables: the tables that are made of them.
        transform_version: what is held by the work of another one is made anew.
        force: from each scope's last full landing on, whatever is applied already (a replay).
        extraction: what stood there when this extraction had landed; implies ``force``.

    Raises:
        UnknownExtractionError: nothing of ``extraction`` has landed for this integration.
        NothingLandedError: nothing at all has.
    """
    asked = {
        "integration_id": owner.integration_id,
        "tables": sorted(tables),
        "count": len(set(tables)),
        "version": transform_version,
        "force": force or extraction is not None,
    }
    with engine.connect() as connection:
        # Each scope is one row on both sides: looked up one by one, ten thousand take ten seconds.
        connection.execute(sa.select(sa.func.set_config("enable_nestloop", "off", True)))
        asked |= _limit(connection, owner, extraction)
        wanted = connection.execute(_TO_APPLY, asked).scalars().all()
        if not wanted and not _anything(connection, owner):
            raise NothingLandedError(
                f"{owner.partition_key}: no issues have landed yet. Materialize raw_issues first."
            )
        chosen = select_markers().where(
            raw_extractions.c.sequence == sa.any_(sa.literal(wanted, ARRAY(sa.BigInteger)))
        )
        landings = sorted(map(landing_of, connection.execute(chosen)), key=lambda each: each.order)
    return with_pages(engine, landings)


def newest_of(landed: Iterable[LandedEntity]) -> dict[tuple[str, str], tuple[datetime, int]]:
    """Return the order of the newest of these landings, by entity and scope."""
    newest: dict[tuple[str, str], tuple[datetime, int]] = {}
    for landing in (each.landing for each in landed):
        key = landing.entity, landing.scope
        newest[key] = max(newest.get(key, landing.order), landing.order)
    return newest


def _limit(connection: sa.Connection, owner: Owner, extraction: UUID | None) -> dict[str, Any]:
    """Return the newest landing that counts: of the extraction, where one is named."""
    nothing = {"limit_at": None, "limit_sequence": None}
    if extraction is None:
        return nothing
    row = connection.execute(
        _NEWEST_OF, {"integration_id": owner.integration_id, "extraction_id": extraction}
    ).one()
    if not row.landings:
        raise UnknownExtractionError(
            f"nothing of extraction {extraction} has landed for {owner.partition_key}. "
            "Take the id from the materializations of its raw assets."
        )
    if row.sequence is None:
        return nothing  # It has landed other entities: the newest of these, as for other tables.
    return {"limit_at": row.started_at, "limit_sequence": row.sequence}


def _anything(connection: sa.Connection, owner: Owner) -> bool:
    markers = raw_extractions.c
    landed = sa.select(sa.literal(1)).where(
        markers.integration_id == owner.integration_id, markers.entity.in_([ISSUES, SWEEP])
    )
    return connection.execute(landed.limit(1)).first() is not None


_NEWEST_OF: Final = sa.text(
    """
    SELECT count(*) AS landings,
        (array_agg(started_at ORDER BY started_at DESC, sequence DESC) FILTER (WHERE ours))[1]
            AS started_at,
        (array_agg(sequence ORDER BY started_at DESC, sequence DESC) FILTER (WHERE ours))[1]
            AS sequence
    FROM (
        SELECT *, entity IN ('issues', 'issue_ids') AS ours FROM jira.raw_extractions
        WHERE integration_id = :integration_id AND extraction_id = :extraction_id
    ) AS marker
    """
)

_TO_APPLY: Final = sa.text(
    """
    WITH marker AS MATERIALIZED (
        SELECT entity, scope, started_at, sequence, is_full FROM jira.raw_extractions AS landed
        WHERE integration_id = :integration_id AND entity IN ('issues', 'issue_ids')
        AND (
            CAST(:limit_at AS timestamptz) IS NULL
            OR (started_at, sequence) <= (:limit_at, CAST(:limit_sequence AS bigint))
        )
        AND (:force OR NOT EXISTS (
            SELECT FROM jira.etl_job_queue AS message
            WHERE message.extraction_id = landed.extraction_id
            AND message.entity = landed.entity AND message.scope = landed.scope
            AND message.state = 'dropped'
        ))
    ),
    held AS (
        -- Where one of the tables is behind the other, from there on.
        SELECT entity, scope, min(started_at) AS started_at, min(sequence) AS sequence
        FROM jira.applied_extractions
        WHERE integration_id = :integration_id AND table_name = ANY(:tables) AND NOT :force
        AND entity IN ('issues', 'issue_ids')
        GROUP BY entity, scope
        HAVING count(*) = :count AND bool_and(transform_version = :version)
    ),
    first AS (
        SELECT DISTINCT ON (scope) scope, started_at, sequence FROM marker
        WHERE entity = 'issues'
        ORDER BY scope, is_full DESC,
            CASE WHEN is_full THEN started_at END DESC, CASE WHEN is_full THEN sequence END DESC,
            started_at, sequence
    ),
    wanted AS (
        SELECT marker.started_at, marker.sequence
        FROM marker JOIN first USING (scope) LEFT JOIN held
        ON held.entity = marker.entity AND held.scope = marker.scope
        WHERE marker.entity = 'issues'
        AND (marker.started_at, marker.sequence) >= (first.started_at, first.sequence)
        AND (
            held.scope IS NULL
            OR (marker.started_at, marker.sequence) > (held.started_at, held.sequence)
        )
    ),
    sweep AS (
        SELECT started_at, sequence FROM marker WHERE entity = 'issue_ids'
        ORDER BY started_at DESC, sequence DESC LIMIT 1
    )
    SELECT sequence FROM wanted
    UNION ALL
    SELECT sweep.sequence FROM sweep LEFT JOIN held ON held.entity = 'issue_ids'
    WHERE held.scope IS NULL
    OR (sweep.started_at, sweep.sequence) > (held.started_at, held.sequence)
    OR EXISTS (
        SELECT FROM wanted
        WHERE (wanted.started_at, wanted.sequence) < (sweep.started_at, sweep.sequence)
    )
    """
)
"""The sequences of the markers that are to be applied."""

_FULL_LANDINGS: Final = sa.text(
    """
    SELECT scope, clock_timestamp() - started_at AS age,
        ARRAY(SELECT jsonb_array_elements_text(complete_for #> '{window,fields}')) AS fields,
        EXISTS (
            SELECT FROM jira.raw_extractions AS later
            WHERE later.integration_id = :integration_id
            AND later.entity = 'issues' AND later.scope = whole.scope
            AND (later.started_at, later.sequence) > (whole.started_at, whole.sequence)
        ) AS is_added_to
    FROM (
        SELECT DISTINCT ON (scope) scope, started_at, sequence, complete_for
        FROM jira.raw_extractions
        WHERE integration_id = :integration_id AND entity = 'issues' AND is_full
        ORDER BY scope, started_at DESC, sequence DESC
    ) AS whole
    """
)
"""A row a project: ``scope``, ``age``, ``fields``, ``is_added_to``."""


def read_watermarks(engine: sa.Engine, integration_id: int) -> dict[str, Watermark]:
    """Return how far each project's issues have been read, by the project's id."""
    marks = issue_watermarks.c
    query = sa.select(issue_watermarks).where(marks.integration_id == integration_id)
    with engine.connect() as connection:
        return {
            row.project_jira_id: Watermark(
                project_key=row.project_key,
                read_until=row.read_until,
                full_read_at=row.full_read_at,
                mapped=mapped_of(row.mapped),
                unreadable=row.unreadable,
                withheld_deletions=row.withheld_deletions,
                idle_until=row.idle_until,
            )
            for row in connection.execute(query)
        }


def full_landings(engine: sa.Engine, integration_id: int) -> dict[str, FullLanding]:
    """Return the last full landing of each project's issues, by the project's id."""
    with engine.connect() as connection:
        rows = connection.execute(_FULL_LANDINGS, {"integration_id": integration_id})
        return {row.scope: FullLanding(row.age, tuple(row.fields), row.is_added_to) for row in rows}


def field_usage(engine: sa.Engine, integration_id: int) -> dict[str, dict[str, tuple[int, int]]]:
    """Return, by project id and field id, in how many issues a custom field has a value.

    Each is a pair: issues that have one, and issues that were looked at.
    """
    uses = projects_custom_fields.c
    query = sa.select(
        uses.project_jira_id, uses.custom_field_jira_id, uses.filled, uses.sampled
    ).where(uses.integration_id == integration_id, uses.deleted_at.is_(None))
    usage: dict[str, dict[str, tuple[int, int]]] = {}
    with engine.connect() as connection:
        for project, each, filled, sampled in connection.execute(query):
            usage.setdefault(project, {})[each] = (filled, sampled)
    return usage


def field_types(engine: sa.Engine, integration_id: int) -> dict[str, str | None]:
    """Return the type of each custom field that the site has, by the field's id."""
    fields = custom_fields.c
    query = sa.select(fields.jira_id, fields.type).where(
        fields.integration_id == integration_id, fields.deleted_at.is_(None)
    )
    with engine.connect() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}
