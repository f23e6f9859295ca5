from dataclasses import replace

import pytest

from jira_assets.sandbox.issue_site import UnknownObjectError
from jira_assets.sandbox.model import (
    DONE,
    IN_PROGRESS,
    TO_DO,
    Category,
    Field,
    IssueType,
    Project,
    SiteState,
    Status,
)
from jira_assets.sandbox.site import JiraSite
from jira_assets.sandbox.synthetic import synthetic_site

SHARED = (("10", ("1", "2")), ("11", ("2",)))


@pytest.fixture
def site() -> JiraSite:
    """Two projects that share a workflow, one without issue types, one status in no list."""
    projects = [
        Project("100", "AB", "One"),
        Project("101", "ab", "Two"),
        Project("102", "C", "Bare"),
    ]
    statuses = [
        Status("1", "Open", TO_DO),
        Status("2", "Done", DONE, listed=False),
        Status("3", "Unused", None),
        Status("4", "Own", IN_PROGRESS, project_id="101"),
    ]
    types = [IssueType("10", "Bug"), IssueType("11", "Part", subtask=True, listed=False)]
    fields = [
        Field("summary", "Points", custom=False),
        Field("customfield_1", "Points", "number", custom_type="com.app:float"),
        Field("customfield_2", "Points", "array", "user", project_id="101"),
    ]
    return JiraSite(
        SiteState(
            "cloud",
            projects={row.id: row for row in projects},
            statuses={row.id: row for row in statuses},
            issue_types={row.id: row for row in types},
            fields={row.id: row for row in fields},
            workflows={"100": SHARED, "101": SHARED, "102": ()},
        )
    )


def test_truth_holds_what_is_listed_and_what_projects_name(site: JiraSite) -> None:
    assert site.truth() == {
        "projects": {("100", "AB", "One"), ("101", "ab", "Two"), ("102", "C", "Bare")},
        "issue_types": {("10", "Bug", False), ("11", "Part", True)},
        "statuses": {
            ("1", "Open", "new"),
            ("2", "Done", "done"),
            ("3", "Unused", "undefined"),
            ("4", "Own", "indeterminate"),
        },
        "projects_issue_types": {("100", "10"), ("100", "11"), ("101", "10"), ("101", "11")},
        "projects_statuses": {("100", "1"), ("100", "2"), ("101", "1"), ("101", "2")},
        "projects_issue_types_statuses": {
            (project, *rest)
            for project in ("100", "101")
            for rest in (("10", "1"), ("10", "2"), ("11", "2"))
        },
        "custom_fields": {
            ("customfield_1", "Points", "number", None, "com.app:float", None),
            ("customfield_2", "Points", "array", "user", None, "101"),
        },
    }


def test_an_unlisted_status_is_known_only_while_a_readable_project_names_it(site: JiraSite) -> None:
    site.make_unreadable("AB")
    assert ("2", "Done", "done") in site.truth()["statuses"]
    site.make_unreadable("ab", 403)
    assert ("2", "Done", "done") not in site.truth()["statuses"]
    assert site.truth()["projects_statuses"] == set()
    assert len(site.truth()["projects"]) == 3


def test_truth_with_unreadable_projects_is_what_it_was_before(site: JiraSite) -> None:
    before = site.truth()
    site.make_unreadable("100")
    assert site.truth() != before
    assert site.truth(unreadable_too=True) == before
    site.make_readable("AB")
    assert site.truth() == before


def test_a_project_is_unreadable_with_404_or_403_only(site: JiraSite) -> None:
    with pytest.raises(ValueError, match="not 500"):
        site.make_unreadable("AB", 500)


def test_renaming(site: JiraSite) -> None:
    site.rename_status("1", "Neu")
    site.rename_issue_type("10", "Fehler")
    site.rename_project("AB", "Eins")
    site.rekey_project("AB", "EINS")
    truth = site.truth()
    assert ("1", "Neu", "new") in truth["statuses"]
    assert ("10", "Fehler", False) in truth["issue_types"]
    assert ("100", "EINS", "Eins") in truth["projects"]
    assert site.project("EINS").id == "100"
    with pytest.raises(UnknownObjectError, match="'AB'"):
        site.project("AB")


