"""What a soak watches: the product as it is deployed, on many integrations with frequent jobs.

Servers and processes are those of the chaos harness, without its proxies and points: a real
Postgres and RabbitMQ, Dagster's daemon and code server, runs as processes of their own. All sites
are served by the harness's process, which changes them.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa
import yaml
from dagster import DagsterInstance

from jira_assets.dagster_home import instance_config
from jira_assets.jobs.partitions_sensor import sync_partitions
from jira_assets.jobs.schedules import NIGHTLY, RETENTION
from jira_assets.partitions import PartitionKey
from jira_assets.queue.broker import Broker
from jira_assets.sandbox.dagster_dev import LOCATION
from jira_assets.sandbox.server import SandboxServer
from jira_assets.sandbox.site import JiraSite
from jira_assets.sandbox.synthetic import synthetic_site
from jira_assets.warehouse.connect import close_engines, engine_for
from jira_assets.warehouse.dagster_storage import dagster_storage_url, prepare_dagster
from jira_assets.warehouse.integrations import add_integration
from jira_assets.warehouse.job_settings import TEMPLATES
from jira_assets.warehouse.jobs import update_job
from jira_assets.warehouse.migrate import migrate
from jira_assets.warehouse.scope import everything
from jira_assets_tests.chaos.processes import Dagster
from jira_assets_tests.chaos.servers import StoppablePostgres, environment, instance_at, named
from jira_assets_tests.rabbitmq import RabbitMQNode, server_program
from jira_assets_tests.soak import clock

WATCHER: Final = "soak_watcher"
_TICKS: Final = dict.fromkeys(("skipped", "started", "success", "failure"), 1)


@dataclass
class Deployment:
    """What runs, and what watches it."""

    folder: Path
    postgres: StoppablePostgres
    rabbitmq: RabbitMQNode
    sites: list[JiraSite]
    server: SandboxServer
    dagster: Dagster
    instance: DagsterInstance
    engine: sa.Engine
    broker: Broker


@contextmanager
def deployed(integrations: int, interval_minutes: int, runs_at_once: int) -> Iterator[Deployment]:
    """Set everything up; end it all after the block. The logs stay where the block fails."""
    folder = Path(tempfile.mkdtemp(prefix="jira-assets-soak-"))
    with ExitStack() as stack:
        yield _deploy(stack, folder, integrations, interval_minutes, runs_at_once)
    shutil.rmtree(folder, ignore_errors=True)


def _deploy(
    stack: ExitStack, folder: Path, integrations: int, interval: int, runs_at_once: int
) -> Deployment:
    for name in ("dagster", "rabbitmq", "watcher"):
        (folder / name).mkdir()
    postgres = stack.enter_context(StoppablePostgres(folder))
    rabbitmq = RabbitMQNode(folder / "rabbitmq", server_program())
    stack.callback(rabbitmq.stop)
    rabbitmq.start()
    sites = {
        f"/site{number:03}": synthetic_site(
            projects=4, issues=30, custom_fields=8, seed=number, deployment="cloud"
        )
        for number in range(integrations)
    }
    server = stack.enter_context(SandboxServer(sites))

    stack.callback(close_engines)
    migrate(postgres.owner_url, postgres.runtime_url)
    prepare_dagster(postgres.owner_url, postgres.runtime_url)
    watcher = named(postgres.runtime_url, WATCHER)
    engine = everything(engine_for(watcher), "the watcher looks at all")
    for path in sites:
        _add(engine, PartitionKey("soak", path.strip("/")), server.url + path, interval)

    variables = _variables(folder, postgres.runtime_url, rabbitmq.url, runs_at_once)
    instance = stack.enter_context(
        instance_at(folder / "watcher", instance_config(dagster_storage_url(watcher)))
    )
    sync_partitions(instance, engine)
    dagster = Dagster(folder, variables, program="dagster", module=clock.LOCATION_MODULE)
    stack.callback(dagster.stop)
    dagster.start()
    _start_schedules(folder, variables)
    return Deployment(
        folder=folder,
        postgres=postgres,
        rabbitmq=rabbitmq,
        sites=list(sites.values()),
        server=server,
        dagster=dagster,
        instance=instance,
        engine=engine,
        broker=Broker(rabbitmq.url),
    )


def _add(engine: sa.Engine, key: PartitionKey, url: str, interval: int) -> None:
    add_integration(engine, key, base_url=url, auth="none")
    for template in TEMPLATES:
        update_job(
            engine,
            key,
            template.job_name,
            schedule_interval_minutes=interval,
            retry_interval_minutes=interval,
        )


def _variables(folder: Path, url: str, amqp_url: str, runs_at_once: int) -> dict[str, str]:
    """Return the environment of the program's processes."""
    home, storage = folder / "dagster", dagster_storage_url(url)
    config = instance_config(storage)
    config["run_launcher"] = {"module": clock.DAEMON_MODULE, "class": "SoakLauncher"}
    config["concurrency"]["runs"]["max_concurrent_runs"] = runs_at_once
    config["retention"] = {kind: {"purge_after_days": _TICKS} for kind in ("sensor", "schedule")}
    (home / "dagster.yaml").write_text(yaml.safe_dump(config))
    return {
        **environment(folder, url, storage, amqp_url),
        "JIRA_ASSETS_KEEP_EXTRACTIONS": str(clock.KEEP_EXTRACTIONS),
        "JIRA_ASSETS_KEEP_DAYS": str(clock.KEEP_DAYS),
        "JIRA_ASSETS_KEEP_RUN_DAYS": str(clock.KEEP_DAYS),
        "JIRA_ASSETS_FULL_AFTER_DAYS": str(clock.FULL_AFTER_DAYS),
    }


def _start_schedules(folder: Path, variables: dict[str, str]) -> None:
    with (folder / "schedules.log").open("wb") as log:
        for name in (NIGHTLY, RETENTION):
            start = [sys.executable, "-m", "dagster", "schedule", "start", name]
            start += ["-w", str(folder / "workspace.yaml"), "-l", LOCATION]
            environment = {**os.environ, **variables}
            subprocess.run(start, env=environment, stdout=log, stderr=log, check=True)
