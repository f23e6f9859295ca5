"""What status says of issues."""

import pytest
import sqlalchemy as sa

from jira_assets.warehouse.contracts import ScopeEnd
from jira_assets.warehouse.freshness import read_job_overviews
from jira_assets.warehouse.job_settings import JOB_TYPES
from jira_assets.warehouse.overview import IntegrationOverview, IssueReading, read_overview
from jira_assets.warehouse.tables import etl_jobs, issue_watermarks, projects, raw_extractions
from jira_assets_tests.warehouse.data import add_owner
from jira_assets_tests.warehouse.issues_data import apply, day, issue, put, whole, window


def overview(engine: sa.Engine) -> IntegrationOverview:
    with engine.connect() as connection:
        (found,) = read_overview(connection)
    return found


def test_the_project_that_is_furthest_behind_is_told(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)
    assert overview(warehouse).issues == IssueReading()
    put(
        warehouse,
        owner,
        *whole("10", until=2),
        *whole("20", until=3),
        *whole("gone", until=1),
        *whole("archived", until=1),
        ScopeEnd("30", window(), unreadable="403"),
        ScopeEnd("gone too", window(), unreadable="403"),
        ScopeEnd("never synced", window(), unreadable="403"),
    )
    ours = {"integration_id": owner.integration_id, "tenant_id": owner.tenant_id, "name": "P"}
    with warehouse.begin() as connection:
        for project in ("10", "20", "30", "gone", "gone too", "archived"):
            row = {**ours, "jira_id": project, "key": project, "archived": project == "archived"}
            dead = day(0) if project.startswith("gone") else None
            connection.execute(sa.insert(projects).values(**row, deleted_at=dead))
        for project, withheld in (("10", 2), ("20", 3), ("gone", 9), ("archived", 100)):
            mine = issue_watermarks.c.project_jira_id == project
            update = sa.update(issue_watermarks).where(mine)
            connection.execute(update.values(withheld_deletions=withheld))

    found = overview(warehouse)

    assert found.issues == IssueReading(day(2), unreadable_projects=2, withheld_deletions=14)
    told = found.as_json()
    assert told["issues_read_until"] == day(2).isoformat()
    assert (told["unreadable_issue_projects"], told["withheld_deletions"]) == (2, 14)


def test_idle_projects_keep_the_data_of_their_job_fresh(
    warehouse: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(JOB_TYPES, "issues", ("issues",))
    owner = add_owner(warehouse)
    ours = {"integration_id": owner.integration_id, "tenant_id": owner.tenant_id}
    with warehouse.begin() as connection:
        intervals = {"schedule_interval_minutes": 60, "retry_interval_minutes": 5}
        job = {**ours, **intervals, "job_name": "issues", "job_type": "issues"}
        connection.execute(sa.insert(etl_jobs).values(**job, priority=1, max_retries=1))
        row = {**ours, "jira_id": "10", "key": "P", "name": "P"}
        connection.execute(sa.insert(projects).values(row))
    put(warehouse, owner, *whole("10", issue("1"), until=1))
    apply(warehouse, owner)
    put(warehouse, owner, *whole("10", since=1, until=7))

    with warehouse.connect() as connection:
        (found,) = read_job_overviews(connection)[owner.integration_id]

    assert found.read_at == day(7)

    put(warehouse, owner, *whole("10", issue("1"), since=7, until=8))
    newest = sa.select(sa.func.max(raw_extractions.c.sequence)).scalar_subquery()
    with warehouse.begin() as connection:
        began = sa.update(raw_extractions).where(raw_extractions.c.sequence == newest)
        connection.execute(began.values(started_at=day(7.5)))
        (waiting,) = read_job_overviews(connection)[owner.integration_id]
    assert waiting.read_at == day(7.5), "no table holds it yet"
