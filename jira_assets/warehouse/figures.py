"""Figures for monitoring: counts over everything, each one query.

Decisions this module embodies:

* Rows of tables are counted, not estimated: Postgres's own estimate knows nothing of deleted rows
  and nothing of integrations. That reads the tables, so who asks often asks for the rest only.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from jira_assets.warehouse.tables import (
    DATA_TABLES,
    JOB_STATUSES,
    QUEUE_STATES,
    REQUEST_STATES,
    etl_job_queue,
    etl_jobs,
    integrations,
    job_requests,
    tenants,
)

# Ages by the database's clock; of what never came, none.
_PARTITIONS: Final = sa.text(
    """
    SELECT concat(t.slug, '/', i.slug) AS partition_key,
        extract(epoch FROM clock_timestamp() - (
            SELECT max(landed_at) FROM jira.raw_extractions r WHERE r.integration_id = i.id
        ))::float AS landed_seconds,
        extract(epoch FROM clock_timestamp() - (
            SELECT max(applied_at) FROM jira.applied_extractions a WHERE a.integration_id = i.id
        ))::float AS applied_seconds,
        (
            -- Of the newest extraction, over its entities.
            SELECT jsonb_object_agg(key, value) FROM (
                SELECT note.key, sum(note.value::numeric)::float AS value
                FROM jira.raw_extractions r, jsonb_each_text(r.took) AS note
                WHERE r.integration_id = i.id AND note.key = ANY(:noted)
                AND r.extraction_id = (
                    SELECT extraction_id FROM jira.raw_extractions n
                    WHERE n.integration_id = i.id ORDER BY started_at DESC, sequence DESC LIMIT 1
                )
                GROUP BY note.key
            ) AS notes
        ) AS took
    FROM jira.integrations i JOIN jira.tenants t ON t.id = i.tenant_id
    WHERE i.removed_at IS NULL AND i.active
    ORDER BY 1
    """
)
NOTED: Final = ("calls", "retries", "answers_429")
_RUNS: Final = sa.text(
    """
    SELECT CASE WHEN finished_at IS NOT NULL THEN 'ended'
        WHEN heartbeat_at >= clock_timestamp() - make_interval(secs => :dead_after) THEN 'alive'
        ELSE 'dead' END AS state, count(*)
    FROM jira.run_heartbeats GROUP BY 1
    """
)


@dataclass(frozen=True)
class PartitionFigures:
    """One integration. Ages in seconds; None: it never happened."""

    partition_key: str
    landed_seconds: float | None
    applied_seconds: float | None
    took: Mapping[str, float]
    """Calls, retries, answers_429 of its newest extraction; empty where that was not kept."""


@dataclass(frozen=True)
class Figures:
    """What is counted. Every state is there, with 0 where nothing is in it."""

    runs: dict[str, int]
    jobs: dict[str, int]
    requests: dict[str, int]
    queue: dict[str, int]
    partitions: list[PartitionFigures]


def read_figures(connection: sa.Connection, *, dead_after: float) -> Figures:
    """Count everything but the rows of the tables.

    Args:
        connection: to the warehouse.
        dead_after: seconds without a sign of life after which a run counts as dead.
    """
    runs = dict.fromkeys(("alive", "ended", "dead"), 0)
    for state, count in connection.execute(_RUNS, {"dead_after": dead_after}):
        runs[state] = count
    return Figures(
        runs=runs,
        jobs=_by(connection, etl_jobs.c.status, JOB_STATUSES),
        requests=_by(connection, job_requests.c.state, REQUEST_STATES),
        queue=_by(connection, etl_job_queue.c.state, QUEUE_STATES),
        partitions=[
            PartitionFigures(
                row.partition_key, row.landed_seconds, row.applied_seconds, row.took or {}
            )
            for row in connection.execute(_PARTITIONS, {"noted": list(NOTED)})
        ],
    )


def count_rows(connection: sa.Connection) -> Iterator[tuple[str, str, int]]:
    """Yield the living rows of each table and integration: table, partition key, rows."""
    key = sa.func.concat(tenants.c.slug, "/", integrations.c.slug)
    for name, table in DATA_TABLES.items():
        query = (
            sa.select(key, sa.func.count())
            .select_from(table)
            .join(integrations, integrations.c.id == table.c.integration_id)
            .join(tenants, tenants.c.id == integrations.c.tenant_id)
            .where(table.c.deleted_at.is_(None), integrations.c.removed_at.is_(None))
            .group_by(key)
            .order_by(key)
        )
        for partition_key, rows in connection.execute(query):
            yield name, partition_key, rows


def _by(
    connection: sa.Connection, column: sa.ColumnElement[Any], states: tuple[str, ...]
) -> dict[str, int]:
    counted = connection.execute(sa.select(column, sa.func.count()).group_by(column))
    return dict.fromkeys(states, 0) | {str(state): int(count) for state, count in counted}
