"""Two runs on one integration, in two processes: one reads Jira, then the other."""

import subprocess
import sys
import time as real_time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from jira_assets.sandbox.server import SandboxServer
from jira_assets.sandbox.synthetic import synthetic_site
from jira_assets.warehouse import reading_leases as module
from jira_assets.warehouse.integrations import add_integration
from jira_assets.warehouse.reading_leases import holder
from jira_assets.warehouse.tables import raw_extractions
from jira_assets_tests.extract import runs

CONCURRENCY = 3
PATIENCE_SECONDS = 60.0


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(synthetic_site(projects=30, seed=3)) as running:
        yield running


class Awake:
    """The clock of the one who waits: tells the test that it does, and then waits."""

    monotonic = staticmethod(real_time.monotonic)

    def __init__(self, server: SandboxServer) -> None:
        self.server = server
        self.pauses = 0

    def sleep(self, _seconds: float) -> None:
        self.pauses += 1
        self.server.latency = 0.0
        real_time.sleep(0.05)


def wait_for_the_first_call(server: SandboxServer, process: subprocess.Popen[bytes]) -> None:
    deadline = real_time.monotonic() + PATIENCE_SECONDS
    while not server.requests:
        assert process.poll() is None, "the first run ended without a call"
        assert real_time.monotonic() < deadline
        real_time.sleep(0.02)


def test_the_second_run_waits_until_the_first_has_read(
    server: SandboxServer,
    warehouse: sa.Engine,
    runtime_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    added = add_integration(
        warehouse, runs.KEY, base_url=server.url, auth="none", max_concurrency=CONCURRENCY
    )
    waiting = Awake(server)
    monkeypatch.setattr(module, "time", waiting)
    # So slow that the first one still reads when the second one asks.
    server.latency = 1.0
    command = [sys.executable, "-m", runs.__name__, runtime_url, str(tmp_path)]
    with (
        runs.ephemeral_instance() as instance,
        subprocess.Popen(command, stderr=subprocess.DEVNULL) as first,
    ):
        wait_for_the_first_call(server, first)
        second = runs.materialize(instance, runs.resources(runtime_url, tmp_path))
        assert first.wait(PATIENCE_SECONDS) == 0
        said = " ".join(entry.user_message for entry in instance.all_logs(second.run_id))

    assert second.success
    assert waiting.pauses
    assert "acme/cloud is being read by run " in said
    assert server.requests.peak_in_flight <= CONCURRENCY
    asked = sorted(server.requests, key=lambda each: each.at)
    _, begin = (place for place, each in enumerate(asked) if each.path.endswith("/serverInfo"))
    # The second one asks for the same, but for issues: no project has changed meanwhile.
    first_paths, second_paths = (
        Counter(each.path for each in part if b'"expand":"changelog"' not in each.body)
        for part in (asked[:begin], asked[begin:])
    )
    assert first_paths == second_paths
    assert first_paths.total() < begin
    assert second_paths.total() == len(asked) - begin
    assert holder(warehouse, added.id) is None
    with warehouse.connect() as connection:
        extractions = sa.select(sa.func.count(raw_extractions.c.extraction_id.distinct()))
        assert connection.scalar(extractions) == 2
