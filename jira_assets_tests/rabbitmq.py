"""A real RabbitMQ for the tests: the one in ``JIRA_ASSETS_TEST_AMQP_URL``, or a private node.

The private node is the machine's ``rabbitmq-server`` with its own port, data, log, cookie, name and
epmd, all on loopback and in a temporary folder. Nothing of it is left when the session ends.
There is no skipping: without RabbitMQ the tests that need it fail, and say what to install.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

import kombu
import pytest

from jira_assets.queue.broker import Broker

URL_VARIABLE: Final = "JIRA_ASSETS_TEST_AMQP_URL"
MISSING: Final = (
    "The tests need a real RabbitMQ: install rabbitmq-server (Debian: apt-get install "
    f"rabbitmq-server), or set {URL_VARIABLE} to a server of yours."
)
# Debian's /usr/sbin/rabbitmq-server changes to the user rabbitmq, who may not read our folder; the
# script behind it starts the node as whoever calls it.
FOLDERS: Final = ("/usr/lib/rabbitmq/bin", "/usr/local/sbin", "/opt/homebrew/sbin", "/usr/sbin")
START_SECONDS: Final = 90.0
STOP_SECONDS: Final = 15.0
_ERLANG_CONFIG: Final = (
    '[{{rabbit, [{{tcp_listeners, [{{"127.0.0.1", {port}}}]}}, {{disk_free_limit, 1000000}}, '
    '{{default_pass, <<"{password}">>}}, {{log, [{{file, [{{level, {level}}}]}}]}}]}}].\n'
)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def find(program: str, *folders: str) -> str | None:
    """Return the path of ``program``, from ``folders`` first, then from the PATH."""
    return shutil.which(program, path=os.pathsep.join([*folders, os.environ.get("PATH", "")]))


def server_program() -> str:
    """Return the path of RabbitMQ's start script; fails the test where there is none."""
    return find("rabbitmq-server", *FOLDERS) or pytest.fail(MISSING)


class RabbitMQNode:
    """A private RabbitMQ node, in a temporary folder; starts on ``start``, ends on ``stop``.

    ``password`` is that of the user guest; ``log`` the least level of what it logs.
    """

    def __init__(
        self, folder: Path, server: str, *, password: str = "guest", log: str = "info"
    ) -> None:
        self.folder = folder
        self._password = password
        self._log_level = log
        self.port = free_port()
        self._server = server
        self._epmd_port = free_port()
        self._children: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        return f"amqp://guest:{quote(self._password, safe='')}@127.0.0.1:{self.port}//"

    def start(self) -> None:
        """Start the node and wait until it takes connections."""
        environment = self._environment()
        epmd = find("epmd") or "epmd"
        self._spawn([epmd, "-address", "127.0.0.1", "-port", str(self._epmd_port)], environment)
        node = self._spawn([self._server], environment)
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if node.poll() is not None or time.monotonic() > deadline:
                self.stop()
                pytest.fail(f"RabbitMQ did not start; its output:\n{self._output()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End what was started, the node first; what does not end is killed."""
        for child in reversed(self._children):
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                child.wait(STOP_SECONDS)
            _kill_group(child)
            child.wait()
        self._children.clear()

    def _spawn(
        self, command: list[str], environment: Mapping[str, str]
    ) -> "subprocess.Popen[bytes]":
        with (self.folder / "output").open("ab") as output:
            child = subprocess.Popen(
                command,
                env=environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._children.append(child)
        return child

    def _environment(self) -> dict[str, str]:
        # Erlang terms rather than rabbitmq.conf: reading the latter takes the node twenty seconds.
        config = self.folder / "rabbitmq.config"
        settings = {"port": self.port, "password": self._password, "level": self._log_level}
        config.write_text(_ERLANG_CONFIG.format(**settings))
        for name in ("advanced.config", "enabled_plugins"):
            (self.folder / name).write_text("[].\n")
        (self.folder / "env.conf").touch()
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        return kept | {
            "HOME": str(self.folder),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "RABBITMQ_NODENAME": f"jira_assets_{os.getpid()}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            # Without it, every one of a thousand small file reads at the start waits for a wake-up.
            "RABBITMQ_SCHEDULER_BUSY_WAIT_THRESHOLD": "short",
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "env.conf"),
            "RABBITMQ_CONFIG_FILE": str(config),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(self.folder / "generated"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
        }

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                pass
            with kombu.Connection(self.url, connect_timeout=5) as connection:
                connection.connect()
        except OSError:
            return False
        return True

    def _output(self) -> str:
        files = [self.folder / "output", *sorted((self.folder / "log").glob("*.log"))]
        return "\n".join(file.read_text(errors="replace")[-3000:] for file in files)


def _kill_group(child: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def rabbitmq_url() -> Iterator[str]:
    """The URL of a RabbitMQ that answers."""
    given = os.environ.get(URL_VARIABLE)
    if given:
        yield given
        return
    server = server_program()
    folder = Path(tempfile.mkdtemp(prefix="jira-assets-rabbitmq-"))
    node = RabbitMQNode(folder, server)
    try:
        node.start()
        yield node.url
    finally:
        node.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def private_names(url: str) -> Iterator[str]:
    """Add a prefix to a broker URL: nobody else reads or fills these queues. Deletes them after."""
    named = f"{url}{'&' if '?' in url else '?'}prefix=test-{secrets.token_hex(6)}."
    yield named
    names = Broker(named).names
    with kombu.Connection(url) as connection:
        channel = connection.channel()
        channel.queue_delete(names.transform)
        channel.queue_delete(names.dead)
        channel.exchange_delete(names.exchange)


@pytest.fixture
def broker_url(rabbitmq_url: str) -> Iterator[str]:
    """The URL of the real RabbitMQ, with queues of this test's own."""
    with private_names(rabbitmq_url) as url:
        yield url


@pytest.fixture
def broker(broker_url: str) -> Broker:
    """A broker on the real RabbitMQ, with queues of this test's own."""
    return Broker(broker_url)
