"""An extraction of issues lands project by project: thousands of scopes, told in few words."""

import pytest
import sqlalchemy as sa

from jira_assets.warehouse.queue_rows import claim
from jira_assets.warehouse.scoped_landing import land_scopes
from jira_assets.warehouse.tables import etl_job_queue
from jira_assets_tests.api.caller import Caller
from jira_assets_tests.api.way import Way
from jira_assets_tests.warehouse.issues_data import apply, issue, scoped, whole

PROJECTS = 1500
PROJECT = str(PROJECTS - 1)


@pytest.fixture
def request_id(api: Caller, way: Way) -> str:
    """A request whose run has landed one issue of each of many projects, and is over."""
    request_id = api.ask("/integrations/cloud/jobs/jira_issues/run")
    run_id = way.begin("jira_issues")
    scopes = map(str, range(PROJECTS))
    pieces = [each for scope in scopes for each in whole(scope, issue(scope, project=scope))]
    land_scopes(way.engine, scoped(way.owner, pieces, way.extraction_id), run_id=run_id)
    way.finish(run_id)
    return request_id


def test_a_request_counts_its_projects_and_lists_none(
    api: Caller, way: Way, request_id: str
) -> None:
    landed = api.get(f"/requests/{request_id}")
    assert landed["state"] == "landed"
    [line] = landed["landed"]
    counts = {name: line[name] for name in ("entity", "pages", "items", "scopes", "scopes_done")}
    assert counts == {
        "entity": "issues",
        "pages": PROJECTS,
        "items": PROJECTS,
        "scopes": PROJECTS,
        "scopes_done": 0,
    }

    way.receive()
    assert len(claim(way.engine, "transforming", way.of.id, ["issues"])) == PROJECTS
    first = etl_job_queue.c.scope == PROJECT
    with way.engine.begin() as connection:
        connection.execute(sa.update(etl_job_queue).where(first).values(state="completed"))
    answer = api("GET", f"/requests/{request_id}")
    [line] = answer.json()["landed"]
    assert answer.json()["state"] == "transforming"
    assert (line["scopes_done"], line["state"]) == (1, "launched")
    assert [run["run_id"] for run in answer.json()["runs"]][1:] == ["transforming"]
    assert len(answer.content) < 2000

    apply(way.engine, way.owner)
    done = api.get(f"/requests/{request_id}")
    assert done["state"] == "done"
    assert done["landed"][0]["scopes_done"] == PROJECTS


def test_what_landed_of_one_project_is_found(api: Caller, way: Way, request_id: str) -> None:
    del request_id
    path = f"/extractions?integration_id=cloud&entity=issues&scope={PROJECT}"
    [extraction] = api.get(path)["items"]
    assert (extraction["scope"], extraction["is_full"], extraction["pages"]) == (PROJECT, True, 1)

    pages = f"/extractions/{way.extraction_id}/pages"
    [page] = api.get(f"{pages}?scope={PROJECT}")["items"]
    assert (page["scope"], page["page"]) == (PROJECT, 0)
    whole_page = api.get(f"{pages}/issues/0?scope={PROJECT}")
    assert [each["jira_id"] for each in whole_page["payload"]["issues"]] == [PROJECT]
    assert api.get(f"/extractions?entity=issues&scope={PROJECTS}")["items"] == []
