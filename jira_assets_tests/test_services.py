"""From settings to servers: those that are named, and the embedded ones, in real processes."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import sqlalchemy as sa

from jira_assets.local_resources import LocalBroker, LocalWarehouse
from jira_assets.sandbox.postgres import RUNTIME_ROLE
from jira_assets.services import connect_services, migrate_services, psql_line
from jira_assets.settings import Settings
from jira_assets.warehouse.connect import engine_for
from jira_assets_tests.conftest import Database

CONNECT: Final = """
import json, sys, time
from jira_assets.services import connect_services
from jira_assets.settings import Settings
from jira_assets.warehouse.connect import engine_for
import sqlalchemy as sa

services = connect_services(Settings.from_environment())
began = time.perf_counter()
again = connect_services(Settings.from_environment())
seconds = time.perf_counter() - began
with engine_for(services.database_url).connect() as connection:
    said = {
        "role": connection.scalar(sa.text("SELECT current_user")),
        "revision": connection.scalar(sa.text("SELECT version_num FROM jira.alembic_version")),
        "dagster": connection.scalar(sa.text("SELECT count(*) FROM dagster.runs")),
        "same": again == services,
        "seconds": seconds,
        "broker": services.broker_url,
        "embedded": [services.embedded_postgres, services.embedded_broker],
        "imported": [name for name in ("dagster", "pandas", "alembic") if name in sys.modules],
    }
print(json.dumps(said))
"""


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="jira-assets-tests-"))
    yield folder
    shutil.rmtree(folder)


def start(home: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-W", "error::UserWarning", "-c", CONNECT],
        env={**os.environ, "JIRA_ASSETS_HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
    )


def said_by(process: "subprocess.Popen[str]") -> dict[str, Any]:
    said = json.loads(process.communicate(timeout=60)[0])
    assert isinstance(said, dict)
    return said


def test_processes_with_nothing_set_share_servers_that_one_of_them_sets_up(home: Path) -> None:
    first, second = [said_by(process) for process in [start(home), start(home)]]
    third = said_by(start(home))
    for said in (first, second, third):
        assert said["role"] == RUNTIME_ROLE
        assert said["revision"]
        assert said["dagster"] == 0
        assert said["same"]
        assert said["seconds"] < 0.05
        assert said["broker"] == f"filesystem://{home}/broker"
        assert said["embedded"] == [True, True]
    assert third["imported"] == []
    assert not (home / "postgres" / "data" / "postmaster.pid").exists()


def test_the_embedded_postgres_makes_readers_itself(home: Path) -> None:
    def migrate(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "jira_assets", "migrate", *arguments],
            env={**os.environ, "JIRA_ASSETS_HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )

    first, again = migrate("--reader", "dbt"), migrate("--reader", "dbt")
    assert first.returncode == again.returncode == 0, first.stderr + again.stderr
    assert "Made the role dbt" in first.stdout
    assert "Made the role" not in again.stdout
    assert "dbt reads all tenants." in again.stdout
    assert "dbt is let go" in migrate("--no-role", "dbt").stdout
    long = migrate("--reader", "d" * 64)
    assert long.returncode == 1
    assert "The server has no role ddd" in long.stderr
    assert "has no name" in migrate("--reader", "").stderr


def test_servers_that_are_named_are_used_and_not_migrated(empty_database: Database) -> None:
    settings = Settings.from_environment(
        {
            "JIRA_ASSETS_DATABASE_URL": empty_database.runtime_url.replace("+psycopg", ""),
            "JIRA_ASSETS_OWNER_DATABASE_URL": empty_database.owner_url,
            "JIRA_ASSETS_BROKER_URL": "amqp://u:hunter2@rabbit/",
        }
    )
    services = connect_services(settings)
    assert services.database_url == empty_database.runtime_url
    assert services.owner_url == empty_database.owner_url
    assert "options=-csearch_path%3Ddagster" in services.dagster_url
    assert services.broker_url == "amqp://u:hunter2@rabbit/"
    assert (services.embedded_postgres, services.embedded_broker) == (False, False)
    assert "hunter2" not in repr(services)
    assert not sa.inspect(engine_for(services.owner_url)).has_schema("jira")


def test_one_url_serves_all_and_dagster_may_be_elsewhere() -> None:
    services = connect_services(
        Settings.from_environment(
            {
                "JIRA_ASSETS_DATABASE_URL": "postgres://u:p@h/d",
                "JIRA_ASSETS_DAGSTER_DATABASE_URL": "postgresql://d:p@elsewhere/runs",
            }
        )
    )
    assert services.owner_url == services.database_url == "postgresql+psycopg://u:p@h/d"
    assert services.dagster_url == "postgresql+psycopg2://d:p@elsewhere/runs"


def test_the_line_that_opens_the_database_has_no_password() -> None:
    url = (
        "postgresql+psycopg://loader:hunter2@db.example:5433/jira?password=hunter3&sslmode=require"
    )
    assert psql_line(url) == "psql 'postgresql://loader@db.example:5433/jira?sslmode=require'"


def test_migrating_says_what_it_did(empty_database: Database) -> None:
    settings = Settings.from_environment(
        {
            "JIRA_ASSETS_DATABASE_URL": empty_database.runtime_url,
            "JIRA_ASSETS_OWNER_DATABASE_URL": empty_database.owner_url,
        }
    )
    first, second = list(migrate_services(settings)), list(migrate_services(settings))
    assert any("from revision none" in line for line in first)
    assert any(f"as {RUNTIME_ROLE}, which owns nothing" in line for line in first)
    assert any("made ready for" in line for line in first)
    assert any("already" in line for line in second)


def test_a_single_role_is_said_to_cost_something(empty_database: Database) -> None:
    settings = Settings.from_environment(
        {
            "JIRA_ASSETS_DATABASE_URL": empty_database.owner_url,
            "JIRA_ASSETS_DAGSTER_DATABASE_URL": "postgresql://d@elsewhere/runs",
        }
    )
    said = "\n".join(migrate_services(settings))
    assert "Runs connect as the owner" in said
    assert "Dagster's storage is elsewhere" in said


def test_resources_that_nobody_configured_follow_the_environment(
    runtime_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIRA_ASSETS_DATABASE_URL", runtime_url)
    monkeypatch.setenv("JIRA_ASSETS_BROKER_URL", "filesystem:///srv/broker")
    assert LocalWarehouse().url() == runtime_url
    assert LocalWarehouse(database_url="postgresql://h/d").url() == "postgresql+psycopg://h/d"
    assert LocalBroker().url() == "filesystem:///srv/broker"
    assert LocalBroker(broker_url="amqp://h").url() == "amqp://h"
