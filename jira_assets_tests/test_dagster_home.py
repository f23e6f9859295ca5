"""The Dagster home: what is written into it, and what is left alone."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster import DagsterInstance
from dagster._core.instance.config import PoolGranularity, dagster_instance_config

from jira_assets.dagster_home import (
    DAGSTER_URL_VARIABLE,
    RUNS_AT_ONCE,
    SITES_AT_ONCE,
    environment,
    instance_config,
    prepare,
)
from jira_assets.extract.pool import SITES_POOL
from jira_assets.services import Services
from jira_assets.settings import Settings

WITHOUT_PASSWORD = "postgresql+psycopg2://loader@/jira?host=/run/pg&options=-csearch_path%3Ddagster"
WITH_PASSWORD = "postgresql+psycopg2://loader:canary@db.example/jira"


def services(dagster_url: str = WITHOUT_PASSWORD) -> Services:
    return Services(
        database_url="postgresql+psycopg://loader@/jira",
        owner_url="postgresql+psycopg://owner@/jira",
        api_url="postgresql+psycopg://loader@/jira",
        dagster_url=dagster_url,
        broker_url="filesystem:///broker",
        embedded_postgres=False,
        embedded_broker=True,
    )


@pytest.mark.parametrize("url", [WITHOUT_PASSWORD, WITH_PASSWORD])
def test_dagster_itself_accepts_the_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv(DAGSTER_URL_VARIABLE, url)
    home = prepare(Settings(home=tmp_path), services(url))
    config, _ = dagster_instance_config(str(home))
    assert config["run_retries"]["retry_on_asset_or_op_failure"] is False
    assert config["telemetry"]["enabled"] is False
    assert config["nux"]["enabled"] is False


def test_dagster_itself_bounds_the_sites_at_once(tmp_path: Path) -> None:
    config = instance_config(WITHOUT_PASSWORD)
    config["storage"] = {"sqlite": {"base_dir": str(tmp_path / "storage")}}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(config))
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        concurrency = instance.get_concurrency_config()
        instance.event_log_storage.initialize_concurrency_limit_to_default(SITES_POOL)
        (pool,) = instance.event_log_storage.get_pool_limits()
    assert concurrency.pool_config.pool_granularity is PoolGranularity.RUN
    assert concurrency.pool_config.default_pool_limit == SITES_AT_ONCE
    assert concurrency.run_queue_config is not None
    assert SITES_AT_ONCE < concurrency.run_queue_config.max_concurrent_runs == RUNS_AT_ONCE
    assert (pool.name, pool.limit, pool.from_default) == (SITES_POOL, SITES_AT_ONCE, True)


@pytest.mark.parametrize("url", [WITH_PASSWORD, "postgresql://h/d?user=u&password=canary"])
def test_a_password_is_not_written_to_the_file(tmp_path: Path, url: str) -> None:
    home = prepare(Settings(home=tmp_path), services(url))
    text = (home / "dagster.yaml").read_text()
    assert "canary" not in text
    written = yaml.safe_load(text)["storage"]["postgres"]["postgres_url"]
    assert written == {"env": "JIRA_ASSETS_DAGSTER_DATABASE_URL"}


def test_a_url_without_one_is(tmp_path: Path) -> None:
    home = prepare(Settings(home=tmp_path), services())
    written: Any = yaml.safe_load((home / "dagster.yaml").read_text())
    assert written == instance_config(WITHOUT_PASSWORD)
    assert written["storage"]["postgres"]["postgres_url"] == WITHOUT_PASSWORD


def test_the_file_is_written_only_where_it_would_change(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    target = prepare(settings, services()) / "dagster.yaml"
    before = target.stat().st_ino
    prepare(settings, services())
    assert target.stat().st_ino == before
    prepare(settings, services(WITH_PASSWORD))
    assert target.stat().st_ino != before
    assert [path.name for path in target.parent.iterdir()] == ["dagster.yaml"]


def test_somebodys_own_home_is_used_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(theirs))
    assert prepare(Settings(home=tmp_path / "ours"), services()) == theirs
    assert list(theirs.iterdir()) == []
    assert not (tmp_path / "ours").exists()


def test_the_environment_names_every_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    variables = environment(Settings(home=Path("home")), services())
    assert variables == {
        "DAGSTER_HOME": str(tmp_path / "home" / "dagster"),
        "JIRA_ASSETS_HOME": str(tmp_path / "home"),
        "JIRA_ASSETS_DATABASE_URL": "postgresql+psycopg://loader@/jira",
        "JIRA_ASSETS_BROKER_URL": "filesystem:///broker",
        DAGSTER_URL_VARIABLE: WITHOUT_PASSWORD,
    }
    assert not variables.keys() & os.environ.keys()
