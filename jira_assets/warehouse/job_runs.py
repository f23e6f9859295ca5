"""What a run writes about itself into the row of its job, and into the requests that it serves.

Decisions this module embodies:

* The run writes, nobody else, each time by a compare-and-set on its run id: a run that was given up
  and comes back late changes nothing. Only what a killed run left is written by the reconciler.
* All times are the database's.
* A run serves every request that was made before it began, and none that came later: that one asked
  for what Jira holds then. A run that takes the job over from a killed one takes over its requests.
  The one that it was launched for is its own though the clock has stepped back behind it.
* A failed run is tried again after the retry interval, up to ``max_retries`` times; then the job
  waits for its next interval, and the failure stays to be seen until a run succeeds. Where the next
  interval comes before the retry, it is the retry: a job of every minute would else be punished
  with an hour of silence for the run that a restart of Dagster killed.
"""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from jira_assets.warehouse.due_jobs import DueJob
from jira_assets.warehouse.tables import etl_jobs, job_requests

_jobs: Final = etl_jobs.c
_requests: Final = job_requests.c
_now: Final = sa.func.clock_timestamp
_LONGEST_ERROR: Final = 2000

# As text: make_interval by name, and one clock for the whole statement.
_CLAIM: Final = sa.text(
    """
    UPDATE jira.etl_jobs AS job
    SET status = 'RUNNING', run_id = :run_id, heartbeat_at = clock_timestamp(),
        progress_percentage = CASE WHEN run_id = :run_id THEN progress_percentage ELSE 0 END,
        progress = NULL,
        last_run_started_at = CASE
            WHEN run_id = :run_id AND status = 'RUNNING' THEN last_run_started_at
            ELSE clock_timestamp()
        END
    WHERE integration_id = :integration_id AND job_name = :job_name
    AND (
        status <> 'RUNNING' OR run_id = :run_id
        OR NOT EXISTS (
            SELECT FROM jira.run_heartbeats AS beat
            WHERE beat.run_id = job.run_id AND beat.finished_at IS NULL
            AND beat.heartbeat_at >= clock_timestamp() - make_interval(secs => :dead_after)
        )
    )
    """
)


def _ending(condition: str) -> sa.TextClause:
    """Return the statement that ends an attempt of the job whose row meets ``condition``."""
    # The condition is one of the two below, never what somebody gave.
    return sa.text(
        f"""
        WITH due AS (
            SELECT *,
                clock_timestamp() + make_interval(mins => retry_interval_minutes) AS retry_at,
                -- The first moment of the grid that is still to come.
                CASE WHEN due_at > clock_timestamp() THEN due_at ELSE due_at + make_interval(
                    mins => schedule_interval_minutes * (1 + floor(
                        extract(epoch FROM clock_timestamp() - due_at)
                        / (60 * schedule_interval_minutes)
                    ))::int
                ) END AS next_due_at
            FROM jira.etl_jobs
            WHERE {condition}
            FOR UPDATE
        ), ended AS (
            SELECT integration_id, job_name, next_due_at, retry_at,
                :succeeded OR attempt >= max_retries OR next_due_at <= retry_at AS is_over
            FROM due
        )
        UPDATE jira.etl_jobs AS job
        SET status = CASE WHEN :succeeded THEN 'COMPLETED' ELSE 'FAILED' END,
            progress_percentage = CASE WHEN :succeeded THEN 100 ELSE progress_percentage END,
            progress = NULL,
            error_message = :error,
            last_run_finished_at = clock_timestamp(),
            attempt = CASE WHEN ended.is_over THEN 0 ELSE attempt + 1 END,
            due_at = CASE WHEN ended.is_over THEN ended.next_due_at ELSE due_at END,
            next_run_at = CASE
                WHEN ended.is_over THEN ended.next_due_at
                ELSE ended.retry_at
            END
        FROM ended
        WHERE job.integration_id = ended.integration_id AND job.job_name = ended.job_name
        """  # noqa: S608
    )


_END: Final = _ending("run_id = :run_id AND status = 'RUNNING'")
_GIVE_UP: Final = _ending(
    "integration_id = :integration_id AND job_name = :job_name AND status <> 'RUNNING' "
    "AND next_run_at = :next_run_at AND attempt = :attempt"
)


class JobTakenError(RuntimeError):
    """Another living run is on the job."""


