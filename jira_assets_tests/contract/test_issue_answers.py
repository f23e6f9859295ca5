"""What the sandbox answers about issues, against Atlassian's own OpenAPI specs.

Facts about these: Cloud's declares no null where sites send one (``from`` of a change that put
something in), and a text where the bulk endpoint sends epoch milliseconds. Cloud's part that the
tests have does not hold ``GET /issue/{id}``, whose schema is that of an issue of a search. Data
Center's says of ``fields`` what Jira has never sent (``updated`` as a number, one comment in the
place of a page of them): they are left out there, and so is what is rendered of them.
"""

from typing import Any

import pytest
from jsonschema import ValidationError

from jira_assets.sandbox.model import Deployment, SiteState
from jira_assets.sandbox.synthetic import synthetic_site
from jira_assets_tests.contract.spec import Judged, Spec, validator
from jira_assets_tests.sandbox.asking import by_token, get, post, read

SEARCH = {True: "/search/jql", False: "/search"}


@pytest.fixture
def state(deployment: Deployment) -> SiteState:
    return synthetic_site(issues=300, custom_fields=30, deployment=deployment).state


def without_nulls(node: Any) -> Any:
    if isinstance(node, list):
        return [without_nulls(one) for one in node]
    if not isinstance(node, dict):
        return node
    return {name: without_nulls(value) for name, value in node.items() if value is not None}


def judged(issue: dict[str, Any], spec: Spec) -> dict[str, Any]:
    """Take out what the spec is wrong about."""
    told = {**issue, "changelog": without_nulls(issue["changelog"])}
    assert issue["fields"].keys() == issue["renderedFields"].keys()
    return told if spec.cloud else {**told, "fields": {}, "renderedFields": {}}


def judged_page(page: dict[str, Any], spec: Spec) -> dict[str, Any]:
    return {**page, "issues": [judged(issue, spec) for issue in page["issues"]]}


@pytest.mark.parametrize("method", ["get", "post"])
def test_searches_are_what_atlassian_declares(spec: Spec, state: SiteState, method: str) -> None:
    path = SEARCH[spec.cloud]
    judge = spec.validator(path, method)
    asked: dict[str, Any] = {"jql": "created > 0 ORDER BY updated", "maxResults": 100}
    expand = "changelog,names,schema,renderedFields"
    if method == "get":
        query = {"fields": "*all", "expand": expand, **asked, "maxResults": "100"}
        judge.validate(judged_page(read(get(state, path.removeprefix("/"), **query)), spec))
        return
    body = {**asked, "fields": ["*all"], "expand": expand if spec.cloud else expand.split(",")}
    spec.body(path).validate(body)
    found = 0
    for page in by_token(state, path.removeprefix("/"), **body):
        judge.validate(judged_page(page, spec))
        found += len(page["issues"])
    assert found == (300 if spec.cloud else 100)


def test_changelogs_are_what_atlassian_declares(specs: dict[Deployment, Spec]) -> None:
    spec, state = specs["cloud"], synthetic_site(issues=120).state
    judge = spec.validator("/issue/{issueIdOrKey}/changelog")
    for issue_id in state.issues:
        judge.validate(without_nulls(read(get(state, f"issue/{issue_id}/changelog"))))
    judge = spec.validator("/changelog/bulkfetch", "post")
    body = {"issueIdsOrKeys": list(state.issues), "maxResults": 500}
    spec.body("/changelog/bulkfetch").validate(body)
    for page in by_token(state, "changelog/bulkfetch", **body):
        for log in page["issueChangeLogs"]:
            for row in log["changeHistories"]:
                assert isinstance(row["created"], int)
                row["created"] = "2024-01-01T00:00:00.000+0000"
        judge.validate(without_nulls(page))


def test_counts_and_insights_are_what_atlassian_declares(specs: dict[Deployment, Spec]) -> None:
    spec, state = specs["cloud"], synthetic_site(issues=60).state
    counted = read(post(state, "search/approximate-count", jql="created > 0"))
    spec.validator("/search/approximate-count", "post").validate(counted)
    page = read(get(state, "project/search", expand="insight"))
    spec.validator("/project/search").validate(page)
    assert sum(row["insight"]["totalIssueCount"] for row in page["values"]) == 60


def test_an_issue_is_what_atlassian_declares(spec: Spec, state: SiteState) -> None:
    judge = validator(Judged({"$ref": "#/components/schemas/IssueBean"}, spec.components))
    for issue_id in list(state.issues)[:50]:
        told = read(get(state, f"issue/{issue_id}", expand="changelog,renderedFields,names"))
        judge.validate(judged(told, spec))


def test_the_validators_would_notice(spec: Spec, state: SiteState) -> None:
    path = SEARCH[spec.cloud]
    page = read(post(state, path.removeprefix("/"), jql="created > 0", fields=["key"]))
    page["issues"][0]["key"] = 5
    with pytest.raises(ValidationError):
        spec.validator(path, "post").validate(page)
