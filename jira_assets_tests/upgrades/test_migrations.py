"""Every database of the past comes to the present, beside those who use it, and loses no row."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from jira_assets.sandbox.postgres import SUPERUSER
from jira_assets.warehouse.connect import (
    OutOfScopeError,
    PermissionMissingError,
    close_engines,
    engine_for,
    lock_integration,
)
from jira_assets.warehouse.migrate import (
    HEAD,
    MigrationBlockedError,
    current_revision,
    migrate,
)
from jira_assets.warehouse.schema import SCHEMA
from jira_assets.warehouse.scope import everything
from jira_assets.warehouse.table_locks import TableInUseError, hold_tables
from jira_assets_tests.conftest import Database, PostgresServer
from jira_assets_tests.patience import wait_for
from jira_assets_tests.upgrades.load import under_load
from jira_assets_tests.upgrades.past import (
    PAST,
    Content,
    content,
    missing,
    upgrade_to,
    write_rows,
)

LOCKS = sa.text(
    """
    SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE datname = :database AND pid <> pg_backend_pid() AND mode = 'AccessExclusiveLock'
    """
)


@pytest.fixture
def superuser(postgres_server: PostgresServer, empty_database: Database) -> Iterator[sa.Engine]:
    """Sees all rows, whatever policies there are."""
    url = postgres_server.url(SUPERUSER, empty_database.name)
    yield engine_for(url)
    close_engines(url)


def without(rows: Content, load: tuple[str, ...]) -> Content:
    """Leave out the columns that merges of the load change meanwhile."""
    return {
        table: {key: {c: v for c, v in row.items() if c not in load} for key, row in each.items()}
        for table, each in rows.items()
    }


@pytest.mark.parametrize("revision", PAST)
def test_every_table_of_the_past_has_rows(
    revision: str, empty_database: Database, superuser: sa.Engine
) -> None:
    upgrade_to(empty_database, revision)
    assert [table for table, rows in content(superuser).items() if not rows] == []


@pytest.mark.parametrize("revision", PAST)
def test_no_row_is_lost_or_changed(
    revision: str, empty_database: Database, superuser: sa.Engine
) -> None:
    upgrade_to(empty_database, revision)
    before = content(superuser)

    migrate(empty_database.owner_url, empty_database.runtime_url)

    assert missing(before, content(superuser)) == []


@pytest.mark.parametrize("revision", PAST)
def test_under_load(revision: str, empty_database: Database, superuser: sa.Engine) -> None:
    upgrade_to(empty_database, revision)
    before = content(superuser)

    with under_load(empty_database.runtime_url, revision) as load:
        report = migrate(empty_database.owner_url, empty_database.runtime_url)
        written = len(load.written)
        wait_for("an older program", lambda: load.errors or len(load.written) > written + 1)

    assert (report.from_revision, report.to_revision) == (revision, HEAD)
    after = content(superuser)
    merged = ("name", "sequence")
    assert missing(without(before, merged), without(after, merged)) == []
    slugs = {row["slug"] for row in after["integrations"].values()}
    assert {f"cloud-{n}" for n in load.written} <= slugs
    # What a program may not do any more, it is told (whose rows it wants, since 0009); nothing else
    # may go wrong.
    told = PermissionMissingError | OutOfScopeError
    assert [each for each in load.errors if not isinstance(each, told)] == []


@pytest.mark.parametrize("revision", PAST)
def test_the_owners_older_programs_still_write(
    revision: str, empty_database: Database, superuser: sa.Engine
) -> None:
    upgrade_to(empty_database, revision)
    before = content(superuser)
    migrate(empty_database.owner_url, empty_database.runtime_url)

    write_rows(superuser, revision, "later")

    after = content(superuser)
    assert [table for table, rows in before.items() if len(after[table]) <= len(rows)] == []


def test_a_migration_waits_for_a_merge_that_is_open_and_lets_others_past(
    empty_database: Database, superuser: sa.Engine
) -> None:
    upgrade_to(empty_database, "0001")
    runtime = engine_for(empty_database.runtime_url)
    program = subprocess.Popen(
        [sys.executable, "-c", MIGRATES, empty_database.owner_url], stdout=subprocess.DEVNULL
    )
    with runtime.begin() as merging:
        lock_integration(merging, 1)
        merging.exec_driver_sql("UPDATE jira.statuses SET name = 'Merged'")
        wait_for("the migration to stand behind it", lambda: _waiting(superuser, empty_database))
        # Without ever committing, it is in the way: who comes now is let past all the same.
        for n in range(3):
            write_rows(runtime, "0001", f"past-{n}")
        assert program.poll() is None
    assert program.wait(60) == 0
    with runtime.connect() as connection:
        assert current_revision(connection) == HEAD


def test_who_is_in_the_way_for_too_long_is_named(empty_database: Database) -> None:
    upgrade_to(empty_database, "0001")
    with engine_for(empty_database.runtime_url).begin() as connection:
        pid = connection.exec_driver_sql(
            "SELECT pg_backend_pid() FROM jira.raw_extraction_data"
        ).scalars()
        named = rf"nothing was changed.*process {next(pid)} \(.*raw_extraction_data"
        with pytest.raises(MigrationBlockedError, match=named):
            migrate(empty_database.owner_url, empty_database.runtime_url, patience=0)
        assert current_revision(connection) == "0001"
    migrate(empty_database.owner_url, empty_database.runtime_url)


def test_who_waits_already_is_not_waited_for(
    empty_database: Database, superuser: sa.Engine
) -> None:
    upgrade_to(empty_database, "0001")
    runtime = engine_for(empty_database.runtime_url)
    waited = threading.Event()

    def merge() -> None:
        with runtime.begin() as connection:
            connection.exec_driver_sql("UPDATE jira.statuses SET name = 'Merged'")
            connection.exec_driver_sql("UPDATE jira.applied_extractions SET sequence = 2")
        waited.set()

    with engine_for(empty_database.owner_url).connect() as connection:
        connection.exec_driver_sql("LOCK TABLE jira.applied_extractions IN ACCESS EXCLUSIVE MODE")
        merging = threading.Thread(target=merge)
        merging.start()
        wait_for("the merge to wait", lambda: _waiting(superuser, empty_database, "RowExclusive"))
        # It holds what comes next: were it waited for, Postgres would end one of the two.
        with pytest.raises(TableInUseError, match=r"jira\.statuses"):
            hold_tables(connection, SCHEMA, first=["jira.applied_extractions", "jira.statuses"])
        assert not waited.is_set()
        connection.rollback()
    merging.join()
    assert waited.is_set()


def test_a_repeated_migration_waits_for_nobody(database: Database) -> None:
    runtime = everything(engine_for(database.runtime_url), "rows of all are used meanwhile")
    with runtime.begin() as connection:
        connection.exec_driver_sql("UPDATE jira.etl_jobs SET attempt = attempt")
        connection.exec_driver_sql("SELECT count(*) FROM jira.raw_extraction_data")
        connection.exec_driver_sql("SELECT count(*) FROM jira.status_history")
        assert not migrate(database.owner_url, database.runtime_url, patience=0).changed


MIGRATES = """
import sys
from jira_assets.warehouse.migrate import migrate
migrate(sys.argv[1])
"""
KILLED = """
import sys, time
from jira_assets.warehouse import migrate
def stay(connection):
    print("changed", flush=True)
    time.sleep(600)
