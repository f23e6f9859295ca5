"""The ends of scopes, once their last pages are there: markers, messages, watermarks.

Decisions this module embodies:

* Each is one statement over arrays for all the scopes that end in a batch.
* Of what could not be read, and of where nothing changed, no page stays.
* What the reading took (calls, …) is of all its scopes together: the first of the markers that are
  written together has what was taken since those before, so that their sum is that of the reading.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from jira_assets.warehouse.contracts import ScopedReading, Window, message_id
from jira_assets.warehouse.jsonb import clean_text, to_jsonb
from jira_assets.warehouse.raw_pages import LandingConflictError
from jira_assets.warehouse.tables import etl_job_queue, raw_extraction_data, raw_extractions
from jira_assets.warehouse.windows import mapped_as_json, window_as_json

# For the driver itself, as the pages are.
_MARK: Final = """
    INSERT INTO jira.raw_extractions (
        extraction_id, entity, tenant_id, integration_id, run_id, started_at, took,
        scope, pages, items, complete_for, is_full
    )
    SELECT
        %(extraction_id)s::uuid, %(entity)s::text, %(tenant_id)s::bigint,
        %(integration_id)s::bigint, %(run_id)s::text, %(began)s::timestamptz,
        CASE WHEN number = 1 THEN %(took)s::jsonb END,
        scope, pages, items, complete_for::jsonb, is_full
    FROM unnest(
        %(scopes)b::text[], %(pages)b::int[], %(items)b::bigint[], %(complete_for)b::text[],
        %(is_full)b::bool[]
    ) WITH ORDINALITY AS given (scope, pages, items, complete_for, is_full, number)
"""

_MOVE_WATERMARKS: Final = """
    INSERT INTO jira.issue_watermarks AS mark (
        integration_id, tenant_id, project_jira_id, project_key, read_until, full_read_at, mapped,
        unreadable, idle_until
    )
    SELECT %(integration_id)s::bigint, %(tenant_id)s::bigint, scope, project_key,
        CASE WHEN unreadable IS NULL THEN read_until END,
        CASE WHEN unreadable IS NULL AND is_full THEN %(began)s::timestamptz END,
        CASE WHEN unreadable IS NULL THEN mapped::jsonb ELSE '{}' END,
        unreadable, idle_until
    FROM unnest(
        %(scopes)b::text[], %(keys)b::text[], %(until)b::timestamptz[], %(is_full)b::bool[],
        %(mapped)b::text[], %(unreadable)b::text[], %(idle_until)b::timestamptz[]
    ) AS given (scope, project_key, read_until, is_full, mapped, unreadable, idle_until)
    ON CONFLICT (integration_id, project_jira_id) DO UPDATE SET
        -- Issues still have the old one where they could not be read under the new one.
        project_key = CASE
            WHEN excluded.unreadable IS NULL THEN excluded.project_key ELSE mark.project_key
        END,
        -- A full reading knows all until then: it brings one back that was ahead of Jira's clock.
        read_until = CASE
            WHEN excluded.full_read_at IS NOT NULL THEN excluded.read_until
            ELSE greatest(mark.read_until, excluded.read_until)
        END,
        full_read_at = coalesce(excluded.full_read_at, mark.full_read_at),
        mapped = CASE
            WHEN excluded.full_read_at IS NOT NULL THEN excluded.mapped
            -- It was never read before.
            WHEN mark.read_until IS NULL AND excluded.unreadable IS NULL THEN excluded.mapped
            ELSE mark.mapped
        END,
        unreadable = excluded.unreadable,
        idle_until = CASE
            WHEN excluded.full_read_at IS NULL THEN coalesce(excluded.idle_until, mark.idle_until)
        END,
        updated_at = clock_timestamp()
"""


@dataclass
class End:
    """A scope on its way to its end, and what came of it."""

    scope: str
    pages: int = 0
    items: int = 0
    """Issues on those pages."""
    window: Window | None = None
    """None while it is being read."""
    unreadable: str | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nothing has changed in it since it was last read."""
        return bool(
            self.window and self.window.since and not self.items and self.unreadable is None
        )

    @property
    def has_landed(self) -> bool:
        """Whether what came of it counts."""
        return self.window is not None and self.unreadable is None and not self.is_idle


@dataclass
class ReadBy:
    """One attempt at a reading, for the record."""

    began: datetime
    run_id: str | None
    told: Mapping[str, float] = field(default_factory=dict)
    """What it had taken when the last marker was written, by name."""

    def taken(self, reading: ScopedReading) -> dict[str, float]:
        """Return what it has taken since this was last asked."""
        before, notes = self.told, reading.notes()
        self.told = {name: note for name, note in notes.items() if not isinstance(note, str)}
        return {name: round(note - before.get(name, 0), 3) for name, note in self.told.items()}


