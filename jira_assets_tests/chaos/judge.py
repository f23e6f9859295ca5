"""Judges a deployment that has come to rest: whether anything is lost, stuck or still held."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol

import sqlalchemy as sa
from dagster import DagsterInstance, RunsFilter

from jira_assets.partitions import PartitionKey
from jira_assets.queue.broker import Broker
from jira_assets.queue.runs import IN_FLIGHT
from jira_assets.sandbox.comparison import compare
from jira_assets.sandbox.site import JiraSite
from jira_assets_tests.chaos.deployment import DEAD_AFTER_SECONDS, JUDGE

_OPEN_MESSAGES: Final = """
    SELECT state, entity, count(*) FROM jira.etl_job_queue
    WHERE state NOT IN ('completed', 'superseded', 'failed') GROUP BY 1, 2 ORDER BY 1, 2
"""
_OPEN_REQUESTS: Final = """
    SELECT job_name, state, count(*) FROM jira.job_requests
    WHERE state IN ('queued', 'running') GROUP BY 1, 2 ORDER BY 1, 2
"""
_RUNNING_JOBS: Final = "SELECT job_name, run_id FROM jira.etl_jobs WHERE status = 'RUNNING'"
_WITHOUT_MESSAGE: Final = """
    SELECT entity, scope, extraction_id FROM jira.raw_extractions AS marker
    WHERE NOT EXISTS (
        SELECT FROM jira.etl_job_queue AS message
        WHERE (message.extraction_id, message.entity, message.scope)
            = (marker.extraction_id, marker.entity, marker.scope)
    )
"""
_FAILED: Final = "SELECT entity, error FROM jira.etl_job_queue WHERE state = 'failed'"
_LEASES: Final = """
    SELECT lease.run_id, lease.since FROM jira.reading_leases AS lease
    LEFT JOIN jira.run_heartbeats AS beat USING (run_id)
    WHERE beat.finished_at IS NULL AND greatest(lease.since, beat.heartbeat_at)
        > clock_timestamp() - make_interval(secs => :dead_after)
"""
_LOCKS: Final = """
    SELECT lock.classid, lock.objid, activity.application_name FROM pg_locks AS lock
    LEFT JOIN pg_stat_activity AS activity USING (pid) WHERE lock.locktype = 'advisory'
"""
_IN_TRANSACTION: Final = """
    SELECT state, left(query, 80), application_name FROM pg_stat_activity
    WHERE datname = current_database() AND application_name <> :judge
    AND state LIKE 'idle in transaction%' AND state_change < clock_timestamp() - interval '5 s'
"""
_CONNECTIONS: Final = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name <> :judge
"""
SPARE_CONNECTIONS: Final = 8
"""By how many the pools of daemon and code server may grow over a round."""


class Judged(Protocol):
    """What of a deployment is looked at."""

    @property
    def sites(self) -> Mapping[PartitionKey, JiraSite]: ...

    instance: DagsterInstance
    engine: sa.Engine
    broker: Broker
    forged: int


def going_on(deployment: Judged) -> list[str]:
    """Say what has not come to rest yet."""
    said = [f"request of {row[0]} is {row[1]}" for row in _rows(deployment, _OPEN_REQUESTS)]
    said += [f"job {row[0]} is RUNNING" for row in _rows(deployment, _RUNNING_JOBS)]
    said += [f"{row[2]} messages of {row[1]} {row[0]}" for row in _rows(deployment, _OPEN_MESSAGES)]
    runs = deployment.instance.get_runs(filters=RunsFilter(statuses=list(IN_FLIGHT)))
    said += [f"run {run.run_id} of {run.job_name} is {run.status.value}" for run in runs]
    return said + _waiting(deployment)


def _waiting(deployment: Judged) -> list[str]:
    waiting = deployment.broker.depths()[deployment.broker.names.transform]
    return [f"{waiting} messages wait in RabbitMQ"] if waiting else []


def judge(deployment: Judged, connections_before: int) -> list[str]:
    """Say every difference to what must be once a round has come to rest."""
    return [*going_on(deployment), *_lost(deployment), *_held(deployment, connections_before)]


def _lost(deployment: Judged) -> Iterator[str]:
    for key, site in deployment.sites.items():
        for difference in compare(deployment.engine, str(key), site.truth(unreadable_too=True)):
            yield f"{key}: {difference}"
    for row in _rows(deployment, _WITHOUT_MESSAGE):
        yield f"{row[0]} ({row[1]}) of extraction {row[2]} landed without a message"
    dead = deployment.broker.dead_letters()
    if len(dead) != deployment.forged:
        reasons = sorted({letter.reason for letter in dead})
        yield f"{len(dead)} dead letters, not {deployment.forged}: {reasons}"


def _held(deployment: Judged, connections_before: int) -> Iterator[str]:
    storage = deployment.instance.event_log_storage
    for pool in sorted(storage.get_concurrency_keys()):
        slots = storage.get_concurrency_info(pool).claimed_slots
        if slots:
            yield f"pool {pool} has {len(slots)} slots held by {[slot.run_id for slot in slots]}"
    for row in _rows(deployment, _LOCKS):
        yield f"advisory lock {row[0]}/{row[1]} is held by {row[2]}"
    for row in _rows(deployment, _LEASES, dead_after=DEAD_AFTER_SECONDS):
        yield f"run {row[0]} holds a reading lease since {row[1]}"
    for row in _rows(deployment, _IN_TRANSACTION, judge=JUDGE):
        yield f"{row[2]} is {row[0]} after {row[1]!r}"
    now = connections(deployment)
    if now > connections_before + SPARE_CONNECTIONS:
        yield f"{now} connections to Postgres, where there were {connections_before}"


def connections(deployment: Judged) -> int:
    """Return how many connections the program has to Postgres."""
    ((count,),) = _rows(deployment, _CONNECTIONS, judge=JUDGE)
    return int(count)


def visibly_failed(deployment: Judged) -> list[str]:
    """Say which landings were given up, for all to see."""
    return [f"{row[0]}: {row[1]}" for row in _rows(deployment, _FAILED)]


def _rows(deployment: Judged, query: str, **values: Any) -> list[Any]:
    with deployment.engine.connect() as connection:
        return list(connection.execute(sa.text(query), values))
