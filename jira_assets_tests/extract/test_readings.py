"""Readings, against a client that answers from memory."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, cast

import dagster as dg
import pytest

from jira_assets.extract.readings import SiteReader
from jira_assets.extract.roster import Roster, project_refs
from jira_assets.jira.client import Answer, JiraClient, ProjectRef
from jira_assets.jira.errors import CredentialsRefusedError, MalformedAnswerError
from jira_assets.jira.stats import Counts
from jira_assets.warehouse.contracts import LeftBehind, RawPage
from jira_assets.warehouse.integrations import Integration

NOTHING_LEFT = LeftBehind()


class Client:
    """Lists projects A, B and C; the statuses of those in ``unreadable`` answer 404."""

    def __init__(self, unreadable: Iterable[str] = (), error: Exception | None = None) -> None:
        self.unreadable = set(unreadable)
        self.error = error
        self.project_lists = 0
        self.asked: list[str] = []
        self.stats = Counts(calls=2)

    def projects(self) -> Iterator[Answer]:
        self.project_lists += 1
        for start, keys in ((0, "AB"), (2, "BC")):
            values = [{"id": str(ord(key)), "key": key, "name": key} for key in keys]
            yield Answer("/project/search", {"startAt": start}, 200, {"values": values})

    def statuses(self) -> Iterator[Answer]:
        if self.error:
            raise self.error
        self.stats += Counts(3, 2, 1, 30.06, 20.04, 1_234_567)
        yield Answer("/status", {}, 200, [{"id": "1"}])

    def fields(self) -> Iterator[Answer]:
        yield Answer("/field", {}, 200, [{"id": "summary", "custom": False}])

    def project_statuses(self, refs: Iterable[ProjectRef]) -> Iterator[Answer]:
        for ref in refs:
            self.asked.append(ref.key)
            readable = ref.key not in self.unreadable
            yield Answer(f"/project/{ref.id}/statuses", {}, 200 if readable else 404, [], ref)


def _integration(**settings: Any) -> Integration:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    columns: dict[str, Any] = {
        "id": 1,
        "tenant_id": 1,
        "tenant": "acme",
        "slug": "cloud",
        "base_url": "https://acme.example",
        "deployment": "cloud",
        "auth": "none",
        "username": None,
        "secret_ref": None,
        "custom_field_mappings": {},
        "max_concurrency": 4,
        "requests_per_second": None,
        "included_projects": (),
        "excluded_projects": (),
        "active": True,
        "removed_at": None,
        "created_at": now,
        "updated_at": now,
    }
    return Integration(**columns | settings)


def _reader(client: Client, **settings: Any) -> SiteReader:
    return SiteReader(_integration(**settings), cast("JiraClient", client), lambda _: None)


def _project_ids(pages: list[RawPage]) -> list[str]:
    return [page.request["project_id"] for page in pages]


def test_project_statuses_use_the_roster_that_streamed_past() -> None:
    client = Client()
    reader = _reader(client)
    assert [page.page for page in reader.pages("projects", NOTHING_LEFT)] == [0, 1]
    pages = list(reader.pages("project_statuses", NOTHING_LEFT))
    assert client.project_lists == 1
    assert _project_ids(pages) == ["65", "66", "67"]
    assert pages[0].request["project_key"] == "A"


def test_project_statuses_alone_read_the_roster_themselves() -> None:
    client = Client()
    assert len(list(_reader(client).pages("project_statuses", NOTHING_LEFT))) == 3
    assert client.project_lists == 1


@pytest.mark.parametrize(
    ("included", "excluded", "asked"),
    [((), (), "ABC"), (("A", "C"), (), "AC"), ((), ("B",), "AC"), (("A", "B"), ("B",), "A")],
)
def test_filters_choose_the_projects(
    included: tuple[str, ...], excluded: tuple[str, ...], asked: str
) -> None:
    client = Client()
    reader = _reader(client, included_projects=included, excluded_projects=excluded)
    list(reader.pages("project_statuses", NOTHING_LEFT))
    assert client.asked == list(asked)


def test_fields_are_one_page_and_need_no_project() -> None:
    client = Client()
    reader = _reader(client, included_projects=("NONE",))
    [page] = reader.pages("fields", NOTHING_LEFT)
    assert (page.page, page.request["path"], page.readable) == (0, "/field", True)
    assert client.project_lists == 0


def test_filters_that_leave_nothing_fail_for_good() -> None:
    reader = _reader(Client(), included_projects=("NONE",))
    with pytest.raises(dg.Failure, match="integration update acme/cloud") as caught:
        list(reader.pages("project_statuses", NOTHING_LEFT))
    assert caught.value.allow_retries is False


def test_a_retried_reading_goes_on_where_it_was_left() -> None:
    client = Client()
    left = LeftBehind(project_ids=frozenset({"65"}), next_page=7, readable=1)
    pages = list(_reader(client).pages("project_statuses", left))
    assert client.asked == ["B", "C"]
    assert [page.page for page in pages] == [7, 8]


def test_unreadable_projects_are_pages_as_long_as_one_can_be_read() -> None:
    pages = list(_reader(Client(unreadable="AB")).pages("project_statuses", NOTHING_LEFT))
    assert [page.readable for page in pages] == [False, False, True]


@pytest.mark.parametrize(
    "left", [NOTHING_LEFT, LeftBehind(project_ids=frozenset({"65"}), next_page=1)]
)
def test_every_project_unreadable_is_lost_access(left: LeftBehind) -> None:
    reader = _reader(Client(unreadable="ABC"))
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
        list(_reader(Client(error=error)).pages("statuses", NOTHING_LEFT))
    assert caught.value.allow_retries is retried


def test_what_has_no_id_cannot_be_asked_for() -> None:
    listed = [{"id": "1", "key": "A"}, {"id": "2"}, {"key": "C"}, None, 5]
    assert list(project_refs(listed)) == [ProjectRef("1", "A"), ProjectRef("2", "")]
    assert list(project_refs({"values": "nonsense"})) == []
    assert list(project_refs(None)) == []


def test_a_roster_counts_a_project_once() -> None:
    roster = Roster()
    roster.add([{"id": "1", "key": "OLD"}])
    roster.add([{"id": "1", "key": "NEW"}])
    assert [ref.key for ref in roster.selected(_integration())] == ["NEW"]


def test_a_reading_notes_what_it_took_and_nothing_that_was_before() -> None:
    reader = _reader(Client())
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
