"""Half a project gone at once is withheld and flagged, until somebody accepts it."""

from typing import Final

import pytest

from jira_assets.sandbox.site import JiraSite
from jira_assets.sandbox.synthetic import synthetic_site
from jira_assets_tests.commands.desk import Desk
from jira_assets_tests.commands.shell import KEY, rows, scalar

ISSUES: Final = 20
WITHHELD: Final = "SELECT sum(withheld_deletions) FROM jira.issue_watermarks"
LIVING: Final = "SELECT jira_id FROM jira.issues WHERE deleted_at IS NULL"


@pytest.fixture
def site() -> JiraSite:
    return synthetic_site(projects=2, issues=ISSUES, custom_fields=3, seed=3)


def living(desk: Desk) -> set[str]:
    return {row.jira_id for row in rows(desk.engine, LIVING)}


def test_half_a_project_is_kept_until_somebody_accepts_that_it_is_gone(desk: Desk) -> None:
    assert desk.sync("--only", "issue_ids,issues").code == 0
    project, issues = next(iter(desk.site.state.issues_by_project.items()))
    gone = [issue.id for issue in issues][: (len(issues) + 1) // 2]
    for issue in gone:
        desk.site.delete_issue(issue)

    withheld = desk.sync("--only", "issue_ids")
    assert withheld.code == 1
    key = desk.site.project(project).key
    assert "FAILED CHECK: issues: no_withheld_deletions: In 1 project half or" in withheld.said
    assert f"they were kept: {key} ({len(gone)})" in withheld.said
    assert scalar(desk.engine, WITHHELD) == len(gone)
    assert len(living(desk)) == ISSUES
    assert f"{len(gone)} deletions withheld" in desk.shell("status").said

    replayed = desk.shell("replay", KEY, "--accept-deletions")
    assert replayed.code == 0, replayed.said
    assert living(desk) == set(desk.site.state.issues)
    assert scalar(desk.engine, WITHHELD) == 0
    assert desk.sync("--only", "issue_ids").code == 0
    assert living(desk) == set(desk.site.state.issues)
