"""The client against sites that are well."""

import threading
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from jira_assets.jira.client import Answer, JiraClient, ProjectRef
from jira_assets.jira.identity import Identity
from jira_assets.jira.site import Site
from jira_assets_tests.jira.scripted import (
    CLOUD_INFO,
    FakeClock,
    Reply,
    ScriptedJira,
    client,
)

SEARCH = "/rest/api/3/project/search"


def _page(*ids: int, total: int, last: bool, start: int = 0) -> Reply:
    values = [{"id": str(number), "key": f"P{number}"} for number in ids]
    return Reply({"values": values, "startAt": start, "total": total, "isLast": last})


def _refs(*ids: int) -> list[ProjectRef]:
    return [ProjectRef(str(number), f"P{number}") for number in ids]


def _statuses_path(api: int, project: int) -> str:
    return f"/rest/api/{api}/project/{project}/statuses"


def test_a_cloud_says_who_we_are(jira: ScriptedJira) -> None:
    with client(jira.cloud(), deployment="cloud") as reader:
        assert reader.identity() == Identity(
            deployment="cloud",
            account_id="5b10",
            display_name="Mia",
            time_zone="Australia/Sydney",
            server_title="Acme",
            version="1001.0.0",
        )
    assert [asked.path for asked in jira.asked] == ["/rest/api/3/serverInfo", "/rest/api/3/myself"]


@pytest.mark.parametrize("deployment", ["auto", "data_center"])
def test_a_data_center_says_who_we_are(jira: ScriptedJira, deployment: str) -> None:
    with client(jira.data_center(), deployment=deployment) as reader:
        identity = reader.identity()
    assert (identity.deployment, identity.account_id) == ("data_center", "JIRAUSER1")


def test_auto_finds_a_cloud_and_asks_only_once(jira: ScriptedJira) -> None:
    with client(jira.cloud()) as reader:
        assert reader.identity().deployment == "cloud"
        assert reader.identity() is reader.identity()
    assert [asked.path for asked in jira.asked] == ["/rest/api/2/serverInfo", "/rest/api/3/myself"]


def test_a_visitor_is_not_asked_who_it_is(jira: ScriptedJira) -> None:
    visitors = {"X-AUSERNAME": "anonymous"}
    jira.on("/rest/api/2/serverInfo", Reply({"version": "9.12.0"}, headers=visitors))
    jira.on("/rest/api/2/status", Reply([{"id": "1"}], headers=visitors))
    with JiraClient(Site(jira.url, auth="none"), clock=FakeClock()) as reader:
        assert reader.identity().display_name == "anonymous"
        assert [answer.payload for answer in reader.statuses()] == [[{"id": "1"}]]
    assert all("Authorization" not in asked.headers for asked in jira.asked)


def test_all_pages_of_a_clouds_projects_come_as_they_are(jira: ScriptedJira) -> None:
    jira.cloud().on(
        SEARCH,
        _page(1, 2, total=3, last=False),
        _page(3, total=3, last=True, start=2),
    )
    with client(jira) as reader:
        answers = list(reader.projects())
    assert [answer.path for answer in answers] == [SEARCH, SEARCH]
    assert [answer.params["startAt"] for answer in answers] == [0, 2]
    assert [len(answer.payload["values"]) for answer in answers] == [2, 1]
    assert jira.asked[-1].query == {
        "startAt": ["2"],
        "maxResults": ["100"],
        "expand": ["description,lead,insight"],
        "status": ["live", "archived"],
    }


def test_a_data_centers_projects_are_one_list_below_the_context_path() -> None:
    with ScriptedJira(context="/jira") as jira:
        jira.data_center().on("/rest/api/2/project", Reply([{"id": "1", "key": "P1"}]))
        with client(jira) as reader:
            (answer,) = reader.projects()
    assert answer == Answer(
        "/rest/api/2/project",
        {"expand": "description,lead", "includeArchived": "true"},
        200,
        [{"id": "1", "key": "P1"}],
    )
    assert jira.asked[-1].path == "/jira/rest/api/2/project"
    assert jira.asked[-1].query["includeArchived"] == ["true"]


@pytest.mark.parametrize(
    ("what", "path"),
    [("issue_types", "/issuetype"), ("statuses", "/status"), ("fields", "/field")],
)
def test_every_list_is_one_answer(jira: ScriptedJira, what: str, path: str) -> None:
    listed = [{"id": "1", "x": "?"}, {"id": "1"}]
    jira.cloud().on(f"/rest/api/3{path}", Reply(listed))
    with client(jira) as reader:
        answers = list(getattr(reader, what)())
    assert answers == [Answer(f"/rest/api/3{path}", {}, 200, listed)]


