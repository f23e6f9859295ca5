"""The extraction step in Dagster, against a served site, a real Postgres and a folder as broker."""

import gc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from jira_assets.extract.assets import extraction_id
from jira_assets.extract.resource import JiraResource
from jira_assets.extract.site import site_of
from jira_assets.jira.client import JiraClient
from jira_assets.queue.resource import BrokerResource
from jira_assets.sandbox.credentials import Credentials
from jira_assets.sandbox.faults import Fault
from jira_assets.sandbox.server import SandboxServer
from jira_assets.sandbox.site import JiraSite
from jira_assets.sandbox.synthetic import synthetic_site
from jira_assets.warehouse.integrations import (
    Integration,
    add_integration,
    set_active,
    update_integration,
)
from jira_assets.warehouse.resource import WarehouseResource
from jira_assets.warehouse.tables import (
    ENTITIES,
    etl_job_queue,
    raw_extraction_data,
    raw_extractions,
    reading_leases,
)
from jira_assets_tests.extract import runs
from jira_assets_tests.extract.runs import KEY
from jira_assets_tests.jira.scripted import POLICY, FakeClock

Materialize = Callable[..., dg.ExecuteInProcessResult]


@pytest.fixture
def site() -> JiraSite:
    return synthetic_site(projects=6, seed=3)


@pytest.fixture
def server(site: JiraSite) -> Iterator[SandboxServer]:
    with SandboxServer(site) as running:
        yield running


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with runs.ephemeral_instance() as ephemeral:
        yield ephemeral


@pytest.fixture
def materialize(
    server: SandboxServer,
    warehouse: sa.Engine,
    runtime_url: str,
    tmp_path: Path,
    instance: dg.DagsterInstance,
) -> Materialize:
    add_integration(warehouse, KEY, base_url=server.url, auth="none")
    resources = runs.resources(runtime_url, tmp_path)

    def run(entities: Sequence[str] = ENTITIES, **replaced: Any) -> dg.ExecuteInProcessResult:
        return runs.materialize(instance, resources | replaced, entities)

    return run


def _scalars(engine: sa.Engine, statement: sa.Select[Any]) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.scalars(statement))


def _failure(result: dg.ExecuteInProcessResult) -> dg.Failure | Any:
    (event,) = [event for event in result.all_events if event.is_step_failure]
    return event.step_failure_data.user_failure_data


def test_every_entity_lands_whole_with_its_message(
    materialize: Materialize, warehouse: sa.Engine, site: JiraSite
) -> None:
    result = materialize()
    assert result.success
    entities = Counter(_scalars(warehouse, sa.select(raw_extractions.c.entity)))
    # Of issues, every project lands by itself, but archived ones: no search finds theirs.
    searched = [each for each in site.state.projects.values() if not each.archived]
    assert entities == Counter(ENTITIES) | Counter(issues=len(searched))
    published = ["published"] * entities.total()
    assert _scalars(warehouse, sa.select(etl_job_queue.c.state)) == published
    assert set(_scalars(warehouse, sa.select(raw_extractions.c.extraction_id))) == {
        extraction_id(result.run_id, str(KEY))
    }
    assert _scalars(warehouse, sa.select(reading_leases)) == []


def test_a_run_is_tagged_with_tenant_and_integration(
    materialize: Materialize, instance: dg.DagsterInstance
) -> None:
    run = instance.get_run_by_id(materialize(["statuses"]).run_id)
    assert run is not None
    assert (run.tags["tenant"], run.tags["integration"]) == ("acme", "cloud")


@pytest.mark.parametrize("subset", [["statuses"], ["project_statuses"], ["projects", "statuses"]])
def test_any_subset_reads_that_and_nothing_else(
    materialize: Materialize, warehouse: sa.Engine, subset: list[str]
) -> None:
    assert materialize(subset).success
    assert set(_scalars(warehouse, sa.select(raw_extractions.c.entity))) == set(subset)


def test_an_unreadable_project_is_landed_with_its_reason(
    materialize: Materialize, warehouse: sa.Engine, site: JiraSite
) -> None:
    project = next(iter(site.state.projects))
    site.make_unreadable(project)
    result = materialize(["project_statuses"])
    assert result.success
    (event,) = result.get_asset_materialization_events()
    metadata = event.step_materialization_data.materialization.metadata
    assert metadata["unreadable_projects"].value == 1
    assert f"| {project} | 404: No project could be found" in str(metadata["unreadable"].value)
    (complete_for,) = _scalars(warehouse, sa.select(raw_extractions.c.complete_for))
    assert list(complete_for["unreadable"]) == [project]
    unread = raw_extraction_data.c.http_status != 200
    assert len(_scalars(warehouse, sa.select(raw_extraction_data.c.page).where(unread))) == 1


