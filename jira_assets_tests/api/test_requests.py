"""Asking for a run, and how far it is over its whole way."""

import sqlalchemy as sa

from jira_assets.extract.progress import Progress
from jira_assets.partitions import PartitionKey
from jira_assets.warehouse.integrations import set_active
from jira_assets_tests.api.caller import ADMIN, Caller, problem
from jira_assets_tests.api.way import JOB, Way
from jira_assets_tests.warehouse.jobs_data import requests

EXTRACT = "/jira/extract/statuses-and-relationships"
ACME = PartitionKey("acme", "cloud")


def state(api: Caller, request_id: str) -> str:
    said: str = api.get(f"/requests/{request_id}")["state"]
    return said


def test_a_request_is_accepted_and_found_where_the_answer_says(api: Caller) -> None:
    answer = api("POST", f"{EXTRACT}/cloud")
    assert answer.status_code == 202
    asked = answer.json()
    assert answer.headers["Location"] == asked["links"]["self"]
    assert api.get(answer.headers["Location"]) == asked
    assert (asked["integration"], asked["job_name"], asked["state"]) == (str(ACME), JOB, "queued")
    assert asked["requested_by"].startswith("key ")
    assert asked["requested_by"].endswith("(a test)")


def test_ids_and_slugs_mean_the_same(api: Caller, way: Way) -> None:
    tenant, site = way.of.tenant_id, way.of.id
    for path in (
        f"{EXTRACT}/{site}",
        f"{EXTRACT}/cloud?tenant_id=acme",
        f"{EXTRACT}/{site}?tenant_id={tenant}",
        f"/integrations/cloud/jobs/{JOB}/run",
        f"/integrations/{site}/jobs/{JOB}/run?tenant_id={tenant}",
    ):
        asked = api("POST", path).json()
        assert (asked["integration_id"], asked["job_name"]) == (site, JOB), path
    for path in (f"{EXTRACT}/{site}", f"{EXTRACT}/cloud?tenant_id=acme"):
        assert api("POST", path, ADMIN).json()["integration_id"] == site


def test_an_admin_names_the_tenant_of_a_slug(api: Caller) -> None:
    problem(api("POST", f"{EXTRACT}/other", ADMIN), 422, "tenant_id")
    assert requests(api.engine) == {}


def test_a_repeat_with_the_same_idempotency_key_is_the_same_request(api: Caller) -> None:
    first, second, other = (
        api("POST", f"{EXTRACT}/cloud", headers={"Idempotency-Key": key}) for key in ("a", "a", "b")
    )
    assert first.json() == second.json()
    assert first.headers["Location"] == second.headers["Location"]
    assert other.json()["request_id"] != first.json()["request_id"]
    assert len(requests(api.engine)) == 2


def test_an_idempotency_key_of_another_integration_is_refused(api: Caller) -> None:
    keyed = {"headers": {"Idempotency-Key": "a"}}
    assert api("POST", f"{EXTRACT}/cloud", "globex", **keyed).status_code == 202
    assert api("POST", f"{EXTRACT}/cloud", "acme", **keyed).status_code == 202
    problem(api("POST", f"{EXTRACT}/other", "globex", **keyed), 422, "Idempotency-Key")
    assert len(requests(api.engine)) == 2


def test_the_whole_way_from_queued_to_done(api: Caller, way: Way) -> None:
    request_id = api.ask()
    assert state(api, request_id) == "queued"

    run_id = way.begin()
    entity = Progress("globex/cloud", "project_statuses", done=3, total=9, seconds=1.5).as_json()
    way.progress(run_id, 37.0, entity)
    way.backdate(run_id, 74)
    extracting = api.get(f"/requests/{request_id}")
    assert extracting["state"] == "extracting"
    assert extracting["reading"]["percentage"] == 37.0
    assert extracting["reading"]["entity"] == {
        "entity": "project_statuses",
        "done": 3,
        "total": 9,
        "per_second": 2.0,
        "seconds_left": 3.0,
    }
    # 37 % in 74 s and a little more: half a percent a second, 126 s for the rest.
    assert 0.3 < extracting["reading"]["percent_per_second"] <= 0.5
    assert 126 <= extracting["reading"]["seconds_left"] < 210
    [run] = extracting["runs"]
    assert run == {
        "kind": "extraction",
        "run_id": run_id,
        "url": f"https://dagster.example/ui/runs/{run_id}",
    }

    way.land(run_id, "statuses", pages=2)
    way.land(run_id, "project_statuses")
    assert state(api, request_id) == "extracting"
    way.finish(run_id)
    landed = api.get(f"/requests/{request_id}")
    assert (landed["state"], landed["reading"]) == ("landed", None)
    assert [(each["entity"], each["pages"], each["items"]) for each in landed["landed"]] == [
        ("statuses", 2, 2),
        ("project_statuses", 1, 1),
    ]

    way.receive()
    assert state(api, request_id) == "landed"
    transform = way.transform()
    transforming = api.get(f"/requests/{request_id}")
    assert transforming["state"] == "transforming"
    assert [run["run_id"] for run in transforming["runs"]] == [run_id, transform]
    way.merge("statuses")
    assert state(api, request_id) == "transforming"
    way.merge("project_statuses")
    done = api.get(f"/requests/{request_id}")
    assert (done["state"], done["error"]) == ("done", None)
    assert {each["state"] for each in done["landed"]} == {"completed"}
    assert done["started_at"] < done["extracted_at"] < done["finished_at"]


