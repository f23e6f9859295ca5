"""The asset checks on a real warehouse: each finds what it is for, in its own partition only."""

from collections.abc import Iterable

import dagster as dg
import pytest
import sqlalchemy as sa

from jira_assets.partitions import PARTITIONS_NAME
from jira_assets.transform.checks import CHECKS, build_checks
from jira_assets.transform.verdicts import Verdict
from jira_assets.warehouse.tables import SOURCES, issue_types, projects, statuses
from jira_assets_tests.scenario import CLOUD, DATA_CENTER, SITES
from jira_assets_tests.site_scenario import listing
from jira_assets_tests.transform.conftest import CHECKS_JOB, TABLES, Transforms

RANGE = (CLOUD.partition_key, DATA_CENTER.partition_key)
Failed = dict[tuple[str, str, str | None], str]


def failed(evaluations: Iterable[dg.AssetCheckEvaluation]) -> Failed:
    """Return (check, table, partition) to the severity of those that did not pass."""
    return {
        (each.check_name, each.asset_key.path[-1], each.partition): each.severity.value
        for each in evaluations
        if not each.passed
    }


def ask(transforms: Transforms, name: str, table: str) -> dict[str, Verdict]:
    """Ask one check about all partitions, without Dagster."""
    [check] = [each for each in CHECKS if each.name == name and table in each.tables]
    with transforms.engine.connect() as connection:
        return dict(check.examine(connection, table, [*RANGE, "no/body"]))


def checks_of(tables: Iterable[str]) -> int:
    """Count the checks of some tables."""
    return sum(len(set(check.tables) & set(tables)) for check in CHECKS)


def errors(found: dict[str, Verdict]) -> set[str]:
    return {key for key, verdict in found.items() if not verdict.passed and verdict.error}


EXPECTED: Failed = {
    ("no_rejected_records", "projects", "acme/cloud"): "WARN",
    ("no_rejected_records", "issue_types", "acme/cloud"): "WARN",
    ("no_rejected_records", "statuses", "acme/cloud"): "WARN",
    ("no_rejected_records", "projects_statuses", "acme/cloud"): "WARN",
    ("no_rejected_records", "projects_issue_types_statuses", "acme/cloud"): "WARN",
    ("no_rejected_records", "custom_fields", "acme/cloud"): "WARN",
    ("known_category", "statuses", "acme/cloud"): "WARN",
    ("unreadable_projects", "projects_statuses", "acme/cloud"): "WARN",
    ("unreadable_projects", "projects_statuses", "globex/jira"): "WARN",
}


def test_a_run_over_many_partitions_has_an_evaluation_of_each(transforms: Transforms) -> None:
    for site in SITES:
        transforms.land(site)
    result = transforms.run(RANGE)
    assert result.success
    evaluations = result.get_asset_check_evaluations()
    assert failed(evaluations) == EXPECTED
    assert len(evaluations) == checks_of(TABLES) * len(RANGE)
    storage = transforms.instance.event_log_storage
    key = dg.AssetCheckKey(dg.AssetKey("statuses"), "known_category")
    history = storage.get_asset_check_execution_history(key, limit=10)
    assert {(record.partition, record.status.value) for record in history} == {
        ("acme/cloud", "FAILED"),
        ("globex/jira", "SUCCEEDED"),
    }


def test_a_run_on_one_partition_says_nothing_of_others(transforms: Transforms) -> None:
    transforms.land(DATA_CENTER)
    result = transforms.run(DATA_CENTER.partition_key)
    assert result.success
    evaluations = result.get_asset_check_evaluations()
    assert {each.partition for each in evaluations} == {DATA_CENTER.partition_key}
    assert set(failed(evaluations)) == {("unreadable_projects", "projects_statuses", "globex/jira")}
    assert all(each.target_materialization_data for each in evaluations)


def test_a_relation_before_the_table_that_it_names_is_a_warning(transforms: Transforms) -> None:
    transforms.land(DATA_CENTER)
    result = transforms.run(DATA_CENTER.partition_key, ["projects_statuses"])
    assert result.success
    found = failed(result.get_asset_check_evaluations())
    assert found["no_unknown_status", "projects_statuses", "globex/jira"] == "WARN"
    assert transforms.run(DATA_CENTER.partition_key, ["statuses"]).success
    assert ask(transforms, "no_unknown_status", "projects_statuses")["globex/jira"].passed


@pytest.fixture
def filled(transforms: Transforms) -> Transforms:
    """Both sites, in every table."""
    for site in SITES:
        transforms.land(site)
    assert transforms.run(RANGE).success
    return transforms


def take_away(transforms: Transforms, table: sa.Table, jira_id: str) -> None:
    """Mark a row of acme/cloud as deleted behind the merge's back."""
    owner = transforms.owners[CLOUD.partition_key]
    gone = sa.update(table).where(
        table.c.integration_id == owner.integration_id, table.c.jira_id == jira_id
    )
    with transforms.engine.begin() as connection:
        connection.execute(gone.values(deleted_at=sa.func.now()))


