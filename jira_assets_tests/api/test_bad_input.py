"""What cannot be is a problem that names its field, and changes nothing."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from jira_assets.partitions import PartitionKey
from jira_assets.warehouse.integrations import remove_integration, set_active
from jira_assets_tests.api.caller import ADMIN, Caller, problem
from jira_assets_tests.api.conftest import Filled
from jira_assets_tests.commands.shell import everything

ACME = PartitionKey("acme", "cloud")
RUN = "/integrations/cloud/jobs/jira_metadata/run"
JOB = "/integrations/cloud/jobs/jira_metadata"
NOBODY = "6f1b3c52-3f6e-4a0c-9a35-3f3d2c5a7a11"


@pytest.fixture
def unharmed(filled: Filled) -> Iterator[Caller]:
    """The service over tables that must be afterwards what they were."""
    before = everything(filled.api.engine)
    yield filled.api
    assert everything(filled.api.engine) == before


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("POST", "/jira/extract/statuses-and-relationships/clout", 404, "no integration clout"),
        ("POST", "/jira/extract/statuses-and-relationships/999999", 404, "integration 999999"),
        ("POST", f"/jira/extract/statuses-and-relationships/{10**30}", 404, "no integration"),
        ("POST", "/jira/extract/statuses-and-relationships/a%00b", 404, "no integration"),
        (
            "POST",
            "/jira/extract/statuses-and-relationships/cloud?tenant_id=initech",
            404,
            "no integration cloud of tenant initech",
        ),
        ("POST", "/integrations/cloud/jobs/jira_isues/run", 404, "has no job jira_isues"),
        ("PATCH", "/integrations/cloud/jobs/jira_isues", 404, "has no job jira_isues"),
        ("GET", f"/requests/{NOBODY}", 404, f"no request {NOBODY}"),
        ("GET", f"/requests/{NOBODY}/events", 404, f"no request {NOBODY}"),
        ("POST", f"/requests/{NOBODY}/stream-token", 404, f"no request {NOBODY}"),
        ("GET", f"/extractions/{NOBODY}/pages", 404, f"extraction {NOBODY}"),
        ("GET", f"/extractions/{NOBODY}/pages/statuses/0", 404, "No page 0 of statuses"),
        ("GET", f"/extractions/{NOBODY}/pages/status/0", 404, "no such entity"),
        ("GET", "/integrations/cloud/projects/NOPE/statuses", 404, "has no project NOPE"),
        ("GET", "/integrations/cloud/projects/%00/statuses", 404, "has no project"),
        ("GET", "/nothing/here", 404, "nothing under this path"),
        ("DELETE", "/integrations", 405, "This path takes GET"),
        ("PUT", "/integrations", 405, "This path takes GET"),
    ],
)
def test_what_is_not_there(
    unharmed: Caller, method: str, path: str, status: int, said: str
) -> None:
    body = {"enabled": False} if method == "PATCH" else None
    assert said in problem(unharmed(method, path, json=body), status)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/integrations?limit=0", "limit"),
        ("/integrations?limit=100000", "limit"),
        ("/integrations?offset=-1", "offset"),
        ("/integrations?offset=x", "offset"),
        ("/extractions?entity=status", "entity"),
        ("/extractions?tenant_id=acme", "tenant_id"),
        ("/requests/not-an-id", "request_id"),
    ],
)
def test_a_query_that_cannot_be_names_its_field(unharmed: Caller, path: str, field: str) -> None:
    problem(unharmed("GET", path), 422, field)


@pytest.mark.parametrize("path", ["/integrations", "/integrations/cloud/jobs"])
def test_a_page_past_the_end(unharmed: Caller, path: str) -> None:
    assert "There is no page at 100" in problem(
        unharmed("GET", f"{path}?offset=100"), 404, "offset"
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"schedule_interval_minutes": 0}, "schedule_interval_minutes"),
        ({"schedule_interval_minutes": -5}, "schedule_interval_minutes"),
        ({"schedule_interval_minutes": 1.5}, "schedule_interval_minutes"),
        ({"schedule_interval_minutes": "60"}, "schedule_interval_minutes"),
        ({"schedule_interval_minutes": None}, "schedule_interval_minutes"),
        ({"retry_interval_minutes": 10**9}, "retry_interval_minutes"),
        ({"priority": 0}, "priority"),
        ({"max_retries": -1}, "max_retries"),
        ({"max_retries": 2**40}, "max_retries"),
        ({"enabled": "perhaps"}, "enabled"),
        ({"description": "a\x00b"}, "description"),
        ({"depends_on": "jira_metadata"}, "depends_on"),
        ({"depends_on": "jira_issues"}, "depends_on"),
        ({"depends_on": "x\x00"}, "depends_on"),
        ({"depends_on": "half a character: \ud83d"}, "depends_on"),
        ({"interval": 5}, "interval"),
        ({}, "body"),
        ([], "body"),
        ("x", "body"),
    ],
)
def test_a_change_of_a_job_that_cannot_be(unharmed: Caller, changes: Any, field: str) -> None:
    problem(unharmed("PATCH", JOB, json=changes), 422, field)


def test_a_circle_of_jobs_is_named(unharmed: Caller) -> None:
    said = problem(unharmed("PATCH", JOB, json={"depends_on": "jira_issues"}), 422, "depends_on")
    assert "jira_metadata waits for jira_issues" in said
    assert "none of them would ever run" in said


@pytest.mark.parametrize("method_and_path", [("POST", RUN), ("PATCH", JOB)])
@pytest.mark.parametrize("body", [b"{", b"hello", b"\xff\xfe", b'{"enabled": tru}'])
def test_a_body_that_is_not_json(
    unharmed: Caller, method_and_path: tuple[str, str], body: bytes
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = unharmed(*method_and_path, data=body, headers=headers)
    assert "not JSON" in problem(answer, 400, "body")


def test_a_body_with_options_that_there_are_not(unharmed: Caller) -> None:
    problem(unharmed("POST", RUN, json={"full": True}), 422, "full")


def test_a_body_that_is_too_large(unharmed: Caller) -> None:
    body = json.dumps({"description": "x" * 100_000}).encode()
    headers = {"Content-Type": "application/json"}
    in_chunks = (body[start : start + 1000] for start in range(0, len(body), 1000))
    for data in (body, in_chunks):
        answer = unharmed("PATCH", JOB, data=data, headers=headers)
        assert "larger than 65,536 bytes" in problem(answer, 413)


@pytest.mark.parametrize("key", ["", "x" * 201, "two words", "caf\u00e9"])
def test_an_idempotency_key_that_cannot_be(unharmed: Caller, key: str) -> None:
    answer = unharmed("POST", RUN, headers={"Idempotency-Key": key.encode("latin-1")})
    problem(answer, 422, "Idempotency-Key")


def test_a_disabled_integration_is_a_conflict(api: Caller) -> None:
    set_active(api.engine, ACME, active=False)
    before = everything(api.engine)
    for path in (RUN, "/jira/extract/statuses-and-relationships/cloud"):
        said = problem(api("POST", path), 409)
        assert said.startswith("acme/cloud is disabled: run `jira-assets integration enable")
    assert everything(api.engine) == before


def test_a_removed_integration_is_not_there(api: Caller) -> None:
    remove_integration(api.engine, ACME)
    for method, path in (("POST", RUN), ("GET", "/integrations/cloud/statuses")):
        assert "no integration cloud" in problem(api(method, path), 404)
    assert api.get("/integrations")["items"] == []


def test_no_error_repeats_a_body(unharmed: Caller) -> None:
    said = unharmed("PATCH", JOB, json={"enabled": "canary-55", "canary": 1, "priority": "canary"})
    assert "canary-55" not in said.text


def test_metrics_are_for_an_admin(unharmed: Caller) -> None:
    assert "admin" in problem(unharmed("GET", "/metrics"), 403)
    assert unharmed("GET", "/metrics", ADMIN).status_code == 200
