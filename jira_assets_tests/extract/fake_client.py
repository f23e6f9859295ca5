"""A client that answers from memory, and readers that ask it."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast

from jira_assets.extract.issue_readings import IssueReading, Known
from jira_assets.extract.readings import SiteReader
from jira_assets.extract.windows import Wanted
from jira_assets.jira.client import Answer, IssueQuery, JiraClient, ProjectEnd, ProjectRef
from jira_assets.jira.stats import Counts
from jira_assets.warehouse.integrations import Integration

NOW: Final = datetime(2026, 11, 24, 12, tzinfo=UTC)
SEARCH: Final = "/search"


class Client:
    """Lists projects A, B and C; what is asked of those in ``unreadable`` is answered 404.

    ``listed`` is what else the list says of a project, by its key. Each project has one issue, with
    a value in ``customfield_1``; those in ``empty`` have none.
    """

    def __init__(
        self,
        unreadable: Iterable[str] = (),
        error: Exception | None = None,
        listed: Mapping[str, Mapping[str, Any]] | None = None,
        empty: Iterable[str] = (),
    ) -> None:
        self.empty = set(empty)
        self.unreadable = set(unreadable)
        self.error = error
        self.listed = listed or {}
        self.queries: list[IssueQuery] = []
        self.logged: list[str] = []
        self.project_lists = 0
        self.asked: list[str] = []
        self.stats = Counts(calls=2)

    def projects(self) -> Iterator[Answer]:
        self.project_lists += 1
        for start, keys in ((0, "AB"), (2, "BC")):
            values = [{**_project(key), **self.listed.get(key, {})} for key in keys]
            yield Answer("/project/search", {"startAt": start}, 200, {"values": values})

    def statuses(self) -> Iterator[Answer]:
        if self.error:
            raise self.error
        self.stats += Counts(3, 2, 1, 30.06, 20.04, 1_234_567)
        yield Answer("/status", {}, 200, [{"id": "1"}])

    def fields(self) -> Iterator[Answer]:
        field = {"id": "customfield_1", "custom": True, "schema": {"type": "number"}}
        yield Answer("/field", {}, 200, [{"id": "summary", "custom": False}, field])

    def project_statuses(self, refs: Iterable[ProjectRef]) -> Iterator[Answer]:
        for ref in refs:
            self.asked.append(ref.key)
            readable = ref.key not in self.unreadable
            yield Answer(f"/project/{ref.id}/statuses", {}, 200 if readable else 404, [], ref)

    def site_time(self) -> datetime:
        return NOW

    def issue_samples(self, refs: Iterable[ProjectRef]) -> Iterator[Answer]:
        for ref in refs:
            self.asked.append(ref.key)
            yield self._search(ref)

    def issue_ids(self, refs: Iterable[ProjectRef]) -> Iterator[Answer | ProjectEnd]:
        for ref in refs:
            self.asked.append(ref.key)
            yield from self._read(ref)

    def issues(self, queries: Iterable[IssueQuery]) -> Iterator[Answer | ProjectEnd]:
        """Read two pages a project, those of all projects side by side."""
        self.queries += queries
        self.asked += [query.project.key for query in self.queries]
        for ref in (query.project for query in self.queries):
            if ref.key not in self.unreadable | self.empty:
                yield self._search(ref)
        for ref in (query.project for query in self.queries):
            yield from self._read(ref)

    def _read(self, ref: ProjectRef) -> Iterator[Answer | ProjectEnd]:
        answer = self._search(ref)
        if answer.status == 200:
            yield answer
            yield ProjectEnd(ref, 0 if ref.key in self.empty else 1)
        else:
            yield ProjectEnd(ref, 0, answer)

    def _search(self, ref: ProjectRef) -> Answer:
        if ref.key in self.unreadable:
            return Answer(SEARCH, {}, 404, {"errorMessages": ["gone"]}, ref, method="POST")
        issue = {"id": f"1{ref.id}", "fields": {"customfield_1": 5, "customfield_2": None}}
        found = [] if ref.key in self.empty else [issue]
        return Answer(SEARCH, {}, 200, {"issues": found}, ref, method="POST")


def _project(key: str) -> dict[str, Any]:
    return {"id": str(ord(key)), "key": key, "name": key}


def integration(**settings: Any) -> Integration:
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


def issue_reading(
    client: Client,
    mappings: Mapping[str, str] | None = None,
    known: Known | None = None,
    wanted: Wanted | None = None,
    *,
    rendered: bool = False,
) -> IssueReading:
    """Return a reading of issues that knows and wants nothing, unless told so."""
    jira = cast("JiraClient", client)
    return IssueReading(jira, mappings or {}, known or Known(), wanted or Wanted(), rendered)


def reader_of(client: Client, issues: IssueReading | None = None, **settings: Any) -> SiteReader:
    """Return a reader of the client; ``settings`` are those of its integration."""
    jira, reading = cast("JiraClient", client), issues or issue_reading(client)
    return SiteReader(integration(**settings), jira, client.logged.append, reading)
