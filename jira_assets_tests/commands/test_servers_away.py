"""Postgres or the broker away: which, where, no password; and a later sync goes on from there."""

import zlib
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import make_url

from jira_assets.partitions import PartitionKey
from jira_assets.sandbox.credentials import Credentials
from jira_assets.warehouse.integrations import update_integration
from jira_assets.warehouse.tables import etl_job_queue, statuses
from jira_assets_tests.commands.desk import Desk
from jira_assets_tests.commands.shell import KEY, Shell, rows, texts
from jira_assets_tests.conftest import Database

NOBODY = "127.0.0.1:1"
CANARY = "canary-8e20f3"
AWAY = f"postgresql://loader:{CANARY}@{NOBODY}/jira"
VERBS = (
    ("sync", KEY),
    ("replay", KEY),
    ("status",),
    ("queue", "list"),
    ("integration", "list"),
    ("integration", "test", KEY),
    ("migrate",),
)


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_postgres_away_says_where_and_no_password(verb: tuple[str, ...], tmp_path: Path) -> None:
    shell = Shell({"JIRA_ASSETS_HOME": str(tmp_path), "JIRA_ASSETS_DATABASE_URL": AWAY})
    typed = shell(*verb)
    assert typed.code == 1
    assert "Postgres is not available (database jira at 127.0.0.1:1 as loader)" in typed.err
    assert CANARY not in typed.said
    assert len(typed.err.splitlines()) == 1


@pytest.mark.parametrize("verb", VERBS[:-1], ids=" ".join)
def test_tables_that_are_missing_ask_for_migrate(
    verb: tuple[str, ...], tmp_path: Path, empty_database: Database
) -> None:
    url = empty_database.runtime_url
    shell = Shell({"JIRA_ASSETS_HOME": str(tmp_path), "JIRA_ASSETS_DATABASE_URL": url})
    typed = shell(*verb)
    assert typed.code == 1
    assert "jira-assets migrate" in typed.err
    assert len(typed.err.splitlines()) == 1


def test_dagsters_own_database_away_says_where(desk: Desk) -> None:
    typed = desk.sync(JIRA_ASSETS_DAGSTER_DATABASE_URL=AWAY)
    assert typed.code == 1
    assert NOBODY in typed.err
    assert "DAGSTER_DATABASE_URL" in typed.err
    assert CANARY not in typed.said
    assert len(typed.err.splitlines()) == 1


def test_a_broker_that_is_away_delays_what_has_landed(desk: Desk) -> None:
    away = f"amqp://loader:{CANARY}@{NOBODY}//"
    typed = desk.sync("--only", "statuses", JIRA_ASSETS_BROKER_URL=away)
    assert typed.code == 1
    assert f"FAILED: RabbitMQ at {NOBODY}" in typed.out
    assert CANARY not in typed.said
    assert rows(desk.engine, sa.select(etl_job_queue.c.state)) == [("pending",)]

    back = desk.sync("--only", "issue_types")
    assert back.code == 0, back.said
    assert rows(desk.engine, sa.select(etl_job_queue.c.state)) == [("completed",)] * 2
    listed = {status.id for status in desk.site.state.statuses.values() if status.listed}
    assert {jira_id for (jira_id,) in rows(desk.engine, sa.select(statuses.c.jira_id))} == listed


def test_secrets_are_in_no_output_no_file_and_no_table(desk: Desk, tmp_path: Path) -> None:
    token, password = "canary-token-77aa1c", "canary-password-04fd9e"
    desk.server.credentials = Credentials(token, username="bot")
    update_integration(
        desk.engine,
        PartitionKey.parse(KEY),
        auth="basic",
        username="bot",
        secret_ref="env:JIRA_TOKEN",
    )
    url = make_url(desk.shell.environment["JIRA_ASSETS_DATABASE_URL"]).set(password=password)
    variables = {
        "JIRA_TOKEN": token,
        "JIRA_ASSETS_DATABASE_URL": url.render_as_string(hide_password=False),
    }
    typed = [
        desk.sync("--only", "statuses", **variables),
        desk.shell("status", "--json", **variables),
        desk.shell("integration", "list", **variables),
        desk.shell("doctor", **variables),
        desk.sync("--only", "statuses", **variables | {"JIRA_TOKEN": "canary-wrong-2b"}),
    ]
    assert [each.code for each in typed] == [0, 0, 0, 0, 1]
    seen = "".join(each.said for each in typed) + stored(desk.engine) + files(tmp_path)
    assert "raw_statuses" in seen
    assert "dagster.yaml" in seen
    assert "canary" not in seen


def stored(engine: sa.Engine) -> str:
    """Return all that the database holds, ours and Dagster's, as text."""
    query = "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN "
    tables = [table for (table,) in rows(engine, f"{query}('jira', 'dagster')")]
    bodies = rows(engine, "SELECT snapshot_body FROM dagster.snapshots")
    snapshots = [zlib.decompress(bytes(body)).decode() for (body,) in bodies]
    return "\n".join([*snapshots, *(text for table in tables for text in texts(engine, table))])


def files(folder: Path) -> str:
    """Return the paths and contents of all files below ``folder``."""
    return "\n".join(
        f"{path} {path.read_text(errors='replace')}" for path in folder.rglob("*") if path.is_file()
    )
