"""Runs that are killed while they read issues, one after the other, lose and repeat nothing."""

import random
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from jira_assets.sandbox.model import Deployment
from jira_assets.sandbox.server import SandboxServer
from jira_assets.sandbox.synthetic import synthetic_site
from jira_assets.warehouse.integrations import add_integration
from jira_assets.warehouse.tables import issue_changelogs, issues, raw_extractions, reading_leases
from jira_assets_tests.conftest import Database, PostgresServer, engine_seeing_all
from jira_assets_tests.extract import killed_runs
from jira_assets_tests.extract.runs import KEY

KILLS = 10


@pytest.fixture
def databases(postgres_server: PostgresServer) -> Iterator[tuple[Database, Database]]:
    made = [postgres_server.create(f"test_{uuid4().hex}") for _ in range(2)]
    yield made[0], made[1]
    for each in made:
        postgres_server.drop(each)


def rows(engine: sa.Engine, table: sa.Table) -> set[tuple[Any, ...]]:
    """Return the rows of a table, less when they came."""
    ours = {"first_seen_at", "updated_at"}
    columns = [sa.cast(each, sa.Text) for each in table.columns if each.name not in ours]
    with engine.connect() as connection:
        return {tuple(row) for row in connection.execute(sa.select(*columns))}


def landed(engine: sa.Engine) -> list[str]:
    """Return the projects that have landed whole: each once, if nothing was repeated."""
    with engine.connect() as connection:
        return sorted(connection.scalars(sa.select(raw_extractions.c.scope)))


def die(engine: sa.Engine, url: str, folder: Path, page: int) -> int:
    """Run a process that kills itself, and let nobody wait for it to be found dead."""
    command = [sys.executable, "-m", killed_runs.__name__, url, str(folder), str(page)]
    code = subprocess.run(command, check=False, capture_output=True).returncode
    with engine.begin() as connection:
        connection.execute(sa.delete(reading_leases))
    return code


def asked_projects(server: SandboxServer) -> set[str]:
    """Return the projects that were searched."""
    bodies = " ".join(str(each.body) for each in server.requests)
    return set(re.findall(r"project = (\d+)", bodies))


@pytest.mark.parametrize("deployment", ["cloud", "data_center"])
def test_killed_at_a_random_page_ten_times_it_ends_as_an_undisturbed_run_does(
    deployment: Deployment, databases: tuple[Database, Database], tmp_path: Path
) -> None:
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    calm_url, url = (each.runtime_url for each in databases)
    undisturbed, engine = engine_seeing_all(calm_url), engine_seeing_all(url)
    site = synthetic_site(deployment=deployment, projects=30, issues=900, custom_fields=5)
    with SandboxServer(site) as server:
        for each in (undisturbed, engine):
            add_integration(each, KEY, base_url=server.url, auth="none")
        assert killed_runs.read_and_merge(calm_url, tmp_path / "calm")
        for _ in range(KILLS):
            before = landed(engine)
            code = die(engine, url, tmp_path / "killed", chance.randrange(1, 4))
            assert code == -signal.SIGKILL, f"seed {seed}: {code}"
            assert set(before) <= set(landed(engine)), f"seed {seed}"
        whole = landed(engine)
        server.requests.clear()
        assert killed_runs.read_and_merge(url, tmp_path / "killed")
        if deployment == "cloud":  # whose list of projects says which of them have not changed
            assert not asked_projects(server) & set(whole), f"seed {seed}"
    assert len(set(landed(engine))) == len(landed(engine)) == len(landed(undisturbed))
    for table in (issues, issue_changelogs):
        assert rows(engine, table) == rows(undisturbed, table), f"seed {seed}"
    truth = site.truth()
    told = ("jira_id", "key", "project_jira_id", "status_jira_id")
    with engine.connect() as connection:
        found = connection.execute(sa.select(*(issues.c[name] for name in told)))
        assert {tuple(row) for row in found} == truth["issues"]
