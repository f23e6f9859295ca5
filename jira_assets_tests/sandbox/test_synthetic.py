import time
from collections import Counter

import pytest

from jira_assets.sandbox.model import UNDEFINED, Deployment
from jira_assets.sandbox.synthetic import synthetic_site

DEPLOYMENTS: tuple[Deployment, ...] = ("cloud", "data_center")


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_the_same_arguments_make_the_same_site(deployment: Deployment) -> None:
    first = synthetic_site(projects=40, seed=3, deployment=deployment)
    again = synthetic_site(projects=40, seed=3, deployment=deployment)
    assert first.state == again.state
    assert first.truth() == again.truth()


def test_another_seed_makes_another_site() -> None:
    assert synthetic_site(seed=1).truth() != synthetic_site(seed=2).truth()


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
@pytest.mark.parametrize(
    ("projects", "statuses", "issue_types"),
    [(10, 24, 8), (1, 1, 1), (3, 0, 2), (3, 5, 0), (0, 4, 4), (60, 150, 30)],
)
def test_a_site_has_exactly_the_sizes_asked_for(
    deployment: Deployment, projects: int, statuses: int, issue_types: int
) -> None:
    site = synthetic_site(
        projects=projects, statuses=statuses, issue_types=issue_types, deployment=deployment
    )
    sizes = (len(site.state.projects), len(site.state.statuses), len(site.state.issue_types))
    assert sizes == (projects, statuses, issue_types)


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
@pytest.mark.parametrize("seed", range(5))
def test_a_reader_of_the_usual_site_sees_all_of_it(deployment: Deployment, seed: int) -> None:
    truth = synthetic_site(seed=seed, deployment=deployment).truth()
    assert (len(truth["projects"]), len(truth["statuses"]), len(truth["issue_types"])) == (
        10,
        24,
        8,
    )


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_the_usual_site_is_awkward(deployment: Deployment) -> None:
    state = synthetic_site(deployment=deployment).state
    statuses, projects = state.statuses.values(), state.projects.values()
    named = Counter(row.name for row in statuses)
    assert named["In Progress"] > 1
    assert len({row.category for row in statuses if row.name == "In Progress"}) > 1
    assert any(row.category is None for row in statuses)
    assert any(row.category == UNDEFINED for row in statuses)
    assert any(row.name.startswith(" ") for row in statuses)
    assert any("DROP TABLE" in row.name for row in statuses)
    assert any("\0" in row.description for row in statuses)
    assert any(not row.listed for row in statuses)
    assert any(not row.listed for row in state.issue_types.values())
    assert () in state.workflows.values()
    assert any(row.archived for row in projects)
    assert max(Counter(row.name for row in projects).values()) > 1
    assert {"NA", "NULL"} <= {row.key for row in projects}


def test_only_cloud_has_team_managed_projects() -> None:
    cloud, data_center = (synthetic_site(deployment=one).state for one in DEPLOYMENTS)
    scopes = {row.project_id for row in cloud.statuses.values()} - {None}
    assert scopes == {row.id for row in cloud.projects.values() if row.style == "next-gen"}
    assert len(scopes) == 2
    assert not any(row.project_id for row in data_center.statuses.values())


def test_ten_thousand_projects_share_a_few_workflows_and_are_made_at_once() -> None:
    began = time.process_time()
    state = synthetic_site(projects=10_000, statuses=200, issue_types=40).state
    assert time.process_time() - began < 3
    assert len(state.projects) == len(state.project_ids_by_key) == 10_000
    assert len({id(workflow) for workflow in state.workflows.values()}) < 100


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
@pytest.mark.parametrize("custom_fields", [0, 1, 20, 60])
def test_there_are_as_many_custom_fields_as_asked_for(
    deployment: Deployment, custom_fields: int
) -> None:
    site = synthetic_site(custom_fields=custom_fields, deployment=deployment)
    assert len(site.truth()["custom_fields"]) == custom_fields
    assert "summary" in site.state.fields


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_the_usual_fields_are_awkward(deployment: Deployment) -> None:
    fields = list(synthetic_site(deployment=deployment).state.fields.values())
    custom = [row for row in fields if row.custom]
    of_a_name = [row for row in custom if row.name == "Story Points"]
    assert len({row.type for row in of_a_name}) > 1
    assert {row.name for row in custom} & {row.name for row in fields if not row.custom}
    assert any(row.untranslated_name for row in custom)
    assert any(row.type is None for row in fields)
    assert any("DROP TABLE" in row.name for row in custom)
    assert fields != sorted(fields, key=lambda row: (row.custom, row.id))
    scopes = [row.project_id for row in custom if row.project_id]
    assert len(scopes) == (2 if deployment == "cloud" else 0)


def test_negative_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="no negative number"):
        synthetic_site(projects=-1)
