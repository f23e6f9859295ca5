"""What the doctor finds: each finding from the facts alone. The command is tested on servers."""

from typing import Any

import pytest

from jira_assets.dagster_home import instance_config
from jira_assets.diagnosis import (
    Finding,
    examine_dead_letters,
    examine_embedded,
    examine_instance,
    examine_retention,
    examine_roles,
    examine_webhook,
)
from jira_assets.jobs.webhook import VARIABLE
from jira_assets.settings import Settings

IN_ORDER = instance_config("postgresql+psycopg2://loader@db.example/jira")


def test_the_instance_that_we_configure_is_in_order() -> None:
    assert list(examine_instance(IN_ORDER)) == []


@pytest.mark.parametrize(
    ("settings", "said", "remedy"),
    [
        ({"storage": {"sqlite": {}}}, "outside Postgres", "storage.postgres"),
        ({"storage": None}, "outside Postgres", "storage.postgres"),
        ({"run_retries": {"enabled": True}}, "multiply", "retry_on_asset_or_op_failure: false"),
        (
            {"concurrency": {"pools": IN_ORDER["concurrency"]["pools"]}},
            "no limit of runs at once",
            "max_concurrent_runs",
        ),
        (
            {"concurrency": IN_ORDER["concurrency"] | {"runs": None}},
            "no limit of runs at once",
            "max_concurrent_runs",
        ),
        (
            {"concurrency": IN_ORDER["concurrency"] | {"pools": {"granularity": "run"}}},
            "unless jira_sites was given one in the UI",
            "dagster instance concurrency set jira_sites 2",
        ),
        (
            {"concurrency": IN_ORDER["concurrency"] | {"pools": {"default_limit": 2}}},
            "Pools count steps, not runs",
            "concurrency.pools.granularity: run",
        ),
        ({"run_coordinator": {"config": {}}}, "empties the queue", "max_user_code_failure_retries"),
        ({"telemetry": {}}, "telemetry is on", "telemetry.enabled: false"),
    ],
)
def test_one_setting_amiss_is_one_finding(settings: dict[str, Any], said: str, remedy: str) -> None:
    (finding,) = examine_instance({**IN_ORDER, **settings})
    assert said in finding.what
    assert remedy in finding.remedy
    assert not finding.broken


def test_run_retries_that_are_off_or_for_crashes_only_do_no_harm() -> None:
    for retries in ({}, None, {"enabled": False}, IN_ORDER["run_retries"]):
        assert list(examine_instance({**IN_ORDER, "run_retries": retries})) == []


@pytest.mark.parametrize("empty", [{}, {"concurrency": None}, {"concurrency": {"pools": None}}])
def test_an_empty_dagster_yaml_lacks_storage_limits_and_silence(empty: dict[str, Any]) -> None:
    assert len(list(examine_instance(empty))) == 6


@pytest.mark.parametrize(
    ("superuser", "owns_tables", "said"),
    [(True, True, "a superuser"), (True, False, "a superuser"), (False, True, "owns the tables")],
)
def test_a_role_with_too_many_rights_is_advice(
    *, superuser: bool, owns_tables: bool, said: str
) -> None:
    (finding,) = examine_roles(role="loader", superuser=superuser, owns_tables=owns_tables)
    assert "as loader, " in finding.what
    assert said in finding.what
    assert "jira-assets migrate" in finding.remedy
    assert not finding.broken


def test_a_role_that_owns_nothing_is_in_order() -> None:
    assert list(examine_roles(role="loader", superuser=False, owns_tables=False)) == []


@pytest.mark.parametrize(
    ("postgres", "broker", "variables"),
    [
        (False, False, []),
        (True, False, ["JIRA_ASSETS_DATABASE_URL"]),
        (False, True, ["JIRA_ASSETS_BROKER_URL"]),
        (True, True, ["JIRA_ASSETS_DATABASE_URL", "JIRA_ASSETS_BROKER_URL"]),
    ],
)
def test_embedded_parts_are_for_one_machine(
    *, postgres: bool, broker: bool, variables: list[str]
) -> None:
    findings = list(examine_embedded(postgres=postgres, broker=broker))
    assert len(findings) == len(variables)
    for finding, variable in zip(findings, variables, strict=True):
        assert variable in finding.remedy


@pytest.mark.parametrize(
    ("count", "said"), [(1, "1 message lies in jira.dead:"), (1200, "1,200 messages lie in")]
)
def test_dead_letters_are_advice_with_the_command(count: int, said: str) -> None:
    (finding,) = examine_dead_letters("jira.dead", count)
    assert finding.what.startswith(said)
    assert "`jira-assets queue list`" in finding.remedy
    assert not finding.broken


def test_without_dead_letters_there_is_nothing_to_say() -> None:
    assert list(examine_dead_letters("jira.dead", 0)) == []


def webhook_findings(**variables: str) -> list[Finding]:
    return list(examine_webhook(Settings.from_environment(variables)))


def test_without_a_webhook_nobody_is_told_and_that_is_advice() -> None:
    (finding,) = webhook_findings()
    assert VARIABLE in finding.remedy
    assert not finding.broken


def test_a_webhook_that_cannot_be_is_broken_and_not_repeated() -> None:
    (finding,) = webhook_findings(**{VARIABLE: "http://hooks.example.com/s3cret"})
    assert finding.broken
    assert "plain http" in finding.what
    assert "s3cret" not in str(finding)


def test_a_webhook_is_in_order() -> None:
    assert webhook_findings(**{VARIABLE: "https://hooks.example.com/x"}) == []


def test_what_should_be_long_gone_says_that_nobody_prunes() -> None:
    assert list(examine_retention(0, 30)) == []
    (finding,) = examine_retention(1200, 30)
    assert "1,200 rows" in finding.what
    assert "more than 30 days ago" in finding.what
    assert "retention_of_raw" in finding.remedy
    assert not finding.broken