def test_what_the_database_can_show(filled: Transforms) -> None:
    take_away(filled, statuses, "1")
    take_away(filled, issue_types, "10103")
    relations = ask(filled, "no_unknown_status", "projects_issue_types_statuses")
    assert errors(relations) == {CLOUD.partition_key}
    assert relations[CLOUD.partition_key].metadata == {"relations": 3, "unknown_ids": 1}
    assert relations[CLOUD.partition_key].description.endswith("statuses does not have: 1.")
    assert errors(ask(filled, "no_unknown_status", "projects_statuses")) == {CLOUD.partition_key}
    for table in ("projects_issue_types", "projects_issue_types_statuses"):
        assert errors(ask(filled, "no_unknown_issue_type", table)) == {CLOUD.partition_key}

    rejected = ask(filled, "no_rejected_records", "statuses")[CLOUD.partition_key]
    assert rejected.metadata["rejected"] == CLOUD.rejected["statuses"]
    assert "status has no name" in rejected.metadata["reasons"]
    unreadable = ask(filled, "unreadable_projects", "projects_statuses")
    assert unreadable[CLOUD.partition_key].metadata["reasons"] == {"GONE": "404: No project"}
    category = ask(filled, "known_category", "statuses")[CLOUD.partition_key]
    assert "10204: waiting" in category.description
    assert set(category.metadata.values()) == {1}
    for check in CHECKS:
        assert set(ask(filled, check.name, check.tables[0])) == set(RANGE)


def test_an_unreadable_project_that_is_no_row_yet_is_told_by_its_id(filled: Transforms) -> None:
    with filled.engine.begin() as connection:
        connection.execute(sa.delete(projects).where(projects.c.key == "GONE"))
    unreadable = ask(filled, "unreadable_projects", "projects_statuses")
    assert unreadable[CLOUD.partition_key].metadata["reasons"] == {"10004": "404: No project"}


def test_a_drop_counts_what_the_last_application_deleted(filled: Transforms) -> None:
    half = CLOUD.pages["projects"][0].payload["values"][:3]
    site = CLOUD.changed("projects", listing(half))
    for expected in ({"deleted": 3, "alive_before": 6}, {"deleted": 0, "alive_before": 3}):
        filled.land(site, "projects")
        assert filled.run(CLOUD.partition_key, ["projects"]).success
        found = ask(filled, "no_large_drop", "projects")
        assert found[CLOUD.partition_key].passed
        assert found[CLOUD.partition_key].metadata == expected
    filled.land(CLOUD.changed("projects", listing(half[:1])), "projects")
    result = filled.run(CLOUD.partition_key, ["projects"])
    assert result.success
    assert ("no_large_drop", "projects", CLOUD.partition_key) in failed(
        result.get_asset_check_evaluations()
    )
    assert errors(ask(filled, "no_large_drop", "projects")) == {CLOUD.partition_key}
    [(alive,)] = filled.all(
        sa.select(sa.func.count()).where(
            projects.c.deleted_at.is_(None),
            projects.c.integration_id == filled.owners[CLOUD.partition_key].integration_id,
        )
    )
    assert alive == 1


def test_rejected_records_of_earlier_extractions_are_history(filled: Transforms) -> None:
    good = CLOUD.changed("projects", listing([{"id": "10000", "key": "DEV", "name": "Dev"}]))
    filled.land(good, "projects")
    assert filled.run(CLOUD.partition_key, ["projects"]).success
    assert ask(filled, "no_rejected_records", "projects")[CLOUD.partition_key].passed


def run_checks(transforms: Transforms, partition_key: str | None = None) -> Failed:
    """Run all checks and no asset, on one partition or on none."""
    job = transforms.definitions().resolve_job_def(CHECKS_JOB)
    tags = {"dagster/partition": partition_key} if partition_key else None
    result = job.execute_in_process(instance=transforms.instance, tags=tags)
    assert result.success
    return failed(result.get_asset_check_evaluations())


def test_checks_can_be_run_alone(filled: Transforms) -> None:
    cloud = {key: severity for key, severity in EXPECTED.items() if key[2] == CLOUD.partition_key}
    assert run_checks(filled, CLOUD.partition_key) == cloud
    assert run_checks(filled) == EXPECTED


def test_a_partition_of_nobody_does_not_pass(transforms: Transforms) -> None:
    transforms.instance.add_dynamic_partitions(PARTITIONS_NAME, ["no/body"])
    found = run_checks(transforms, "no/body")
    assert set(found.values()) == {"ERROR"}
    assert len(found) == checks_of(TABLES)


def test_every_table_has_checks_of_its_own() -> None:
    built = {key for step in build_checks() for key in step.check_keys}
    assert {key.asset_key.path[-1] for key in built} == set(SOURCES) - {"issue_changelogs"}
    assert len(built) == checks_of(SOURCES)


def test_checks_that_look_at_a_table_that_is_not_deployed_are_left_out() -> None:
    [step] = build_checks(tables=["projects_statuses"], key_prefix=["crm"])
    assert {key.name for key in step.check_keys} == {
        "no_rejected_records",
        "unreadable_projects",
        "no_large_drop",
    }
    assert {key.asset_key.path[0] for key in step.check_keys} == {"crm"}


def test_rows_that_come_back_do_not_hide_those_that_go(filled: Transforms) -> None:
    listed = CLOUD.pages["projects"][0].payload["values"]
    for kept in (listed[:3], listed[2:]):
        filled.land(CLOUD.changed("projects", listing(kept)), "projects")
        assert filled.run(CLOUD.partition_key, ["projects"]).success
    found = ask(filled, "no_large_drop", "projects")[CLOUD.partition_key]
    assert found.metadata == {"deleted": 2, "alive_before": 3}
    assert not found.passed
