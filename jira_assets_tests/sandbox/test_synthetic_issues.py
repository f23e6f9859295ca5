from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import orjson
import pytest

from jira_assets.sandbox.issue_model import Issue, Option, RichText
from jira_assets.sandbox.issue_texts import NAMELESS
from jira_assets.sandbox.model import Deployment, SiteState
from jira_assets.sandbox.synthetic import synthetic_site
from jira_assets_tests.sandbox.asking import get, post

DEPLOYMENTS: tuple[Deployment, ...] = ("cloud", "data_center")
ISSUES = 1500


@pytest.fixture(scope="module", params=DEPLOYMENTS)
def state(request: pytest.FixtureRequest) -> SiteState:
    return synthetic_site(issues=ISSUES, custom_fields=60, deployment=request.param).state


def items(issue: Issue, field: str) -> Iterator[Any]:
    for history in issue.histories:
        yield from (item for item in history.items if item.field == field)


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_the_same_arguments_make_the_same_issues(deployment: Deployment) -> None:
    made = [synthetic_site(issues=60, deployment=deployment).state for _ in range(2)]
    assert made[0] == made[1]
    assert made[0].issues != synthetic_site(issues=60, deployment=deployment, seed=2).state.issues


@pytest.mark.parametrize("issues", [0, 1, 49, 50])
def test_there_are_as_many_as_asked_for(issues: int) -> None:
    site = synthetic_site(issues=issues)
    assert len(site.state.issues) == issues
    assert len(site.truth().get("issues", ())) == issues


def test_a_site_that_can_hold_none_is_refused() -> None:
    with pytest.raises(ValueError, match="can hold issues"):
        synthetic_site(projects=0, issues=1)


def test_projects_hold_unevenly_many_and_some_none(state: SiteState) -> None:
    counts = [len(rows) for rows in state.issues_by_project.values()]
    assert max(counts) > 4 * min(counts)
    assert len(counts) < len(state.projects)
    archived = {row.id for row in state.projects.values() if row.archived}
    assert not archived & state.issues_by_project.keys()


def test_keys_are_distinct_and_types_and_statuses_those_of_the_project(state: SiteState) -> None:
    keys = [state.key_of(row) for row in state.issues.values()]
    assert len({*keys, *state.moved_keys}) == len(keys) + len(state.moved_keys)
    for row in state.issues.values():
        used = dict(state.workflows[row.project_id])[row.issue_type_id]
        assert row.status_id in (*used, "99901")


def test_status_changes_chain_from_the_first_to_the_present_one(state: SiteState) -> None:
    chained = 0
    for issue in state.issues.values():
        changes = list(items(issue, "status"))
        chained += len(changes) > 1
        assert all(one.to == two.from_ for one, two in pairwise(changes))
        assert all(one.to_string == two.from_string for one, two in pairwise(changes))
        first = dict(state.workflows[issue.project_id])[issue.issue_type_id][0]
        assert [first, issue.status_id][: 2 if changes else 0] == (
            [changes[0].from_, changes[-1].to] if changes else []
        )
    assert chained > ISSUES / 4


def test_histories_are_in_order_and_end_before_updated(state: SiteState) -> None:
    counts = Counter(len(issue.histories) for issue in state.issues.values())
    for issue in state.issues.values():
        moments = [issue.created, *(one.created for one in issue.histories)]
        assert moments == sorted(set(moments))
        assert moments[-1] <= issue.updated
    assert sum(number for count, number in counts.items() if 2 <= count <= 8) > 0.9 * ISSUES
    assert 0 < sum(number for count, number in counts.items() if count > 40) < 0.05 * ISSUES
    assert max(counts) <= 130
    ids = [one.id for issue in state.issues.values() for one in issue.histories]
    assert len(set(ids)) == len(ids)


def test_moved_issues_say_so_and_their_old_keys_lead_to_them(state: SiteState) -> None:
    assert state.moved_keys
    for key, issue_id in state.moved_keys.items():
        [item] = items(state.issues[issue_id], "Key")
        assert (item.from_string, item.to_string) == (key, state.key_of(state.issues[issue_id]))
        [project] = items(state.issues[issue_id], "project")
        assert project.to == state.issues[issue_id].project_id


def test_the_use_of_fields_is_a_pattern(state: SiteState) -> None:
    shared = [row for row in state.fields.values() if row.custom and row.project_id is None]
    used = Counter[str]()
    for issues in state.issues_by_project.values():
        used.update({field for row in issues for field in row.values})
    projects = len(state.issues_by_project)
    in_how_many = [used[row.id] for row in shared]
    assert sum(count == 0 for count in in_how_many) >= len(shared) / 6 - 1
    assert sum(count == 1 for count in in_how_many) >= len(shared) / 6 - 1
    assert sum(count > projects / 2 for count in in_how_many) >= len(shared) / 3


def test_values_are_true_to_the_type_of_their_field(state: SiteState) -> None:
    kinds = {"number": float, "date": str, "datetime": str, "option": Option, "array": tuple}
    seen = Counter[str]()
    for issue in state.issues.values():
        for field_id, value in issue.values.items():
            kind = state.fields[field_id].type or ""
            seen[kind] += 1
            assert isinstance(value, kinds.get(kind, object)), (field_id, value)
    assert kinds.keys() <= seen.keys()


def test_the_issues_are_awkward(state: SiteState) -> None:
    issues = list(state.issues.values())
    summaries = "".join(str(row.summary) for row in issues)
    assert all(odd in summaries for odd in ("\0", "🚀", "请求", "DROP TABLE", "NULL", "فشل"))
    words = [row.description for row in issues]
    rich = [one for one in words if isinstance(one, RichText)]
    assert None in words
    assert any(one.text == "" for one in rich)
    assert [one for one in rich if len(one.text) > 900_000]
    assert {row.assignee for row in issues} >= {None, NAMELESS}
    assert None in {one.author for row in issues for one in row.histories}
    assert any(row.priority is None for row in issues)
    assert any(row.parent_id for row in issues)
    assert "99901" in {row.status_id for row in issues} - state.statuses.keys()


def test_one_description_is_deeper_than_encoders_go() -> None:
    state = synthetic_site(issues=60).state
    deep = next(
        row.id
        for row in state.issues.values()
        if isinstance(row.description, RichText) and row.description.quotations
    )
    body = orjson.dumps(get(state, f"issue/{deep}").build())
    document = orjson.loads(body)
    with pytest.raises(TypeError):
        orjson.dumps(document)
    depth, node = 0, document["fields"]["description"]
    while node.get("content"):
        depth, node = depth + 1, node["content"][0]
    assert depth * 2 > 290


def test_an_issue_is_about_as_large_as_a_real_one(state: SiteState) -> None:
    path, expand = ("search/jql", "changelog")
    if state.deployment == "data_center":
        path = "search"
    project = max(state.issues_by_project.values(), key=len)[0].project_id
    asked: dict[str, Any] = {"jql": f"project = {project} ORDER BY key", "fields": ["*all"]}
    made = post(state, path, **asked, expand=expand, maxResults=100).build()["issues"]
    sizes = sorted(len(orjson.dumps(row)) for row in made)
    assert 6_000 < sizes[len(sizes) // 2] < 14_000
