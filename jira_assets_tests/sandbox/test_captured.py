import json
from pathlib import Path
from typing import Any

import pytest

from jira_assets.sandbox.captured import CapturedFolderError, captured_site
from jira_assets.sandbox.dialects import (
    answer,
    fields,
    issue_types,
    posted,
    project_list,
    statuses,
)
from jira_assets.sandbox.documents import Root
from jira_assets.sandbox.model import Deployment

ROOT = Root("http://sandbox", cloud=True, version="3")


def write(folder: Path, **files: Any) -> Path:
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def test_objects_are_served_as_they_came_repeated_ids_included(tmp_path: Path) -> None:
    rows = [
        {"id": "1", "name": "故事", "subtask": False, "unknown": {"deep": [None]}},
        {"id": "2", "name": "Bug", "subtask": False},
        {"id": "1", "name": "Story", "subtask": False},
    ]
    site = captured_site(write(tmp_path, issuetype=rows))
    assert issue_types(site.state, ROOT) == rows
    assert site.truth()["issue_types"] == {("1", "Story", False), ("2", "Bug", False)}


def test_fields_are_served_as_they_came_and_only_custom_ones_are_rows(tmp_path: Path) -> None:
    number = {"type": "number", "custom": "com.app:float", "customId": 1}
    rows = [
        {"id": "summary", "name": "Summary", "custom": False, "schema": {"type": "string"}},
        {"id": "customfield_1", "name": "Points", "custom": True, "schema": number},
        {"id": "customfield_2", "name": "Bare", "custom": True, "unknown": {"deep": [None]}},
        {"id": "customfield_1", "name": "Effort", "custom": True, "schema": number},
    ]
    site = captured_site(write(tmp_path, field=rows))
    assert sorted(map(_text, fields(site.state, ROOT))) == sorted(map(_text, rows))
    assert site.truth()["custom_fields"] == {
        ("customfield_1", "Effort", "number", None, "com.app:float", None),
        ("customfield_2", "Bare", None, None, None, None),
    }


def test_what_was_not_captured_is_made_up_the_same_way_every_time(tmp_path: Path) -> None:
    write(tmp_path, project=[{"id": str(n), "key": f"K{n}", "name": ""} for n in range(9)])
    first, again = captured_site(tmp_path), captured_site(tmp_path)
    assert first.truth() == again.truth()
    assert len(first.truth()["issue_types"]) == 5
    assert len(first.truth()["statuses"]) == 3
    assert len(first.truth()["custom_fields"]) == 3
    assert {project for project, _ in first.truth()["projects_statuses"]} == set(map(str, range(9)))


def test_a_team_managed_project_uses_the_statuses_of_its_scope(tmp_path: Path) -> None:
    scope = {"type": "PROJECT", "project": {"id": "20"}}
    site = captured_site(
        write(
            tmp_path,
            project=[
                {"id": "20", "key": "T", "name": "Team"},
                {"id": "21", "key": "C", "name": ""},
            ],
            status=[
                {"id": "1", "name": "Shared", "statusCategory": {"key": "done"}},
                {"id": "2", "name": "Own", "scope": scope},
            ],
            issuetype=[{"id": "9", "name": "Own type", "scope": scope}, {"id": "8", "name": "Any"}],
        )
    )
    assert site.truth()["projects_issue_types_statuses"] == {("20", "9", "2"), ("21", "8", "1")}
    assert site.truth()["statuses"] == {("1", "Shared", "done"), ("2", "Own", "undefined")}


@pytest.mark.parametrize(
    ("row", "deployment"),
    [
        ({"id": "1", "style": "classic"}, "cloud"),
        ({"id": "1", "scope": {"type": "PROJECT"}}, "cloud"),
        ({"id": "1", "untranslatedName": "x"}, "cloud"),
        ({"id": "1", "name": "x"}, "data_center"),
    ],
)
def test_the_objects_tell_the_deployment(
    tmp_path: Path, row: dict[str, Any], deployment: Deployment
) -> None:
    write(tmp_path, status=[row])
    assert captured_site(tmp_path).deployment == deployment
    assert captured_site(tmp_path, "data_center").deployment == "data_center"


