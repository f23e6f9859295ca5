"""What changes around a change of the clock is read: of the account's zone, and of Jira itself."""

from datetime import UTC, datetime
from typing import Final, get_args

import pytest

from jira_assets.sandbox.model import Deployment
from jira_assets.sandbox.moments import HOUR, MINUTE, now
from jira_assets.sandbox.site import JiraSite
from jira_assets.sandbox.synthetic import synthetic_site
from jira_assets_tests.commands.desk import Desk
from jira_assets_tests.commands.shell import rows, scalar

AUTUMN: Final = datetime(2026, 11, 1, 5, 40, tzinfo=UTC)
"""01:40 in New York, for the first time of two."""
SPRING: Final = datetime(2026, 3, 8, 6, 40, tzinfo=UTC)
"""01:40 in New York, where 03:00 comes after 02:00."""
CHANGED: Final = (-3, 5, 15, 25)
"""When issues changed, in minutes from the first reading; Jira's index told of one late."""
NEXT: Final = 30


@pytest.fixture(params=get_args(Deployment))
def site(request: pytest.FixtureRequest) -> JiraSite:
    return synthetic_site(
        projects=2,
        issues=len(CHANGED),
        custom_fields=2,
        deployment=request.param,
        time_zone="America/New_York",
    )


@pytest.mark.parametrize("first", [AUTUMN, SPRING], ids=["autumn", "spring"])
def test_what_changed_around_a_change_of_the_clock_is_read(desk: Desk, first: datetime) -> None:
    began = round(first.timestamp() * 1000)
    desk.site.set_clock(began - now())
    assert desk.sync("--only", "issues").code == 0
    for minutes, issue in zip(CHANGED, sorted(desk.site.state.issues), strict=True):
        desk.site.change_issue(issue, summary="Changed", at=began + minutes * MINUTE)
    desk.site.set_clock(began + NEXT * MINUTE - now())
    desk.server.requests.clear()
    assert desk.sync("--only", "issues").code == 0
    assert any(b"updated >= " in request.body for request in desk.server.requests)
    found = rows(desk.engine, "SELECT jira_id, summary, jira_updated_at FROM jira.issues")
    assert len(found) == len(CHANGED)
    for row in found:
        updated = desk.site.issue(row.jira_id).updated
        assert row.summary == "Changed"
        assert row.jira_updated_at == datetime.fromtimestamp(updated / 1000, UTC)


def test_what_changes_after_a_clock_that_was_hours_ahead_is_read(desk: Desk) -> None:
    """Else nothing would be new until that hour comes, and what changed meanwhile never read."""
    desk.site.set_clock(6 * HOUR)
    assert desk.sync("--only", "issues").code == 0
    desk.site.set_clock(0)
    changed = min(desk.site.state.issues)
    desk.site.change_issue(changed, summary="Changed")
    assert desk.sync("--only", "issues").code == 0
    query = f"SELECT summary FROM jira.issues WHERE jira_id = '{changed}'"
    assert scalar(desk.engine, query) == "Changed"

    desk.site.change_issue(changed, summary="Changed again")
    desk.server.requests.clear()
    assert desk.sync("--only", "issues").code == 0
    assert any(b"updated >= " in request.body for request in desk.server.requests), "not in full"
    assert scalar(desk.engine, query) == "Changed again"
