"""Searches and changelogs: what is found, in which order, on which pages, and what is refused."""

from datetime import datetime
from typing import Any

import pytest

from jira_assets.sandbox.documents import Root
from jira_assets.sandbox.issue_model import History, HistoryItem
from jira_assets.sandbox.model import IssueType, Project, SiteState, Status
from jira_assets.sandbox.site import JiraSite
from jira_assets.sandbox.synthetic import synthetic_site
from jira_assets_tests.sandbox.asking import by_token, get, post, read, refused

NOON = 1_717_243_200_000
"""2024-06-01T12:00Z: eight in the morning in New York."""
ZONE = "America/New_York"


def bare(deployment: Any = "cloud", **more: Any) -> JiraSite:
    """Make a site of two projects, A and B, without issues."""
    projects = [Project("1", "A", "One"), Project("2", "B", "Two")]
    workflow = (("10", ("1",)),)
    return JiraSite(
        SiteState(
            deployment,
            time_zone=ZONE,
            projects={row.id: row for row in projects},
            issue_types={"10": IssueType("10", "Bug")},
            statuses={"1": Status("1", "Open")},
            workflows={"1": workflow, "2": workflow},
            **more,
        )
    )


def keys(state: SiteState, jql: str) -> list[str]:
    path = "search/jql" if state.deployment == "cloud" else "search"
    return [row["key"] for row in read(post(state, path, jql=jql, fields=["key"]))["issues"]]


@pytest.fixture(scope="module")
def cloud() -> SiteState:
    return synthetic_site(issues=600, custom_fields=30).state


@pytest.fixture(scope="module")
def data_center() -> SiteState:
    return synthetic_site(issues=600, deployment="data_center").state


def test_the_old_search_of_cloud_is_gone(cloud: SiteState) -> None:
    for found in (get(cloud, "search", jql="project = NA"), post(cloud, "search", jql="")):
        assert found.status == 410
        assert "/rest/api/3/search/jql" in found.build()["errorMessages"][0]


def test_the_old_search_of_cloud_can_be_kept_for_clients_that_know_no_other(
    cloud: SiteState,
) -> None:
    site = JiraSite(cloud)
    site.keep_old_search()
    page = read(get(site.state, "search", jql="created > 0", startAt="590"))
    assert (page["startAt"], page["total"], len(page["issues"])) == (590, 600, 10)


def test_pages_by_token_hold_every_issue_once_and_in_order(cloud: SiteState) -> None:
    largest = max(cloud.issues_by_project.values(), key=len)
    jql = f"project = {largest[0].project_id} ORDER BY updated ASC, key ASC"
    pages = list(by_token(cloud, "search/jql", jql=jql, maxResults=7, fields=["updated"]))
    assert [page["isLast"] for page in pages] == [False] * (len(pages) - 1) + [True]
    assert not any({"total", "startAt"} & page.keys() for page in pages)
    found = [row["id"] for page in pages for row in page["issues"]]
    assert found == [row.id for row in sorted(largest, key=lambda row: (row.updated, row.number))]


def test_an_issue_that_changes_while_it_is_read_comes_later_and_none_is_lost() -> None:
    site = bare()
    ids = [site.add_issue("A", at=NOON + number).id for number in range(10)]
    asked: dict[str, Any] = {"jql": "project = A ORDER BY updated ASC, key ASC", "maxResults": 4}
    first = read(post(site.state, "search/jql", **asked))
    site.touch_issue(ids[1], at=NOON + 500)
    site.delete_issue(ids[3])
    asked["nextPageToken"] = first["nextPageToken"]
    rest = read(post(site.state, "search/jql", **asked))
    asked["nextPageToken"] = rest["nextPageToken"]
    last = read(post(site.state, "search/jql", **asked))
    assert [row["id"] for row in rest["issues"]] == ids[4:8]
    assert [row["id"] for row in last["issues"]] == [*ids[8:], ids[1]]


def test_only_ids_come_unless_fields_are_asked_for(cloud: SiteState) -> None:
    page = read(post(cloud, "search/jql", jql="created > 0", maxResults=5000))
    assert len(page["issues"]) == 600
    assert {frozenset(row) for row in page["issues"]} == {frozenset({"id"})}
    page = read(get(cloud, "search/jql", jql="created > 0", maxResults="5000", fields="id,key"))
    assert len(page["issues"]) == 600
    assert "fields" not in page["issues"][0]
    page = read(post(cloud, "search/jql", jql="created > 0", maxResults=5000, fields=["summary"]))
    assert (len(page["issues"]), page["isLast"]) == (100, False)
    assert page["issues"][0]["fields"].keys() == {"summary"}


