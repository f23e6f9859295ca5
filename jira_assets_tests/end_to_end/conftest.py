"""A whole deployment for the end-to-end tests: Dagster's processes, Postgres, RabbitMQ, a Jira."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
import yaml
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.storage.dagster_run import RunsFilter

from jira_assets.dagster_home import instance_config
from jira_assets.partitions import PartitionKey
from jira_assets.queue import tick
from jira_assets.queue.broker import Broker
from jira_assets.sandbox.comparison import compare
from jira_assets.sandbox.dagster_dev import DagsterDev
from jira_assets.sandbox.server import SandboxServer
from jira_assets.sandbox.site import JiraSite
from jira_assets.sandbox.synthetic import synthetic_site
from jira_assets.warehouse.dagster_storage import dagster_storage_url, prepare_dagster
from jira_assets.warehouse.integrations import add_integration
from jira_assets.warehouse.job_settings import TEMPLATES
from jira_assets.warehouse.jobs import Job, get_job, update_job
from jira_assets.warehouse.tables import ENTITIES, etl_job_queue, etl_jobs
from jira_assets_tests.conftest import Database, PostgresServer, engine_seeing_all
from jira_assets_tests.patience import wait_for
from jira_assets_tests.rabbitmq import private_names

METADATA = "jira_metadata"
RAW = [f"raw_{entity}" for entity in ENTITIES]
DEFINITIONS = "jira_assets_tests.end_to_end.busy_nights"
"""Named, not imported: only Dagster's processes are to have it."""


@dataclass
class Deployment:
    """One integration, ``acme/cloud``, on a deployment as it is in earnest."""

    dev: DagsterDev
    instance: DagsterInstance
    engine: sa.Engine
    broker: Broker
    site: JiraSite
    key: str

    def extract(self) -> str:
        """Materialize the raw assets as the UI's button does; returns the run's id."""
        return self.dev.materialize(self.key, RAW)

    def job(self) -> Job:
        with self.engine.connect() as connection:
            return get_job(connection, PartitionKey.parse(self.key), METADATA)

    def let_the_job_run(self) -> Job:
        """Make the job due until it has run by itself; returns what its row says then."""
        key, before = PartitionKey.parse(self.key), self.job()
        with self.engine.begin() as connection:
            due = {"enabled": True, "next_run_at": sa.func.clock_timestamp()}
            mine = etl_jobs.c.job_name == METADATA
            connection.execute(sa.update(etl_jobs).where(mine).values(due))
        wait_for("the job", lambda: self.job().run_id != before.run_id)
        update_job(self.engine, key, METADATA, enabled=False)
        wait_for("the job's end", lambda: self.job().status != "RUNNING")
        self.wait_until_equal()
        return self.job()

    def runs_of_the_sensor(self) -> set[str]:
        """The runs that the transform sensor has asked for."""
        made = RunsFilter(tags={"dagster/sensor_name": tick.SENSOR_NAME})
        return {run.run_id for run in self.instance.get_runs(filters=made)}

    def states(self) -> list[str]:
        with self.engine.connect() as connection:
            return list(connection.scalars(sa.select(etl_job_queue.c.state)))

    def quiet(self) -> bool:
        """Whether no message is on its way and Dagster has no run in flight."""
        going = RunsFilter(
            statuses=[
                DagsterRunStatus.QUEUED,
                DagsterRunStatus.NOT_STARTED,
                DagsterRunStatus.STARTING,
                DagsterRunStatus.STARTED,
            ]
        )
        open_states = set(self.states()) - {"completed", "superseded"}
        return not open_states and not self.instance.get_runs(filters=going)

    def differences(self) -> list[str]:
        return compare(self.engine, self.key, self.site.truth())

    def wait_until_equal(self) -> None:
        """Wait until the tables equal the site and everything has come to rest."""
        wait_for("tables that equal the site", lambda: not self.differences())
        wait_for("quiet", self.quiet)
        assert self.differences() == []


@pytest.fixture(scope="package")
def deployment(
    postgres_server: PostgresServer, rabbitmq_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    database = postgres_server.create(f"end_to_end_{uuid4().hex}")
    folder = tmp_path_factory.mktemp("deployment")
    site = synthetic_site(projects=8, issues=24, seed=7, deployment="cloud")
    with SandboxServer(site) as jira, private_names(rabbitmq_url) as broker_url:
        engine = engine_seeing_all(database.runtime_url)
        key = PartitionKey("acme", "cloud")
        add_integration(engine, key, base_url=jira.url, auth="none")
        # These tests say themselves when it is read.
        for template in TEMPLATES:
            update_job(engine, key, template.job_name, enabled=False)
        variables = _variables(folder, database, broker_url)
        dev = DagsterDev(variables, folder / "dagster.log", module=DEFINITIONS)
        with dev, DagsterInstance.from_config(variables["DAGSTER_HOME"]) as instance:
            broker = Broker(broker_url)
            made = Deployment(dev, instance, engine, broker, site, str(key))
            wait_for("the partition", lambda: str(key) in dev.partition_keys("raw_statuses"))
            yield made
    postgres_server.drop(database)


@dataclass(frozen=True)
class Filling:
    """How the tables were filled at first: by one click on all raw assets."""

    run_id: str
    """The run of the click."""
    asked_for: set[str]
    """The runs that the sensor asked for then."""
    states: set[str]
    """Of the messages, once the tables equalled the site."""


@pytest.fixture(scope="package")
def filling(deployment: Deployment) -> Filling:
    """Every table, materialized by way of the sensor."""
    before = deployment.runs_of_the_sensor()
    run_id = deployment.extract()
    deployment.wait_until_equal()
    asked_for = deployment.runs_of_the_sensor() - before
    return Filling(run_id, asked_for, set(deployment.states()))


@pytest.fixture(scope="package")
def filled(deployment: Deployment, filling: Filling) -> Deployment:
    """The deployment, once its tables are filled."""
    assert filling.asked_for
    return deployment


@pytest.fixture(scope="package")
def job_that_ran(filled: Deployment) -> Job:
    """A job's row after it was due, ran by itself, and its tables show what had changed."""
    filled.site.rename_status(next(iter(filled.site.state.statuses)), "renamed by day")
    return filled.let_the_job_run()


def _variables(folder: Path, database: Database, broker_url: str) -> dict[str, str]:
    """The environment of the deployment's processes; times are short so that tests are."""
    home = folder / "dagster"
    home.mkdir()
    prepare_dagster(database.owner_url, database.runtime_url)
    url = dagster_storage_url(database.runtime_url)
    config: Mapping[str, Any] = instance_config(url) | {
        "run_coordinator": {
            "module": "dagster.core.run_coordinator",
            "class": "QueuedRunCoordinator",
            "config": {"dequeue_interval_seconds": 1},
        },
    }
    (home / "dagster.yaml").write_text(yaml.safe_dump(config))
    return {
        "DAGSTER_HOME": str(home),
        "JIRA_ASSETS_HOME": str(folder),
        "JIRA_ASSETS_DATABASE_URL": database.runtime_url,
        "JIRA_ASSETS_DAGSTER_DATABASE_URL": url,
        "JIRA_ASSETS_BROKER_URL": broker_url,
    }
