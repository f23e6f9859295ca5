"""The checks of issues on a real warehouse: each finds what it is for, in its partition only."""

from typing import Any

import pytest
import sqlalchemy as sa

from jira_assets.transform.verdicts import Verdict
from jira_assets.warehouse.tables import (
    custom_fields,
    integrations,
    issue_watermarks,
    issues,
    projects,
    rejected_records,
)
from jira_assets_tests.scenario import CLOUD, DATA_CENTER
from jira_assets_tests.transform.conftest import Transforms
from jira_assets_tests.transform.test_checks import ask

CLOUD_KEY, OTHER_KEY = CLOUD.partition_key, DATA_CENTER.partition_key


def add(
    transforms: Transforms, table: sa.Table, *rows: dict[str, Any], to: str = CLOUD_KEY
) -> None:
    owner = transforms.owners[to]
    ours = {"tenant_id": owner.tenant_id, "integration_id": owner.integration_id}
    with transforms.engine.begin() as connection:
        for row in rows:
            connection.execute(sa.insert(table).values(**ours, **row))


def asked(transforms: Transforms, name: str, table: str = "issues") -> Verdict:
    """Return what a check says of acme/cloud, having passed elsewhere and before."""
    found = ask(transforms, name, table)
    assert set(found) == {CLOUD_KEY, OTHER_KEY}
    assert found[OTHER_KEY].passed
    return found[CLOUD_KEY]


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("no_rejected_records", "issues"),
        ("unreadable_projects", "issues"),
        ("no_withheld_deletions", "issues"),
        ("mapped_fields_fit", "issues"),
        ("mapped_fields_exist", "custom_fields"),
    ],
)
def test_nothing_is_wrong_with_nothing(transforms: Transforms, name: str, table: str) -> None:
    assert asked(transforms, name, table).passed


def test_all_that_was_set_aside_counts_whatever_extraction_it_is_of(
    transforms: Transforms,
) -> None:
    made = [
        {"entity": "issues", "table_name": "issues", "reason": f"issue {n} has no key"}
        for n in range(2)
    ]
    for number, row in enumerate(made):
        extraction = f"00000000-0000-0000-0000-00000000000{number}"
        add(transforms, rejected_records, {**row, "extraction_id": extraction})
    found = asked(transforms, "no_rejected_records")
    assert (found.passed, found.error) == (False, False)
    assert found.metadata["reasons"] == ["issue 0 has no key", "issue 1 has no key"]


def test_projects_whose_issues_could_not_be_read_or_were_kept(transforms: Transforms) -> None:
    marks: list[dict[str, Any]] = [
        {"project_jira_id": "1", "project_key": "DEV", "unreadable": "403: no"},
        {"project_jira_id": "2", "project_key": "OPS", "withheld_deletions": 1200},
        {
            "project_jira_id": "3",
            "project_key": "OLD",
            "unreadable": "404",
            "withheld_deletions": 7,
        },
        {"project_jira_id": "4", "project_key": "FINE"},
        {"project_jira_id": "5", "project_key": "ARCHIVED", "withheld_deletions": 9},
    ]
    add(transforms, issue_watermarks, *marks)
    gone = {"jira_id": "3", "key": "OLD", "name": "old", "deleted_at": sa.func.now()}
    add(transforms, projects, gone)
    # It is in no sweep: nobody's word could settle it.
    add(transforms, projects, {"jira_id": "5", "key": "A", "name": "archived", "archived": True})
    unreadable = asked(transforms, "unreadable_projects")
    assert (unreadable.passed, unreadable.error) == (False, False)
    assert unreadable.metadata["reasons"] == {"DEV": "403: no"}
    withheld = asked(transforms, "no_withheld_deletions")
    assert (withheld.passed, withheld.error) == (False, True)
    assert "OPS (1,200)" in withheld.description
    assert f"`jira-assets replay {CLOUD_KEY} --accept-deletions`" in withheld.description
    # Those of a project that is gone wait for somebody's word, too.
    assert withheld.metadata == {"issues": 1207, "projects": {"OLD": 7, "OPS": 1200}}


def test_values_that_do_not_fit_are_counted_by_column(transforms: Transforms) -> None:
    rows: list[dict[str, Any]] = [
        {"jira_id": "1", "mistyped_fields": ["custom_field_01", "custom_field_02"]},
        {"jira_id": "2", "mistyped_fields": ["custom_field_01"]},
        {"jira_id": "3", "mistyped_fields": None},
        {"jira_id": "4", "mistyped_fields": ["custom_field_03"], "deleted_at": sa.func.now()},
    ]
    add(transforms, issues, *({"key": "K", "project_jira_id": "1", **row} for row in rows))
    found = asked(transforms, "mapped_fields_fit")
    assert (found.passed, found.error) == (False, False)
    columns = {"custom_field_01": 2, "custom_field_02": 1}
    assert found.metadata == {"issues": 2, "columns": columns}
    assert f"`jira-assets sync {CLOUD_KEY} --only issues --full`" in found.description


def test_mapped_fields_that_the_site_does_not_have(transforms: Transforms) -> None:
    mapped = {
        "custom_field_01": "customfield_1",
        "custom_field_02": "customfield_2",
        "custom_field_03": "customfield_3",
    }
    with transforms.engine.begin() as connection:
        connection.execute(sa.update(integrations).values(custom_field_mappings=mapped))
    assert asked(transforms, "mapped_fields_exist", "custom_fields").passed
    add(
        transforms,
        custom_fields,
        {"jira_id": "customfield_1", "name": "here"},
        {"jira_id": "customfield_2", "name": "gone", "deleted_at": sa.func.now()},
    )
    found = asked(transforms, "mapped_fields_exist", "custom_fields")
    assert (found.passed, found.error) == (False, False)
    missing = {"custom_field_02": "customfield_2", "custom_field_03": "customfield_3"}
    assert found.metadata == {"missing": missing}