def test_fields_are_selected_in_jiras_words(cloud: SiteState) -> None:
    def told(*fields: str) -> set[str]:
        page = read(post(cloud, "search/jql", jql="created > 0", fields=list(fields), maxResults=1))
        return set(page["issues"][0]["fields"])

    everything = told("*all")
    assert {"summary", "status", "customfield_10000", "issuelinks"} <= everything
    assert told("*all", "-summary") == everything - {"summary"}
    assert "issuelinks" not in told("*navigable")
    assert told("summary", "customfield_10000", "nix") == {"summary", "customfield_10000"}


def test_expand_is_a_text_on_cloud_and_either_on_data_center(
    cloud: SiteState, data_center: SiteState
) -> None:
    asked = {"jql": "created > 0", "fields": ["summary", "customfield_10000"], "maxResults": 1}
    assert "Invalid request payload" in refused(
        post(cloud, "search/jql", **asked, expand=["changelog"])
    )
    page = read(post(cloud, "search/jql", **asked, expand="changelog,names,schema"))
    assert page["names"] == {"summary": "Summary", "customfield_10000": "Story Points"}
    assert page["schema"]["customfield_10000"]["type"] == "number"
    for expand in ("changelog", ["changelog", "renderedFields"]):
        page = read(post(data_center, "search", **asked, expand=expand))
        assert page["issues"][0]["changelog"]["histories"]


@pytest.mark.parametrize(
    "body",
    [{"startAt": 0}, {"nix": 1}, {"fields": 5}, {"fields": [1]}, {"jql": ["project = NA"]}],
    ids=str,
)
def test_a_body_that_atlassian_does_not_declare_is_refused(
    cloud: SiteState, body: dict[str, Any]
) -> None:
    assert "Invalid request payload" in refused(
        post(cloud, "search/jql", **{"jql": "project = NA", **body})
    )


@pytest.mark.parametrize("given", [0, -1, "x", True, 1.5], ids=str)
def test_a_page_size_that_is_none_is_refused(cloud: SiteState, given: object) -> None:
    assert "maxResults" in refused(post(cloud, "search/jql", jql="created>0", maxResults=given))


def test_a_token_belongs_to_its_query(cloud: SiteState) -> None:
    token = read(post(cloud, "search/jql", jql="created > 0"))["nextPageToken"]
    for jql, given in (("created > 1", token), ("created > 0", "nix"), ("created > 0", "!")):
        assert "token" in refused(post(cloud, "search/jql", jql=jql, nextPageToken=given))


def test_what_may_not_be_searched_is_told_in_jiras_words(
    cloud: SiteState, data_center: SiteState
) -> None:
    assert "Unbounded JQL" in refused(post(cloud, "search/jql", jql="ORDER BY key"))
    assert read(post(data_center, "search", jql=""))["total"] == 600
    for state, path in ((cloud, "search/jql"), (data_center, "search")):
        assert refused(post(state, path, jql="project = NIX")) == (
            "The value 'NIX' does not exist for the field 'project'."
        )
        assert refused(post(state, path, jql="key = NIX-1")) == (
            "An issue with key 'NIX-1' does not exist for field 'key'."
        )
        assert "Date value 'soon' for field 'updated' is invalid" in refused(
            post(state, path, jql="updated > soon")
        )


def test_strings_are_minutes_in_the_accounts_zone_and_numbers_are_milliseconds() -> None:
    site = bare()
    for offset in (-1, 0, 1, 60_000):
        site.add_issue("A", at=NOON + offset)
    for text in ('"2024-06-01 08:00"', '"2024/06/01 08:00"', str(NOON)):
        assert keys(site.state, f"project = A AND updated >= {text} ORDER BY key") == [
            "A-2",
            "A-3",
            "A-4",
        ]
    assert keys(site.state, f"updated > {NOON} AND updated < {NOON + 60_000}") == ["A-3"]
    assert keys(site.state, f"created = {NOON}") == ["A-2"]
    assert len(keys(site.state, 'updated >= "2024-06-01"')) == 4
    assert keys(site.state, 'updated >= "2024-06-02"') == []


