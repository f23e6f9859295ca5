"""From a run that failed to a person and back: real runs in Dagster, a real webhook on loopback."""

import logging
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import dagster as dg
import pytest
import sqlalchemy as sa

from jira_assets.definitions import EXTRACT_JOB, TRANSFORM_JOB
from jira_assets.jobs.reconciler import end_dead_runs
from jira_assets.partitions import PartitionKey
from jira_assets.queue.runs import MESSAGE_IDS_TAG
from jira_assets.sandbox.credentials import Credentials
from jira_assets.sandbox.faults import Fault
from jira_assets.sandbox.server import SandboxServer
from jira_assets.sandbox.synthetic import synthetic_site
from jira_assets.warehouse.heartbeat import beat
from jira_assets.warehouse.integrations import add_integration, set_active
from jira_assets.warehouse.job_settings import JOB_TAG, MAX_RETRIES_TAG, RETRIES_LEFT_TAG
from jira_assets.warehouse.tables import etl_job_queue, failure_reports, run_heartbeats
from jira_assets_tests.jobs.failures.place import KEY, Place
from jira_assets_tests.jobs.webhooks import CANARY, Receiver

TOKEN = "right-token"


def test_a_wrong_token_reaches_a_person_and_so_does_the_right_one(
    place: Place,
    deployed: dg.Definitions,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)

    def run(tags: dict[str, str] | None = None) -> dg.ExecuteInProcessResult:
        return deployed.resolve_job_def(EXTRACT_JOB).execute_in_process(
            instance=place.instance, partition_key=KEY, tags=tags or {}, raise_on_error=False
        )

    monkeypatch.setenv("ACME_TOKEN", "wrong-token")
    with SandboxServer(synthetic_site(projects=3), credentials=Credentials(TOKEN)) as server:
        add_integration(
            place.engine,
            PartitionKey.parse(KEY),
            base_url=server.url,
            auth="bearer",
            secret_ref="env:ACME_TOKEN",
        )
        failed = run({JOB_TAG: "jira_metadata", RETRIES_LEFT_TAG: "3"})
        assert not failed.success
        # A retry would come, but no retry helps: it is told at once.
        assert "failed (CredentialsRefusedError)" in place.tick()
        (text,) = receiver.texts
        assert text.startswith(
            "acme/cloud: extract_jira_metadata failed (CredentialsRefusedError). "
        )
        assert "Who must act: whoever keeps the integration's account and token." in text
        assert text.endswith(f" https://dagster.acme.example/runs/{failed.run_id}")

        assert not run().success
        assert place.tick() == "Nothing new has failed or recovered."
        assert len(receiver.texts) == 1

        monkeypatch.setenv("ACME_TOKEN", TOKEN)
        assert run().success
        assert place.tick() == "Told: acme/cloud: recovered."
        assert "recovered. After 2 failures since " in receiver.texts[1]
        assert place.rows() == []
        assert place.tick() == "Nothing new has failed or recovered."
    seen = caplog.text + "".join(place.said) + _events(place.instance) + "".join(capfd.readouterr())
    assert "extract_jira_metadata" in seen
    for secret in CANARY.split("/"):
        assert secret not in seen


def _events(instance: dg.DagsterInstance) -> str:
    """Return everything that Dagster has stored of every run."""
    return "\n".join(
        f"{run.tags} {run.run_config} {instance.all_logs(run.run_id)}"
        for run in instance.get_runs()
    )


# -------------------------------------------------------------------------------- what is told when


def test_a_failure_that_is_tried_again_is_told_when_the_retries_are_used_up(
    acme: Place, receiver: Receiver
) -> None:
    for left in ("2", "1"):
        acme.ends(tags={JOB_TAG: "jira_metadata", RETRIES_LEFT_TAG: left})
        acme.tick()
    assert receiver.texts == []
    last = acme.ends(tags={JOB_TAG: "jira_metadata", RETRIES_LEFT_TAG: "0"})
    acme.tick()
    (text,) = receiver.texts
    assert "Failed 3 times in a row since " in text
    assert last in text
    for left in ("3", "2", "1", "0"):
        acme.ends(tags={JOB_TAG: "jira_metadata", RETRIES_LEFT_TAG: left})
        acme.tick()
    assert len(receiver.texts) == 1
    assert acme.rows()[0].failures == 7


