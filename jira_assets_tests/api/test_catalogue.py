"""What is there to look at, page by page; and changing a job."""

from typing import Any

import pytest
import sqlalchemy as sa

from jira_assets.partitions import PartitionKey
from jira_assets.warehouse.integrations import update_integration
from jira_assets.warehouse.tables import projects, statuses
from jira_assets_tests.api.caller import ADMIN, Caller, problem
from jira_assets_tests.api.conftest import Filled
from jira_assets_tests.api.way import Way
from jira_assets_tests.warehouse.jobs_data import job


def test_integrations_without_anything_of_their_credentials(api: Caller) -> None:
    update_integration(
        api.engine,
        PartitionKey("acme", "cloud"),
        auth="basic",
        username="canary-user",
        secret_ref="env:CANARY_SECRET",
    )
    answer = api("GET", "/integrations")
    [item] = answer.json()["items"]
    assert (item["integration"], item["slug"], item["active"]) == ("acme/cloud", "cloud", True)
    assert item["base_url"] == "https://acme.example"
    assert "canary" not in answer.text.lower()


def walk(api: Caller, path: str, by: str = "acme") -> list[Any]:
    """Return the items of all pages, by following ``next``."""
    items: list[Any] = []
    following: str | None = path
    while following is not None:
        page = api.get(following, by)
        items += page["items"]
        assert len(page["items"]) <= page["limit"]
        following = page["next"]
    assert len(items) == page["total"]
    return items


@pytest.mark.parametrize(
    "path",
    [
        "/integrations?",
        "/extractions?",
        "/extractions?integration_id=cloud&tenant_id=acme&",
        "/integrations/cloud/jobs?tenant_id=acme&",
        "/integrations/cloud/statuses?tenant_id=acme&",
        "/integrations/cloud/projects/TEN/statuses?tenant_id=acme&",
        "/extractions/{extraction_id}/pages?",
    ],
)
def test_a_list_is_the_same_in_pages_of_any_size(filled: Filled, path: str) -> None:
    path = path.format(**filled.of_acme)
    whole = walk(filled.api, path, ADMIN)
    assert len(whole) >= 2
    assert walk(filled.api, f"{path}limit=1", ADMIN) == whole
    assert walk(filled.api, f"{path}limit={len(whole)}", ADMIN) == whole


def test_extractions_the_newest_first_with_their_runs(filled: Filled) -> None:
    items = filled.api.get("/extractions")["items"]
    assert [item["entity"] for item in items] == ["projects", "project_statuses", "statuses"]
    assert {item["extraction_id"] for item in items} == {filled.of_acme["extraction_id"]}
    run = items[0]["run"]
    assert run["url"] == f"https://dagster.example/ui/runs/{run['run_id']}"
    [only] = filled.api.get("/extractions?entity=project_statuses")["items"]
    assert (only["pages"], only["items"], only["unreadable_projects"]) == (3, 3, 0)
    assert filled.api.get("/extractions", "globex")["items"] == []


def test_pages_show_what_was_asked_and_one_page_what_was_answered(filled: Filled) -> None:
    of = f"/extractions/{filled.of_acme['extraction_id']}/pages"
    pages = filled.api.get(f"{of}?entity=project_statuses")["items"]
    assert [page["page"] for page in pages] == [0, 1, 2]
    assert [page["request"]["path"] for page in pages] == ["/page/0", "/page/1", "/page/2"]
    assert not [page for page in pages if "payload" in page]
    one = filled.api.get(f"{of}/project_statuses/2")
    assert one == {**pages[2], "payload": [{"id": "1", "name": "To Do"}]}
    assert "No page 3" in problem(filled.api("GET", f"{of}/project_statuses/3"), 404)


def test_pages_that_have_not_landed_whole_are_not_there(api: Caller, way: Way) -> None:
    run_id = way.begin()
    whole = way.land(run_id)
    with api.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM jira.raw_extractions"))
    path = f"/extractions/{whole.extraction_id}/pages"
    problem(api("GET", path), 404)
    problem(api("GET", f"{path}/statuses/0"), 404)


def test_a_projects_statuses_by_key_and_by_id(filled: Filled) -> None:
    by_key, by_id = (
        filled.api.get(f"/integrations/cloud/projects/{ref}/statuses") for ref in ("TEN", "10")
    )
    assert by_key["items"] == by_id["items"]
    assert [status["jira_id"] for status in by_key["items"]] == ["1", "3"]
    every = filled.api.get("/integrations/cloud/statuses")["items"]
    assert [status["name"] for status in every] == ["Status 1", "Status 2", "Status 3"]


def test_what_is_deleted_is_not_shown(api: Caller, way: Way) -> None:
    run_id = way.begin()
    for entity in ("projects", "statuses", "project_statuses"):
        way.land(run_id, entity)
        way.merge(entity)
    path = "/integrations/cloud/projects/TEN/statuses"
    assert api.get(path)["total"] == 2
    for table, gone in ((statuses, statuses.c.jira_id == "3"), (projects, sa.true())):
        with api.engine.begin() as connection:
            now = {"deleted_at": sa.func.now()}
            connection.execute(sa.update(table).where(gone).values(now))
        if table is statuses:
            assert [item["jira_id"] for item in api.get(path)["items"]] == ["1"]
            assert api.get("/integrations/cloud/statuses")["total"] == 2
    problem(api("GET", path), 404)


def _jobs(api: Caller) -> dict[str, Any]:
    return {each["job_name"]: each for each in api.get("/integrations/cloud/jobs")["items"]}


def test_a_job_is_changed_and_the_rest_of_it_kept(api: Caller) -> None:
    path = "/integrations/cloud/jobs/jira_metadata"
    before = _jobs(api)["jira_metadata"]
    changes = {"schedule_interval_minutes": 5, "enabled": False, "depends_on": None}
    answer = api("PATCH", path, json=changes)
    assert answer.status_code == 200, answer.text
    after = answer.json()
    assert after == {**before, **changes, "next_run_at": after["next_run_at"]}
    assert _jobs(api)["jira_metadata"] == after
    assert job(api.engine, key="globex/cloud").schedule_interval_minutes == 1440
