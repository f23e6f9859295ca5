"""A deployment as `jira-assets dev` makes it, and what its runs say about when they ran."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from dagster import DagsterEventType, DagsterInstance, DagsterRunStatus, RunsFilter

from benchmarks.site import served_site
from jira_assets.dagster_home import environment, local_instance
from jira_assets.partitions import PartitionKey
from jira_assets.sandbox.dagster_dev import DagsterDev
from jira_assets.settings import Settings
from jira_assets.warehouse.connect import close_engines, engine_for
from jira_assets.warehouse.integrations import add_integration
from jira_assets.warehouse.job_settings import JOB_TAG
from jira_assets.warehouse.scope import everything

PROJECTS = 10
LATENCY_SECONDS = 0.02


@dataclass(frozen=True)
class JobRun:
    """A run of a job. Moments in Unix seconds; those that it never reached are None."""

    run_id: str
    partition_key: str
    run_key: str
    status: DagsterRunStatus
    requested: float
    dequeued: float | None
    started: float | None
    ended: float | None

    @property
    def due(self) -> float:
        """The moment that its run key names: when the job was due."""
        return datetime.fromisoformat(self.run_key.split(":", 2)[2].rsplit(":", 1)[0]).timestamp()


@dataclass
class Deployment:
    """The processes, the warehouse, Dagster's storage, and the environment that names them."""

    dev: DagsterDev
    engine: sa.Engine
    instance: DagsterInstance
    environment: dict[str, str]
    """Of a process that is to find the same servers."""

    def job_runs(self) -> list[JobRun]:
        """Return the runs of jobs, by the moment they were asked for."""
        records = self.instance.get_run_records(RunsFilter(), limit=1000, ascending=True)
        return [
            JobRun(
                run_id=record.dagster_run.run_id,
                partition_key=record.dagster_run.tags["dagster/partition"],
                run_key=record.dagster_run.tags["dagster/run_key"],
                status=record.dagster_run.status,
                requested=record.create_timestamp.timestamp(),
                dequeued=self._dequeued(record.dagster_run.run_id),
                started=record.start_time,
                ended=record.end_time,
            )
            for record in records
            if JOB_TAG in record.dagster_run.tags
        ]

    def _dequeued(self, run_id: str) -> float | None:
        for kind in (DagsterEventType.RUN_DEQUEUED, DagsterEventType.RUN_STARTING):
            found = self.instance.all_logs(run_id, of_type=kind)
            if found:
                return found[0].timestamp
        return None


@contextmanager
def deployed(partitions: Sequence[str]) -> Iterator[Deployment]:
    """Run webserver, daemon and code server on embedded servers, with one small site a partition.

    Everything is as `jira-assets dev` has it by default, in a folder of its own.
    """
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        os.environ["JIRA_ASSETS_HOME"] = str(home)
        instance, services = stack.enter_context(local_instance())
        engine = everything(engine_for(services.database_url), "a benchmark")
        for partition in partitions:
            site = stack.enter_context(served_site(PROJECTS, latency=LATENCY_SECONDS))
            key = PartitionKey.parse(partition)
            add_integration(engine, key, base_url=site.url, auth="none")
        variables = environment(Settings.from_environment(), services)
        dev = stack.enter_context(DagsterDev(variables, home / "dagster.log"))
        yield Deployment(dev, engine, instance, {**os.environ, **variables})
        close_engines()