def test_a_job_that_never_counts_its_retries_up_is_told_after_as_many_failures(
    acme: Place, receiver: Receiver
) -> None:
    """Its interval is shorter than its pause before a retry: each run has all retries left."""
    tags = {JOB_TAG: "jira_metadata", RETRIES_LEFT_TAG: "2", MAX_RETRIES_TAG: "2"}
    for told in (0, 0, 1, 1):
        acme.ends(tags=tags)
        acme.tick()
        assert len(receiver.texts) == told
    assert "Failed 3 times in a row" in receiver.texts[0]


def test_one_that_passes_before_its_retries_are_used_up_is_never_told(
    acme: Place, receiver: Receiver
) -> None:
    acme.ends(tags={JOB_TAG: "jira_metadata", RETRIES_LEFT_TAG: "2"})
    acme.tick()
    acme.ends("success")
    assert acme.tick() == "Nothing new has failed or recovered."
    assert (receiver.texts, acme.rows()) == ([], [])


def test_a_run_that_dagster_retries_is_not_told_yet(acme: Place, receiver: Receiver) -> None:
    acme.ends(tags={"dagster/will_retry": "true"})
    acme.tick()
    assert receiver.texts == []
    acme.ends(tags={"dagster/will_retry": "false"})
    acme.tick()
    assert "Failed 2 times" in receiver.texts[0]


def test_another_kind_on_the_same_partition_is_another_message(
    acme: Place, receiver: Receiver
) -> None:
    acme.ends()
    acme.ends(job_name=TRANSFORM_JOB)
    acme.tick()
    assert [text.partition(" (")[0] for text in receiver.texts] == [
        "acme/cloud: extract_jira_metadata failed",
        "acme/cloud: transform_jira_metadata failed",
    ]
    acme.ends("success", job_name=TRANSFORM_JOB)
    acme.tick()
    assert "transform_jira_metadata" in receiver.texts[2]
    assert [row.kind.partition(":")[0] for row in acme.rows()] == ["extract_jira_metadata"]


def test_a_success_before_the_failure_is_no_recovery(acme: Place, receiver: Receiver) -> None:
    acme.ends("success")
    acme.ends()
    acme.tick()
    acme.tick()
    assert len(receiver.texts) == 1
    assert len(acme.rows()) == 1


def test_a_success_of_another_partition_is_none_either(acme: Place, receiver: Receiver) -> None:
    acme.ends()
    acme.ends("success", partition="acme/dc")
    acme.tick()
    assert len(acme.rows()) == 1
    assert len(receiver.texts) == 1


def test_a_dead_run_is_told(acme: Place, receiver: Receiver) -> None:
    run_id = str(uuid4())
    started = dg.DagsterRunStatus.STARTED
    tags = {"dagster/partition": KEY}
    acme.instance.add_run(
        dg.DagsterRun(job_name="__ASSET_JOB", run_id=run_id, status=started, tags=tags)
    )
    beat(acme.engine, run_id)
    long_ago = datetime.now(UTC) - timedelta(seconds=90)
    with acme.engine.begin() as connection:
        connection.execute(sa.update(run_heartbeats).values(heartbeat_at=long_ago))
    end_dead_runs(acme.instance, acme.engine, dead_after=60)
    acme.tick()
    (text,) = receiver.texts
    assert "failed (killed). The run was killed: it last gave one at " in text
    assert "Who must act: whoever runs jira_assets" in text


def test_the_reconcilers_sentences_are_kinds_and_so_is_any_other(
    acme: Place, receiver: Receiver
) -> None:
    for message in (
        "The run was never launched: Dagster created it.",
        "This run has been marked as failed from outside the execution context.",
    ):
        acme.ends(message=message)
    acme.tick()
    assert [text.partition(". ")[0] for text in receiver.texts] == [
        "acme/cloud: extract_jira_metadata failed (never launched)",
        "acme/cloud: extract_jira_metadata failed (ended from outside)",
    ]


