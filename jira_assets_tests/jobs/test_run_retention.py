"""Old runs of ours go from Dagster's storage with all that hangs on them, and nothing else does."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.test_utils import instance_for_test

from jira_assets.jobs import run_retention
from jira_assets.jobs.run_retention import Ours, location_of, prune_runs

OURS = Ours(frozenset({"ours_without_partition"}))
PARTITIONS = dg.StaticPartitionsDefinition(["acme/cloud", "acme/dc"])


@dg.asset(partitions_def=PARTITIONS)
def statuses() -> None:
    pass


@dg.asset
def whole() -> None:
    pass


@dg.asset_check(asset=statuses)
def are_there() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


@dg.op
def nothing() -> None:
    pass


@dg.job
def theirs() -> None:
    nothing()


@dg.job
def ours_without_partition() -> None:
    nothing()


DEFINITIONS = dg.Definitions(
    assets=[statuses], asset_checks=[are_there], jobs=[theirs, ours_without_partition]
)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with instance_for_test() as made:
        yield made


@pytest.fixture
def tomorrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run that has ended is older than the days that runs stay."""
    later = datetime.now(UTC) + timedelta(days=1)
    monkeypatch.setattr(run_retention, "cutoff", lambda _days: later)


def make(instance: dg.DagsterInstance, key: str, **tags: str) -> str:
    job = DEFINITIONS.resolve_implicit_global_asset_job_def()
    tenant, integration = key.split("/")
    ours = {"tenant": tenant, "integration": integration}
    result = job.execute_in_process(
        instance=instance, partition_key=key, tags={**ours, **tags}, raise_on_error=False
    )
    return result.run_id


def run(instance: dg.DagsterInstance, job: dg.JobDefinition) -> str:
    return job.execute_in_process(instance=instance).run_id


def left(instance: dg.DagsterInstance) -> set[str]:
    return {each.run_id for each in instance.get_runs()}


def rows_of(instance: dg.DagsterInstance, run_id: str) -> list[int]:
    """Count what the storage holds of a run: events, executions of checks."""
    storage = instance.event_log_storage
    assert isinstance(storage, SqlEventLogStorage)
    counts = []
    for table in (SqlEventLogStorageTable, AssetCheckExecutionsTable):
        connect = (
            storage.run_connection(run_id)
            if table is SqlEventLogStorageTable
            else storage.index_connection()
        )
        with connect as connection:
            found = connection.execute(table.select().where(table.c.run_id == run_id)).all()
        counts.append(len(found))
    return counts


@pytest.mark.usefixtures("tomorrow")
def test_what_was_made_since_goes_and_what_is_shown_stays(instance: dg.DagsterInstance) -> None:
    first, other, second = (make(instance, key) for key in ("acme/cloud", "acme/dc", "acme/cloud"))
    assert all(rows_of(instance, first))

    pruned = prune_runs(instance, 30, ours=OURS)

    assert (pruned.deleted, pruned.kept) == (1, 2)
    assert left(instance) == {other, second}
    assert rows_of(instance, first) == [0, 0]
    assert all(rows_of(instance, second))
    shown = instance.get_materialized_partitions(dg.AssetKey("statuses"))
    assert shown == {"acme/cloud", "acme/dc"}
    assert prune_runs(instance, 30, ours=OURS).deleted == 0


@pytest.mark.usefixtures("tomorrow")
def test_runs_of_other_peoples_jobs_stay(instance: dg.DagsterInstance) -> None:
    other = run(instance, DEFINITIONS.resolve_job_def("theirs"))
    pruning = run(instance, DEFINITIONS.resolve_job_def("ours_without_partition"))

    pruned = prune_runs(instance, 30, ours=OURS)

    assert (pruned.deleted, pruned.kept) == (1, 0)
    assert left(instance) == {other}
    assert pruning not in left(instance)


