"""The sandbox's answers against Atlassian's own OpenAPI specs of Cloud v3 and Data Center v2."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator, ValidationError

from jira_assets.sandbox.dialects import answer
from jira_assets.sandbox.documents import Root
from jira_assets.sandbox.model import Deployment, SiteState
from jira_assets.sandbox.synthetic import synthetic_site

SPECS: dict[Deployment, tuple[str, str, Root]] = {
    "cloud": ("cloud-v3.json", "/rest/api/3", Root("https://x", cloud=True, version="3")),
    "data_center": ("data-center-v2.json", "/api/2", Root("https://x", cloud=False, version="2")),
}
ENDPOINTS = {
    "serverInfo": "/serverInfo",
    "myself": "/myself",
    "status": "/status",
    "issuetype": "/issuetype",
    "project/{project}": "/project/{projectIdOrKey}",
    "project/{project}/statuses": "/project/{projectIdOrKey}/statuses",
}
LISTS = ("status", "issuetype", "project", "project/{project}/statuses")
EXPAND = {"expand": "description,lead,issueTypes", "status": "live,archived"}


def in_json_schema(node: Any) -> Any:
    """Turn OpenAPI 3.0 into JSON Schema: only ``nullable`` differs in what these specs use."""
    if isinstance(node, list):
        return [in_json_schema(one) for one in node]
    if not isinstance(node, dict):
        return node
    schema = {name: in_json_schema(value) for name, value in node.items() if name != "nullable"}
    return {"anyOf": [schema, {"type": "null"}]} if node.get("nullable") is True else schema


class Spec:
    """One of Atlassian's specs, as validators of what its GETs answer."""

    def __init__(self, folder: Path, deployment: Deployment) -> None:
        file, self.prefix, self.root = SPECS[deployment]
        self.cloud = deployment == "cloud"
        self.document = json.loads((folder / file).read_text())
        self.components = in_json_schema(self.document["components"])

    def validator(self, path: str, *, many: bool) -> Draft202012Validator:
        """Validate by what the spec declares; Data Center's declares one item where lists come."""
        declared = self.document["paths"][self.prefix + path]["get"]["responses"]["200"]
        schema = in_json_schema(declared["content"]["application/json"]["schema"])
        if many and not self.cloud:
            schema = {"type": "array", "items": schema}
        return Draft202012Validator({**schema, "components": self.components})


@pytest.fixture(params=list(SPECS))
def deployment(request: pytest.FixtureRequest) -> Deployment:
    chosen: Deployment = request.param
    return chosen


@pytest.fixture
def spec(jira_openapi_dir: Path, deployment: Deployment) -> Spec:
    return Spec(jira_openapi_dir, deployment)


@pytest.fixture
def state(deployment: Deployment) -> SiteState:
    return synthetic_site(projects=40, statuses=60, issue_types=20, deployment=deployment).state


def answered(state: SiteState, spec: Spec, path: str) -> Any:
    return orjson.loads(orjson.dumps(answer(state, spec.root, path, EXPAND).build()))


@pytest.mark.parametrize("path", ENDPOINTS)
def test_answers_are_what_atlassian_declares(spec: Spec, state: SiteState, path: str) -> None:
    validator = spec.validator(ENDPOINTS[path], many=path in LISTS)
    projects = list(state.projects) if "{project}" in path else [""]
    for project_id in projects:
        validator.validate(answered(state, spec, path.format(project=project_id)))


def test_fields_are_what_atlassian_declares_and_a_name_that_it_forgot(
    spec: Spec, state: SiteState
) -> None:
    """Cloud's sites tell ``untranslatedName`` of custom fields; its spec allows nothing unknown."""
    found = answered(state, spec, "field")
    assert {row["id"] for row in found if "untranslatedName" in row} == {
        row.id for row in state.fields.values() if row.custom and spec.cloud
    }
    for row in found:
        row.pop("untranslatedName", None)
    assert len(found) > 30
    spec.validator("/field", many=True).validate(found)


def test_the_project_list_is_what_atlassian_declares(spec: Spec, state: SiteState) -> None:
    path = "/project/search" if spec.cloud else "/project"
    found = answered(state, spec, path.removeprefix("/"))
    spec.validator(path, many=True).validate(found)
    assert len(found["values"] if spec.cloud else found) >= 38


@pytest.mark.parametrize(
    ("path", "field"), [("/status", "id"), ("/issuetype", "subtask"), ("/field", "schema")]
)
def test_the_validators_would_notice(spec: Spec, state: SiteState, path: str, field: str) -> None:
    found = answered(state, spec, path.removeprefix("/"))
    found[-1][field] = ["not", "this"]
    with pytest.raises(ValidationError):
        spec.validator(path, many=True).validate(found)
