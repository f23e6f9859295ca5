"""`jira-assets status`: what stands where, for people and as JSON."""

import json
from datetime import UTC, datetime

import sqlalchemy as sa

from jira_assets.warehouse.tables import etl_job_queue, etl_jobs
from jira_assets_tests.commands.desk import Desk
from jira_assets_tests.commands.shell import KEY, Shell


def test_every_count_is_in_the_json(synced: Desk) -> None:
    typed = synced.shell("status", "--json")
    assert typed.code == 0
    (found,) = json.loads(typed.out)
    truth = synced.site.truth()
    assert found["rows"] == {table: len(rows) for table, rows in truth.items()}
    assert (found["integration"], found["active"]) == (KEY, True)
    assert (found["queue"], found["failures"]) == ({}, [])
    assert (found["unreadable_projects"], found["rejected_records"]) == (0, 0)
    assert [job["job"] for job in found["jobs"]] == [
        "jira_deletions",
        "jira_discovery",
        "jira_issues",
        "jira_metadata",
    ]
    for job in found["jobs"]:
        assert (job["status"], job["error"], job["freshness"]) == ("READY", None, "fresh")
        assert datetime.fromisoformat(job["data_read_at"]) < datetime.now(UTC)
    assert found["freshness"] == "fresh"
    landed, applied = (datetime.fromisoformat(found[f"last_{x}_at"]) for x in ("landed", "applied"))
    assert landed < applied < datetime.now(UTC)


def test_the_table_shows_rows_and_times(synced: Desk) -> None:
    typed = synced.shell("status")
    assert typed.code == 0
    line = next(line for line in typed.out.splitlines() if KEY in line)
    cells = [cell.strip() for cell in line.strip("│").split("│")]
    assert cells[:2] == [KEY, "fresh"]
    assert cells[4] == "empty"
    truth = synced.site.truth()
    shown = ("projects", "issue_types", "statuses", "projects_statuses", "custom_fields", "issues")
    assert cells[5:] == [str(len(truth[table])) for table in shown]


def test_what_was_never_synced_and_what_failed(desk: Desk) -> None:
    assert "never" in desk.shell("status").out
    assert desk.sync("--only", "statuses").code == 0
    with desk.engine.begin() as connection:
        failed = sa.update(etl_job_queue).values(state="failed", error="it [bold]broke[/bold]")
        connection.execute(failed)
    typed = desk.shell("status")
    assert "acme/cloud: FAILED: statuses: it [bold]broke[/bold]\n" in typed.out
    (found,) = json.loads(desk.shell("status", "--json").out)
    assert found["queue"] == {"failed": 1}
    assert found["failures"] == ["statuses: it [bold]broke[/bold]"]
    assert found["freshness"] == "stale"


def test_why_a_job_failed_and_that_a_disabled_one_is_not_watched(desk: Desk) -> None:
    with desk.engine.begin() as connection:
        # Jira, or a proxy before it, wrote some of it: a terminal must not obey.
        connection.execute(
            sa.update(etl_jobs).values(status="FAILED", error_message="a [b] c\x1b[2J")
        )
    assert f"{KEY} jira_metadata: FAILED: a [b] c\\x1b[2J\n" in desk.shell("status").out
    assert f"{KEY} jira_metadata: FAILED: a [b] c\\x1b[2J\n" in desk.shell("job", "list").out
    desk.shell("integration", "disable", KEY)
    assert "disabled" in desk.shell("status").out
    (found,) = json.loads(desk.shell("status", "--json").out)
    assert (found["freshness"], found["jobs"][0]["next_run_at"]) == ("unwatched", None)


def test_of_no_integrations_it_says_what_to_do(shell: Shell) -> None:
    assert "No integrations. Add one: jira-assets integration add" in shell("status").out
    assert json.loads(shell("status", "--json").out) == []
