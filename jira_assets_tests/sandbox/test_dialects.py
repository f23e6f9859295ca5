from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from jira_assets.sandbox.answers import Answer
from jira_assets.sandbox.dialects import anonymous_answer, answer
from jira_assets.sandbox.documents import Root
from jira_assets.sandbox.model import Project, SiteState
from jira_assets.sandbox.synthetic import synthetic_site

CLOUD = Root("https://one.example", cloud=True, version="3")
DATA_CENTER = Root("https://two.example/jira", cloud=False, version="2")


@pytest.fixture(scope="module")
def cloud() -> SiteState:
    return synthetic_site(projects=250, statuses=60, issue_types=20).state


@pytest.fixture(scope="module")
def data_center() -> SiteState:
    return synthetic_site(projects=250, deployment="data_center").state


def get(state: SiteState, path: str, **query: str) -> Answer:
    root = CLOUD if state.deployment == "cloud" else DATA_CENTER
    return answer(state, root, path, query)


def read(state: SiteState, path: str, **query: str) -> Any:
    found = get(state, path, **query)
    assert found.status == 200
    return orjson.loads(orjson.dumps(found.build()))


def test_serverinfo_tells_the_deployment(cloud: SiteState, data_center: SiteState) -> None:
    assert read(cloud, "serverInfo")["deploymentType"] == "Cloud"
    assert read(data_center, "serverInfo")["deploymentType"] == "Server"
    assert read(data_center, "serverInfo")["baseUrl"] == "https://two.example/jira"


def test_myself_is_told_in_the_words_of_the_deployment(
    cloud: SiteState, data_center: SiteState
) -> None:
    assert read(cloud, "myself")["accountId"]
    assert "accountId" not in read(data_center, "myself")
    assert read(data_center, "myself")["name"] == "sandbox-reader"
    assert read(cloud, "myself")["timeZone"] == "Europe/Berlin"


def test_pages_of_projects_follow_each_other_to_the_end(cloud: SiteState) -> None:
    seen: list[str] = []
    query = {"maxResults": "70", "status": "live,archived"}
    while True:
        page = read(cloud, "project/search", **query)
        assert page["total"] == 250
        seen += [project["key"] for project in page["values"]]
        if page["isLast"]:
            break
        query = {
            name: values[0] for name, values in parse_qs(urlsplit(page["nextPage"]).query).items()
        }
    assert "nextPage" not in page
    assert seen == sorted(project.key for project in cloud.projects.values())


def test_a_page_holds_fifty_projects_by_default_and_a_hundred_at_most(cloud: SiteState) -> None:
    assert len(read(cloud, "project/search")["values"]) == 50
    page = read(cloud, "project/search", maxResults="5000")
    assert page["maxResults"] == len(page["values"]) == 100


def test_a_page_past_the_end_is_empty_and_the_last(cloud: SiteState) -> None:
    page = read(cloud, "project/search", startAt="9999")
    assert (page["values"], page["isLast"]) == ([], True)


@pytest.mark.parametrize("query", [{"startAt": "x"}, {"startAt": "-1"}, {"maxResults": "0"}])
def test_nonsense_offsets_are_refused(cloud: SiteState, query: dict[str, str]) -> None:
    assert get(cloud, "project/search", **query).status == 400


def test_archived_projects_come_when_asked_for(cloud: SiteState, data_center: SiteState) -> None:
    live = read(cloud, "project/search")["total"]
    archived = read(cloud, "project/search", status="archived")["total"]
    assert archived > 0
    assert live + archived == 250
    assert len(read(data_center, "project")) == live
    assert len(read(data_center, "project", includeArchived="true")) == 250


def test_only_cloud_has_project_search(data_center: SiteState) -> None:
    found = get(data_center, "project/search")
    assert found.status == 404
    assert found.build()["errorMessages"] == ["No project could be found with key 'search'."]


def test_a_project_tells_more_when_asked_for_more(cloud: SiteState) -> None:
    [plain] = read(cloud, "project/search", maxResults="1")["values"]
    assert not {"lead", "description", "issueTypes"} & plain.keys()
    [told] = read(cloud, "project/search", maxResults="1", expand="lead,description,issueTypes")[
        "values"
    ]
    assert told["lead"]["accountId"]
    workflow = cloud.workflows[told["id"]]
    assert [row["id"] for row in told["issueTypes"]] == [type_id for type_id, _ in workflow]
    assert read(cloud, f"project/{told['key']}")["lead"] == told["lead"]


def test_statuses_of_a_project_by_id_and_by_key(cloud: SiteState) -> None:
    for project in cloud.projects.values():
        found = read(cloud, f"project/{project.id}/statuses")
        assert (
            tuple((row["id"], tuple(status["id"] for status in row["statuses"])) for row in found)
            == (cloud.workflows[project.id])
        )
        assert found == read(cloud, f"project/{project.key}/statuses")


def test_projects_of_one_workflow_have_one_answer(cloud: SiteState) -> None:
    keys = {get(cloud, f"project/{project_id}/statuses").key for project_id in cloud.projects}
    assert len(keys) == len(set(cloud.workflows.values()))


