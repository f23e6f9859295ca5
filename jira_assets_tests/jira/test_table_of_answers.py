"""The table of answers, line by line: each sent by a real server, and read by the real client."""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from jira_assets.jira.client import Answer, JiraClient, ProjectRef
from jira_assets.jira.errors import JiraError, PagingError, TransientJiraError
from jira_assets.jira.shapes import items_of
from jira_assets.jira.transport import Timeouts
from jira_assets.sandbox.comparison import COLUMNS
from jira_assets.sandbox.faults import KINDS, Fault
from jira_assets.sandbox.model import Deployment
from jira_assets.sandbox.server import SandboxServer
from jira_assets.sandbox.site import JiraSite
from jira_assets.sandbox.synthetic import synthetic_site
from jira_assets.sandbox.truth import Truth
from jira_assets.transform.snapshots import build_snapshot
from jira_assets.warehouse.contracts import Owner, Snapshot
from jira_assets.warehouse.jsonb import to_jsonb
from jira_assets.warehouse.tables import SOURCES
from jira_assets_tests.jira import answers_table
from jira_assets_tests.jira.answers_line import ONE_LIST, Line
from jira_assets_tests.jira.answers_table import TABLE, TITLES
from jira_assets_tests.jira.scripted import POLICY, FakeClock, site
from jira_assets_tests.site_scenario import answer, landed, listing

PAGE = Path(__file__).parents[2] / "docs" / "answers.md"
OWNER = Owner(1, 1, "acme/jira")
PATIENCE = {"hang": Timeouts(connect=0.3, read=0.3)}


class TodaysClock(FakeClock):
    """A clock on which waiting takes no time, and whose date is that of the server."""

    def time(self) -> float:
        return time.time()


@dataclass(frozen=True)
class Reading:
    """All that was read of a site, as snapshots by table."""

    snapshots: dict[str, Snapshot]
    clock: FakeClock
    retries: int

    def rows(self) -> Truth:
        return {
            table: set(
                self.snapshots[table].frame[list(columns)].itertuples(index=False, name=None)
            )
            for table, columns in COLUMNS.items()
        }

    def values(self, table: str, column: str) -> set[Any]:
        return set(self.snapshots[table].frame[column])


@contextmanager
def served(line: Line, model: JiraSite) -> Iterator[SandboxServer]:
    """Serve a site with the fault of a line, if it is one."""
    faults = []
    if line.is_fault:
        faults = [Fault(line.kind, path=line.path, count=line.count, seconds=line.seconds)]
    with SandboxServer(model, context_path=line.context_path, faults=faults) as server:
        yield server


def made(line: Line, deployment: Deployment) -> JiraSite:
    model = synthetic_site(projects=line.projects, deployment=deployment)
    if line.site is not None:
        line.site(model)
    return model


def read(
    server: SandboxServer,
    clock: FakeClock,
    meanwhile: Callable[[], None] = lambda: None,
    **more: Any,
) -> Reading:
    """Read a whole site, as the extraction does, and make its tables, without a database."""
    with JiraClient(site(server.url), policy=POLICY, clock=clock, **more) as reader:
        projects = list(reader.projects())
        lists = {
            "projects": _listed(projects),
            "issue_types": _listed(reader.issue_types()),
            "statuses": _listed(reader.statuses()),
            "fields": _listed(reader.fields()),
        }
        meanwhile()
        pages = [
            answer(page, ref.id, ref.key, _stored(one.payload), one.status)
            for page, one in enumerate(reader.project_statuses(_refs(projects)))
            if (ref := one.project) is not None
        ]
        sources = {
            entity: landed(entity, found, OWNER)
            for entity, found in {**lists, "project_statuses": pages}.items()
        }
        snapshots = {table: build_snapshot(table, OWNER, sources) for table in COLUMNS}
        return Reading(snapshots, clock, reader.stats.retries)


def _stored(payload: Any) -> Any:
    """Return a payload as the raw table gives it back."""
    return orjson.loads(to_jsonb(payload))


def _listed(answers: Iterable[Answer]) -> Any:
    return listing(*(_stored(one.payload) for one in answers))


def _refs(projects: list[Answer]) -> list[ProjectRef]:
    items = [item for page in projects for item in items_of(page.payload)]
    by_id = {str(item["id"]): item["key"] for item in items}
    return [ProjectRef(project_id, key) for project_id, key in by_id.items()]


