"""Answers nested as deeply as the parser takes them, in every place of a whole site's answers.

Not made by Hypothesis: it lifts the limit of Python's stack while it runs.
"""

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, get_args

import orjson
import pytest

from jira_assets.jira.errors import JiraError
from jira_assets.sandbox.dialects import answer
from jira_assets.sandbox.documents import Root
from jira_assets.sandbox.model import Deployment
from jira_assets.sandbox.synthetic import synthetic_site
from jira_assets.transform.snapshots import TRANSFORMS, build_snapshot
from jira_assets.warehouse.jsonb import to_jsonb
from jira_assets_tests.contract.accounts import check_accounts
from jira_assets_tests.contract.landing import OWNER, Sent, parsed, read
from jira_assets_tests.contract.mutate import places, sent

DEPTHS: Final = (200, 600, 980, 1018)
ERROR: Final = {
    "errorMessages": ["No project"],
    "errors": {"projectKey": "No such key"},
    "message": "No",
    "errorMessage": "No",
}


def site_answers(deployment: Deployment) -> dict[str, Any]:
    """Return one answer of each entity, of a site with one project."""
    site = synthetic_site(
        projects=1, statuses=2, issue_types=1, custom_fields=2, deployment=deployment
    )
    known = ("customfield_10000", "customfield_10001", "summary")
    state = replace(site.state, fields={name: site.state.fields[name] for name in known})
    root = Root("https://x", cloud=deployment == "cloud", version="3")
    paths = {
        "projects": "project/search" if root.cloud else "project",
        "issue_types": "issuetype",
        "statuses": "status",
        "project_statuses": f"project/{next(iter(state.projects))}/statuses",
        "fields": "field",
    }
    built = {entity: answer(state, root, path, {}).build() for entity, path in paths.items()}
    found: dict[str, Any] = orjson.loads(orjson.dumps(built))
    return found


def with_depths(document: Any, depth: int) -> Iterator[Any]:
    """Yield the document once for each of its places, nested ``depth`` deep there."""
    for place in range(len(list(places(document)))):
        changed = copy.deepcopy(document)
        holder, key = list(places(changed))[place]
        holder[key] = f"☃{depth}"
        yield changed


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("deployment", get_args(Deployment))
def test_any_depth_anywhere_ends_in_rows_or_is_set_aside(
    deployment: Deployment, depth: int
) -> None:
    whole = site_answers(deployment)
    for entity, document in whole.items():
        for changed in with_depths(document, depth):
            twice = [Sent(sent(changed))] * 2
            sources, seen = read({entity: twice})
            assert seen["refused"] == 0
            for table, transform in TRANSFORMS.items():
                if entity in transform.entities:
                    check_accounts(table, build_snapshot(table, OWNER, sources), sources)
            for page in sources[entity].pages():
                orjson.loads(to_jsonb(page.payload))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 429, 500])
@pytest.mark.parametrize("depth", DEPTHS)
def test_an_error_s_body_of_any_depth_is_an_error(depth: int, status: int) -> None:
    for changed in with_depths(ERROR, depth):
        with pytest.raises(JiraError):
            parsed(sent(changed), status)
