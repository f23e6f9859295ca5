"""A tick of the jobs sensor over thousands of jobs, some of them due: its CPU, and Postgres's."""

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import dagster as dg
import psutil
import sqlalchemy as sa

from benchmarks.section import Section
from jira_assets.jobs.sensor import JobsTick, jobs_tick
from jira_assets.partitions import PARTITIONS_NAME
from jira_assets.sandbox.postgres import EmbeddedPostgres
from jira_assets.warehouse.connect import close_engines, engine_for
from jira_assets.warehouse.dagster_storage import dagster_storage_url, prepare_dagster
from jira_assets.warehouse.job_settings import JOB_TYPES, TEMPLATES
from jira_assets.warehouse.migrate import migrate
from jira_assets.warehouse.new_jobs import ensure_jobs
from jira_assets.warehouse.scope import everything

JOBS = 5_000
DUE = 50
ROUNDS = 5
_SEED = """
INSERT INTO jira.tenants (slug) SELECT 'tenant-' || n FROM generate_series(1, 50) AS n;
INSERT INTO jira.integrations (tenant_id, slug, base_url, deployment, auth)
SELECT tenants.id, 'site-' || n, 'https://bench.invalid', 'cloud', 'none'
FROM jira.tenants, generate_series(1, :sites / 50) AS n;
"""
_NOT_DUE = """
UPDATE jira.etl_jobs SET status = 'COMPLETED', due_at = clock_timestamp() + interval '1 hour',
    next_run_at = clock_timestamp() + interval '1 hour'
"""
_SOME_DUE = """
UPDATE jira.etl_jobs SET next_run_at = clock_timestamp() - interval '1 minute'
WHERE job_name = 'jira_metadata' AND integration_id IN (
    SELECT id FROM jira.integrations ORDER BY id LIMIT :due
)
"""


def run() -> Section:
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        postgres = stack.enter_context(EmbeddedPostgres(Path(folder)))
        migrate(postgres.owner_url, postgres.runtime_url)
        prepare_dagster(postgres.owner_url, postgres.runtime_url)
        storage = {"postgres": {"postgres_url": dagster_storage_url(postgres.runtime_url)}}
        instance = stack.enter_context(
            dg.instance_for_test(
                overrides={"storage": storage, "telemetry": {"enabled": False}}, temp_dir=folder
            )
        )
        engine = everything(engine_for(postgres.runtime_url), "a benchmark")
        jobs = _fill(engine, instance)
        rows = [
            _measured(f"{jobs:,} jobs, none due", engine, instance, 0),
            _measured(f"{jobs:,} jobs, {DUE} due", engine, instance, DUE),
        ]
        close_engines()
    return Section(
        title="A tick of the jobs sensor",
        question=(
            "From rows to run requests, Dagster's storage in the same Postgres. CPU seconds of the "
            f"tick and of Postgres for it; medians of {ROUNDS}."
        ),
        command="python -m benchmarks jobs_tick",
        columns=["tick", "asked for", "CPU of the tick", "CPU of Postgres", "both (at most 0.5)"],
        rows=rows,
    )


def _fill(engine: sa.Engine, instance: dg.DagsterInstance) -> int:
    """Make integrations with their jobs, none of them due, and their partitions."""
    with engine.begin() as connection:
        sites = JOBS // len(TEMPLATES)
        for statement in _SEED.split(";\n")[:2]:
            connection.execute(
                sa.text(statement), {"sites": sites} if ":sites" in statement else {}
            )
        ensure_jobs(connection)
        connection.execute(sa.text(_NOT_DUE))
        keys = connection.execute(
            sa.text(
                "SELECT tenants.slug || '/' || integrations.slug FROM jira.integrations "
                "JOIN jira.tenants ON tenants.id = tenant_id"
            )
        )
        instance.add_dynamic_partitions(PARTITIONS_NAME, list(keys.scalars()))
        return int(connection.execute(sa.text("SELECT count(*) FROM jira.etl_jobs")).scalar_one())


def _measured(what: str, engine: sa.Engine, instance: dg.DagsterInstance, due: int) -> list[str]:
    with engine.begin() as connection:
        connection.execute(sa.text(_SOME_DUE), {"due": due})
    rounds = [_one_tick(engine, instance, due) for _ in range(ROUNDS)]
    mine, postgres = (median(each[index] for each in rounds) for index in (0, 1))
    return [what, str(due), f"{mine:.3f}", f"{postgres:.3f}", f"{mine + postgres:.3f}"]


def _one_tick(engine: sa.Engine, instance: dg.DagsterInstance, due: int) -> tuple[float, float]:
    postgres = _backends(engine)
    before, began = _cpu(postgres), time.process_time()
    tick: JobsTick = jobs_tick(engine=engine, instance=instance, job_types=JOB_TYPES)
    seconds = time.process_time() - began
    if len(tick.launches) != due:
        raise RuntimeError(f"{len(tick.launches)} launches instead of {due}: {tick.words[:3]}")
    return seconds, _cpu(postgres) - before


def _backends(engine: sa.Engine) -> list[psutil.Process]:
    """Return the processes of this cluster alone."""
    with engine.connect() as connection:
        mine: int = connection.execute(sa.select(sa.func.pg_backend_pid())).scalar_one()
    postmaster = psutil.Process(mine).parent()
    if postmaster is None:
        raise RuntimeError("the backend has no parent")
    return postmaster.children()


def _cpu(processes: list[psutil.Process]) -> float:
    return sum(sum(each.cpu_times()[:2]) for each in processes if each.is_running())
