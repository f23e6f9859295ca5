"""The Dagster resources, in runs of a real (ephemeral) instance."""

from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from jira_assets.warehouse.connect import engine_for
from jira_assets.warehouse.heartbeat import last_beats
from jira_assets.warehouse.resource import NoDatabaseError, RunHeartbeat, WarehouseResource
from jira_assets.warehouse.tables import run_heartbeats


@dg.asset
def living(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, heartbeat: RunHeartbeat
) -> None:
    """Fails unless its run has beaten and not ended."""
    with warehouse.engine().connect() as connection:
        beats = last_beats(connection, [context.run.run_id])
    assert beats[context.run.run_id].finished_at is None


@dg.asset
def failing(heartbeat: RunHeartbeat) -> None:
    """Fails."""
    raise ZeroDivisionError


def run(asset: Any, resource: WarehouseResource, **options: Any) -> dg.ExecuteInProcessResult:
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(
            [asset],
            instance=instance,
            resources={"warehouse": resource, "heartbeat": RunHeartbeat(warehouse=resource)},
            **options,
        )


def rows(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(run_heartbeats)))


def test_a_run_beats_while_it_runs_and_ends_in_order(
    runtime_url: str, warehouse: sa.Engine
) -> None:
    result = run(
        living,
        WarehouseResource(database_url=runtime_url),
        tags={"dagster/partition": "acme/cloud"},
    )
    assert result.success
    (row,) = rows(warehouse)
    assert (row.run_id, row.partition_key) == (result.run_id, "acme/cloud")
    assert row.finished_at is not None


def test_a_run_that_fails_ends_in_order_too(runtime_url: str, warehouse: sa.Engine) -> None:
    resource = WarehouseResource(database_url=runtime_url)
    assert not run(failing, resource, raise_on_error=False).success
    (row,) = rows(warehouse)
    assert row.finished_at is not None


def test_outside_of_a_run_nothing_beats(runtime_url: str, warehouse: sa.Engine) -> None:
    resource = WarehouseResource(database_url=runtime_url)
    with dg.build_resources(
        {"warehouse": resource, "heartbeat": RunHeartbeat(warehouse=resource)}
    ) as resources:
        assert isinstance(resources.heartbeat, RunHeartbeat)
    assert rows(warehouse) == []


def test_the_url_may_come_from_the_environment_or_from_a_subclass(
    runtime_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Found(WarehouseResource):
        def default_url(self) -> str:
            return runtime_url

    monkeypatch.setenv("WAREHOUSE_OF_THE_TEST", runtime_url)
    named = WarehouseResource(database_url=dg.EnvVar("WAREHOUSE_OF_THE_TEST"))
    assert run(living, named).success
    assert Found().engine() is engine_for(runtime_url)
    assert Found(database_url="postgresql://h/d").url() == "postgresql+psycopg://h/d"


def test_without_a_database_it_says_what_to_configure() -> None:
    with pytest.raises(NoDatabaseError, match=r'EnvVar\("JIRA_ASSETS_DATABASE_URL"\)'):
        WarehouseResource().engine()