def end_scopes(
    connection: sa.Connection, reading: ScopedReading, ends: Sequence[End], attempt: ReadBy
) -> None:
    """Write what the ends of these scopes bring; their pages have been written.

    Raises:
        LandingConflictError: there are other pages of a scope than came of it.
    """
    if not ends:
        return
    landed = [end for end in ends if end.has_landed]
    dropped = [end.scope for end in ends if not end.has_landed and end.pages]
    if dropped:
        drop_pages(connection, reading, dropped)
    if landed:
        _require_pages(connection, reading, landed)
        _mark(connection, reading, landed, attempt)
    _move_watermarks(connection, reading, ends, attempt.began)


def drop_pages(
    connection: sa.Connection, reading: ScopedReading, scopes: Collection[str] | None = None
) -> None:
    """Delete the pages of these scopes; default: of all that have no marker."""
    pages, markers = raw_extraction_data.c, raw_extractions.c
    marked = sa.exists().where(
        markers.extraction_id == pages.extraction_id,
        markers.entity == pages.entity,
        markers.scope == pages.scope,
    )
    which = ~marked if scopes is None else pages.scope.in_(scopes)
    connection.execute(
        sa.delete(raw_extraction_data).where(
            pages.extraction_id == reading.extraction_id, pages.entity == reading.entity, which
        )
    )


def _require_pages(
    connection: sa.Connection, reading: ScopedReading, landed: Sequence[End]
) -> None:
    pages = raw_extraction_data.c
    counted = (
        sa.select(pages.scope, sa.func.count())
        .where(
            pages.extraction_id == reading.extraction_id,
            pages.entity == reading.entity,
            pages.scope.in_([end.scope for end in landed]),
        )
        .group_by(pages.scope)
    )
    there = {row[0]: row[1] for row in connection.execute(counted)}
    if any(there.get(end.scope, 0) != end.pages for end in landed):
        raise LandingConflictError(reading)


def _mark(
    connection: sa.Connection, reading: ScopedReading, landed: Sequence[End], attempt: ReadBy
) -> None:
    identity: dict[str, Any] = {
        "extraction_id": reading.extraction_id,
        "entity": reading.entity,
        "tenant_id": reading.owner.tenant_id,
        "integration_id": reading.owner.integration_id,
    }
    windows = [(end, end.window) for end in landed if end.window is not None]
    columns = {
        "scopes": [end.scope for end in landed],
        "pages": [end.pages for end in landed],
        "items": [end.items for end in landed],
        "complete_for": [_complete_for(reading, window) for _, window in windows],
        "is_full": [window.since is None for _, window in windows],
    }
    taken = attempt.taken(reading)
    took = to_jsonb(taken) if taken else None
    by = {"began": attempt.began, "run_id": attempt.run_id, "took": took}
    connection.exec_driver_sql(_MARK, {**identity, **columns, **by})
    messages = [
        {
            **identity,
            "scope": end.scope,
            "message_id": message_id(reading.extraction_id, reading.entity, end.scope),
            "partition_key": reading.owner.partition_key,
            "extraction_run_id": attempt.run_id,
        }
        for end in landed
    ]
    connection.execute(insert(etl_job_queue), messages)


def _complete_for(reading: ScopedReading, window: Window) -> str:
    return to_jsonb(
        {
            "included": list(reading.included_projects),
            "excluded": list(reading.excluded_projects),
            "unreadable": {},
            "window": window_as_json(window),
        }
    )


def _move_watermarks(
    connection: sa.Connection, reading: ScopedReading, ends: Sequence[End], began: datetime
) -> None:
    windows = [end.window for end in ends if end.window is not None]
    parameters = {
        "integration_id": reading.owner.integration_id,
        "tenant_id": reading.owner.tenant_id,
        "began": began,
        "scopes": [end.scope for end in ends],
        "keys": [window.project_key for window in windows],
        "until": [window.until for window in windows],
        "is_full": [window.since is None for window in windows],
        "mapped": [to_jsonb(mapped_as_json(window.mapped)) for window in windows],
        "idle_until": [window.idle_until for window in windows],
        "unreadable": [
            None if end.unreadable is None else clean_text(end.unreadable) for end in ends
        ],
    }
    connection.exec_driver_sql(_MOVE_WATERMARKS, parameters)
