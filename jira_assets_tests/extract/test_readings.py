"""Readings, against a client that answers from memory."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from jira_assets.extract.roster import ListedProject, Roster, project_refs
from jira_assets.jira.errors import CredentialsRefusedError, MalformedAnswerError
from jira_assets.warehouse.contracts import LeftBehind, RawPage
from jira_assets_tests.extract.fake_client import Client, integration, reader_of

NOTHING_LEFT = LeftBehind()


def _project_ids(pages: list[RawPage]) -> list[str]:
    return [page.request["project_id"] for page in pages]


def test_project_statuses_use_the_roster_that_streamed_past() -> None:
    client = Client()
    reader = reader_of(client)
    assert [page.page for page in reader.pages("projects", NOTHING_LEFT)] == [0, 1]
    pages = list(reader.pages("project_statuses", NOTHING_LEFT))
    assert client.project_lists == 1
    assert _project_ids(pages) == ["65", "66", "67"]
    assert pages[0].request["project_key"] == "A"


def test_project_statuses_alone_read_the_roster_themselves() -> None:
    client = Client()
    assert len(list(reader_of(client).pages("project_statuses", NOTHING_LEFT))) == 3
    assert client.project_lists == 1


@pytest.mark.parametrize(
    ("included", "excluded", "asked"),
    [((), (), "ABC"), (("A", "C"), (), "AC"), ((), ("B",), "AC"), (("A", "B"), ("B",), "A")],
)
def test_filters_choose_the_projects(
    included: tuple[str, ...], excluded: tuple[str, ...], asked: str
) -> None:
    client = Client()
    reader = reader_of(client, included_projects=included, excluded_projects=excluded)
    list(reader.pages("project_statuses", NOTHING_LEFT))
    assert client.asked == list(asked)


def test_fields_are_one_page_and_need_no_project() -> None:
    client = Client()
    reader = reader_of(client, included_projects=("NONE",))
    [page] = reader.pages("fields", NOTHING_LEFT)
    assert (page.page, page.request["path"], page.readable) == (0, "/field", True)
    assert client.project_lists == 0


def test_filters_that_leave_nothing_fail_for_good() -> None:
    reader = reader_of(Client(), included_projects=("NONE",))
    with pytest.raises(dg.Failure, match="integration update acme/cloud") as caught:
        list(reader.pages("project_statuses", NOTHING_LEFT))
    assert caught.value.allow_retries is False


def test_a_retried_reading_goes_on_where_it_was_left() -> None:
    client = Client()
    left = LeftBehind(project_ids=frozenset({"65"}), next_page=7, readable=1)
    pages = list(reader_of(client).pages("project_statuses", left))
    assert client.asked == ["B", "C"]
    assert [page.page for page in pages] == [7, 8]


def test_unreadable_projects_are_pages_as_long_as_one_can_be_read() -> None:
    pages = list(reader_of(Client(unreadable="AB")).pages("project_statuses", NOTHING_LEFT))
    assert [page.readable for page in pages] == [False, False, True]


@pytest.mark.parametrize(
    "left", [NOTHING_LEFT, LeftBehind(project_ids=frozenset({"65"}), next_page=1)]
)
def test_every_project_unreadable_is_lost_access(left: LeftBehind) -> None:
    reader = reader_of(Client(unreadable="ABC"))
    with pytest.raises(dg.Failure, match="Browse Projects") as caught:
        list(reader.pages("project_statuses", left))
    assert caught.value.allow_retries is False


@pytest.mark.parametrize(
    ("error", "retried"),
    [(CredentialsRefusedError("401"), False), (MalformedAnswerError("cut JSON"), True)],
)
def test_failures_say_the_partition_and_whether_to_try_again(
    error: Exception, retried: bool
) -> None:
    with pytest.raises(dg.Failure, match="acme/cloud") as caught:
        list(reader_of(Client(error=error)).pages("statuses", NOTHING_LEFT))
    assert caught.value.allow_retries is retried


def test_what_has_no_id_cannot_be_asked_for() -> None:
    listed = [{"id": "1", "key": "A"}, {"id": "2"}, {"key": "C"}, None, 5]
    assert list(project_refs(listed)) == [ListedProject("1", "A"), ListedProject("2", "")]
    assert list(project_refs({"values": "nonsense"})) == []
    assert list(project_refs(None)) == []


def test_a_roster_counts_a_project_once() -> None:
    roster = Roster()
    roster.add([{"id": "1", "key": "OLD"}])
    roster.add([{"id": "1", "key": "NEW"}])
    assert [ref.key for ref in roster.selected(integration())] == ["NEW"]


def test_a_reading_notes_what_it_took_and_nothing_that_was_before() -> None:
    reader = reader_of(Client())
    assert reader.notes("statuses") == {}
    list(reader.pages("statuses", NOTHING_LEFT))
    assert reader.notes("statuses") == {
        "calls": 3,
        "retries": 2,
        "answers_429": 1,
        "waited_seconds": 30.1,
        "asked_to_wait_seconds": 20.0,
        "received_megabytes": 1.235,
    }


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        ({}, ListedProject("1", "A")),
        ({"archived": True, "insight": None}, ListedProject("1", "A", archived=True)),
        ({"archived": "true", "insight": "much"}, ListedProject("1", "A")),
        (
            {"insight": {"totalIssueCount": 7, "lastIssueUpdateTime": "2026-11-24T13:00:00+0100"}},
            ListedProject("1", "A", last_changed=datetime(2026, 11, 24, 12, tzinfo=UTC), issues=7),
        ),
        (
            {"insight": {"totalIssueCount": 0, "lastIssueUpdateTime": "2026-11-24T12:00:00"}},
            ListedProject("1", "A", issues=0),
        ),
        (
            {"insight": {"totalIssueCount": True, "lastIssueUpdateTime": "yesterday"}},
            ListedProject("1", "A"),
        ),
        (
            {"insight": {"totalIssueCount": "7", "lastIssueUpdateTime": 1795521600}},
            ListedProject("1", "A"),
        ),
    ],
)
def test_what_a_list_says_of_a_project(listed: dict[str, object], found: ListedProject) -> None:
    assert list(project_refs([{"id": 1, "key": "A", **listed}])) == [found]
