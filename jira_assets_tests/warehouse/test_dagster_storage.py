"""Dagster's tables beside ours: made by the owner, used by the runtime role, by a real instance."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from jira_assets.sandbox.postgres import OWNER_ROLE
from jira_assets.warehouse import dagster_storage
from jira_assets.warehouse.connect import PermissionMissingError, engine_for
from jira_assets.warehouse.dagster_storage import (
    dagster_is_prepared,
    dagster_storage_url,
    prepare_dagster,
)
from jira_assets.warehouse.migrate import current_revision, migrate
from jira_assets_tests.conftest import Database


def is_prepared(url: str) -> bool:
    with engine_for(url).connect() as connection:
        return dagster_is_prepared(connection)


def owners(url: str) -> set[str]:
    query = (
        "SELECT DISTINCT relowner::regrole::text FROM pg_class c"
        " WHERE relnamespace = 'dagster'::regnamespace"
    )
    with engine_for(url).connect() as connection:
        return set(connection.execute(sa.text(query)).scalars())


def test_the_url_names_driver_and_schema_and_keeps_the_rest() -> None:
    url = "postgresql://u:p%40@h:5432/d?sslmode=require"
    made = dagster_storage_url(url)
    assert made == (
        "postgresql+psycopg2://u:p%40@h:5432/d?options=-csearch_path%3Ddagster&sslmode=require"
    )
    assert dagster_storage_url(made) == made


def test_runs_and_events_of_a_real_instance_are_kept_by_the_runtime_role(
    database: Database, tmp_path: Path
) -> None:
    @dg.asset
    def something() -> None: ...

    prepare_dagster(database.owner_url, database.runtime_url)
    storage = {"postgres": {"postgres_url": dagster_storage_url(database.runtime_url)}}
    (tmp_path / "dagster.yaml").write_text(json.dumps({"storage": storage}))

    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        run = dg.materialize([something], instance=instance)

    with engine_for(database.runtime_url).connect() as connection:
        kept = connection.exec_driver_sql("SELECT run_id, status FROM dagster.runs").one()
        events = connection.exec_driver_sql("SELECT count(*) FROM dagster.event_logs").scalar_one()
    assert tuple(kept) == (run.run_id, "SUCCESS")
    assert events > 5
    assert owners(database.owner_url) == {OWNER_ROLE}
    with (
        pytest.raises(PermissionMissingError),
        engine_for(database.runtime_url).begin() as connection,
    ):
        connection.exec_driver_sql("DROP TABLE dagster.runs")


def test_our_migrations_and_dagsters_do_not_meet(empty_database: Database) -> None:
    url = empty_database.owner_url
    assert prepare_dagster(url)
    migrate(url)
    assert not prepare_dagster(url)
    with engine_for(url).connect() as connection:
        theirs = connection.exec_driver_sql("SELECT version_num FROM dagster.alembic_version")
        assert theirs.scalar_one() != current_revision(connection)
        public = sa.inspect(connection).get_table_names(schema="public")
    assert public == []


def test_two_that_prepare_at_once(empty_database: Database) -> None:
    together = threading.Barrier(2)

    def prepare(_: int) -> bool:
        together.wait()
        return prepare_dagster(empty_database.owner_url, empty_database.runtime_url)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(prepare, range(2))) == [False, True]
    assert is_prepared(empty_database.runtime_url)


def test_tables_of_an_older_dagster_are_upgraded(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert prepare_dagster(database.owner_url, database.runtime_url)
    monkeypatch.setattr(dagster_storage, "version", lambda _: "99.0")
    assert not is_prepared(database.runtime_url)
    assert prepare_dagster(database.owner_url, database.runtime_url)
    assert is_prepared(database.runtime_url)
