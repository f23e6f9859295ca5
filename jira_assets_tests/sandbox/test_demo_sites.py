"""The demo's sites: what changes in them can be told from what was there before."""

import pytest

from jira_assets.sandbox.demo_sites import PATHS, change, change_issues, demo_sites
from jira_assets.sandbox.site import JiraSite


@pytest.fixture
def sites() -> dict[str, JiraSite]:
    return demo_sites()


@pytest.mark.parametrize("key", sorted(PATHS))
def test_an_issue_changes_one_moves_and_one_goes(sites: dict[str, JiraSite], key: str) -> None:
    site, before = sites[key], sites[key].state
    changed, moved, gone = change_issues(site)

    assert site.state.issues[changed].status_id != before.issues[changed].status_id
    assert site.state.issues[moved].project_id != before.issues[moved].project_id
    assert gone not in site.state.issues
    assert set(before.issues) - set(site.state.issues) == {gone}
    home = before.issues[gone].project_id
    assert {before.issues[each].project_id for each in (changed, moved)} == {home}
    # Half of a project gone at once would be taken for lost access.
    assert len(before.issues_by_project[home]) > 4
    assert home not in before.unreadable


def test_all_of_it_is_said(sites: dict[str, JiraSite]) -> None:
    assert [line.split(":")[0] for line in change(sites)] == sorted(PATHS)
    said = change_issues(sites["demo-acme/cloud"])
    assert [text.split()[1] for text in said.values()] == ["goes", "moves,", "is"]
