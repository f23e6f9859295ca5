"""Which jobs an integration has, and what they may be changed to."""

from typing import Any

import pytest
import sqlalchemy as sa

from jira_assets.partitions import PartitionKey
from jira_assets.warehouse.integrations import remove_integration, set_active
from jira_assets.warehouse.job_settings import InvalidJobError
from jira_assets.warehouse.jobs import UnknownJobError, list_jobs, update_job
from jira_assets.warehouse.new_jobs import ensure_jobs
from jira_assets_tests.warehouse.jobs_data import (
    ISSUES,
    METADATA,
    add_jobs,
    job,
    minutes_from_now,
    write,
)

KEY = PartitionKey("acme", "cloud")


def test_every_integration_gets_its_jobs_once(warehouse: sa.Engine) -> None:
    add_jobs(warehouse)
    write(warehouse, enabled=False)
    with warehouse.begin() as connection:
        assert ensure_jobs(connection, [METADATA, ISSUES]) == 0
        jobs = list_jobs(connection)
    assert [(each.partition_key, each.job_name) for each in jobs] == [
        ("acme/cloud", "jira_issues"),
        ("acme/cloud", "jira_metadata"),
    ]
    metadata = job(warehouse)
    assert not metadata.enabled
    assert (metadata.status, metadata.attempt, metadata.progress_percentage) == ("READY", 0, 0)
    assert metadata.schedule_interval_minutes == 1440
    assert -1 < minutes_from_now(warehouse, "next_run_at") <= 0


def test_a_removed_integration_gets_none(warehouse: sa.Engine) -> None:
    add_jobs(warehouse)
    remove_integration(warehouse, KEY)
    with warehouse.begin() as connection:
        assert ensure_jobs(connection) == 0
        assert list_jobs(connection) == []


def test_a_purge_takes_the_jobs_away(warehouse: sa.Engine) -> None:
    add_jobs(warehouse)
    assert remove_integration(warehouse, KEY, purge=True)["etl_jobs"] == 2


def test_what_is_given_is_changed_and_the_rest_is_kept(warehouse: sa.Engine) -> None:
    add_jobs(warehouse)
    changed = update_job(warehouse, KEY, "jira_issues", priority=2, enabled=False)
    assert (changed.priority, changed.enabled) == (2, False)
    assert (changed.depends_on, changed.max_retries) == ("jira_metadata", 5)
    set_active(warehouse, KEY, active=False)
    assert not job(warehouse).active


def test_a_shorter_interval_is_due_by_the_new_one(warehouse: sa.Engine) -> None:
    add_jobs(warehouse)
    write(warehouse, due_at="+900", next_run_at="+900")
    update_job(warehouse, KEY, "jira_metadata", schedule_interval_minutes=10)
    assert minutes_from_now(warehouse, "next_run_at") == pytest.approx(10, abs=0.5)
    update_job(warehouse, KEY, "jira_metadata", schedule_interval_minutes=100)
    assert minutes_from_now(warehouse, "due_at") == pytest.approx(10, abs=0.5)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"schedule_interval_minutes": 0}, "schedule_interval_minutes"),
        ({"retry_interval_minutes": -1}, "retry_interval_minutes"),
        ({"schedule_interval_minutes": 10**9}, "schedule_interval_minutes"),
        ({"priority": 0}, "priority"),
        ({"max_retries": -1}, "max_retries"),
        ({"depends_on": "jira_metadata"}, "depends_on"),
        ({"depends_on": "jira_issues"}, "depends_on"),
        ({"depends_on": "jira_isues"}, "depends_on"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    warehouse: sa.Engine, settings: dict[str, Any], field: str
) -> None:
    add_jobs(warehouse)
    before = job(warehouse)
    with pytest.raises(InvalidJobError) as raised:
        update_job(warehouse, KEY, "jira_metadata", **settings)
    assert raised.value.field == field
    assert job(warehouse) == before


def test_a_circle_is_named(warehouse: sa.Engine) -> None:
    add_jobs(warehouse)
    with pytest.raises(
        InvalidJobError, match="jira_issues waits for jira_metadata waits for jira_i"
    ):
        update_job(warehouse, KEY, "jira_metadata", depends_on="jira_issues")


def test_an_unknown_job_names_those_near_to_it(warehouse: sa.Engine) -> None:
    add_jobs(warehouse)
    with pytest.raises(UnknownJobError, match=r"has no job jira_isues\. Near to it: jira_issu"):
        update_job(warehouse, KEY, "jira_isues", priority=1)
