"""What the clock asks for: evaluated as Dagster and its preview of a tick do, and run."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.test_utils import instance_for_test

from jira_assets.definitions import EXTRACT_JOB, SITE_JOB, TRANSFORM_JOB, build_definitions
from jira_assets.jobs.retention import PRUNE_JOB
from jira_assets.jobs.schedules import NIGHTLY, RETENTION, Night, plan_night
from jira_assets.partitions import PARTITIONS_NAME, PartitionKey
from jira_assets.warehouse.connect import WarehouseUnavailableError
from jira_assets.warehouse.contracts import Owner
from jira_assets.warehouse.integrations import set_active
from jira_assets.warehouse.resource import WarehouseResource
from jira_assets.warehouse.tables import raw_extractions
from jira_assets_tests.commands.shell import everything
from jira_assets_tests.conftest import AddIntegration
from jira_assets_tests.warehouse.retention_data import Past, keys, left_keys, put

NIGHT = datetime(2026, 3, 1, 2, tzinfo=UTC)


@dataclass
class Place:
    """A Dagster with our code location and a warehouse."""

    instance: dg.DagsterInstance
    engine: sa.Engine
    definitions: dg.Definitions

    def evaluate(self, schedule: str) -> list[dg.RunRequest] | str:
        """Evaluate a schedule; what it asks for, or why it does not."""
        repository = self.definitions.get_repository_def()
        resources = {"warehouse": repository.get_top_level_resources()["warehouse"]}
        with dg.build_schedule_context(
            instance=self.instance,
            scheduled_execution_time=NIGHT,
            resources=resources,
            repository_def=repository,
        ) as context:
            tick = repository.get_schedule_def(schedule).evaluate_tick(context)
        return str(tick.skip_message) if tick.skip_message else list(tick.run_requests or ())

    def keys(self) -> list[str | None]:
        """Return the partitions that the night asks for, in order."""
        asked = self.evaluate(NIGHTLY)
        assert not isinstance(asked, str), asked
        return [request.partition_key for request in asked]

    def in_flight(self, key: str, job: str = "__ASSET_JOB", **tags: str) -> None:
        """Have a run on a partition that goes on."""
        on_it = {"dagster/partition": key, **tags}
        status = dg.DagsterRunStatus.STARTED
        self.instance.add_run(dg.DagsterRun(job_name=job, status=status, tags=on_it))


@pytest.fixture
def place(warehouse: sa.Engine, runtime_url: str, integration: AddIntegration) -> Iterator[Place]:
    resources = {"warehouse": WarehouseResource(database_url=runtime_url)}
    with instance_for_test() as instance:
        for key in ("acme/cloud", "acme/dc", "globex/jira"):
            integration(key)
            instance.add_dynamic_partitions(PARTITIONS_NAME, [key])
        yield Place(instance, warehouse, build_definitions(resources=resources))


def test_the_night_reads_every_partition_and_its_evaluation_writes_nothing(place: Place) -> None:
    before = everything(place.engine)
    asked = place.evaluate(NIGHTLY)
    assert not isinstance(asked, str)
    assert [request.run_key for request in asked] == [
        "2026-03-01T02:00:acme/cloud",
        "2026-03-01T02:00:acme/dc",
        "2026-03-01T02:00:globex/jira",
    ]
    tags = asked[0].tags
    assert tags["dagster/partition"] == "acme/cloud"
    assert (tags["tenant"], tags["integration"]) == ("acme", "cloud")
    assert int(tags["dagster/priority"]) < -5, "after the jobs of etl_jobs"
    assert everything(place.engine) == before
    assert place.instance.get_runs() == []
    assert place.evaluate(NIGHTLY) == asked


def test_the_night_says_when_issues_are_read_in_full_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = place.evaluate(NIGHTLY)
    monkeypatch.setenv("JIRA_ASSETS_FULL_AFTER_DAYS", "90")
    later = place.evaluate(NIGHTLY)
    assert not isinstance(asked, str)
    assert not isinstance(later, str)
    for requests, days in ((asked, 30), (later, 90)):
        config = {"ops": {"read_jira_site": {"config": {"full_after_days": days}}}}
        assert [request.run_config for request in requests] == [config] * 3
        assert dg.validate_run_config(place.definitions.resolve_job_def(SITE_JOB), config)


def test_disabled_integrations_and_partitions_that_are_not_there_are_left_out(
    place: Place, integration: AddIntegration
) -> None:
    set_active(place.engine, PartitionKey("acme", "cloud"), active=False)
    integration("acme/new")
    place.instance.delete_dynamic_partition(PARTITIONS_NAME, "globex/jira")
    assert place.keys() == ["acme/dc"]
    place.instance.delete_dynamic_partition(PARTITIONS_NAME, "acme/dc")
    assert place.evaluate(NIGHTLY) == (
        "left out: acme/dc, acme/new, globex/jira have no partition yet"
    )


def test_a_partition_that_a_run_is_on_comes_last_and_one_of_an_earlier_night_not_at_all(
    place: Place,
) -> None:
    place.in_flight("acme/cloud")
    place.in_flight("acme/dc", TRANSFORM_JOB)
    assert place.keys() == ["acme/dc", "globex/jira", "acme/cloud"]
    place.in_flight("globex/jira", EXTRACT_JOB, **{"dagster/schedule_name": NIGHTLY})
    assert place.keys() == ["acme/dc", "acme/cloud"]


def test_no_integration_is_a_skip(place: Place) -> None:
    for key in ("acme/cloud", "acme/dc", "globex/jira"):
        set_active(place.engine, PartitionKey.parse(key), active=False)
    assert place.evaluate(NIGHTLY) == "There is no active integration."


def test_without_postgres_the_tick_fails_and_tells_no_password(place: Place) -> None:
    away = WarehouseResource(database_url="postgresql://user:s3cret@127.0.0.1:1/warehouse")
    place.definitions = build_definitions(resources={"warehouse": away})
    with pytest.raises(Exception, match="Error occurred") as failed:
        place.evaluate(NIGHTLY)
    cause = failed.value.__cause__
    assert isinstance(cause, WarehouseUnavailableError)
    assert "s3cret" not in str(cause)


def test_what_a_night_leaves_out_is_said() -> None:
    planned = plan_night(["b/b", "a/a", "c/c"], {"a/a", "b/b", "x/x"}, {"b/b"}, {"a/a"})
    assert planned == Night(("a/a",), ("c/c",), ("b/b",))
    assert planned.words() == [
        "left out: c/c have no partition yet",
        "left out: b/b are still being refreshed since an earlier night",
    ]


def test_retention_asks_for_one_run_and_not_for_a_second_beside_it(place: Place) -> None:
    before = everything(place.engine)
    asked = place.evaluate(RETENTION)
    assert not isinstance(asked, str)
    assert [request.run_key for request in asked] == ["2026-03-01T02:00:00+00:00"]
    assert everything(place.engine) == before
    run = dg.DagsterRun(job_name=PRUNE_JOB, status=dg.DagsterRunStatus.STARTED)
    place.instance.add_run(run)
    assert place.evaluate(RETENTION) == f"Run {run.run_id} is still at it."


@pytest.fixture
def pasts(place: Place, integration: AddIntegration) -> list[Past]:
    added = integration("acme/old")
    made = [Past() for _ in range(12)]
    put(place.engine, Owner(added.tenant_id, added.id, "acme/old"), *made)
    return made


def run_prune(
    place: Place, **config: object
) -> tuple[dg.ExecuteInProcessResult, dict[str, object]]:
    result = place.definitions.resolve_job_def(PRUNE_JOB).execute_in_process(
        instance=place.instance, run_config={"ops": {"prune_raw": {"config": config}}}
    )
    (output,) = [each for each in result.all_events if each.event_type_value == "STEP_OUTPUT"]
    metadata = output.step_output_data.metadata
    return result, {name: value.value for name, value in metadata.items()}


def test_a_prune_run_says_what_it_removed(place: Place, pasts: list[Past]) -> None:
    _, dry = run_prune(place, dry_run=True)
    assert left_keys(place.engine, raw_extractions) == keys(pasts)
    result, said = run_prune(place)
    assert left_keys(place.engine, raw_extractions) == keys(pasts[2:])
    assert {**said, "dry_run": True} == dry
    assert (said["kept_extractions"], said["kept_days"]) == (10, 30)
    assert (said["landings"], said["unfinished_readings"], said["pages"]) == (2, 0, 6)
    assert "| acme/old | 2 | 0 | 6 |" in str(said["removed"])
    logged = [each.user_message for each in place.instance.all_logs(result.run_id)]
    assert any("acme/old: 2 landings and 0 unfinished readings" in line for line in logged)


def test_a_prune_run_takes_another_rule(place: Place, pasts: list[Past]) -> None:
    run_prune(place, keep_extractions=3, keep_days=99)
    assert left_keys(place.engine, raw_extractions) == keys(pasts[-3:])
    run_prune(place, keep_extractions=1, keep_days=101)
    assert left_keys(place.engine, raw_extractions) == keys(pasts[-3:])


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({"keep_extractions": 0}, "at least 1 extraction"),
        ({"keep_days": -1}, "days to keep are 0 up to"),
    ],
)
def test_a_rule_that_cannot_be_removes_nothing(
    place: Place, pasts: list[Past], config: dict[str, int], complaint: str
) -> None:
    with pytest.raises(dg.Failure, match=complaint) as failed:
        run_prune(place, **config)
    assert failed.value.allow_retries is False
    assert left_keys(place.engine, raw_extractions) == keys(pasts)
