"""What a failed run is to people: whom it is for, and whether it is for good."""

from datetime import UTC, datetime

import pytest

from jira_assets.jobs.run_failures import EndedRun, Subjects, Why, failure_of

WHEN = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
PERMANENT = Why("ScopeError", "acme/cloud: The token lacks a scope.", "whoever", permanent=True)
PASSING = Why("UnavailableError", "Jira is out of order.")


def run(**tags: str) -> EndedRun:
    given = {f"jira_assets/{name}": value for name, value in tags.items()}
    return EndedRun("r1", {"dagster/partition": "acme/cloud", **given}, False, WHEN)


@pytest.mark.parametrize(
    ("tags", "found", "final"),
    [
        ({}, PASSING, True),
        ({}, PERMANENT, True),
        ({"retries_left": "2"}, PASSING, False),
        ({"retries_left": "0"}, PASSING, True),
        ({"retries_left": "2"}, PERMANENT, True),
    ],
)
def test_what_is_final(tags: dict[str, str], found: Why, *, final: bool) -> None:
    failure = failure_of(run(**tags), found, "extract")
    assert failure is not None
    assert failure.final is final
    assert failure.failed_at == WHEN


def test_a_success_covers_the_jobs_whose_assets_it_made() -> None:
    jobs = {
        "metadata": frozenset({"raw_projects", "raw_statuses"}),
        "fields": frozenset({"raw_fields"}),
        "site": frozenset({"raw_projects", "raw_statuses", "raw_fields"}),
        "prune": frozenset[str](),
    }
    subjects = Subjects(jobs)
    assert subjects.recovered("site", None) == ["metadata", "fields", "site"]
    assert subjects.recovered("fields", None) == ["fields"]
    assert subjects.recovered("prune", None) == ["prune"]
    assert subjects.recovered("site", {"raw_fields"}) == ["fields", "site"]
    assert subjects.recovered("__ASSET_JOB", {"raw_projects"}) == ["metadata"]
    assert subjects.recovered("__ASSET_JOB", {"raw_fields"}) == ["fields"]
    assert subjects.recovered("__ASSET_JOB", None) == ["metadata", "fields", "site"]
    assert subjects.failed("site", None) == "site"
    assert subjects.failed("__ASSET_JOB", {"raw_fields", "somebody_elses"}) == "fields"
    assert subjects.failed("__ASSET_JOB", {"somebody_elses"}) == "__ASSET_JOB"
    assert subjects.failed("__ASSET_JOB", None) == "metadata"


def test_the_partition_is_not_said_twice_and_the_kind_is_stable() -> None:
    failure = failure_of(run(), PERMANENT, "extract")
    assert failure is not None
    assert (failure.partition_key, failure.kind) == ("acme/cloud", "extract: ScopeError")
    assert failure.message == "The token lacks a scope."
    assert failure.must_act == "whoever"


def test_attempts_of_messages_and_runs_that_are_not_needed_are_no_failures() -> None:
    assert failure_of(run(message_ids="1,2"), PASSING, "transform") is None
    assert failure_of(run(), Why("JobTakenError", "Another run is on the job."), "extract") is None
