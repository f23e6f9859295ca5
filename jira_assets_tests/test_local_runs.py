"""What a run in this process comes to: its failed steps' sentences, its tables, its checks."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import dagster as dg
import pytest

from jira_assets.local_runs import (
    CheckOutcome,
    ReadOptions,
    SyncOutcome,
    failed_checks,
    step_failures,
    table_outcomes,
)

COUNTS = ("rows_inserted", "rows_updated", "rows_unchanged", "rows_deleted", "rows_rejected")


def raises(error: Exception) -> Callable[[], None]:
    def body() -> None:
        raise error

    return body


def run(*assets: dg.AssetsDefinition | dg.AssetChecksDefinition) -> dg.ExecuteInProcessResult:
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(list(assets), instance=instance, raise_on_error=False)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (dg.Failure("acme/cloud: a sentence.", allow_retries=False), "acme/cloud: a sentence."),
        (ValueError("a defect"), "ValueError: a defect"),
    ],
)
def test_a_failed_step_says_its_own_sentence(error: Exception, said: str) -> None:
    broken = dg.asset(raises(error), name="statuses")
    assert list(step_failures(run(broken).all_events)) == [said]


def test_a_step_that_worked_says_nothing() -> None:
    assert list(step_failures(run(dg.asset(lambda: None, name="statuses")).all_events)) == []


def test_tables_say_their_rows_and_raw_assets_are_no_tables() -> None:
    metadata: dict[str, Any] = {name: place for place, name in enumerate(COUNTS)}
    metadata |= {"outcome": "applied", "dagster/partition_row_count": 9}

    def materialized() -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(metadata=metadata)

    table = dg.asset(materialized, name="statuses")
    raw = dg.asset(lambda: None, name="raw_statuses")
    (found,) = table_outcomes(run(table, raw).all_events)
    assert (found.table, found.outcome, found.alive) == ("statuses", "applied", 9)
    assert (found.inserted, found.updated, found.unchanged) == (0, 1, 2)
    assert (found.deleted, found.rejected) == (3, 4)


@pytest.mark.parametrize(
    ("severity", "ok"), [(dg.AssetCheckSeverity.ERROR, False), (dg.AssetCheckSeverity.WARN, True)]
)
def test_a_failed_check_fails_a_sync_if_it_is_an_error(
    severity: dg.AssetCheckSeverity, *, ok: bool
) -> None:
    @dg.asset_check(asset="statuses")
    def good() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    @dg.asset_check(asset="statuses")
    def bad() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=False, severity=severity, description="why")

    statuses = dg.asset(lambda: None, name="statuses")
    checks = list(failed_checks(run(statuses, good, bad).all_events))
    assert checks == [CheckOutcome("bad", "statuses", error=not ok, description="why")]
    assert SyncOutcome("acme/cloud", checks=checks).ok is ok


def test_what_to_read_is_the_configuration_of_the_step() -> None:
    nothing = {"full": False, "rendered_fields": False}
    assert ReadOptions().as_config() == nothing
    since = ReadOptions(since=datetime(2026, 11, 24, 9, 30))  # noqa: DTZ001 # as click reads it
    assert since.as_config() == {**nothing, "since": "2026-11-24T09:30:00"}
    assert ReadOptions(full=True, rendered_fields=True).as_config() == {
        "full": True,
        "rendered_fields": True,
    }


def test_a_problem_fails_a_sync() -> None:
    assert SyncOutcome("acme/cloud").ok
    assert not SyncOutcome("acme/cloud", problems=["RabbitMQ is away."]).ok