def of_location(run_id: str, name: str) -> dg.DagsterRun:
    location = GrpcServerCodeLocationOrigin(host="127.0.0.1", port=1, location_name=name)
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), "any")
    return dg.DagsterRun(
        job_name="any",
        run_id=run_id,
        status=dg.DagsterRunStatus.SUCCESS,
        tags={"tenant": "acme", "integration": "cloud"},
        remote_job_origin=origin,
    )


@pytest.mark.usefixtures("tomorrow")
def test_runs_of_another_code_location_stay_whatever_their_tags(
    instance: dg.DagsterInstance,
) -> None:
    theirs, ours = of_location(str(uuid4()), "dbt"), of_location(str(uuid4()), "jira_assets")
    for each in (theirs, ours):
        instance.add_run(each)
    assert location_of(ours) == "jira_assets"
    assert prune_runs(instance, 30, ours=Ours(location="jira_assets")).deleted == 1
    assert left(instance) == {theirs.run_id}


@pytest.mark.usefixtures("tomorrow")
def test_the_run_that_made_what_has_no_partition_stays(instance: dg.DagsterInstance) -> None:
    tags = {"tenant": "acme", "integration": "cloud"}
    made = [
        dg.materialize([whole], instance=instance, tags=tags, raise_on_error=True).run_id
        for _ in range(2)
    ]
    assert prune_runs(instance, 30, ours=OURS).deleted == 1
    assert left(instance) == {made[1]}


@pytest.mark.usefixtures("tomorrow")
def test_the_run_of_the_last_check_stays(instance: dg.DagsterInstance) -> None:
    tags = {"tenant": "acme", "integration": "cloud"}
    only_checks = dg.AssetSelection.checks_for_assets(statuses)
    job = dg.define_asset_job("check", only_checks, tags=tags).resolve(
        asset_graph=DEFINITIONS.resolve_asset_graph()
    )
    checked = [job.execute_in_process(instance=instance).run_id for _ in range(2)]
    assert prune_runs(instance, 30, ours=OURS).deleted == 1
    assert left(instance) == {checked[1]}


def test_young_runs_and_those_that_go_on_stay(instance: dg.DagsterInstance) -> None:
    runs = {make(instance, "acme/cloud") for _ in range(2)}
    assert prune_runs(instance, 1, ours=OURS).deleted == 0
    assert left(instance) == runs


@pytest.mark.usefixtures("tomorrow")
def test_what_goes_on_stays_however_old(instance: dg.DagsterInstance) -> None:
    tags = {"tenant": "acme", "integration": "cloud"}
    going = dg.DagsterRun(job_name="any", status=dg.DagsterRunStatus.STARTED, tags=tags)
    failed = dg.DagsterRun(job_name="any", status=dg.DagsterRunStatus.FAILURE, tags=tags)
    for each in (going, failed):
        instance.add_run(each)
    assert prune_runs(instance, 30, ours=OURS).deleted == 1
    assert left(instance) == {going.run_id}


@pytest.mark.usefixtures("tomorrow")
def test_a_trial_counts_the_same_and_deletes_nothing(instance: dg.DagsterInstance) -> None:
    runs = {make(instance, "acme/cloud") for _ in range(3)}
    trial = prune_runs(instance, 30, ours=OURS, dry_run=True)
    assert left(instance) == runs
    assert prune_runs(instance, 30, ours=OURS) == trial
    assert trial.deleted == 2


@pytest.mark.usefixtures("tomorrow")
def test_many_runs_are_gone_through_in_batches(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_retention, "_AT_ONCE", 2)
    monkeypatch.setattr(run_retention, "_SAY_EVERY", 2)
    for _ in range(5):
        run(instance, DEFINITIONS.resolve_job_def("ours_without_partition"))
    said: list[str] = []
    pruned = prune_runs(instance, 30, ours=OURS, log=said.append)
    assert pruned.deleted == 5
    assert left(instance) == set()
    assert said == ["2 old runs so far", "4 old runs so far"]