migrate.write_views = stay
migrate.migrate(sys.argv[1])
"""


@pytest.mark.parametrize("revision", PAST)
def test_a_killed_migration_leaves_nothing(
    revision: str, empty_database: Database, superuser: sa.Engine
) -> None:
    upgrade_to(empty_database, revision)
    before = content(superuser)
    command = [sys.executable, "-c", KILLED, empty_database.owner_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"changed\n"
        os.kill(program.pid, signal.SIGKILL)

    wait_for("Postgres to see it", lambda: not _locked(superuser, empty_database))
    with superuser.connect() as connection:
        assert current_revision(connection) == revision
    assert content(superuser) == before

    assert migrate(empty_database.owner_url).from_revision == revision
    assert missing(before, content(superuser)) == []


def _locked(superuser: sa.Engine, database: Database) -> int:
    with superuser.connect() as connection:
        return int(connection.scalar(LOCKS, {"database": database.name}) or 0)


def _waiting(superuser: sa.Engine, database: Database, mode: str = "AccessExclusive") -> bool:
    waiting = sa.text(
        "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
        " WHERE datname = :database AND NOT granted AND mode = :mode"
    )
    with superuser.connect() as connection:
        found = connection.scalar(waiting, {"database": database.name, "mode": f"{mode}Lock"})
    return bool(found)