def test_a_run_over_several_partitions_is_named_by_its_ends(
    acme: Place, receiver: Receiver
) -> None:
    span = "dagster/asset_partition_range"
    ends = {f"{span}_start": "a/x", f"{span}_end": "b/y"}
    acme.ends(partition="", job_name=TRANSFORM_JOB, tags=ends)
    acme.ends(partition="")
    acme.tick()
    assert [text.partition(":")[0] for text in receiver.texts] == ["a/x to b/y", "no partition"]


def test_what_nothing_repeats_for_a_month_is_forgotten(acme: Place, receiver: Receiver) -> None:
    acme.ends()
    acme.tick()
    for days, left in ((29, 1), (31, 0)):
        with acme.engine.begin() as connection:
            then = datetime.now(UTC) - timedelta(days=days)
            connection.execute(sa.update(failure_reports).values(last_failed_at=then))
        acme.tick()
        assert len(acme.rows()) == left
    assert len(receiver.texts) == 1


def test_runs_of_other_people_are_none_of_ours(acme: Place, receiver: Receiver) -> None:
    acme.ends(job_name="somebody_elses_job")
    acme.ends(job_name="__ASSET_JOB")
    acme.tick()
    assert (receiver.texts, acme.rows()) == ([], [])


def test_a_message_that_was_given_up_is_told_and_not_its_attempts(
    acme: Place, receiver: Receiver
) -> None:
    run_id = acme.ends(job_name=TRANSFORM_JOB, tags={MESSAGE_IDS_TAG: str(uuid4())})
    acme.tick()
    assert receiver.texts == []
    _message(acme.engine, state="failed", error="the run failed: no such column", run_id=run_id)
    acme.tick()
    (text,) = receiver.texts
    assert "acme/cloud: messages failed (given up). the run failed: no such column" in text
    acme.tick()
    assert len(receiver.texts) == 1
    _becomes(acme.engine, "received")  # somebody has it tried again: nothing has recovered yet
    acme.tick()
    assert len(receiver.texts) == 1
    _becomes(acme.engine, "superseded")
    acme.tick()
    assert "acme/cloud: recovered" in receiver.texts[1]
    assert acme.rows() == []


def _becomes(engine: sa.Engine, state: str) -> None:
    with engine.begin() as connection:
        connection.execute(sa.update(etl_job_queue).values(state=state))


def _message(engine: sa.Engine, **values: str) -> None:
    statement = """
        INSERT INTO jira.etl_job_queue (message_id, tenant_id, integration_id, partition_key,
            extraction_id, entity, scope, state, error, run_id, finished_at)
        SELECT gen_random_uuid(), tenant_id, id, 'acme/cloud', gen_random_uuid(), 'statuses',
            'site', :state, :error, :run_id, now()
        FROM jira.integrations
    """
    with engine.begin() as connection:
        connection.execute(sa.text(statement), values)


def test_what_somebody_chose_by_hand_is_the_same_as_its_job(
    place: Place, deployed: dg.Definitions, receiver: Receiver
) -> None:
    """Materialize in the UI runs Dagster's own job: the steps say what failed or succeeded."""
    with SandboxServer(synthetic_site(projects=3)) as server:
        add_integration(place.engine, PartitionKey.parse(KEY), base_url=server.url, auth="none")
        server.faults = [Fault("gone_410", path="*/issuetype")]
        implicit = deployed.resolve_implicit_global_asset_job_def()

        def materialize() -> bool:
            return implicit.execute_in_process(
                instance=place.instance,
                partition_key=KEY,
                asset_selection=[dg.AssetKey("raw_issue_types")],
                raise_on_error=False,
            ).success

        assert not materialize()
        place.tick()
        assert "acme/cloud: extract_jira_metadata failed (GoneError)" in receiver.texts[0]
        server.faults = []
        assert materialize()
        place.tick()
    assert "acme/cloud: recovered" in receiver.texts[1]


def test_what_nobody_looks_after_any_more_is_forgotten(acme: Place, receiver: Receiver) -> None:
    acme.ends()
    acme.ends(partition="gone/cloud")
    acme.tick()
    assert [row.partition_key for row in acme.rows()] == [KEY]
    set_active(acme.engine, PartitionKey.parse(KEY), active=False)
    acme.tick()
    assert acme.rows() == []
    assert len(receiver.texts) == 1