def test_fields_are_renamed_retyped_added_and_removed(site: JiraSite) -> None:
    document = {"id": "customfield_3", "name": "As it came", "schema": {"type": "date"}, "x": [1]}
    site.add_field(Field("customfield_3", "As it came", "date", document=document))
    site.rename_field("customfield_1", "Effort")
    site.rename_field("customfield_3", "Anew")
    site.retype_field("customfield_3", "array", "com.app:labels", "string")
    site.remove_project("ab")
    assert site.truth()["custom_fields"] == {
        ("customfield_1", "Effort", "number", None, "com.app:float", None),
        ("customfield_3", "Anew", "array", "string", "com.app:labels", None),
    }
    schema = {"type": "array", "custom": "com.app:labels", "items": "string"}
    assert site.state.fields["customfield_3"].document == {
        **document,
        "name": "Anew",
        "schema": schema,
    }
    site.remove_field("customfield_1")
    assert len(site.truth()["custom_fields"]) == 1
    with pytest.raises(UnknownObjectError, match="no field 'customfield_1'"):
        site.remove_field("customfield_1")


def test_renaming_changes_the_captured_document_and_nothing_else_in_it(site: JiraSite) -> None:
    document = {"id": "7", "name": "As it came", "unknown": [1]}
    site.add_status(Status("7", "As it came", document=document, repeats=(document,)))
    site.rename_status("7", "Anew")
    renamed = site.state.statuses["7"]
    assert renamed.document == {"id": "7", "name": "Anew", "unknown": [1]}
    assert renamed.repeats == ()


def test_a_removed_status_vanishes_everywhere(site: JiraSite) -> None:
    site.remove_status("2")
    truth = site.truth()
    assert not any(row[0] == "2" for row in truth["statuses"])
    assert truth["projects_statuses"] == {("100", "1"), ("101", "1")}
    assert ("100", "11") in truth["projects_issue_types"]
    workflows = site.state.workflows
    assert workflows["100"] is workflows["101"], "projects no longer share their workflow"


def test_a_relation_goes_and_comes(site: JiraSite) -> None:
    site.remove_relation("AB", "10", "2")
    assert ("100", "10", "2") not in site.truth()["projects_issue_types_statuses"]
    assert ("100", "2") in site.truth()["projects_statuses"], "another issue type still uses it"
    assert ("101", "10", "2") in site.truth()["projects_issue_types_statuses"]
    site.remove_relation("AB", "11", "2")
    assert ("100", "2") not in site.truth()["projects_statuses"]
    site.add_relation("C", "10", "3")
    assert ("102", "10", "3") in site.truth()["projects_issue_types_statuses"]


def test_a_removed_project_takes_its_scope_along(site: JiraSite) -> None:
    site.make_unreadable("101")
    site.remove_project("ab")
    assert set(site.state.projects) == set(site.state.workflows) == {"100", "102"}
    assert "4" not in site.state.statuses
    assert not site.state.unreadable


def test_a_project_is_added_with_its_workflow(site: JiraSite) -> None:
    site.add_issue_type(IssueType("12", "Epic"))
    site.add_project(Project("103", "NEW", "New"), (("12", ("1",)),))
    assert ("103", "12", "1") in site.truth()["projects_issue_types_statuses"]


def test_mutations_name_what_the_site_does_not_have(site: JiraSite) -> None:
    with pytest.raises(UnknownObjectError, match="no status '9'"):
        site.rename_status("9", "x")
    with pytest.raises(UnknownObjectError, match="no status '9'"):
        site.remove_status("9")
    with pytest.raises(UnknownObjectError, match="no issue type '9'"):
        site.add_relation("AB", "9", "1")
    with pytest.raises(UnknownObjectError, match="does not use status 3"):
        site.remove_relation("AB", "10", "3")
    with pytest.raises(UnknownObjectError, match="no project 'nix'"):
        site.remove_project("nix")


def test_a_state_once_read_does_not_change(site: JiraSite) -> None:
    before = site.state
    copy = replace(before)
    site.remove_status("1")
    site.remove_project("AB")
    assert before == copy
    assert site.state is not before


def test_an_unknown_category_is_itself() -> None:
    odd = Status("1", "Odd", Category(9, "in-flight", "Flying", "red"))
    site = JiraSite(SiteState("cloud", statuses={"1": odd}))
    assert site.truth()["statuses"] == {("1", "Odd", "in-flight")}


def test_permissions_are_granted_and_revoked() -> None:
    site = synthetic_site()
    assert site.state.permissions == {"BROWSE_PROJECTS"}
    site.grant("ADMINISTER")
    site.revoke("BROWSE_PROJECTS")
    assert site.state.permissions == {"ADMINISTER"}
    with pytest.raises(UnknownObjectError, match="no permission 'FLY'"):
        site.grant("FLY")
