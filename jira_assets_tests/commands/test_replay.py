"""`jira-assets replay`: the tables are made again of what has landed, whatever they hold."""

from uuid import uuid4

import sqlalchemy as sa

from jira_assets.warehouse.tables import projects_statuses, raw_extractions, statuses
from jira_assets_tests.commands.desk import Desk
from jira_assets_tests.commands.shell import KEY, everything, rows, scalar


def test_a_damaged_table_is_whole_again_without_a_call_of_jira(synced: Desk) -> None:
    with synced.engine.begin() as connection:
        connection.execute(sa.update(statuses).values(name="damaged", deleted_at=sa.func.now()))
        connection.execute(sa.delete(projects_statuses))
    assert synced.differences() != []
    calls = len(synced.server.requests)
    typed = synced.shell("replay", KEY)
    assert typed.code == 0, typed.said
    assert synced.differences() == []
    assert len(synced.server.requests) == calls


def test_an_older_extraction_comes_back_until_the_newest_is_replayed(desk: Desk) -> None:
    status, before = next((s.id, s.name) for s in desk.site.state.statuses.values() if s.listed)
    query = sa.select(statuses.c.name).filter_by(jira_id=status)
    assert desk.sync("--only", "statuses").code == 0
    first = scalar(desk.engine, sa.select(raw_extractions.c.extraction_id))
    desk.site.rename_status(status, "Renamed")
    assert desk.sync("--only", "statuses").code == 0
    assert scalar(desk.engine, query) == "Renamed"

    older = desk.shell("replay", KEY, "--extraction", str(first))
    assert older.code == 0, older.said
    assert scalar(desk.engine, query) == before
    newest = desk.shell("replay", KEY)
    assert newest.code == 0, newest.said
    assert scalar(desk.engine, query) == "Renamed"


def test_an_extraction_that_never_landed_changes_nothing(synced: Desk) -> None:
    before, never = everything(synced.engine), uuid4()
    typed = synced.shell("replay", KEY, "--extraction", str(never))
    assert (typed.code, typed.out) == (1, "")
    assert typed.err.startswith(f"jira-assets: nothing of extraction {never} has landed for acme")
    assert everything(synced.engine) == before


def test_nothing_landed_is_nothing_to_replay(desk: Desk) -> None:
    typed = desk.shell("replay", KEY)
    assert (typed.code, typed.out) == (1, "")
    assert "nothing of acme/cloud has landed: run `jira-assets sync acme/cloud`." in typed.err


def test_what_is_no_extraction_id_is_a_usage_error(synced: Desk) -> None:
    runs = rows(synced.engine, "SELECT run_id FROM dagster.runs")
    typed = synced.shell("replay", KEY, "--extraction", "yesterday")
    assert typed.code == 2
    assert "'yesterday' is not a valid UUID" in typed.err
    assert rows(synced.engine, "SELECT run_id FROM dagster.runs") == runs
