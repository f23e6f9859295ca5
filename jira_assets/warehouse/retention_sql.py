"""The statements of ``retention``: as text, for they are about single rows and their locks.

Decisions this module embodies:

* What is expendable is decided by the database in one place (``_MAY_GO``), once to find it and once
  more in the transaction that deletes its marker.
* Pages without a marker are found without reading the pages: from one (extraction, entity, scope)
  to the next by the primary key. The table may be hundreds of times as large as what is looked at.
* What was set aside of an extraction goes with the last scope of it: a record does not say of which
  scope it is.
* Deleting is by the primary key; rows are locked in its order, as the inbox does.
"""

from typing import Final

import sqlalchemy as sa

from jira_assets.warehouse.tables import INCREMENTAL


def _filled(statement: str, **parts: str) -> str:
    """Return a statement with constants of this module in it; what callers give is bound."""
    return statement.format(**parts)


_LIVING_RUN: Final = """
    SELECT FROM jira.run_heartbeats AS beat
    WHERE beat.run_id = {run_id} AND beat.finished_at IS NULL
    AND beat.heartbeat_at >= clock_timestamp() - make_interval(secs => :dead_after)
"""

_MAY_GO: Final = _filled(
    """
    -- The tables do not hold it,
    NOT EXISTS (
        SELECT FROM jira.applied_extractions AS held
        WHERE held.integration_id = marker.integration_id
        AND held.entity = marker.entity AND held.scope = marker.scope
        AND held.extraction_id = marker.extraction_id
    )
    -- nothing is left to be done about it,
    AND NOT EXISTS (
        SELECT FROM jira.etl_job_queue AS message
        WHERE message.extraction_id = marker.extraction_id
        AND message.entity = marker.entity AND message.scope = marker.scope
        AND message.state NOT IN ('completed', 'superseded', 'dropped')
    )
    -- its run is over: a retried step of it would land the same extraction,
    AND NOT EXISTS ({living_run})
    -- and where landings add up, the tables hold a later one that holds all of its scope.
    AND (marker.entity <> ALL(ARRAY[{incremental}]) OR EXISTS (
        SELECT FROM jira.raw_extractions AS whole
        WHERE whole.integration_id = marker.integration_id
        AND whole.entity = marker.entity AND whole.scope = marker.scope AND whole.is_full
        AND (whole.started_at, whole.sequence) > (marker.started_at, marker.sequence)
        AND (
            SELECT bool_and(
                (held.started_at, held.sequence) >= (whole.started_at, whole.sequence)
            )
            FROM jira.applied_extractions AS held
            WHERE held.integration_id = whole.integration_id
            AND held.entity = whole.entity AND held.scope = whole.scope
        )
    ))
""",
    incremental=", ".join(f"'{entity}'" for entity in sorted(INCREMENTAL)),
    living_run=_filled(_LIVING_RUN, run_id="marker.run_id"),
)

_EXPENDABLE: Final = _filled(
    """
    SELECT extraction_id, entity, scope
    FROM (
        SELECT *, row_number() OVER (
            PARTITION BY entity, scope ORDER BY started_at DESC, sequence DESC
        ) AS place
        FROM jira.raw_extractions
        WHERE integration_id = :integration_id
    ) AS marker
    WHERE place > :extractions
    AND landed_at < clock_timestamp() - make_interval(secs => 86400.0 * :days)
    AND {may_go}
""",
    may_go=_MAY_GO,
)

_SIZE: Final = "pg_column_size(request) + coalesce(pg_column_size(payload), 0)"

_PAGES_OF_PART: Final = _filled(
    """
    SELECT count(*) AS pages, coalesce(sum({size}), 0)::bigint AS size
    FROM jira.raw_extraction_data AS raw
    WHERE raw.extraction_id = part.extraction_id
    AND raw.entity = part.entity AND raw.scope = part.scope
""",
    size=_SIZE,
)

FIND_EXPENDABLE: Final = sa.text(
    _filled("{expendable} ORDER BY started_at, sequence LIMIT :most", expendable=_EXPENDABLE)
)
"""Of one integration, the oldest first: ``extraction_id``, ``entity``, ``scope``."""

MEASURE_EXPENDABLE: Final = sa.text(
    _filled(
        """
    SELECT count(*) AS readings, coalesce(sum(pages), 0)::bigint AS pages,
        coalesce(sum(size), 0)::bigint AS size
    FROM ({expendable}) AS part CROSS JOIN LATERAL ({pages_of_part}) AS measured
    """,
        expendable=_EXPENDABLE,
        pages_of_part=_PAGES_OF_PART,
    )
)
"""The same as one row: ``readings``, ``pages``, and their ``size`` in bytes."""

