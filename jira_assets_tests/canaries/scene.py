"""Everything of the product at once, each of its secrets a canary, debug logging on everywhere."""

import io
import logging
import os
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch
from uuid import uuid4

import psutil
import sqlalchemy as sa
from sqlalchemy import make_url

from jira_assets.dagster_home import environment
from jira_assets.sandbox.dagster_dev import DagsterDev
from jira_assets.sandbox.postgres import SUPERUSER
from jira_assets.sandbox.server import SandboxServer
from jira_assets.sandbox.synthetic import synthetic_site
from jira_assets.secrets import GROUP
from jira_assets.services import connect_services
from jira_assets.settings import Settings
from jira_assets.warehouse.connect import close_engines, engine_for
from jira_assets_tests.canaries.echoing import EchoingJira, echoing
from jira_assets_tests.canaries.needles import canary
from jira_assets_tests.commands.shell import Shell, Typed
from jira_assets_tests.conftest import Database, PostgresServer
from jira_assets_tests.jobs.webhooks import Receiver, receiving
from jira_assets_tests.patience import wait_for
from jira_assets_tests.rabbitmq import RabbitMQNode, server_program

USERNAME = "mia@acme.example"
SECONDS = 240.0
"""How long anything of it may take: a dozen processes start on a machine that has other work."""
KINDS = {"cloud": "env", "file": "file", "unit": "systemd", "vault": "canaryvault"}
"""The integrations of acme, and how the secret of each is resolved."""

DEBUGGING = """
import http.client, logging, sys
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
logging.getLogger("sqlalchemy.engine").setLevel(logging.DEBUG)
http.client.HTTPConnection.debuglevel = 1
"""
"""Runs at the start of every process of the deployment."""
VAULT = """
from pathlib import Path
from jira_assets.secrets import Resolver
RESOLVER = Resolver(str.isalpha, lambda place: Path(__file__).with_name(place).read_text())
"""


@dataclass
class Scene:
    """A deployment, and what became visible of it."""

    folder: Path
    shell: Shell
    jira: EchoingJira
    webhook: Receiver
    database: Database
    node: RabbitMQNode
    postgres_log: Path
    dev: DagsterDev
    variables: dict[str, str] = field(default_factory=dict)
    """The environment of the processes that run."""
    api_url: str = ""
    key: str = ""
    """A key of the HTTP service, made by the product."""
    stream_token: str = ""
    typed: list[Typed] = field(default_factory=list)
    logged: io.StringIO = field(default_factory=io.StringIO)
    """What this process logged while commands ran in it."""
    answered: list[str] = field(default_factory=list)
    """What the HTTP service answered."""
    command_lines: set[str] = field(default_factory=set)

    @property
    def engine(self) -> sa.Engine:
        return engine_for(self.database.owner_url)

    def type(self, *arguments: str, **variables: str) -> Typed:
        """Type a command, and keep what it says and logs."""
        with logging_everything(self.logged):
            typed = self.shell(*arguments, **variables)
        self.typed.append(typed)
        return typed

    def secret_file(self, kind: str) -> Path:
        """Where the secret of an integration is that has it in a file of its own."""
        return self.folder / "held" / f"{kind}token"

    def put(self, kind: str, secret: str) -> None:
        """Renew such a secret, as other programs do: all at once."""
        beside = self.secret_file(kind).with_suffix(".new")
        beside.write_text(f"{secret}\n")
        beside.replace(self.secret_file(kind))


