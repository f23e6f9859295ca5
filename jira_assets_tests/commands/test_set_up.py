"""`jira-assets migrate` and `jira-assets doctor`: making a set-up, and what is wrong with one."""

from pathlib import Path

import pytest
import yaml

from jira_assets.jobs.webhook import VARIABLE
from jira_assets.sandbox.postgres import OWNER_ROLE
from jira_assets_tests.commands.conftest import shell_on
from jira_assets_tests.commands.shell import Shell
from jira_assets_tests.conftest import Database


def test_migrate_makes_what_is_missing_and_then_finds_nothing_to_do(
    empty_database: Database, tmp_path: Path
) -> None:
    shell = shell_on(empty_database, tmp_path)
    first = shell("migrate")
    assert first.code == 0, first.said
    assert "Schema jira: from revision none to " in first.out
    assert "Runs connect as jira_assets_runtime, which owns nothing." in first.out
    assert "Schema dagster: made ready for this version of Dagster." in first.out
    assert shell("status", "--json").out == "[]\n"

    again = shell("migrate")
    assert again.code == 0
    assert " already." in again.out
    assert "Schema dagster: ready for this version of Dagster." in again.out


def test_a_set_up_in_order_has_nothing_to_complain_of(shell: Shell, broker_url: str) -> None:
    in_order = {"JIRA_ASSETS_BROKER_URL": broker_url, VARIABLE: "https://hooks.example.com/s3cret"}
    typed = shell("doctor", **in_order)
    assert (typed.code, typed.out) == (0, "Nothing to complain of.\n")


def test_doctor_changes_nothing(shell: Shell, tmp_path: Path) -> None:
    assert shell("doctor").code == 0
    assert not [path for path in tmp_path.rglob("*") if path.name == "dagster.yaml"]


def test_an_owner_that_runs_connect_as_is_advice(shell: Shell, database: Database) -> None:
    typed = shell("doctor", JIRA_ASSETS_DATABASE_URL=database.owner_url)
    assert typed.code == 0
    assert f"advice: Runs connect to Postgres as {OWNER_ROLE}, which owns the tables" in typed.out
    assert "advice: The broker is the embedded one" in typed.out


def test_missing_tables_are_broken(empty_database: Database, tmp_path: Path) -> None:
    typed = shell_on(empty_database, tmp_path)("doctor")
    assert typed.code == 1
    assert "BROKEN: The tables are not those of this version. Run `jira-assets migrate`." in (
        typed.out
    )


@pytest.mark.parametrize(
    ("variable", "scheme", "said"),
    [
        ("JIRA_ASSETS_DATABASE_URL", "postgresql", "Postgres is not available"),
        ("JIRA_ASSETS_BROKER_URL", "amqp", "is not available"),
    ],
)
def test_a_server_that_is_away_is_broken(
    shell: Shell, variable: str, scheme: str, said: str
) -> None:
    typed = shell("doctor", **{variable: f"{scheme}://loader:canary@127.0.0.1:1/jira"})
    assert typed.code == 1
    (line,) = [line for line in typed.out.splitlines() if line.startswith("BROKEN: ")]
    assert said in line
    assert "127.0.0.1:1" in line
    assert "canary" not in typed.said


def test_somebodys_own_instance_is_examined_and_left_alone(shell: Shell, tmp_path: Path) -> None:
    theirs = tmp_path / "dagster.yaml"
    theirs.write_text(yaml.safe_dump({"telemetry": {"enabled": True}, "run_retries": {}}))
    before = theirs.read_text()
    typed = shell("doctor", DAGSTER_HOME=str(tmp_path))
    assert typed.code == 0
    assert "advice: Dagster keeps its runs and events outside Postgres" in typed.out
    assert "advice: Dagster's telemetry is on." in typed.out
    assert theirs.read_text() == before
