"""Every request for issues against what Atlassian's specs declare, bodies included."""

from typing import Any

import pytest
from jsonschema import ValidationError

from jira_assets.sandbox.model import Deployment
from jira_assets_tests.contract.issues_asked import asked_about_issues
from jira_assets_tests.contract.spec import Judged, Spec, in_json_schema, validator
from jira_assets_tests.jira.scripted import Asked


@pytest.fixture
def asked(deployment: Deployment) -> list[Asked]:
    return asked_about_issues(deployment)


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