@contextmanager
def logging_everything(target: io.StringIO) -> Iterator[None]:
    """Log all of this process to ``target`` at level DEBUG, tracebacks and SQL with its values."""
    handler = logging.StreamHandler(target)
    loggers = [logging.getLogger(name) for name in ("", "sqlalchemy.engine", "sqlalchemy.pool")]
    levels = [logger.level for logger in loggers]
    loggers[0].addHandler(handler)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        loggers[0].removeHandler(handler)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def scene(server: PostgresServer, folder: Path) -> Iterator[Scene]:
    """Set everything up; nothing of Dagster or the HTTP service runs yet."""
    database = server.create(f"canaries_{uuid4().hex}", template="template1")
    log_all_of_postgres(server, database)
    with ExitStack() as stack:
        node = RabbitMQNode(
            made(folder / "rabbitmq"), server_program(), password=canary("Broker"), log="debug"
        )
        stack.callback(node.stop)
        node.start()
        sandbox = stack.enter_context(SandboxServer(synthetic_site(projects=6, seed=3)))
        jira = stack.enter_context(echoing(sandbox.url))
        webhook = stack.enter_context(receiving())
        variables = _variables(folder, database, node, webhook)
        stack.enter_context(patch.object(sys, "path", [str(folder / "held"), *sys.path]))
        dev = DagsterDev({}, folder / "dagster.log")
        shell = Shell(variables)
        log = Path(str(make_url(database.owner_url).query["host"])) / "server.log"
        yield Scene(folder, shell, jira, webhook, database, node, log, dev)
        close_engines()
    sys.modules.pop("canaryvault", None)
    server.drop(database)


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def log_all_of_postgres(server: PostgresServer, database: Database) -> None:
    """Let Postgres log each statement on ``database``, with all of its values."""
    settings = {
        "log_statement": "'all'",
        "log_min_duration_statement": "0",
        "log_parameter_max_length": "-1",
        "log_parameter_max_length_on_error": "-1",
        "log_min_messages": "debug1",
    }
    engine = engine_for(server.url(SUPERUSER, "postgres"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for name, value in settings.items():
            connection.exec_driver_sql(f'ALTER DATABASE "{database.name}" SET {name} = {value}')


def _variables(
    folder: Path, database: Database, node: RabbitMQNode, webhook: Receiver
) -> dict[str, str]:
    """Write the secrets where they are held, and return the environment of every process."""
    held, debugging = made(folder / "held"), made(folder / "debugging")
    (debugging / "sitecustomize.py").write_text(DEBUGGING)
    (held / "canaryvault.py").write_text(VAULT)
    information = made(held / "canaryvault-1.dist-info")
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: canaryvault\nVersion: 1\n")
    (information / "entry_points.txt").write_text(
        f"[{GROUP}]\ncanaryvault = canaryvault:RESOLVER\n"
    )
    for kind in ("file", "unit", "vault"):
        (held / f"{kind}token").write_text(canary(kind.title()))
    urls = {
        "JIRA_ASSETS_DATABASE_URL": (database.runtime_url, "Runtime"),
        "JIRA_ASSETS_OWNER_DATABASE_URL": (database.owner_url, "Owner"),
        "JIRA_ASSETS_API_DATABASE_URL": (database.runtime_url, "Service"),
    }
    with_passwords = {
        name: make_url(url).set(password=canary(who)).render_as_string(hide_password=False)
        for name, (url, who) in urls.items()
    }
    return {
        **with_passwords,
        "JIRA_ASSETS_HOME": str(folder / "home"),
        "JIRA_ASSETS_BROKER_URL": node.url,
        "JIRA_ASSETS_FAILURE_WEBHOOK_URL": f"{webhook.url.partition('/services')[0]}/services/"
        + canary("Webhook").rstrip("="),
        "CLOUD_TOKEN": canary("Cloud"),
        "CREDENTIALS_DIRECTORY": str(held),
    }


def reference(scene: Scene, kind: str) -> str:
    """Return how the secret of an integration is named."""
    places = {
        "cloud": "CLOUD_TOKEN",
        "file": str(scene.secret_file("file")),
        "unit": "unittoken",
        "vault": "vaulttoken",
    }
    return f"{KINDS[kind]}:{places[kind]}"


@contextmanager
def running(scene: Scene) -> Iterator[None]:
    """Run Dagster's processes and the HTTP service, and note every command line meanwhile."""
    with scene.shell.variables():
        settings = Settings.from_environment()
        variables = dict(scene.shell.environment) | environment(
            settings, connect_services(settings)
        )
    paths = [scene.folder / "debugging", scene.folder / "held", os.environ.get("PYTHONPATH", "")]
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, map(str, paths)))
    scene.variables = variables
    scene.dev = DagsterDev(variables, scene.folder / "dagster.log")
    with noting_command_lines(scene), serving(scene, variables), scene.dev:
        yield


@contextmanager
def serving(scene: Scene, variables: dict[str, str]) -> Iterator[None]:
    """Run ``jira-assets api``."""
    log = scene.folder / "api.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "jira_assets", "api", "--port", "0"],
            env={**os.environ, **variables, "PYTHONUNBUFFERED": "1"},
            stdout=output,
            stderr=subprocess.STDOUT,
        )

    def url() -> str:
        assert process.poll() is None, log.read_text()
        _, _, after = log.read_text().partition("HTTP service: ")
        return after.partition(",")[0]

    try:
        scene.api_url = wait_for("the HTTP service", url, SECONDS)
        yield
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def noting_command_lines(scene: Scene) -> Iterator[None]:
    """Look at what ``ps`` shows of our processes, again and again while the block runs."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            for process in psutil.Process().children(recursive=True):
                try:
                    scene.command_lines.add("\0".join(process.cmdline()))
                except psutil.Error:  # it has ended
                    continue

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def stored(engine: sa.Engine) -> dict[str, bytes]:
    """Return all rows of all tables as text, and each column of bytes unpacked, too."""
    tables = (
        "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables "
        "WHERE table_schema !~ '^(pg_|information_schema)' AND table_type = 'BASE TABLE'"
    )
    with engine.connect() as connection:
        texts = {
            name: "\n".join(connection.scalars(sa.text(f"SELECT t::text FROM {name} t"))).encode()
            for name in connection.scalars(sa.text(tables)).all()
        }
        bodies = connection.scalars(sa.text("SELECT snapshot_body FROM dagster.snapshots"))
        texts["snapshots"] = b"\n".join(zlib.decompress(bytes(body)) for body in bodies)
    return texts
