"""What the chaos harness plays with: real servers and processes, kept up over rounds.

Everything that the program asks of Postgres and RabbitMQ goes through a proxy; the harness itself
looks past it, as ``chaos_judge``. The sandbox is served from the harness's process, which changes
it and knows its truth; to the program it is another process.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import sqlalchemy as sa
import yaml
from dagster import DagsterInstance

from jira_assets.dagster_home import USER_CODE_RETRIES, instance_config
from jira_assets.jobs.partitions_sensor import sync_partitions
from jira_assets.partitions import PartitionKey
from jira_assets.queue.broker import Broker
from jira_assets.sandbox.postgres import RUNTIME_ROLE
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
from jira_assets_tests.chaos import points
from jira_assets_tests.chaos.plan import KEYS
from jira_assets_tests.chaos.processes import Dagster
from jira_assets_tests.chaos.proxy import Proxy, to_port, to_socket
from jira_assets_tests.chaos.servers import StoppablePostgres, environment, instance_at, named
from jira_assets_tests.rabbitmq import RabbitMQNode, server_program

JUDGE: Final = "chaos_judge"
DEAD_AFTER_SECONDS: Final = 10
REPUBLISH_SECONDS: Final = 4
_DATABASE: Final = "jira_assets"
_DAEMON_PARTS: Final = {
    "run_coordinator": {
        "module": points.DAEMON_MODULE,
        "class": "ChaosCoordinator",
        "config": {
            "dequeue_interval_seconds": 1,
            "max_user_code_failure_retries": USER_CODE_RETRIES,
            "user_code_failure_retry_delay": 1,
        },
    },
    "sensors": {"use_threads": True, "num_workers": 4},
    "run_launcher": {"module": points.DAEMON_MODULE, "class": "ChaosLauncher"},
}
"""What `dagster.yaml` says beside the product's."""
_ONE_AT_A_TIME: Final = threading.Lock()
"""alembic keeps what it migrates in globals."""


@dataclass
class Deployment:
    """Two integrations, one a tenant, and all that reads them."""

    folder: Path
    postgres: StoppablePostgres
    rabbitmq: RabbitMQNode
    to_postgres: Proxy
    to_rabbitmq: Proxy
    jira: SandboxServer
    sites: dict[PartitionKey, JiraSite]
    """The truth of each integration."""
    dagster: Dagster
    instance: DagsterInstance
    engine: sa.Engine
    broker: Broker
    variables: dict[str, str]
    """The environment of the program's processes, beside what this process has."""
    forged: int = 0
    """How many messages that nobody can read were put into the queue."""
    keep: bool = False
    """Whether the folder with logs and data is there afterwards; it always is after an error."""
    died: list[str] = field(default_factory=list)
    """The processes that were started again, in order."""

    @property
    def points(self) -> Path:
        return self.folder / "points"

    def supervise(self) -> None:
        """Start again what has died of Dagster's processes."""
        self.died += self.dagster.supervise()


@contextmanager
def deployed(*, sabotage: str | None = None) -> Iterator[Deployment]:
    """Set everything up; end it all after the block."""
    folder = Path(tempfile.mkdtemp(prefix="jira-assets-chaos-"))
    with ExitStack() as stack:
        with _ONE_AT_A_TIME:
            made = _deploy(stack, folder, sabotage)
        yield made
    if not made.keep:
        shutil.rmtree(folder, ignore_errors=True)


def _deploy(stack: ExitStack, folder: Path, sabotage: str | None) -> Deployment:
    for name in ("points", "dagster", "rabbitmq"):
        (folder / name).mkdir()
    postgres = stack.enter_context(StoppablePostgres(folder))
    rabbitmq = RabbitMQNode(folder / "rabbitmq", server_program())
    stack.callback(rabbitmq.stop)
    rabbitmq.start()
    to_postgres = stack.enter_context(Proxy(to_socket(str(postgres.socket))))
    to_rabbitmq = stack.enter_context(Proxy(to_port(rabbitmq.port)))
    sites = {key: _site(place) for place, key in enumerate(KEYS)}
    jira = SandboxServer({f"/{key.tenant}": site for key, site in sites.items()})
    stack.enter_context(jira)

    migrate(postgres.owner_url, postgres.runtime_url)
    prepare_dagster(postgres.owner_url, postgres.runtime_url)
    judges_url = named(postgres.runtime_url, JUDGE)
    stack.callback(close_engines, judges_url)
    engine = everything(engine_for(judges_url), "the judge looks at all")
    for key in KEYS:
        add_integration(engine, key, base_url=f"{jira.url}/{key.tenant}", auth="none")
        for template in TEMPLATES:
            update_job(engine, key, template.job_name, enabled=False)

    programs_url = f"postgresql://{RUNTIME_ROLE}@127.0.0.1:{to_postgres.port}/{_DATABASE}"
    variables = _variables(folder, programs_url, to_rabbitmq.port, sabotage)
    home = folder / "judge"
    home.mkdir()
    config = instance_config(dagster_storage_url(judges_url))
    instance = stack.enter_context(instance_at(home, config))
    sync_partitions(instance, engine)
    dagster = Dagster(folder, variables)
    stack.callback(dagster.stop)
    dagster.start()
    _read_all(folder, variables)
    return Deployment(
        folder=folder,
        postgres=postgres,
        rabbitmq=rabbitmq,
        to_postgres=to_postgres,
        to_rabbitmq=to_rabbitmq,
        jira=jira,
        sites=sites,
        dagster=dagster,
        instance=instance,
        engine=engine,
        broker=Broker(rabbitmq.url),
        variables=variables,
    )


def _site(place: int) -> JiraSite:
    # Ids count from the same number at every site: rows of the one must not become the other's.
    return synthetic_site(
        projects=8, issues=40, custom_fields=8, seed=7 + place, deployment="cloud"
    )


def _read_all(folder: Path, variables: dict[str, str]) -> None:
    """Fill the tables before anything breaks."""
    for key in KEYS:
        with (folder / "sync.log").open("ab") as log:
            subprocess.run(
                sync_command(key),
                env={**os.environ, **variables},
                stdout=log,
                stderr=log,
                check=True,
            )


def sync_command(key: PartitionKey) -> list[str]:
    """Return what a person types to read an integration by hand."""
    return [sys.executable, "-m", "jira_assets", "sync", str(key)]


def _variables(folder: Path, url: str, amqp_port: int, sabotage: str | None) -> dict[str, str]:
    """Return the environment of the program's processes; times are short so that rounds are."""
    home, storage = folder / "dagster", dagster_storage_url(url)
    config = instance_config(storage) | _DAEMON_PARTS
    (home / "dagster.yaml").write_text(yaml.safe_dump(config))
    return {
        **environment(folder, url, storage, f"amqp://guest:guest@127.0.0.1:{amqp_port}//"),
        "JIRA_ASSETS_DEAD_AFTER_SECONDS": str(DEAD_AFTER_SECONDS),
        "JIRA_ASSETS_REPUBLISH_AFTER_SECONDS": str(REPUBLISH_SECONDS),
        points.FOLDER_VARIABLE: str(folder / "points"),
        points.SABOTAGE_VARIABLE: sabotage or "",
    }