def test_data_centers_index_knows_seconds() -> None:
    site = bare("data_center")
    for offset in (-1, 300, 100, 1000):
        site.add_issue("A", at=NOON + offset)
    jql = f"project = A AND updated >= {NOON + 500} ORDER BY updated ASC, key ASC"
    assert keys(site.state, jql) == ["A-2", "A-3", "A-4"]


def test_keys_are_ordered_by_project_and_number_and_bound_within_their_project() -> None:
    site = bare()
    for project in ["B"] * 2 + ["A"] * 11:
        site.add_issue(project, at=NOON)
    assert keys(site.state, "created > 0 ORDER BY key") == [
        *(f"A-{number}" for number in range(1, 12)),
        "B-1",
        "B-2",
    ]
    assert keys(site.state, "created > 0 ORDER BY key DESC")[:3] == ["B-2", "B-1", "A-11"]
    last = site.issue("A-9").id
    assert keys(site.state, f"id > {last} ORDER BY id") == ["A-10", "A-11"]
    assert keys(site.state, f"key in (A-9, {last}, B-1) ORDER BY key") == ["A-9", "B-1"]
    assert keys(site.state, "project in (B, 1) AND key <= B-1") == ["B-1"]


def test_data_center_pages_by_offset_and_caps_silently(data_center: SiteState) -> None:
    page = read(get(data_center, "search", jql="created > 0"))
    assert (page["startAt"], page["maxResults"], page["total"]) == (0, 50, 600)
    assert "description" in page["issues"][0]["fields"]
    site = JiraSite(data_center)
    site.limit_search(page=20, depth=500)
    page = read(post(site.state, "search", jql="", startAt=480, maxResults=5000, fields=["id"]))
    assert (page["maxResults"], len(page["issues"])) == (20, 20)
    refusal = post(site.state, "search", jql="", startAt=500)
    assert (refusal.status, refusal.build()["errorMessages"]) == (500, ["Search limit exceeded"])
    site.limit_search()
    assert len(read(post(site.state, "search", jql="", startAt=590))["issues"]) == 10


def test_a_count_is_told_on_cloud_alone(cloud: SiteState, data_center: SiteState) -> None:
    found = post(cloud, "search/approximate-count", jql="created > 0")
    assert read(found) == {"count": 600}
    assert post(data_center, "search/approximate-count", jql="").status == 404


def test_cloud_embeds_the_forty_newest_histories_and_tells_how_many_there_are(
    cloud: SiteState, data_center: SiteState
) -> None:
    for state in (cloud, data_center):
        issue = max(state.issues.values(), key=lambda row: len(row.histories))
        told = read(get(state, f"issue/{issue.id}", fields="id", expand="changelog"))["changelog"]
        ids = [row["id"] for row in told["histories"]]
        whole = [row.id for row in issue.histories]
        assert (told["total"], told["startAt"]) == (len(whole), 0)
        assert len(whole) > 40
        assert ids == (whole[:-41:-1] if state is cloud else whole)


def test_a_changelog_is_paged_oldest_first(cloud: SiteState, data_center: SiteState) -> None:
    issue = next(row for row in cloud.issues.values() if len(row.histories) > 100)
    path = f"issue/{cloud.key_of(issue)}/changelog"
    first = read(get(cloud, path, maxResults="5000"))
    rest = read(get(cloud, path, startAt="100"))
    assert (len(first["values"]), first["isLast"], rest["isLast"]) == (100, False, True)
    assert [row["id"] for row in first["values"] + rest["values"]] == [
        row.id for row in issue.histories
    ]
    assert get(data_center, f"issue/{next(iter(data_center.issues))}/changelog").status == 404


def test_bulk_changelogs_are_paged_over_all_issues_by_the_moment_of_the_change(
    cloud: SiteState,
) -> None:
    issues = list(cloud.issues.values())[:120]
    pages = list(
        by_token(
            cloud,
            "changelog/bulkfetch",
            issueIdsOrKeys=[issues[0].id, *map(cloud.key_of, issues[1:]), "NIX-1"],
            maxResults=100,
        )
    )
    arrived: dict[str, list[dict[str, Any]]] = {}
    moments = []
    for page in pages:
        rows = [row for log in page["issueChangeLogs"] for row in log["changeHistories"]]
        assert 0 < len(rows) <= 100
        moments.append(max(row["created"] for row in rows))
        for log in page["issueChangeLogs"]:
            arrived.setdefault(log["issueId"], []).extend(log["changeHistories"])
    assert moments == sorted(moments)
    assert {
        one: [(row["id"], row["created"]) for row in rows] for one, rows in arrived.items()
    } == {row.id: [(one.id, one.created) for one in row.histories] for row in issues}


