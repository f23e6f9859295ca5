import pytest

from jira_assets.sandbox.issue_model import Issue, Option
from jira_assets.sandbox.issue_site import UnknownObjectError
from jira_assets.sandbox.issue_texts import PEOPLE
from jira_assets.sandbox.moments import now
from jira_assets.sandbox.site import JiraSite
from jira_assets.sandbox.synthetic import synthetic_site
from jira_assets_tests.sandbox.asking import get, read

LATER = 1_800_000_000_000


@pytest.fixture
def site() -> JiraSite:
    return synthetic_site(issues=80)


def usual(site: JiraSite) -> Issue:
    """Return an issue of a project that others are in, too."""
    return max(site.state.issues_by_project.values(), key=len)[0]


def test_a_change_is_a_history_and_moves_updated(site: JiraSite) -> None:
    before = usual(site)
    field = next(row.id for row in site.state.fields.values() if row.custom)
    changed = site.change_issue(
        before.id,
        status_id="3",
        summary="After",
        assignee=PEOPLE[1],
        values={field: Option("7", "Gold")},
        author=PEOPLE[0],
        at=LATER,
    )
    assert site.issue(before.id) is changed
    assert (changed.updated, changed.status_id, changed.summary) == (LATER, "3", "After")
    assert {**changed.values, field: None} == {**before.values, field: None}
    *earlier, last = changed.histories
    assert tuple(earlier) == before.histories
    assert (last.created, last.author) == (LATER, PEOPLE[0])
    told = {item.field_id: (item.from_, item.to, item.to_string) for item in last.items}
    assert told["status"] == (before.status_id, "3", site.state.statuses["3"].name)
    assert told["summary"] == (None, None, "After")
    assert told["assignee"][1:] == (PEOPLE[1].account_id, PEOPLE[1].display_name)
    assert told[field][1:] == ("7", "Gold")


def test_none_empties_a_field_and_none_else(site: JiraSite) -> None:
    issue = next(row for row in site.state.issues.values() if len(row.values) > 1)
    emptied, *others = issue.values
    changed = site.change_issue(issue.id, values={emptied: None}, at=LATER)
    assert list(changed.values) == others
    told = read(get(site.state, f"issue/{issue.id}"))["fields"]
    assert told[emptied] is None


def test_a_change_of_earlier_takes_its_place_among_the_histories(site: JiraSite) -> None:
    issue = next(row for row in site.state.issues.values() if len(row.histories) > 2)
    between = issue.histories[0].created + 1
    changed = site.change_issue(issue.id, summary="Early", at=between)
    assert [row.created for row in changed.histories][:2] == [between - 1, between]
    assert len({row.id for row in changed.histories}) == len(issue.histories) + 1


def test_a_moved_issue_keeps_its_id_and_its_old_keys_lead_to_it(site: JiraSite) -> None:
    issue = usual(site)
    old_key = site.state.key_of(issue)
    target = next(row for row in site.state.projects.values() if row.id != issue.project_id)
    moved = site.move_issue(issue.id, target.key, at=LATER)
    new_key = site.state.key_of(moved)
    assert (moved.id, moved.project_id, moved.updated) == (issue.id, target.id, LATER)
    assert new_key.startswith(f"{target.key}-")
    assert {item.field: item.to_string for item in moved.histories[-1].items} == {
        "project": target.name,
        "Key": new_key,
    }
    for key in (old_key, new_key, issue.id):
        assert read(get(site.state, f"issue/{key}"))["key"] == new_key
    back = site.move_issue(new_key, issue.project_id)
    assert site.state.key_of(back) != old_key
    assert site.issue(old_key).id == issue.id


def test_a_moved_issue_leaves_the_fields_of_its_project_behind(site: JiraSite) -> None:
    field = next(row for row in site.state.fields.values() if row.project_id is not None)
    issue = next(row for row in site.state.issues.values() if row.project_id == field.project_id)
    site.change_issue(issue.id, values={field.id: Option("7", "Gold")})
    elsewhere = {row.id for row in site.state.projects.values()} - {field.project_id}

    moved = site.move_issue(issue.id, min(elsewhere))

    shared = {name for name in issue.values if site.state.fields[name].project_id is None}
    assert moved.values.keys() == shared
    uses = {row for row in site.truth()["projects_custom_fields"] if row[1] == field.id}
    assert uses <= {(field.project_id, field.id)}


def test_a_rekeyed_project_takes_its_issues_along_and_updated_stays(site: JiraSite) -> None:
    issue = usual(site)
    old_key = site.state.key_of(issue)
    site.rekey_project(issue.project_id, "NEW")
    assert site.state.key_of(site.issue(old_key)) == f"NEW-{issue.number}"
    assert site.issue(f"NEW-{issue.number}") is issue


def test_what_is_deleted_is_gone(site: JiraSite) -> None:
    issue = usual(site)
    key = site.state.key_of(issue)
    site.delete_issue(key)
    assert issue.id not in {row[0] for row in site.truth()["issues"]}
    assert get(site.state, f"issue/{issue.id}").status == 404
    with pytest.raises(UnknownObjectError, match="no issue"):
        site.issue(key)


def test_neither_the_id_nor_the_key_of_what_is_deleted_comes_again(site: JiraSite) -> None:
    added = site.add_issue(usual(site).project_id)
    key = site.state.key_of(added)
    site.delete_issue(key)
    again = site.add_issue(added.project_id)
    assert int(again.id) > int(added.id)
    assert again.number > added.number
    site.remove_project(added.project_id)
    elsewhere = site.add_issue(usual(site).project_id)
    assert int(elsewhere.id) > int(again.id)


def test_a_touch_moves_updated_alone(site: JiraSite) -> None:
    issue = usual(site)
    touched = site.touch_issue(issue.id, at=LATER)
    assert (touched.updated, touched.histories) == (LATER, issue.histories)


def test_added_issues_have_new_ids_and_keys(site: JiraSite) -> None:
    before = set(site.state.issues)
    project_id = usual(site).project_id
    added = [site.add_issue(project_id, summary=f"{number}") for number in range(3)]
    assert len({row.id for row in added} - before) == 3
    numbers = [row.number for row in added]
    assert numbers == list(range(numbers[0], numbers[0] + 3))
    workflow = dict(site.state.workflows[project_id])
    assert all(row.status_id in workflow[row.issue_type_id] for row in added)


def test_a_project_without_issue_types_needs_to_be_told(site: JiraSite) -> None:
    bare = next(one for one, used in site.state.workflows.items() if not used)
    with pytest.raises(ValueError, match="no issue type with statuses"):
        site.add_issue(bare)
    assert site.add_issue(bare, issue_type_id="9", status_id="8").status_id == "8"


def test_a_removed_project_takes_its_issues_away(site: JiraSite) -> None:
    issue = usual(site)
    site.remove_project(issue.project_id)
    assert issue.project_id not in site.state.issues_by_project
    assert not {row for row in site.truth()["issues"] if row[2] == issue.project_id}


def test_now_is_by_the_sites_clock(site: JiraSite) -> None:
    day = 86_400_000
    site.set_clock(day)
    earliest = now() + day
    touched = site.touch_issue(usual(site).id)
    assert earliest <= touched.updated <= now() + day


def test_what_the_site_has_no_more_is_still_told_by_its_issues(site: JiraSite) -> None:
    issue = usual(site)
    site.remove_status(issue.status_id)
    told = read(get(site.state, f"issue/{issue.id}", fields="status"))["fields"]["status"]
    assert told["id"] == issue.status_id
