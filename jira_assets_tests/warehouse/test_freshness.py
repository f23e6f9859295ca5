"""Whether data are as new as their job's interval promises."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from jira_assets.warehouse.freshness import Freshness, freshness, read_job_overviews
from jira_assets_tests.warehouse.jobs_data import add_jobs, job, write

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (0, Freshness.FRESH),
        (75, Freshness.FRESH),
        (76, Freshness.LATE),
        (135, Freshness.LATE),
        (136, Freshness.STALE),
        (None, Freshness.STALE),
    ],
)
def test_every_hour_with_a_retry_after_a_quarter(
    warehouse: sa.Engine, minutes: int | None, said: Freshness
) -> None:
    add_jobs(warehouse)
    hourly = replace(job(warehouse), schedule_interval_minutes=60, retry_interval_minutes=15)
    read_at = None if minutes is None else NOW - timedelta(minutes=minutes)
    assert freshness(hourly, read_at, NOW) is said


@pytest.mark.parametrize(("enabled", "active"), [(False, True), (True, False)])
def test_what_does_not_run_by_itself_is_not_watched(
    warehouse: sa.Engine, enabled: bool, active: bool
) -> None:
    add_jobs(warehouse)
    off = replace(job(warehouse), enabled=enabled, active=active)
    assert freshness(off, None, NOW) is Freshness.UNWATCHED


def test_jobs_of_a_type_that_this_release_does_not_know_are_shown(warehouse: sa.Engine) -> None:
    site = add_jobs(warehouse)
    write(warehouse, job_type="of_a_newer_release")
    with warehouse.connect() as connection:
        overviews = read_job_overviews(connection)[site.id]
    assert [(each.read_at, each.freshness) for each in overviews] == [
        (None, Freshness.STALE),
        (None, Freshness.STALE),
    ]
