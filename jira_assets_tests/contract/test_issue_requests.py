"""Every request for issues against what Atlassian's specs declare, bodies included."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from jsonschema import ValidationError

from jira_assets.jira.client import IssueQuery, ProjectRef
from jira_assets.sandbox.model import Deployment
from jira_assets_tests.contract.spec import Judged, Spec, in_json_schema, validator
from jira_assets_tests.jira.scripted import Asked, Reply, ScriptedJira, client

REFS = [ProjectRef("10", "P"), ProjectRef("20", "Q")]
SINCE = datetime(2026, 6, 1, tzinfo=UTC)
SHORT = {"id": "7", "key": "P-7", "changelog": {"total": 3, "histories": []}}
"""An issue whose changelog must be asked for."""


def _search(asked: Asked) -> Reply:
    body = asked.body
    more = "nextPageToken" not in body and "key >=" not in body["jql"]
    page = {"issues": [SHORT], "maxResults": 1, "total": 2 if more else 1}
    return Reply({**page, **({"nextPageToken": "a"} if more else {"isLast": True})})


def _bulk(asked: Asked) -> Reply:
    if "nextPageToken" not in asked.body:
        return Reply({"issueChangeLogs": [], "nextPageToken": "b"})
    return Reply({}, 404)


@pytest.fixture
def asked(deployment: Deployment) -> Iterator[list[Asked]]:
    api = "/rest/api/3" if deployment == "cloud" else "/rest/api/2"
    with ScriptedJira() as jira:
        (jira.cloud() if deployment == "cloud" else jira.data_center()).by(f"{api}/search", _search)
        jira.by(f"{api}/search/jql", _search).by(f"{api}/changelog/bulkfetch", _bulk)
        histories = {"startAt": 0, "total": 3, "values": [{"id": "1"}]}
        jira.on(f"{api}/issue/7/changelog", Reply(histories)).on(f"{api}/issue/7", Reply(SHORT))
        with client(jira) as reader:
            for since in (None, SINCE):
                queries = [IssueQuery(ref, since, ("*all",), rendered=True) for ref in REFS]
                assert list(reader.issues(queries))
            assert list(reader.issue_ids(REFS))
            assert list(reader.issue_samples(REFS))
        yield [each for each in jira.asked if "erverInfo" not in each.path]


def _check(request: Asked, spec: Spec) -> str:
    """Check a request against the spec and return the template of its path."""
    path = request.path.removeprefix("/rest/api/3" if spec.cloud else "/rest/api/2")
    template = spec.asked_by(path).template if request.method == "GET" else path
    prefix = "/rest/api/3" if spec.cloud else "/api/2"
    operation = spec.document["paths"][prefix + template][request.method.lower()]
    assert not operation.get("deprecated")
    if request.method == "GET":
        declared = {each["name"] for each in operation.get("parameters", ())}
        assert request.query.keys() <= declared
        return template
    content = operation["requestBody"]["content"]["application/json"]["schema"]
    validator(Judged(in_json_schema(content), spec.components)).validate(request.body)
    bean = spec.components["schemas"][content["$ref"].rpartition("/")[2]]
    assert request.body.keys() <= bean["properties"].keys()
    return template


def test_requests_for_issues_are_what_atlassian_declares(spec: Spec, asked: list[Asked]) -> None:
    templates = {_check(request, spec) for request in asked}
    cloud = {"/search/jql", "/changelog/bulkfetch", "/issue/{issueIdOrKey}/changelog"}
    data_center = {"/search", "/issue/{issueIdOrKey}"}
    assert templates == {"/myself"} | (cloud if spec.cloud else data_center)


@pytest.mark.parametrize(
    "wrong", [{"expand": 5}, {"maxResults": "100"}, {"startat": 0}, {"fields": "summary"}]
)
def test_a_wrong_body_would_be_noticed(
    spec: Spec, asked: list[Asked], wrong: dict[str, Any]
) -> None:
    search = next(each for each in asked if "/search" in each.path)
    request = Asked(search.path, {}, {}, "POST", {**search.body, **wrong})
    with pytest.raises((ValidationError, AssertionError)):
        _check(request, spec)
