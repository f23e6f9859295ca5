"""Where the servers of a machine of one's own listen: unix sockets and loopback, nowhere else."""

import ipaddress
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from jira_assets.sandbox.dagster_dev import free_port
from jira_assets.sandbox.server import SandboxServer
from jira_assets.sandbox.synthetic import synthetic_site
from jira_assets_tests.patience import wait_for

pytestmark = pytest.mark.timeout(400)
SECONDS = 300.0


@pytest.fixture
def processes() -> Iterator[list[psutil.Process]]:
    """All processes of ``jira-assets dev`` when its UI is up, its Postgres included."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="jira-assets-listening-") as home:
        log = Path(home, "dev.log")
        with log.open("wb") as output:
            dev = subprocess.Popen(
                [sys.executable, "-m", "jira_assets", "dev", "--port", str(port)],
                env={**os.environ, "JIRA_ASSETS_HOME": home},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            wait_for("the UI", lambda: answers(dev, port, log), SECONDS)
            postmaster = int(Path(home, "postgres/data/postmaster.pid").read_text().split()[0])
            started = [psutil.Process(dev.pid), psutil.Process(postmaster)]
            yield [*started, *(each for one in started for each in one.children(recursive=True))]
        finally:
            dev.send_signal(signal.SIGTERM)
            dev.wait(60)


def answers(dev: "subprocess.Popen[bytes]", port: int, log: Path) -> bool:
    assert dev.poll() is None, log.read_text()
    asked = {
        "query": "{ workspaceOrError { ... on Workspace { locationEntries { loadStatus } } } }"
    }
    try:
        said = requests.post(f"http://127.0.0.1:{port}/graphql", json=asked, timeout=10)
    except requests.RequestException:
        return False
    return '"LOADED"' in said.text


def listening(process: psutil.Process) -> set[tuple[str, int]]:
    """Return the addresses of IP at which a process takes calls."""
    try:
        found = process.net_connections("inet")
    except psutil.NoSuchProcess:
        return set()
    return {(each.laddr.ip, each.laddr.port) for each in found if each.status == psutil.CONN_LISTEN}


def test_everything_listens_on_loopback_or_a_unix_socket(processes: list[psutil.Process]) -> None:
    with SandboxServer(synthetic_site(projects=1, seed=1)) as sandbox:
        here = psutil.Process(os.getpid())
        found = {each: listening(each) for each in [here, *processes]}
    ports = {place for places in found.values() for place in places}
    assert sandbox.port in {port for _, port in ports}
    outside = {
        f"{ip}:{port} of {process.name()}"
        for process, places in found.items()
        for ip, port in places
        if not ipaddress.ip_address(ip).is_loopback
    }
    assert outside == set()
    assert listening(processes[1]) == set(), "Postgres listens on IP"