def test_a_reading_that_failed_says_why(api: Caller, way: Way) -> None:
    request_id = api.ask()
    run_id = way.begin()
    way.land(run_id)
    way.fail(run_id, "Jira refused the credentials: renew them.")
    failed = api.get(f"/requests/{request_id}")
    assert (failed["state"], failed["error"]) == (
        "failed",
        "Jira refused the credentials: renew them.",
    )
    assert failed["finished_at"] == failed["extracted_at"] is not None


def test_a_transform_that_was_given_up_fails_it_and_a_later_merge_makes_it_good(
    api: Caller, way: Way
) -> None:
    request_id = api.ask()
    run_id = way.begin()
    way.land(run_id)
    way.finish(run_id)
    way.put(state="received", attempt=2, error="run 1 failed")
    assert state(api, request_id) == "transforming"
    way.put(state="failed", error="run 5 failed: no disk")
    failed = api.get(f"/requests/{request_id}")
    assert (failed["state"], failed["error"]) == ("failed", "statuses: run 5 failed: no disk")
    way.merge()
    assert state(api, request_id) == "done"


def test_what_a_person_dropped_leaves_it_failed(api: Caller, way: Way) -> None:
    request_id = api.ask()
    run_id = way.begin()
    way.land(run_id)
    way.finish(run_id)
    way.put(state="dropped", error="dropped by a person")
    dropped = api.get(f"/requests/{request_id}")
    assert (dropped["state"], dropped["error"]) == ("failed", "statuses: dropped by a person")
    assert dropped["landed"][0]["state"] == "dropped"


def test_what_a_newer_reading_superseded_is_done(api: Caller, way: Way) -> None:
    request_id = api.ask()
    run_id = way.begin()
    way.land(run_id)
    way.finish(run_id)
    newer = way.begin()
    way.land(newer)
    way.finish(newer)
    way.merge()
    done = api.get(f"/requests/{request_id}")
    assert (done["state"], done["landed"][0]["state"]) == ("done", "superseded")


def test_a_done_request_stays_done_when_its_messages_are_gone(api: Caller, way: Way) -> None:
    request_id = api.ask()
    run_id = way.begin()
    way.land(run_id)
    way.finish(run_id)
    way.merge()
    with api.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM jira.etl_job_queue"))
    done = api.get(f"/requests/{request_id}")
    assert (done["state"], done["landed"]) == ("done", [])


def test_the_progress_of_the_next_run_is_not_that_of_an_earlier_request(
    api: Caller, way: Way
) -> None:
    first = api.ask()
    run_id = way.begin()
    way.land(run_id)
    way.finish(run_id)
    second = api.ask()
    next_run = way.begin()
    way.progress(next_run, 12.0)
    assert api.get(f"/requests/{first}")["reading"] is None
    assert api.get(f"/requests/{second}")["reading"]["percentage"] == 12.0


def test_what_a_queued_request_waits_for_is_said(api: Caller, way: Way) -> None:
    run_id = way.begin()
    request_id = api.ask()
    assert api.get(f"/requests/{request_id}")["waits_for"] == (
        "another run of the integration is at work"
    )
    way.finish(run_id)
    assert api.get(f"/requests/{request_id}")["waits_for"] is None
    set_active(api.engine, ACME, active=False)
    assert "disabled" in api.get(f"/requests/{request_id}")["waits_for"]