UNMARK: Final = sa.text(
    _filled(
        """
    WITH held AS (
        SELECT marker.extraction_id, marker.entity, marker.scope
        FROM jira.raw_extractions AS marker
        JOIN unnest(
            CAST(:extraction_ids AS uuid[]), CAST(:entities AS text[]), CAST(:scopes AS text[])
        ) AS named (extraction_id, entity, scope) USING (extraction_id, entity, scope)
        WHERE {may_go}
        ORDER BY marker.extraction_id, marker.entity, marker.scope
        FOR UPDATE OF marker
    ),
    gone AS (
        DELETE FROM jira.raw_extractions AS marker USING held
        WHERE marker.extraction_id = held.extraction_id
        AND marker.entity = held.entity AND marker.scope = held.scope
        RETURNING marker.extraction_id, marker.entity, marker.scope
    ),
    messages AS (
        DELETE FROM jira.etl_job_queue AS message USING gone
        WHERE message.extraction_id = gone.extraction_id
        AND message.entity = gone.entity AND message.scope = gone.scope
    ),
    rejected AS (
        DELETE FROM jira.rejected_records AS record USING gone
        WHERE record.integration_id = :integration_id
        AND record.extraction_id = gone.extraction_id AND record.entity = gone.entity
        AND NOT EXISTS (
            SELECT FROM jira.raw_extractions AS other
            WHERE other.extraction_id = gone.extraction_id AND other.entity = gone.entity
            AND other.scope NOT IN (
                SELECT scope FROM gone AS going
                WHERE going.extraction_id = other.extraction_id AND going.entity = other.entity
            )
        )
    )
    SELECT extraction_id, entity, scope FROM gone
    """,
        may_go=_MAY_GO,
    )
)
"""Deletes the markers named by three arrays that may still go, and what hangs on them."""

_UNFINISHED: Final = _filled(
    """
    WITH RECURSIVE part AS (
        (
            SELECT extraction_id, entity, scope, integration_id FROM jira.raw_extraction_data
            ORDER BY extraction_id, entity, scope LIMIT 1
        )
        UNION ALL
        SELECT following.* FROM part CROSS JOIN LATERAL (
            SELECT extraction_id, entity, scope, integration_id
            FROM jira.raw_extraction_data AS raw
            WHERE (raw.extraction_id, raw.entity, raw.scope)
                > (part.extraction_id, part.entity, part.scope)
            ORDER BY extraction_id, entity, scope LIMIT 1
        ) AS following
    ),
    -- Materialized, so that the pages of these alone are looked at.
    unmarked AS MATERIALIZED (
        SELECT * FROM part WHERE NOT EXISTS (
            SELECT FROM jira.raw_extractions AS marker
            WHERE marker.extraction_id = part.extraction_id
            AND marker.entity = part.entity AND marker.scope = part.scope
        )
    ),
    unfinished AS MATERIALIZED (
        SELECT * FROM unmarked AS part
        WHERE (
            SELECT max(extracted_at) FROM jira.raw_extraction_data AS raw
            WHERE raw.extraction_id = part.extraction_id
            AND raw.entity = part.entity AND raw.scope = part.scope
        ) < clock_timestamp() - make_interval(secs => 86400.0 * :days)
        AND NOT EXISTS (
            SELECT FROM jira.reading_leases AS lease
            WHERE lease.integration_id = part.integration_id
            AND EXISTS ({living_run})
        )
    )
""",
    living_run=_filled(_LIVING_RUN, run_id="lease.run_id"),
)

FIND_UNFINISHED: Final = sa.text(
    _filled(
        "{unfinished} SELECT integration_id, extraction_id, entity, scope FROM unfinished",
        unfinished=_UNFINISHED,
    )
)
"""Of all integrations: readings whose pages are there without a marker, and are not wanted."""

MEASURE_UNFINISHED: Final = sa.text(
    _filled(
        """
    {unfinished}
    SELECT part.integration_id, count(*) AS readings, sum(pages)::bigint AS pages,
        sum(size)::bigint AS size
    FROM unfinished AS part CROSS JOIN LATERAL ({pages_of_part}) AS measured
    GROUP BY part.integration_id
    """,
        unfinished=_UNFINISHED,
        pages_of_part=_PAGES_OF_PART,
    )
)
"""The same, a row an integration: ``integration_id``, ``readings``, ``pages``, ``size``."""

DELETE_PAGES: Final = sa.text(
    _filled(
        """
    WITH gone AS (
        DELETE FROM jira.raw_extraction_data
        WHERE extraction_id = :extraction_id AND entity = :entity AND scope = :scope
        AND page > :last
        -- A range and no join with the batch, which may become a nested loop.
        AND page <= (
            SELECT max(page) FROM (
                SELECT page FROM jira.raw_extraction_data
                WHERE extraction_id = :extraction_id AND entity = :entity AND scope = :scope
                AND page > :last
                ORDER BY page LIMIT :most
            ) AS batch
        )
        RETURNING page, {size} AS size
    )
    SELECT count(*) AS pages, max(page) AS last, coalesce(sum(size), 0)::bigint AS size FROM gone
    """,
        size=_SIZE,
    )
)
"""Deletes the first pages after ``last``: ``pages``, the ``last`` of them, their ``size``."""

_CUTOFF: Final = "clock_timestamp() - make_interval(secs => 86400.0 * :days)"
_OVER: Final = {
    "run_heartbeats": (
        "run_id",
        _filled("finished_at < {cutoff} AND heartbeat_at < {cutoff}", cutoff=_CUTOFF),
    ),
    "job_requests": (
        "request_id",
        _filled("state IN ('landed', 'failed') AND finished_at < {cutoff}", cutoff=_CUTOFF),
    ),
}

DELETE_RECORDS: Final = {
    table: sa.text(
        _filled(
            """
        DELETE FROM jira.{table} WHERE {key} IN (
            SELECT {key} FROM jira.{table} WHERE {over} LIMIT :most FOR UPDATE SKIP LOCKED
        )
        """,
            table=table,
            key=key,
            over=over,
        )
    )
    for table, (key, over) in _OVER.items()
}
"""By table: deletes rows of bookkeeping that are over. What a purge is at is left to it."""

COUNT_RECORDS: Final = {
    table: sa.text(
        _filled("SELECT count(*) FROM jira.{table} WHERE {over}", table=table, over=over)
    )
    for table, (_, over) in _OVER.items()
}