def test_the_statuses_of_every_project_arrive_once(jira: ScriptedJira) -> None:
    jira.cloud()
    for project in range(50):
        jira.on(_statuses_path(3, project), Reply([{"id": str(project), "statuses": []}]))
    with client(jira) as reader:
        answers = list(reader.project_statuses(_refs(*range(50))))
        assert reader.stats.calls == 52
    by_project = {answer.project: answer.payload for answer in answers}
    assert by_project == {ref: [{"id": ref.id, "statuses": []}] for ref in _refs(*range(50))}
    assert {answer.status for answer in answers} == {200}


def test_a_project_without_issue_types_is_an_answer(jira: ScriptedJira) -> None:
    jira.cloud().on(_statuses_path(3, 1), Reply([]))
    with client(jira) as reader:
        (answer,) = reader.project_statuses(_refs(1))
    assert (answer.status, answer.payload) == (200, [])


UNREADABLE: list[tuple[int, Any, Any]] = [
    (404, {"errorMessages": ["No project"]}, {"errorMessages": ["No project"]}),
    (403, {"message": "no"}, {"message": "no"}),
    (404, b"<html>gone</html>", "<html>gone</html>"),
    (403, b"", None),
]


@pytest.mark.parametrize(("status", "body", "payload"), UNREADABLE)
def test_a_project_that_cannot_be_read_is_an_answer_and_the_others_go_on(
    jira: ScriptedJira, status: int, body: Any, payload: Any
) -> None:
    jira.cloud().on(_statuses_path(3, 1), Reply(body, status))
    jira.on(_statuses_path(3, 2), Reply([{"id": "5"}]))
    with client(jira) as reader:
        answers = {a.project: (a.status, a.payload) for a in reader.project_statuses(_refs(1, 2))}
    first, second = _refs(1, 2)
    assert answers == {first: (status, payload), second: (200, [{"id": "5"}])}
    assert jira.calls_of(_statuses_path(3, 1)) == 1


def test_ten_thousand_projects_do_not_pile_up(jira: ScriptedJira) -> None:
    taken: list[int] = []

    def refs() -> Iterator[ProjectRef]:
        for number in range(10_000):
            taken.append(number)
            yield ProjectRef("1", "P1")

    jira.cloud().on(_statuses_path(3, 1), Reply([{"id": "5"}]))
    with client(jira, max_concurrency=2) as reader:
        answers = reader.project_statuses(refs())
        assert len(list(islice(answers, 10))) == 10
        answers.close()
    assert len(taken) < 20


def test_no_more_calls_are_in_flight_than_allowed(jira: ScriptedJira) -> None:
    jira.cloud()
    three_are_there = threading.Barrier(3)
    for project in range(12):
        jira.on(_statuses_path(3, project), Reply([{"id": "5"}], after=three_are_there))
    with client(jira, max_concurrency=3) as reader:
        assert len(list(reader.project_statuses(_refs(*range(12))))) == 12
    assert jira.most_in_flight == 3


def test_the_clients_own_rate_is_kept(jira: ScriptedJira) -> None:
    clock = FakeClock()
    jira.cloud().on(_statuses_path(3, 1), Reply([{"id": "5"}]))
    with client(jira, clock, requests_per_second=2) as reader:
        list(reader.project_statuses(_refs(*[1] * 8)))
    assert clock.elapsed == pytest.approx(4.5)


def test_the_counts_read_as_a_line(jira: ScriptedJira) -> None:
    limited = Reply({}, 429, {"Retry-After": "4"})
    jira.cloud().on("/rest/api/3/status", limited, Reply([{"id": "1"}]))
    with client(jira) as reader:
        list(reader.statuses())
    assert (reader.stats.calls, reader.stats.retries, reader.stats.rate_limited) == (4, 1, 1)
    assert str(reader.stats) == (
        "4 calls, 1 of them retries, 1 answered 429, 4.2 s waited, 0.0 MB received"
    )


def test_no_cookie_of_one_answer_goes_into_the_next_call(jira: ScriptedJira) -> None:
    jira.cloud().on(
        "/rest/api/2/serverInfo", Reply(CLOUD_INFO, headers={"Set-Cookie": "JSESSIONID=1"})
    )
    with client(jira) as reader:
        reader.identity()
    assert all("Cookie" not in asked.headers for asked in jira.asked)


def test_netrc_does_not_take_the_place_of_the_integrations_credentials(
    jira: ScriptedJira, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password other\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with client(jira.data_center(), auth="bearer") as reader:
        reader.identity()
    assert {asked.headers["Authorization"][:7] for asked in jira.asked} == {"Bearer "}