class _Impatient(JiraResource):
    """Opens clients for whom waiting takes no time."""

    def client(self, integration: Integration) -> JiraClient:
        return JiraClient(site_of(integration), policy=POLICY, clock=FakeClock())


def test_a_long_wait_shows_in_the_log_and_is_counted_in_the_metadata(
    materialize: Materialize,
    server: SandboxServer,
    runtime_url: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    server.faults = [Fault("http_429", path="*/status", count=1, seconds=1847)]
    impatient = _Impatient(warehouse=WarehouseResource(database_url=runtime_url))
    result = materialize(["statuses"], jira=impatient)
    assert result.success
    said = capfd.readouterr().err
    assert "Jira asks for no call of /rest/api/3/status for 1,848 s (jira-burst-based)" in said
    (event,) = result.get_asset_materialization_events()
    metadata = event.step_materialization_data.materialization.metadata
    counted = {name: metadata[name].value for name in ("calls", "retries", "answers_429")}
    assert counted == {"calls": 2, "retries": 1, "answers_429": 1}
    waited = [
        float(str(metadata[name].value)) for name in ("asked_to_wait_seconds", "waited_seconds")
    ]
    assert waited == [pytest.approx(1847.5, abs=0.1)] * 2


def test_what_is_whole_counts_even_when_a_later_entity_fails(
    materialize: Materialize, warehouse: sa.Engine, server: SandboxServer
) -> None:
    server.faults = [Fault("gone_410", path="*/issuetype")]
    result = materialize()
    assert not result.success
    assert _scalars(warehouse, sa.select(raw_extractions.c.entity)) == ["projects"]
    assert _scalars(warehouse, sa.select(etl_job_queue.c.entity)) == ["projects"]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("html_200", "a login page or a wrong base URL"),
        ("login_redirect", "login"),
        ("scope_401", "scope"),
    ],
)
def test_a_permanent_failure_is_one_sentence_without_retry(
    materialize: Materialize, warehouse: sa.Engine, server: SandboxServer, kind: str, said: str
) -> None:
    server.faults = [Fault(kind)]
    result = materialize()
    assert not result.success
    assert said.lower() in str(_failure(result).description).lower()
    assert [event for event in result.all_events if event.is_step_up_for_retry] == []
    assert _scalars(warehouse, sa.select(raw_extraction_data.c.page)) == []


def test_the_anonymous_view_is_refused_and_lands_nothing(
    materialize: Materialize,
    warehouse: sa.Engine,
    server: SandboxServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CANARY", "canary-7f3a")
    server.credentials = Credentials("canary-7f3a", username="bot")
    update_integration(warehouse, KEY, auth="basic", username="bot", secret_ref="env:CANARY")
    server.faults = [Fault("anonymous_view")]
    result = materialize()
    assert not result.success
    assert "canary-7f3a" not in str(_failure(result))
    assert _scalars(warehouse, sa.select(raw_extraction_data.c.page)) == []


def test_a_disabled_integration_is_refused_before_jira_is_asked(
    materialize: Materialize, warehouse: sa.Engine, server: SandboxServer
) -> None:
    set_active(warehouse, KEY, active=False)
    result = materialize()
    assert not result.success
    assert "integration enable acme/cloud" in str(_failure(result).description)
    assert list(server.requests) == []


def test_a_reading_that_fails_gives_its_lease_back(
    materialize: Materialize, warehouse: sa.Engine, server: SandboxServer
) -> None:
    server.faults = [Fault("gone_410", path="*/issuetype")]
    assert not materialize().success
    gc.collect()  # Dagster's result may keep the failed step's generator until then
    assert _scalars(warehouse, sa.select(reading_leases)) == []


def test_a_broker_that_is_away_costs_a_warning_and_no_message(
    materialize: Materialize, warehouse: sa.Engine
) -> None:
    away = BrokerResource(broker_url="amqp://guest:canary-9c1d@127.0.0.1:1/none")
    assert materialize(["statuses"], broker=away).success
    assert _scalars(warehouse, sa.select(etl_job_queue.c.state)) == ["pending"]
