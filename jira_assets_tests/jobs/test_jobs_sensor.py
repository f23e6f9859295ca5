"""From a due job to its run and back: the sensor in Dagster, the run, the row."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.remote_origin import (
    InProcessCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from jira_assets.definitions import DISCOVER_JOB, EXTRACT_JOB, TRANSFORM_JOB, build_definitions
from jira_assets.jobs.reconciler import end_dead_runs
from jira_assets.jobs.run_failures import why
from jira_assets.jobs.schedules import NIGHTLY
from jira_assets.jobs.sensor import SENSOR_NAME, jobs_tick
from jira_assets.partitions import PARTITIONS_NAME, PartitionKey
from jira_assets.queue.resource import BrokerResource
from jira_assets.sandbox.faults import Fault
from jira_assets.sandbox.server import SandboxServer
from jira_assets.sandbox.synthetic import synthetic_site
from jira_assets.warehouse.integrations import add_integration, get_integration
from jira_assets.warehouse.job_settings import JOB_TAG, JOB_TYPES, RETRIES_LEFT_TAG
from jira_assets.warehouse.jobs import update_job
from jira_assets.warehouse.resource import WarehouseResource
from jira_assets.warehouse.tables import etl_jobs, job_requests, raw_extractions
from jira_assets_tests.warehouse.jobs_data import ask, job, minutes_from_now, requests, write

KEY = "acme/cloud"


@dataclass
class Place:
    """A Dagster with our code location, a warehouse and a site."""

    instance: dg.DagsterInstance
    engine: sa.Engine
    definitions: dg.Definitions
    server: SandboxServer

    def tick(self) -> list[dg.RunRequest] | str:
        """Evaluate the sensor; what it asks for, or why it does not."""
        repository = self.definitions.get_repository_def()
        sensor = repository.get_sensor_def(SENSOR_NAME)
        resources = {"warehouse": repository.get_top_level_resources()["warehouse"]}
        context = dg.build_sensor_context(instance=self.instance, resources=resources)
        said = sensor(context)
        if isinstance(said, dg.SkipReason):
            return str(said.skip_message)
        assert isinstance(said, dg.SensorResult)
        return list(said.run_requests or ())

    def run(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """Execute what the sensor asked for."""
        return self.definitions.resolve_job_def(str(request.job_name)).execute_in_process(
            instance=self.instance,
            partition_key=request.partition_key,
            tags={**request.tags, "dagster/run_key": str(request.run_key)},
            raise_on_error=False,
        )

    def run_all(self) -> list[str]:
        """Execute what the sensor asks for, until nothing is due; the names of the jobs."""
        ran = []
        while not isinstance(asked := self.tick(), str):
            (request,) = asked
            assert self.run(request).success
            ran.append(request.tags[JOB_TAG])
        assert asked == "No job is due."
        return ran


@pytest.fixture
def place(warehouse: sa.Engine, runtime_url: str, tmp_path: Path) -> Iterator[Place]:
    resources = {
        "warehouse": WarehouseResource(database_url=runtime_url),
        "broker": BrokerResource(broker_url=f"filesystem://{tmp_path}/broker"),
    }
    with (
        SandboxServer(synthetic_site(projects=6)) as server,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        add_integration(warehouse, PartitionKey.parse(KEY), base_url=server.url, auth="none")
        instance.add_dynamic_partitions(PARTITIONS_NAME, [KEY])
        yield Place(instance, warehouse, build_definitions(resources=resources), server)


AFTER_METADATA = ["jira_discovery", "jira_issues", "jira_deletions"]


def only(asked: list[dg.RunRequest] | str) -> dg.RunRequest:
    assert not isinstance(asked, str), asked
    (request,) = asked
    return request


def landed(engine: sa.Engine, run_id: str) -> list[str]:
    """Return what a run landed."""
    query = sa.select(raw_extractions.c.entity).where(raw_extractions.c.run_id == run_id)
    with engine.connect() as connection:
        return sorted(connection.scalars(query))


def test_a_due_job_runs_and_writes_its_row(place: Place) -> None:
    request = only(place.tick())
    assert (request.job_name, request.partition_key) == (EXTRACT_JOB, KEY)
    assert request.tags[JOB_TAG] == "jira_metadata"
    assert request.tags["dagster/priority"] == "-1"
    assert request.tags[RETRIES_LEFT_TAG] == "3"
    result = place.run(request)
    assert result.success
    ended = job(place.engine)
    assert (ended.status, ended.run_id, ended.error_message) == ("COMPLETED", result.run_id, None)
    assert (ended.progress_percentage, ended.attempt) == (100, 0)
    assert minutes_from_now(place.engine, "next_run_at") == pytest.approx(1440, abs=1)
    for made in result.asset_materializations_for_node("read_jira_site"):
        assert made.metadata["next_run_at"].value == f"{ended.next_run_at:%Y-%m-%d %H:%M:%S} UTC"
        assert made.metadata["interval_minutes"].value == 1440
    assert place.run_all() == AFTER_METADATA


def test_nobody_tries_again_what_is_switched_off(place: Place) -> None:
    """So that its failure is told at once, and not awaited."""
    key = PartitionKey.parse(KEY)
    update_job(place.engine, key, "jira_metadata", enabled=False)
    ask(place.engine, get_integration(place.engine, key))
    assert only(place.tick()).tags[RETRIES_LEFT_TAG] == "0"


def test_a_nightly_run_that_an_overdue_job_waits_for_goes_as_the_job_would(place: Place) -> None:
    tags = {"dagster/partition": KEY, "dagster/schedule_name": NIGHTLY, "dagster/priority": "-100"}
    location = InProcessCodeLocationOrigin(LoadableTargetOrigin(module_name="jira_assets"))
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), EXTRACT_JOB)
    night = dg.DagsterRun(
        job_name=EXTRACT_JOB,
        status=dg.DagsterRunStatus.QUEUED,
        tags=tags,
        remote_job_origin=origin,
    )
    place.instance.add_run(night)
    assert "another run is on acme/cloud" in str(place.tick())

    update_job(place.engine, PartitionKey.parse(KEY), "jira_metadata", schedule_interval_minutes=1)
    long_ago = sa.func.clock_timestamp() - sa.func.make_interval(0, 0, 0, 0, 0, 2)
    with place.engine.begin() as connection:
        connection.execute(sa.update(etl_jobs).values(next_run_at=long_ago))
    assert f"overdue behind run {night.run_id}" in str(place.tick())
    waiting = place.instance.get_run_by_id(night.run_id)
    assert waiting is not None
    assert waiting.tags["dagster/priority"] == "-1"


def test_the_fields_are_discovered_after_the_metadata_by_a_run_of_their_own(place: Place) -> None:
    place.run(only(place.tick()))
    place.server.requests.clear()
    request = only(place.tick())
    assert (request.job_name, request.tags[JOB_TAG]) == (DISCOVER_JOB, "jira_discovery")
    result = place.run(request)
    assert result.success
    assert landed(place.engine, result.run_id) == ["fields", "issue_samples"]
    asked = [each.path.rpartition("/")[2] for each in place.server.requests]
    assert asked[:2] == ["serverInfo", "field"]
    assert set(asked[2:]) == {"search", "jql"}
    ended = job(place.engine, "jira_discovery")
    assert (ended.status, ended.progress_percentage) == ("COMPLETED", 100)
    assert minutes_from_now(place.engine, "next_run_at", "jira_discovery") == pytest.approx(
        1440, abs=1
    )


def test_metadata_reads_no_fields(place: Place) -> None:
    result = place.run(only(place.tick()))
    assert landed(place.engine, result.run_id) == sorted(JOB_TYPES["metadata"])
    assert not [each for each in place.server.requests if each.path.endswith("/field")]


def test_the_fields_wait_for_metadata_that_failed(place: Place) -> None:
    place.server.faults = [Fault("gone_410", path="*/issuetype")]
    assert not place.run(only(place.tick())).success
    assert place.tick() == "No job is due."
    place.server.faults = []
    write(place.engine, next_run_at="-1")
    assert place.run_all() == ["jira_metadata", *AFTER_METADATA]


def test_the_day_after_metadata_comes_first_again(place: Place) -> None:
    assert place.run_all() == ["jira_metadata", *AFTER_METADATA]
    for name in ("jira_discovery", "jira_metadata"):
        write(place.engine, name, next_run_at="-1", due_at="-1")
    assert place.run_all() == ["jira_metadata", "jira_discovery"]


def test_fields_that_cannot_be_read_fail_their_own_job_alone(place: Place) -> None:
    place.run(only(place.tick()))
    place.server.faults = [Fault("scope_401", path="*/field")]
    assert not place.run(only(place.tick())).success
    failed = job(place.engine, "jira_discovery")
    assert (failed.status, failed.attempt) == ("FAILED", 1)
    assert "scope does not match" in str(failed.error_message)
    assert job(place.engine).status == "COMPLETED"


def test_issues_do_not_stand_still_for_a_day_because_fields_could_not_be_read(
    place: Place,
) -> None:
    assert place.run_all() == ["jira_metadata", *AFTER_METADATA]
    place.server.faults = [Fault("scope_401", path="*/field")]
    write(place.engine, "jira_discovery", next_run_at="-1", due_at="-1")
    assert not place.run(only(place.tick())).success
    write(place.engine, "jira_issues", next_run_at="-50", due_at="-50")
    assert place.tick() == "No job is due.", "it may pass within the hour"

    write(place.engine, "jira_issues", next_run_at="-61", due_at="-61")
    request = only(place.tick())
    assert request.tags[JOB_TAG] == "jira_issues"
    assert place.run(request).success


def test_that_metadata_is_off_is_said_to_whoever_waits_for_the_fields(place: Place) -> None:
    place.tick()
    write(place.engine, enabled=False)
    words = "acme/cloud jira_discovery: waits for jira_metadata, which is switched off"
    assert place.tick() == f"{words} and has not succeeded"
    ask(place.engine, get_integration(place.engine, PartitionKey.parse(KEY)))
    assert place.run_all() == ["jira_metadata", *AFTER_METADATA]


def test_an_integration_of_an_earlier_release_gets_the_job_at_the_next_tick(place: Place) -> None:
    place.run_all()
    with place.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM jira.etl_jobs WHERE job_name = 'jira_discovery'"))
    assert place.run_all() == ["jira_discovery"]


def test_a_run_that_fails_writes_why_and_comes_back(place: Place) -> None:
    place.server.faults = [Fault("gone_410", path="*/issuetype")]
    result = place.run(only(place.tick()))
    assert not result.success
    failed = job(place.engine)
    assert (failed.status, failed.attempt) == ("FAILED", 1)
    assert "410" in str(failed.error_message)
    assert minutes_from_now(place.engine, "next_run_at") == pytest.approx(60, abs=1)
    place.server.faults = []
    write(place.engine, next_run_at="-1")
    again = only(place.tick())
    assert again.tags[RETRIES_LEFT_TAG] == "2"
    assert place.run(again).success
    assert job(place.engine).status == "COMPLETED"


def test_what_was_asked_for_is_not_launched_twice(place: Place) -> None:
    request = only(place.tick())
    place.instance.create_run_for_job(
        place.definitions.resolve_job_def(EXTRACT_JOB),
        tags={**request.tags, "dagster/run_key": str(request.run_key)},
    )
    assert "is about to begin" in place.tick()


def test_a_run_that_could_not_be_submitted_is_an_attempt_that_failed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = only(place.tick())
    place.instance.create_run_for_job(
        place.definitions.resolve_job_def(EXTRACT_JOB),
        tags={**request.tags, "dagster/run_key": str(request.run_key)},
    )
    monkeypatch.setattr("jira_assets.jobs.reconciler.unchanged_seconds", lambda _: 301.0)
    end_dead_runs(place.instance, place.engine, dead_after=60)
    assert "ended before it began: The run was never launched" in place.tick()
    assert (job(place.engine).status, job(place.engine).attempt) == ("FAILED", 1)
    assert minutes_from_now(place.engine, "next_run_at") == pytest.approx(60, abs=1)


def test_a_run_by_hand_holds_the_jobs_of_its_integration_up_and_one_of_tables_does_not(
    place: Place,
) -> None:
    on_it = {"dagster/partition": KEY}
    status = dg.DagsterRunStatus.STARTED
    place.instance.add_run(dg.DagsterRun(job_name=TRANSFORM_JOB, status=status, tags=on_it))
    assert only(place.tick()).partition_key == KEY
    place.instance.add_run(dg.DagsterRun(job_name="__ASSET_JOB", status=status, tags=on_it))
    assert place.tick() == "acme/cloud jira_metadata: another run is on acme/cloud"


def test_a_request_runs_a_job_that_is_not_due_and_is_done_with_it(place: Place) -> None:
    place.run_all()
    asked = ask(place.engine, get_integration(place.engine, PartitionKey.parse(KEY)))
    request = only(place.tick())
    assert request.run_key == f"request:{asked}"
    result = place.run(request)
    assert requests(place.engine)[asked] == ("landed", result.run_id, None)
    assert place.tick() == "No job is due."


def test_a_request_is_served_though_the_clock_stepped_back_behind_it(place: Place) -> None:
    place.run_all()
    asked = ask(place.engine, get_integration(place.engine, PartitionKey.parse(KEY)))
    with place.engine.begin() as connection:
        later = job_requests.c.created_at + sa.text("interval '1 hour'")
        connection.execute(sa.update(job_requests).values(created_at=later))
    result = place.run(only(place.tick()))
    assert requests(place.engine)[asked] == ("landed", result.run_id, None)
    assert place.tick() == "No job is due."


@pytest.mark.parametrize("status", ["COMPLETED", "FAILED"])
def test_a_job_that_was_put_years_away_by_a_clock_is_due_within_its_interval(
    place: Place, status: str
) -> None:
    place.run_all()
    years = f"+{10 * 366 * 1440}"
    failed_then = {"due_at": "-5"} if status == "FAILED" else {"due_at": years}
    write(place.engine, status=status, next_run_at=years, **failed_then)
    before = job(place.engine, "jira_discovery").next_run_at
    assert place.tick() == "No job is due."
    assert minutes_from_now(place.engine, "next_run_at") == pytest.approx(1440, abs=1)
    assert minutes_from_now(place.engine, "due_at") <= 1440
    assert job(place.engine, "jira_discovery").next_run_at == before


def test_a_run_without_a_job_changes_none(place: Place) -> None:
    place.tick()
    by_hand = dg.RunRequest(run_key="by-hand", job_name=EXTRACT_JOB, partition_key=KEY)
    result = place.run(by_hand)
    assert result.success
    assert job(place.engine).status == "READY"


def test_a_second_run_of_the_same_job_does_nothing(place: Place) -> None:
    request = only(place.tick())
    write(place.engine, status="RUNNING", run_id="another")
    with place.engine.begin() as connection:
        connection.execute(sa.text("INSERT INTO jira.run_heartbeats (run_id) VALUES ('another')"))
    result = place.run(request)
    assert not result.success
    assert why(place.instance, result.run_id).what == "JobTakenError"
    assert (job(place.engine).status, job(place.engine).run_id) == ("RUNNING", "another")
    assert [asked.path for asked in place.server.requests] == []


def test_without_postgres_nothing_is_launched_and_it_is_said(place: Place) -> None:
    away = "postgresql://user:s3cret@127.0.0.1:1/warehouse"
    place.definitions = build_definitions(
        resources={"warehouse": WarehouseResource(database_url=away)}
    )
    said = place.tick()
    assert "Nothing was launched." in said
    assert "s3cret" not in said


def test_a_type_that_is_not_deployed_is_not_waited_for(place: Place) -> None:
    """Of issues without fields, as ``build_definitions(entities=["projects", "issues"])`` has."""
    metadata_and_issues = ["metadata", "issues"]
    assert only(place.tick()).tags[JOB_TAG] == "jira_metadata"
    write(place.engine, "jira_metadata", status="COMPLETED", next_run_at="+60")
    tick = jobs_tick(place.instance, place.engine, job_types=metadata_and_issues)
    assert [job.job_name for job in tick.launches] == ["jira_issues"]


def test_runs_of_others_partitions_and_of_tables_hold_no_job_up(place: Place) -> None:
    started = dg.DagsterRunStatus.STARTED
    days = {f"dagster/asset_partition_range_{end}": "2026-11-24" for end in ("start", "end")}
    ours = {f"dagster/asset_partition_range_{end}": KEY for end in ("start", "end")}
    tables = frozenset({dg.AssetKey("statuses")})

    def add(tags: dict[str, str], chosen: frozenset[dg.AssetKey] | None = None) -> None:
        run = dg.DagsterRun("__ASSET_JOB", status=started, tags=tags, asset_selection=chosen)
        place.instance.add_run(run)

    add(days)
    add(ours, tables)
    add({"dagster/partition": KEY}, tables)
    assert only(place.tick()).partition_key == KEY
    add(ours, tables | {dg.AssetKey(["jira", "raw_statuses"])})
    assert place.tick() == "acme/cloud jira_metadata: another run is on acme/cloud"


def test_a_type_that_is_not_deployed_waits(place: Place) -> None:
    tick = jobs_tick(place.instance, place.engine, job_types=[])
    assert (tick.launches, tick.words) == ([], []), "late without end, it takes nobody's place"
    ask(place.engine, get_integration(place.engine, PartitionKey.parse(KEY)), "jira_metadata")
    tick = jobs_tick(place.instance, place.engine, job_types=[])
    assert tick.launches == []
    assert tick.words == ["acme/cloud jira_metadata: nothing here runs a job of type metadata"]
