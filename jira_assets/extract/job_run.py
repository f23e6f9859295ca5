"""The job that an extraction run is of: it claims the row, reports how far it is, and ends it.

Decisions this module embodies:

* The job is found by a tag of the run, which the jobs sensor sets. A run without it (somebody
  clicked on Materialize, or `sync`) is of no job, and nothing here does anything.
* The body of the step never sees how it ends: a landing that fails does so in the IO manager. So
  the end is written by hooks of the job, in the same process, once the step is over for good.
* A hook that cannot write loses nothing: the reconciler finds the run over, and writes it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import dagster as dg

from jira_assets.extract.progress import Progress
from jira_assets.queue.runs import RUN_KEY_TAG
from jira_assets.warehouse.due_jobs import request_of
from jira_assets.warehouse.job_runs import (
    JobTakenError,
    claim,
    fail,
    finish,
    report_progress,
    serve,
)
from jira_assets.warehouse.job_settings import JOB_TAG
from jira_assets.warehouse.jsonb import clean_text

if TYPE_CHECKING:
    import sqlalchemy as sa

    from jira_assets.warehouse.resource import WarehouseResource

WRITE_EVERY_SECONDS: Final = 1.0
WEIGHTS: Final = {
    "projects": 5,
    "issue_types": 1,
    "statuses": 1,
    "project_statuses": 93,
    "fields": 1,
    "issue_samples": 5,
    "issue_ids": 5,
    "issues": 200,
}
"""Parts of a job, by the calls that a large site takes: one a project, and nearly all of them."""


@dataclass
class JobProgress:
    """How far a job is as a whole, in percent, over the entities that it reads in turn."""

    entities: tuple[str, ...]
    write: Callable[[float, Progress | None], object]
    clock: Callable[[], float] = time.monotonic
    _over: set[str] = field(default_factory=set)
    _written_at: float = float("-inf")

    def tell(self, progress: Progress) -> None:
        """Take in how far an entity is; written at most once a second."""
        share = progress.done / progress.total if progress.total else 0.0
        self._write(self._share(self._over) + share * self._share({progress.entity}), progress)

    def over(self, entity: str) -> None:
        """Take in that an entity has landed whole."""
        self._over.add(entity)
        self._write(self._share(self._over))

    def _share(self, entities: set[str]) -> float:
        of_all = sum(WEIGHTS[entity] for entity in self.entities)
        return sum(WEIGHTS[entity] for entity in entities) / of_all

    def _write(self, share: float, progress: Progress | None = None) -> None:
        now = self.clock()
        if now - self._written_at >= WRITE_EVERY_SECONDS:
            self._written_at = now
            self.write(round(100 * min(share, 1.0), 1), progress)


def begin_job(
    context: dg.AssetExecutionContext,
    engine: "sa.Engine",
    integration_id: int,
    entities: tuple[str, ...],
    *,
    dead_after: float,
) -> JobProgress:
    """Claim the row of the run's job, if it is of one; return where to report how far it is."""
    run_id, job_name = context.run.run_id, context.run.tags.get(JOB_TAG)
    if job_name is None:
        return JobProgress(entities, lambda *_: None)
    try:
        claim(engine, integration_id, job_name, run_id, dead_after=dead_after)
    except JobTakenError as error:
        metadata = {"failure": type(error).__name__}
        raise dg.Failure(str(error), metadata=metadata, allow_retries=False) from None
    request_id = request_of(context.run.tags.get(RUN_KEY_TAG, ""))
    if request_id is not None:
        serve(engine, request_id, run_id)
    return JobProgress(
        entities,
        lambda percent, now: report_progress(
            engine, run_id, percent, None if now is None else now.as_json()
        ),
    )


@dg.success_hook(name="end_job_landed", required_resource_keys={"warehouse"})
def end_job_landed(context: dg.HookContext) -> None:
    """Write that the run's job has landed what it read."""
    finish(_engine(context), context.run_id)


@dg.failure_hook(name="end_job_failed", required_resource_keys={"warehouse"})
def end_job_failed(context: dg.HookContext) -> None:
    """Write that the run's job failed, and why."""
    fail(_engine(context), context.run_id, _sentence(context.op_exception))


def _engine(context: dg.HookContext) -> "sa.Engine":
    warehouse: WarehouseResource = context.resources.warehouse
    return warehouse.engine()


def _sentence(error: BaseException | None) -> str:
    if isinstance(error, dg.Failure) and error.description:
        return clean_text(error.description)
    while error is not None and type(error).__name__.startswith("Dagster") and error.__cause__:
        error = error.__cause__
    return clean_text(str(error)).strip() or "the step failed and does not say why"
