"""Requests to run a job: each is a row, and a repeat is the same one."""

import pytest
import sqlalchemy as sa

from jira_assets.partitions import PartitionKey
from jira_assets.warehouse.integrations import (
    DisabledIntegrationError,
    UnknownIntegrationError,
    set_active,
)
from jira_assets.warehouse.job_requests import JobRequest, RepeatedKeyError, request_job
from jira_assets.warehouse.jobs import UnknownJobError
from jira_assets_tests.warehouse.jobs_data import add_jobs, requests

KEY = PartitionKey("acme", "cloud")


def ask(engine: sa.Engine, name: str = "jira_metadata", key: str | None = None) -> JobRequest:
    return request_job(engine, KEY, name, requested_by="a test", idempotency_key=key)


def test_each_request_is_a_row_that_waits(warehouse: sa.Engine) -> None:
    site = add_jobs(warehouse)
    first, second = ask(warehouse), ask(warehouse)
    assert first.request_id != second.request_id
    assert (first.state, first.requested_by, first.integration_id) == ("queued", "a test", site.id)
    assert len(requests(warehouse)) == 2


def test_a_repeat_with_the_same_key_is_the_same_request(warehouse: sa.Engine) -> None:
    add_jobs(warehouse)
    assert ask(warehouse, key="k1") == ask(warehouse, key="k1")
    assert ask(warehouse, key="k2").request_id != ask(warehouse, key="k1").request_id
    assert len(requests(warehouse)) == 2


def test_a_key_for_another_job_is_refused(warehouse: sa.Engine) -> None:
    add_jobs(warehouse)
    ask(warehouse, key="k1")
    with pytest.raises(RepeatedKeyError, match="belongs to a request for jira_metadata"):
        ask(warehouse, "jira_issues", key="k1")
    assert len(requests(warehouse)) == 1


def test_what_cannot_be_asked_for_changes_nothing(warehouse: sa.Engine) -> None:
    with pytest.raises(UnknownIntegrationError):
        ask(warehouse)
    add_jobs(warehouse)
    with pytest.raises(UnknownJobError):
        ask(warehouse, "jira_isues")
    set_active(warehouse, KEY, active=False)
    with pytest.raises(DisabledIntegrationError):
        ask(warehouse)
    assert requests(warehouse) == {}