def test_a_page_of_projects_is_read_too(tmp_path: Path) -> None:
    write(tmp_path, project={"startAt": 0, "values": [{"id": "5", "key": "K", "name": "N"}]})
    assert captured_site(tmp_path).truth()["projects"] == {("5", "K", "N")}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "status.json is not JSON"),
        ('"text"', "neither a list nor a page"),
        ('[{"name": "no id"}]', "no object with a text id"),
    ],
)
def test_a_file_without_captured_answers_is_named(
    tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "status.json").write_text(content)
    with pytest.raises(CapturedFolderError, match=message):
        captured_site(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CapturedFolderError, match="holds none of status"):
        captured_site(tmp_path)


@pytest.mark.parametrize(
    ("name", "deployment"), [("apache-data-center", "data_center"), ("cloud-site", "cloud")]
)
def test_real_captures_are_served_whole(
    real_jira_dir: Path, name: str, deployment: Deployment
) -> None:
    folder = real_jira_dir / name
    site = captured_site(folder)
    assert site.deployment == deployment
    served = {
        "status": statuses(site.state, ROOT),
        "project": project_list(site.state, ROOT, {"includeArchived": "true"}),
        "issuetype": issue_types(site.state, ROOT),
    }
    tables = {"status": "statuses", "project": "projects", "issuetype": "issue_types"}
    for file, rows in served.items():
        if not (folder / f"{file}.json").exists():
            continue
        captured = json.loads((folder / f"{file}.json").read_text())
        if file == "project":
            captured += _projects_that_only_issues_name(folder, captured)
        assert sorted(map(_text, rows)) == sorted(map(_text, captured))
        ids = {row["id"] for row in captured}
        assert {row[0] for row in site.truth()[tables[file]]} == ids
    assert site.truth()["projects_issue_types_statuses"]


def _projects_that_only_issues_name(folder: Path, listed: list[Any]) -> list[Any]:
    path = folder / "issues-with-changelog.json"
    issues = json.loads(path.read_text()) if path.exists() else []
    named = {row["fields"]["project"]["id"]: row["fields"]["project"] for row in issues}
    return [row for one, row in named.items() if one not in {row["id"] for row in listed}]


def test_every_issue_and_every_history_of_a_real_capture_is_reached(real_jira_dir: Path) -> None:
    folder = real_jira_dir / "cloud-site"
    site = captured_site(folder)
    served: dict[str, Any] = {}
    for project_id in site.state.issues_by_project:
        asked = {"jql": f"project = {project_id}", "fields": ["*all"], "expand": "changelog"}
        page = posted(site.state, ROOT, "search/jql", {**asked, "maxResults": 100}).build()
        served |= {row["id"]: row for row in page["issues"]}
    captured = json.loads((folder / "issues-with-changelog.json").read_text())
    assert len(served) == len(captured) == 33
    assert {row["id"]: row["fields"] for row in captured} == {
        one: row["fields"] for one, row in served.items()
    }
    histories = [one for row in served.values() for one in row["changelog"]["histories"]]
    assert len({one["id"] for one in histories}) == 522
    assert sorted(map(_text, histories)) == sorted(
        _text(one) for row in captured for one in row["changelog"]["histories"]
    )
    assert len(site.truth()["issue_changelogs"]) == 714


def test_a_captured_issue_that_changes_is_told_changed(tmp_path: Path) -> None:
    fields = {"summary": "Before", "status": {"id": "1"}, "labels": ["kept"], "unknown": [1]}
    fields |= {"project": {"id": "5", "key": "K"}, "updated": "2024-01-01T10:00:00.000+0100"}
    write(
        tmp_path,
        **{"issues-with-changelog": {"issues": [{"id": "7", "key": "K-2"} | {"fields": fields}]}},
    )
    site = captured_site(tmp_path, "cloud")
    assert site.issue("K-2").updated == 1_704_099_600_000
    site.change_issue("7", summary="After", at=1_704_099_660_000)
    told = answer(site.state, ROOT, "issue/K-2", {}).build()["fields"]
    assert told["summary"] == "After"
    assert told["updated"] == "2024-01-01T10:01:00.000+0100"
    assert (told["labels"], told["unknown"]) == (["kept"], [1])


def _text(row: Any) -> str:
    return json.dumps(row, sort_keys=True)