def test_a_key_is_case_sensitive_and_its_absence_is_told_in_jiras_words(cloud: SiteState) -> None:
    found = get(cloud, "project/na/statuses")
    assert found.status == 404
    assert found.build() == {
        "errorMessages": ["No project could be found with key 'na'."],
        "errors": {},
    }
    assert get(cloud, "project/NA/statuses").status == 200


@pytest.mark.parametrize("status", [404, 403])
def test_an_unreadable_project_is_listed_but_not_told(status: int) -> None:
    site = synthetic_site()
    site.make_unreadable("NULL", status)
    for path in ("project/NULL", "project/NULL/statuses"):
        found = get(site.state, path)
        assert found.status == status
        assert found.build()["errorMessages"]
    assert "NULL" in {row["key"] for row in read(site.state, "project/search")["values"]}


def test_scopes_are_told_on_cloud_only(cloud: SiteState, data_center: SiteState) -> None:
    assert any("scope" in row for row in read(cloud, "status"))
    assert any("scope" in row for row in read(cloud, "issuetype"))
    assert all("untranslatedName" in row for row in read(cloud, "status"))
    assert not any(
        {"scope", "untranslatedName", "hierarchyLevel"} & row.keys()
        for path in ("status", "issuetype")
        for row in read(data_center, path)
    )


def test_fields_are_told_as_each_deployment_does(cloud: SiteState, data_center: SiteState) -> None:
    on_cloud, elsewhere = read(cloud, "field"), read(data_center, "field")
    assert [row["id"] for row in on_cloud] == list(cloud.fields)
    assert all(row["key"] == row["id"] for row in on_cloud)
    assert any("scope" in row for row in on_cloud)
    assert {row["custom"] for row in on_cloud if "untranslatedName" in row} == {True}
    assert not any({"scope", "untranslatedName", "key"} & row.keys() for row in elsewhere)
    [points] = [row for row in elsewhere if row["id"] == "customfield_10000"]
    assert points["schema"] == {
        "type": "number",
        "custom": "com.atlassian.jira.plugin.system.customfieldtypes:float",
        "customId": 10000,
    }
    [labels] = [row for row in elsewhere if row["id"] == "labels"]
    assert labels["schema"] == {"type": "array", "items": "string", "system": "labels"}
    assert not any("schema" in row for row in elsewhere if row["id"] == "issuekey")


def test_unlisted_statuses_come_with_projects_alone(data_center: SiteState) -> None:
    listed = {row["id"] for row in read(data_center, "status")}
    named = {
        status["id"]
        for project_id in data_center.projects
        for row in read(data_center, f"project/{project_id}/statuses")
        for status in row["statuses"]
    }
    assert named - listed == {row.id for row in data_center.statuses.values() if not row.listed}


def test_repeated_projects_stand_on_the_pages(cloud: SiteState) -> None:
    del cloud
    twice = {"id": "1", "key": "A", "name": "Before"}
    site = synthetic_site(projects=0)
    site.add_project(Project("1", "A", "After", repeats=(twice,)))
    page = read(site.state, "project/search")
    assert [row["name"] for row in page["values"]] == ["Before", "After"]
    assert page["total"] == 2


def test_nobody_sees_an_empty_site_and_has_no_self(cloud: SiteState) -> None:
    def ask(path: str) -> Answer:
        return anonymous_answer(cloud, CLOUD, path, {})

    assert ask("status").build() == ask("issuetype").build() == []
    assert not any(row["custom"] for row in ask("field").build())
    assert "summary" in {row["id"] for row in ask("field").build()}
    assert ask("project/search").build()["total"] == 0
    assert ask("serverInfo").status == 200
    assert ask("myself").status == 401
    assert ask("project/NA/statuses").status == 404


def test_a_path_that_jira_does_not_have(cloud: SiteState) -> None:
    found = get(cloud, "nix/da")
    assert found.status == 404
    assert found.build() == {
        "message": "null for uri: https://one.example/rest/api/3/nix/da",
        "status-code": 404,
    }


def test_mypermissions_of_cloud_wants_to_know_which(cloud: SiteState) -> None:
    refused = get(cloud, "mypermissions")
    assert refused.status == 400
    assert refused.build()["errorMessages"] == ["The 'permissions' query parameter is required."]
    assert get(cloud, "mypermissions", permissions="FLY").status == 400
    asked = read(cloud, "mypermissions", permissions="BROWSE_PROJECTS, ADMINISTER")["permissions"]
    assert {key: one["havePermission"] for key, one in asked.items()} == {
        "BROWSE_PROJECTS": True,
        "ADMINISTER": False,
    }
    assert asked["ADMINISTER"]["type"] == "GLOBAL"


def test_mypermissions_of_data_center_tells_all(data_center: SiteState) -> None:
    told = read(data_center, "mypermissions")["permissions"]
    assert {"BROWSE_PROJECTS", "ADMINISTER", "ADMINISTER_PROJECTS"} <= told.keys()
    assert [key for key, one in told.items() if one["havePermission"]] == ["BROWSE_PROJECTS"]
    assert all(one["key"] == key for key, one in told.items())


def test_nobody_in_particular_may_do_nothing(data_center: SiteState) -> None:
    told = anonymous_answer(data_center, DATA_CENTER, "mypermissions", {}).build()["permissions"]
    assert not any(one["havePermission"] for one in told.values())
