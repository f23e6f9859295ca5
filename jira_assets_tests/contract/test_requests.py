"""Every request of the client against what Atlassian's specs declare."""

import re
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator, ValidationError

from jira_assets.sandbox.model import Deployment
from jira_assets_tests.contract.asked import CONTEXTS, OUTSIDE, Asked, asked
from jira_assets_tests.contract.spec import PROJECT_STATUSES, Spec

Specs = dict[Deployment, Spec]
BOOLEANS = {"true": True, "false": False}


def check(request: Asked, specs: Specs) -> None:
    """Check that the spec has the operation, and each parameter, and that none is missing."""
    assert request.method == "GET"
    operation = request.operation(specs)
    if operation is None:
        return
    assert not operation.deprecated
    declared = operation.parameters("query")
    for name, value in request.query:
        check_value(value, declared[name]["schema"])
        if name == "expand" and "Use [expand]" in declared[name]["description"]:
            for each in value.split(","):
                assert f" `{each}` " in declared[name]["description"]
    required = {name for name, each in declared.items() if each.get("required")}
    assert required <= {name for name, _ in request.query}


def check_value(text: str, schema: dict[str, Any]) -> None:
    """Check one value of a query; what is said several times is a list, one item each."""
    if schema["type"] == "array":
        check_value(text, schema["items"])
        return
    value: Any = text
    if schema["type"] == "integer" and re.fullmatch(r"-?\d+", text):
        value = int(text)
    elif schema["type"] == "boolean":
        value = BOOLEANS.get(text, text)
    Draft202012Validator(schema).validate(value)


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("says_so", [True, False])
def test_requests_are_what_atlassian_declares(
    specs: Specs, deployment: Deployment, context: str, says_so: bool
) -> None:
    declared = deployment if says_so else "auto"
    requests = asked(deployment, context=context, declared=declared)
    for request in requests:
        check(request, specs)
    foreign = {each.path for each in requests if specs[deployment] is not _spec(specs, each)}
    assert foreign == (set() if says_so or deployment == "data_center" else {"/serverInfo"})


def _spec(specs: Specs, request: Asked) -> Spec:
    return specs["cloud" if request.api == "/rest/api/3" else "data_center"]


def test_every_endpoint_is_among_the_requests(specs: Specs, deployment: Deployment) -> None:
    templates = {
        operation.template
        for request in asked(deployment)
        if (operation := request.operation(specs)) is not None
    }
    projects = "/project/search" if deployment == "cloud" else "/project"
    lists = {projects, "/issuetype", "/status", "/field", PROJECT_STATUSES}
    assert templates == {"/serverInfo", "/myself"} | lists


def test_the_pages_of_cloud_s_projects_are_as_large_as_they_may_be(specs: Specs) -> None:
    pages = [dict(each.query) for each in asked("cloud") if each.path == "/project/search"]
    assert {page["startAt"] for page in pages} >= {"0", "100"}
    declared = specs["cloud"].operation("/project/search").parameters("query")
    largest = str(declared["maxResults"]["schema"]["maximum"])
    assert {page["maxResults"] for page in pages} == {largest}


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/project/search", ("maxResults", "101")),
        ("/project/search", ("maxResults", "many")),
        ("/project/search", ("status", "live,archived")),
        ("/project/search", ("expand", "everything")),
        ("/project/search", ("limit", "1")),
        ("/project", ("startAt", "0")),
        ("/projects", ("startAt", "0")),
    ],
)
def test_a_wrong_request_would_be_noticed(specs: Specs, path: str, query: tuple[str, str]) -> None:
    wrong = Asked("GET", "/rest/api/3", path, (query,))
    with pytest.raises((ValidationError, AssertionError, LookupError)):
        check(wrong, specs)


def test_what_is_outside_of_the_specs_is_known(specs: Specs) -> None:
    """The specs' excerpts lack it; once they have it, it is held against them as well."""
    for deployment in get_args(Deployment):
        assert not OUTSIDE & specs[deployment].templates.keys()