def claim(
    engine: sa.Engine, integration_id: int, job_name: str, run_id: str, *, dead_after: float
) -> None:
    """Write that ``run_id`` works on the job now, and serves the requests that wait for it.

    A retried step of the same run claims it again, and keeps its start.

    Raises:
        JobTakenError: another run works on it that gave a sign of life within ``dead_after``
            seconds, or the job is gone.
    """
    mine = {"integration_id": integration_id, "job_name": job_name, "run_id": run_id}
    with engine.begin() as connection:
        if connection.execute(_CLAIM, {**mine, "dead_after": dead_after}).rowcount != 1:
            raise JobTakenError(
                f"another run is on the job {job_name} of integration {integration_id}, or there "
                "is no such job any more: this run does nothing."
            )
        waiting = sa.and_(
            _requests.integration_id == integration_id,
            _requests.job_name == job_name,
            # One that came after the start stays queued, though a retried step claims once more.
            _requests.created_at <= _start_of(integration_id, job_name),
            # Those that a killed run served are its heir's: nobody else would ever close them.
            sa.or_(
                _requests.state == "queued",
                sa.and_(_requests.state == "running", _requests.run_id != run_id),
            ),
        )
        connection.execute(_served_by(run_id).where(waiting))


def serve(engine: sa.Engine, request_id: UUID, run_id: str) -> None:
    """Write that a run serves the request that it was launched for, if that waits still."""
    waiting = sa.and_(_requests.request_id == request_id, _requests.state == "queued")
    with engine.begin() as connection:
        connection.execute(_served_by(run_id).where(waiting))


def _served_by(run_id: str) -> sa.Update:
    served = {"state": "running", "run_id": run_id, "started_at": _now()}
    return sa.update(job_requests).values(served)


def _start_of(integration_id: int, job_name: str) -> sa.ScalarSelect[Any]:
    mine = sa.and_(_jobs.integration_id == integration_id, _jobs.job_name == job_name)
    return sa.select(_jobs.last_run_started_at).where(mine).scalar_subquery()


def report_progress(
    engine: sa.Engine, run_id: str, percentage: float, progress: Mapping[str, Any] | None = None
) -> bool:
    """Write how far the run is, which is a sign of life; False if the job is another's by now.

    Args:
        engine: the warehouse's.
        run_id: the run's.
        percentage: of the whole job, 0 to 100.
        progress: of the entity that is being read: ``entity``, ``done`` and ``total`` in calls,
            ``per_second``, ``seconds_left``.
    """
    mine = sa.and_(_jobs.run_id == run_id, _jobs.status == "RUNNING")
    values = {"progress_percentage": percentage, "progress": progress, "heartbeat_at": _now()}
    with engine.begin() as connection:
        return connection.execute(sa.update(etl_jobs).where(mine).values(values)).rowcount == 1


def finish(engine: sa.Engine, run_id: str) -> bool:
    """Write that the run has landed all that it read; False if no job is its own (any more)."""
    return _end(engine, run_id, None)


def fail(engine: sa.Engine, run_id: str, error: str) -> bool:
    """Write that the run failed, and when its job is tried again; False if no job is its own."""
    return _end(engine, run_id, error[:_LONGEST_ERROR])


def _end(engine: sa.Engine, run_id: str, error: str | None) -> bool:
    given: dict[str, Any] = {"run_id": run_id, "succeeded": error is None, "error": error}
    served = sa.and_(_requests.run_id == run_id, _requests.state == "running")
    state = {
        "state": "landed" if error is None else "failed",
        "error": error,
        "finished_at": _now(),
    }
    with engine.begin() as connection:
        ended = connection.execute(_END, given).rowcount == 1
        connection.execute(sa.update(job_requests).where(served).values(state))
    return ended


def give_up(engine: sa.Engine, job: DueJob, error: str) -> bool:
    """Write that the run which was asked for ``job`` ended before it began; False if it did begin.

    A request fails with it; what was due by itself is tried again by the job's rule.
    """
    error = error[:_LONGEST_ERROR]
    with engine.begin() as connection:
        if job.request_id is not None:
            mine = sa.and_(_requests.request_id == job.request_id, _requests.state == "queued")
            failed = {"state": "failed", "error": error, "finished_at": _now()}
            update = sa.update(job_requests).where(mine).values(failed)
            return connection.execute(update).rowcount == 1
        given = {
            "integration_id": job.integration_id,
            "job_name": job.job_name,
            "next_run_at": job.next_run_at,
            "attempt": job.attempt,
            "succeeded": False,
            "error": error,
        }
        return connection.execute(_GIVE_UP, given).rowcount == 1


def running(connection: sa.Connection) -> list[str]:
    """Return the ids of the runs that jobs are being worked on by, as the rows say."""
    query = sa.select(_jobs.run_id).where(_jobs.status == "RUNNING", _jobs.run_id.is_not(None))
    return list(connection.execute(query.order_by(_jobs.run_id)).scalars())
