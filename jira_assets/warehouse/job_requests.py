"""Requests to run a job, from outside: rows that the jobs sensor turns into runs.

Decisions this module embodies:

* The row is the request: what was committed is run, whoever dies in between. A run serves every
  request that was made before it began, so ten clicks are one run.
* A request for a job that is switched off is run: that only says that it does not run by itself.
  One for an integration that is disabled is refused, since it would wait for ever.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from jira_assets.partitions import PartitionKey
from jira_assets.warehouse.integrations import DisabledIntegrationError, get_integration
from jira_assets.warehouse.jobs import get_job
from jira_assets.warehouse.tables import job_requests

_requests: Final = job_requests.c


class RepeatedKeyError(ValueError):
    """An idempotency key was used before, for something else."""


@dataclass(frozen=True)
class JobRequest:
    """A request, as its row says."""

    request_id: UUID
    tenant_id: int
    integration_id: int
    job_name: str
    requested_by: str | None
    idempotency_key: str | None
    state: str
    run_id: str | None
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


def request_job(
    engine: sa.Engine,
    key: PartitionKey,
    job_name: str,
    *,
    requested_by: str,
    idempotency_key: str | None = None,
) -> JobRequest:
    """Ask for a run of a job; with a key that was used before, return the request of then.

    Raises:
        UnknownIntegrationError: there is none under ``key``.
        DisabledIntegrationError: it is disabled.
        UnknownJobError: it has no such job.
        RepeatedKeyError: the key belongs to a request for another job.
    """
    integration = get_integration(engine, key)
    row: dict[str, Any] = {
        "request_id": uuid4(),
        "tenant_id": integration.tenant_id,
        "integration_id": integration.id,
        "job_name": job_name,
        "requested_by": requested_by,
        "idempotency_key": idempotency_key,
    }
    with engine.begin() as connection:
        if not get_job(connection, key, job_name).active:
            raise DisabledIntegrationError(f"{key} was disabled just now.")
        # Without a key nothing conflicts: nulls are distinct.
        connection.execute(insert(job_requests).values(row).on_conflict_do_nothing())
        found = _find(connection, row)
    if (found.integration_id, found.job_name) != (integration.id, job_name):
        raise RepeatedKeyError(
            f"the idempotency key {idempotency_key!r} belongs to a request for {found.job_name} of "
            f"integration {found.integration_id}: use another one."
        )
    return found


def _find(connection: sa.Connection, row: dict[str, Any]) -> JobRequest:
    mine: sa.ColumnElement[bool] = _requests.request_id == row["request_id"]
    if row["idempotency_key"] is not None:
        mine = sa.and_(
            _requests.tenant_id == row["tenant_id"],
            _requests.idempotency_key == row["idempotency_key"],
        )
    return JobRequest(**connection.execute(sa.select(job_requests).where(mine)).one()._asdict())