def test_bulk_changelogs_of_some_fields_are_those_alone(cloud: SiteState) -> None:
    named = list(cloud.issues)[:50]
    [page] = by_token(cloud, "changelog/bulkfetch", issueIdsOrKeys=named, fieldIds=["status"])
    rows = [row for log in page["issueChangeLogs"] for row in log["changeHistories"]]
    assert rows
    assert all(any(item.get("fieldId") == "status" for item in row["items"]) for row in rows)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"issueIdsOrKeys": []},
        {"issueIdsOrKeys": ["1"] * 1001},
        {"issueIdsOrKeys": "1,2"},
        {"issueIdsOrKeys": ["1"], "maxResults": 10_001},
        {"issueIdsOrKeys": ["1"], "nextPageToken": "nix"},
    ],
    ids=["nothing", "none", "too many", "a text", "too large", "no token"],
)
def test_what_the_bulk_endpoint_refuses(cloud: SiteState, body: dict[str, Any]) -> None:
    assert refused(post(cloud, "changelog/bulkfetch", **body))


def test_an_issue_is_told_in_each_version_of_the_api(cloud: SiteState) -> None:
    issue = next(row for row in cloud.issues.values() if row.description is not None)
    v2 = read(get(cloud, f"issue/{issue.id}", Root("https://x", cloud=True, version="2")))
    v3 = read(get(cloud, f"issue/{issue.id}", expand="renderedFields"))
    assert isinstance(v2["fields"]["description"], str)
    assert v3["fields"]["description"]["type"] == "doc"
    assert v3["renderedFields"]["description"].startswith("<p>")
    assert get(cloud, "issue/4711").status == 404


def test_moments_are_told_in_the_zone_of_the_site() -> None:
    site = bare()
    issue = site.add_issue("A", at=NOON + 7)
    told = read(get(site.state, f"issue/{issue.id}"))["fields"]
    assert told["created"] == told["updated"] == "2024-06-01T08:00:00.007-0400"
    assert datetime.fromisoformat(told["created"]).timestamp() * 1000 == NOON + 7


def test_a_project_that_may_not_be_read_hides_its_issues() -> None:
    for deployment, path in (("cloud", "search/jql"), ("data_center", "search")):
        site = bare(deployment)
        hidden, seen = site.add_issue("A", at=NOON), site.add_issue("B", at=NOON)
        site.make_unreadable("A")
        assert "does not exist for the field 'project'" in refused(
            post(site.state, path, jql="project = A")
        )
        assert "does not exist for field 'id'" in refused(
            post(site.state, path, jql=f"id = {hidden.id}")
        )
        assert keys(site.state, "created > 0") == ["B-1"]
        assert get(site.state, f"issue/{hidden.id}").status == 404
        assert get(site.state, f"issue/{seen.id}").status == 200
        assert {row[0] for row in site.truth()["issues"]} == {seen.id}
        assert len(site.truth(unreadable_too=True)["issues"]) == 2


def test_insight_tells_idle_projects() -> None:
    site = bare()
    site.add_issue("A", at=NOON)
    site.add_issue("A", at=NOON + 5)
    page = read(get(site.state, "project/search", expand="insight"))
    assert {row["key"]: row["insight"] for row in page["values"]} == {
        "A": {"totalIssueCount": 2, "lastIssueUpdateTime": "2024-06-01T12:00:00.005+0000"},
        "B": {"totalIssueCount": 0},
    }


def test_a_history_without_an_author_or_items_is_told_so() -> None:
    site = bare()
    item = HistoryItem("Link", None, None, "A-2", "blocks A-2")
    histories = (History("5", NOON), History("6", NOON + 1, None, (item,)))
    issue = site.add_issue("A", at=NOON, histories=histories)
    [one, two] = read(get(site.state, f"issue/{issue.id}/changelog"))["values"]
    assert (one["items"], "author" in one) == ([], False)
    assert two["items"][0]["toString"] == "blocks A-2"
    assert site.truth()["issue_changelogs"] == {("5", 0, issue.id), ("6", 0, issue.id)}
