"""Everything but Dagster's own storage through a PgBouncer in transaction mode."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from jira_assets.sandbox.postgres import OWNER_ROLE, RUNTIME_ROLE
from jira_assets.sandbox.server import SandboxServer
from jira_assets.sandbox.site import JiraSite
from jira_assets.warehouse.connect import OutOfScopeError, close_engines, engine_for
from jira_assets.warehouse.dagster_storage import dagster_storage_url, prepare_dagster
from jira_assets.warehouse.scope import within_partitions
from jira_assets_tests.commands.shell import Shell
from jira_assets_tests.conftest import Database, engine_seeing_all
from jira_assets_tests.pgbouncer import SESSIONS, pgbouncer


@pytest.fixture
def pooled(empty_database: Database) -> Iterator[Database]:
    """An empty database, by the URLs of a PgBouncer before it."""
    with pgbouncer(empty_database.owner_url, OWNER_ROLE, RUNTIME_ROLE) as pool:
        made = Database(
            empty_database.name,
            pool.url(empty_database.owner_url),
            pool.url(empty_database.runtime_url),
        )
        yield made
        for url in (made.owner_url, made.runtime_url):
            close_engines(url)


def test_migrations_and_syncs_share_few_sessions_and_tenants_stay_apart(
    pooled: Database,
    empty_database: Database,
    site: JiraSite,
    server: SandboxServer,
    tmp_path: Path,
) -> None:
    prepare_dagster(empty_database.owner_url, empty_database.runtime_url)
    shell = Shell(
        {
            "JIRA_ASSETS_HOME": str(tmp_path),
            "JIRA_ASSETS_DATABASE_URL": pooled.runtime_url,
            "JIRA_ASSETS_OWNER_DATABASE_URL": pooled.owner_url,
            "JIRA_ASSETS_DAGSTER_DATABASE_URL": dagster_storage_url(empty_database.runtime_url),
        }
    )
    assert shell("migrate").code == 0
    keys = ("acme/cloud", "globex/cloud")
    for key in keys:
        added = shell("integration", "add", key, "--base-url", server.url, "--auth", "none")
        assert added.code == 0, added.said
        synced = shell("sync", key)
        assert synced.code == 0, synced.said
    engine = engine_for(pooled.runtime_url)
    expected = len(site.state.projects)

    def look(key: str) -> tuple[set[str], int, int]:
        with within_partitions(engine, [key]).connect() as connection:
            rows = connection.execute(
                sa.text(
                    "SELECT tenants.slug, pg_backend_pid() AS session FROM jira.projects "
                    "JOIN jira.tenants ON tenants.id = projects.tenant_id"
                )
            ).all()
        return {row.slug for row in rows}, rows[0].session, len(rows)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(look, keys * 40))
    assert [slugs for slugs, _, _ in found] == [{"acme"}, {"globex"}] * 40
    assert {count for _, _, count in found} == {expected}
    assert 1 <= len({session for _, session, _ in found}) <= SESSIONS
    # In the very sessions that others had a scope in, nothing of it is left.
    for _ in range(10):
        with pytest.raises(OutOfScopeError), engine.connect() as connection:
            connection.execute(sa.text("SELECT * FROM jira.projects"))
    with engine_seeing_all(pooled.runtime_url).connect() as connection:
        open_messages = connection.scalar(
            sa.text("SELECT count(*) FROM jira.etl_job_queue WHERE state <> 'completed'")
        )
    assert open_messages == 0


def test_dagsters_storage_that_leads_through_the_pool_is_told_in_words(
    pooled: Database, server: SandboxServer, tmp_path: Path
) -> None:
    shell = Shell(
        {
            "JIRA_ASSETS_HOME": str(tmp_path),
            "JIRA_ASSETS_DATABASE_URL": pooled.runtime_url,
            "JIRA_ASSETS_OWNER_DATABASE_URL": pooled.owner_url,
        }
    )
    # `migrate` refuses, too, having made our own tables: Dagster's are made by Dagster's code.
    migrated = shell("migrate")
    assert migrated.code == 1
    assert "JIRA_ASSETS_DAGSTER_DATABASE_URL" in migrated.said
    assert shell("doctor").code == 1
    assert "A PgBouncer refuses what Dagster's storage needs" in shell("doctor").said


def test_dagsters_tables_that_nobody_may_create_are_told_in_words(
    pooled: Database, empty_database: Database, server: SandboxServer, tmp_path: Path
) -> None:
    shell = Shell(
        {
            "JIRA_ASSETS_HOME": str(tmp_path),
            "JIRA_ASSETS_DATABASE_URL": pooled.runtime_url,
            "JIRA_ASSETS_OWNER_DATABASE_URL": pooled.owner_url,
            "JIRA_ASSETS_DAGSTER_DATABASE_URL": dagster_storage_url(empty_database.runtime_url),
        }
    )
    assert shell("migrate").code == 0
    added = shell("integration", "add", "acme/cloud", "--base-url", server.url, "--auth", "none")
    assert added.code == 0
    synced = shell("sync", "acme/cloud")
    assert synced.code == 1
    assert "Dagster's tables are not in database" in synced.said
    assert "Traceback" not in synced.said
    examined = shell("doctor")
    assert examined.code == 1
    assert "Dagster's tables are not in database" in examined.said
    prepare_dagster(empty_database.owner_url, empty_database.runtime_url)
    assert "Dagster's tables" not in shell("doctor").said