def cases(wanted: Callable[[Line], bool]) -> pytest.MarkDecorator:
    """Parametrize a test by the lines that are ``wanted``, and their deployments."""
    return pytest.mark.parametrize(
        ("line", "deployment"),
        [
            pytest.param(line, one, id=f"{line.number}-{line.kind}{line.path}-{one}")
            for line in filter(wanted, TABLE)
            for one in line.deployments
        ],
    )


def _is_hiccup(line: Line) -> bool:
    """Whether the client itself tries again."""
    kind = line.error or PagingError
    return issubclass(kind, TransientJiraError) and kind is not PagingError


@cases(lambda line: line.error is not None)
def test_what_ends_a_reading_is_said(line: Line, deployment: Deployment) -> None:
    clock = TodaysClock()
    with served(line, made(line, deployment)) as server, pytest.raises(JiraError) as raised:
        read(server, clock, timeouts=PATIENCE.get(line.kind))
    error = raised.value
    assert type(error) is line.error
    said, _, where = str(error).rpartition(" (http")
    assert re.fullmatch(re.escape(line.text).replace("…", ".*"), said)
    assert f"http{where}".startswith(server.url)
    if not isinstance(error, TransientJiraError):
        assert (error.tries, clock.waits) == (1, [])


@pytest.mark.parametrize(
    "line", [line for line in TABLE if _is_hiccup(line)], ids=lambda line: line.kind
)
def test_what_is_worth_another_try_loses_nothing_when_it_passes(line: Line) -> None:
    model = made(line, "cloud")
    fault = Fault(line.kind, path=ONE_LIST, count=1, seconds=line.seconds)
    with SandboxServer(model, faults=[fault]) as server:
        reading = read(server, TodaysClock(), timeouts=PATIENCE.get(line.kind))
    assert reading.rows() == model.truth()
    assert reading.retries == 1
    if "asks to wait" in line.says:  # a date has no fractions of a second
        assert sum(reading.clock.waits) >= line.seconds - 2


@cases(lambda line: line.error is None and not line.spared)
def test_what_is_odd_is_read_all_the_same(line: Line, deployment: Deployment) -> None:
    model = made(line, deployment)
    truth = model.truth()
    with served(line, model) as server:
        reading = read(server, TodaysClock(), lambda: line.meanwhile and line.meanwhile(model))
        assert reading.rows() == line.rows(truth)
        if line.meanwhile:
            assert read(server, TodaysClock()).rows() == line.rows(model.truth())
    assert reading.clock.waits == []
    found = {column: reading.values(*column) for column in line.columns}
    assert found == line.columns
    reasons = [one.reason for made in reading.snapshots.values() for one in made.rejected]
    assert tuple(reasons) == line.rejected


@cases(lambda line: line.spared)
def test_what_says_nothing_about_any_project_deletes_nothing(
    line: Line, deployment: Deployment
) -> None:
    model = made(line, deployment)
    with served(line, model) as server:
        reading = read(server, TodaysClock())
    for table in COLUMNS:
        if "project_statuses" in SOURCES[table]:
            assert reading.snapshots[table].unreadable_projects == model.state.projects.keys()


def test_status_names_do_repeat_in_other_categories() -> None:
    """The synthetic site has them on its own, and statuses that no list has."""
    statuses = synthetic_site().state.statuses.values()
    categories = {(row.name, row.category) for row in statuses}
    assert len({name for name, _ in categories}) < len(categories)
    assert not all(row.listed for row in statuses)


def test_no_url_of_ours_is_long() -> None:
    model = synthetic_site(projects=230)
    with SandboxServer(model, context_path="/" + 1000 * "x") as server:
        read(server, TodaysClock())
        targets = {f"{one.path}?{one.query}" for one in server.requests}
    below = [len(target.encode()) - len(server.context_path) for target in targets]
    assert len(targets) > 230
    assert max(below) <= 200


def test_every_number_and_every_fault_has_a_line() -> None:
    assert {line.number for line in TABLE} == TITLES.keys() == set(range(18))
    assert {line.kind for line in TABLE if line.is_fault} == KINDS.keys()


def test_the_page_holds_the_table() -> None:
    assert answers_table.document() in PAGE.read_text()
