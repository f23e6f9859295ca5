from typing import Any

import pytest

from jira_assets.jira.dialect import deployment_of, dialect_of
from jira_assets.jira.shapes import ids_of, is_account, is_list, is_page, is_server_info


def test_cloud_pages_its_projects() -> None:
    cloud = dialect_of("cloud")
    assert cloud.pages_projects
    assert cloud.projects == "/rest/api/3/project/search"
    assert cloud.projects_params["maxResults"] == 100
    assert (cloud.statuses, cloud.issue_types) == ("/rest/api/3/status", "/rest/api/3/issuetype")
    assert cloud.fields == "/rest/api/3/field"
    assert (cloud.server_info, cloud.myself) == ("/rest/api/3/serverInfo", "/rest/api/3/myself")


def test_data_center_lists_its_projects() -> None:
    data_center = dialect_of("data_center")
    assert not data_center.pages_projects
    assert data_center.projects == "/rest/api/2/project"
    assert data_center.project_statuses("10000") == "/rest/api/2/project/10000/statuses"


def test_an_id_stays_one_segment_of_the_path() -> None:
    assert dialect_of("cloud").project_statuses("../1?x") == (
        "/rest/api/3/project/..%2F1%3Fx/statuses"
    )


@pytest.mark.parametrize(
    ("said", "deployment"),
    [("Cloud", "cloud"), ("Server", "data_center"), ("Data Center", "data_center")],
)
def test_a_site_says_what_it_is(said: str, deployment: str) -> None:
    assert deployment_of({"deploymentType": said}) == deployment


@pytest.mark.parametrize("server_info", [{}, {"deploymentType": None}])
def test_a_site_that_does_not_say_is_no_cloud(server_info: dict[str, Any]) -> None:
    assert deployment_of(server_info) == "data_center"


@pytest.mark.parametrize(
    ("payload", "fits"),
    [
        ([], True),
        ([{"id": "1"}, {"id": "1"}], True),
        ([{"id": "1", "unknown": {"field": 1}}], True),
        ([{"id": "1"}, {"name": "no id"}, None], True),
        ([{"name": "no id"}], False),
        (["1"], False),
        ({"errorMessages": ["no"]}, False),
        ({"values": [{"id": "1"}]}, False),
        (None, False),
        ("text", False),
    ],
)
def test_a_list_holds_objects_with_ids(payload: Any, *, fits: bool) -> None:
    assert is_list(payload) is fits
    assert is_page({"values": payload}) is fits


@pytest.mark.parametrize("payload", [[{"id": "1"}], {}, {"values": None}, None])
def test_a_page_holds_its_list_under_values(payload: Any) -> None:
    assert not is_page(payload)


def test_ids_are_distinct_and_text() -> None:
    assert ids_of({"values": [{"id": 1}, {"id": "1"}, {"id": "2"}, {}, None]}) == {"1", "2"}


def test_what_answers_server_info_and_myself_is_recognised() -> None:
    assert is_server_info({"version": "9.12.0"})
    assert not is_server_info({"status": "UP"})
    assert is_account({"accountId": "5b10"})
    assert is_account({"name": "mia"})
    assert not is_account({"displayName": "Anonymous"})
    assert not is_account([])
