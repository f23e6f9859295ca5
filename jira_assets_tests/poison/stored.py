"""Cases through Postgres: landed, transformed and merged, many pages in a transaction, and judged.

Decisions this module embodies:

* Each entity of a batch has an integration of its own: nothing that another one brought, or an
  earlier batch, is in its tables.
* What Postgres hands out is judged by the same simple reading as the rows that went in.
* Of issues that come twice any one of the answers may have won, but no mixture of them.
* A page of issues lands as it came, and jsonb writes 1e2 as 100; one that is built before, or whose
  batch Postgres refused, lands as 100.0. Such an id may be one or none; all else is exact.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from jira_assets.jira.errors import JiraError
from jira_assets.jira.thin_pages import ThinPage
from jira_assets.partitions import PartitionKey
from jira_assets.transform.issue_assets import IssueIncrements
from jira_assets.transform.literals import array_literal
from jira_assets.transform.snapshots import TRANSFORM_VERSION, build_snapshot
from jira_assets.warehouse.contracts import (
    LandedEntity,
    Owner,
    RawPage,
    Reading,
    ScopedReading,
    ScopeEnd,
    ScopePage,
    Window,
)
from jira_assets.warehouse.increments import changes_to_apply
from jira_assets.warehouse.integrations import add_integration
from jira_assets.warehouse.io_managers import first_rows
from jira_assets.warehouse.landing import land, newest_sources
from jira_assets.warehouse.merge import EmptySnapshotError, merge
from jira_assets.warehouse.merge_increments import merge_increments
from jira_assets.warehouse.scoped_landing import land_scopes
from jira_assets.warehouse.staging import staged_columns
from jira_assets.warehouse.tables import DATA_TABLES, rejected_records
from jira_assets_tests.poison import judge_issues, judge_lists, simple
from jira_assets_tests.poison.case import (
    ISSUE,
    MAPPED,
    TABLES_OF,
    Case,
    answer_of,
    draw,
    expected_of,
)
from jira_assets_tests.poison.judge_lists import Page

ISSUE_TABLES: Final = ("issues", "issue_changelogs")
_UNTIL: Final = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Stored:
    """What a batch came to."""

    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Answer:
    """One answer that the client took."""

    case: Case
    found: Any
    simply: Any
    also: Any
    """The same, where it may read otherwise because it lands as it came."""

    def page(self, number: int, project: str) -> RawPage:
        request = {"path": "/any", "project_id": project, "project_key": "P", "issue_id": ISSUE}
        text = self.found.text if isinstance(self.found, ThinPage) else None
        return RawPage(number, request, 200, self.found, text)


def play_stored(engine: sa.Engine, seeds: Sequence[int], only: Sequence[str] = ()) -> Stored:
    """Land, merge and judge the cases of these seeds."""
    return play_cases(engine, (draw(seed, only) for seed in seeds), str(seeds[0]))


def play_cases(engine: sa.Engine, cases: Iterable[Case], name: str) -> Stored:
    """Land, merge and judge some cases. ``name`` tells their integrations from others'."""
    stored = Stored()
    by_entity: dict[str, list[_Answer]] = {}
    for case in cases:
        stored.counts["cases"] += 1
        for body in case.bodies:
            try:
                found = answer_of(case, body)
            except JiraError:
                stored.counts["refused"] += 1
                continue
            with simple.deep_stack():
                simply = simple.kept(body)
                also = simple.in_postgres(body) if isinstance(found, ThinPage) else simply
            answer = _Answer(case, found, simply, also)
            by_entity.setdefault(case.base.entity, []).append(answer)
    for entity, answers in by_entity.items():
        play = {"issues": _issues, "issue_ids": _sweep}.get(entity, _lists)
        try:
            play(engine, _owner(engine, f"poison/{entity}-{name}"), answers, stored)
        except Exception as error:  # noqa: BLE001 # whatever is raised is what is looked for
            what = f"{entity} raised {type(error).__name__}: {str(error)[:300]}"
            stored.problems.append(f"{what}, of seeds {[each.case.seed for each in answers]}")
    return stored


def _owner(engine: sa.Engine, key: str) -> Owner:
    added = add_integration(
        engine, PartitionKey.parse(key), base_url="https://acme.example", auth="none"
    )
    return Owner(added.tenant_id, added.id, key)


def _land(engine: sa.Engine, owner: Owner, answers: Sequence[_Answer]) -> list[Page]:
    entity = answers[0].case.base.entity
    projects = [str(10_000 + number) for number in range(len(answers))]
    pages = [each.page(n, projects[n]) for n, each in enumerate(answers)]
    land(engine, Reading(owner, uuid4(), entity, lambda _left: iter(pages)), run_id=None)
    return [Page(each.simply, project) for each, project in zip(answers, projects, strict=True)]


def _lists(engine: sa.Engine, owner: Owner, answers: Sequence[_Answer], stored: Stored) -> None:
    entity = answers[0].case.base.entity
    simply = _land(engine, owner, answers)
    sources = newest_sources(engine, owner, [entity])
    for table in TABLES_OF.get(entity, (entity,)):
        snapshot = build_snapshot(table, owner, sources)
        try:
            merge(engine, snapshot)
        except EmptySnapshotError:
            continue
        rows, reasons = _rows(engine, owner, table), _reasons(engine, owner, table)
        with simple.deep_stack():
            wrong = judge_lists.differences(expected_of(table, entity, simply), rows, reasons)
        seeds = [each.case.seed for each in answers]
        stored.problems += [f"{table}: {each}, of seeds {seeds}" for each in wrong]
        stored.counts.update(rows=len(rows), rejected=len(reasons))


def _rows(engine: sa.Engine, owner: Owner, name: str) -> list[dict[str, Any]]:
    table = DATA_TABLES[name]
    columns = [table.c[column] for column in staged_columns(table)]
    texts = [c.cast(sa.Text).label(c.name) if isinstance(c.type, JSONB) else c for c in columns]
    living = (table.c.integration_id == owner.integration_id, table.c.deleted_at.is_(None))
    with engine.connect() as connection:
        return [
            dict(row) for row in connection.execute(sa.select(*texts).where(*living)).mappings()
        ]


def _reasons(engine: sa.Engine, owner: Owner, table: str) -> list[str]:
    records = rejected_records.c
    ours = (records.integration_id == owner.integration_id, records.table_name == table)
    with engine.connect() as connection:
        return list(connection.scalars(sa.select(records.reason).where(*ours)))


def _issues(engine: sa.Engine, owner: Owner, answers: Sequence[_Answer], stored: Stored) -> None:
    told, also = (judge_issues.Told([], [], []) for _ in range(2))
    pieces: list[ScopePage | ScopeEnd] = []
    for number, answer in enumerate(answers):
        scope = str(10_000 + number)
        window = Window(None, _UNTIL, f"P{number}", mapped=MAPPED)
        pieces += [ScopePage(scope, answer.page(0, scope)), ScopeEnd(scope, window)]
        with simple.deep_stack():
            for all_told, document in ((told, answer.simply), (also, answer.also)):
                one = judge_issues.told([document], scope, ISSUE)
                all_told.issues.extend(one.issues)
                all_told.changes.extend(one.changes)
                all_told.aside.extend(one.aside)
    reading = ScopedReading(owner, uuid4(), "issues", lambda _whole: iter(pieces))
    land_scopes(engine, reading, run_id=None)
    _merge_due(engine, owner)
    issues, changes = (list(_as_texts(engine, owner, name)) for name in ISSUE_TABLES)
    reasons = _reasons(engine, owner, "issues")
    with simple.deep_stack():
        wrong = [*_wrong_issues(issues, told, also), *_wrong_changes(changes, told, also)]
    most = max(len(told.aside), len(also.aside))
    if len(reasons) > most or not all(reasons):
        wrong.append(f"{len(reasons)} set aside, expected {most} at most")
    seeds = [each.case.seed for each in answers]
    stored.problems += [f"issues: {each}, of seeds {seeds}" for each in wrong]
    stored.counts.update(rows=len(issues) + len(changes), rejected=len(reasons))


def _merge_due(engine: sa.Engine, owner: Owner) -> None:
    """Merge all of issues that has landed, as the step does, and show the rows as it does."""

    def due(of: sa.Engine, whose: Owner) -> list[LandedEntity]:
        return changes_to_apply(of, whose, ISSUE_TABLES, TRANSFORM_VERSION)

    merge_increments(engine, IssueIncrements(ISSUE_TABLES, engine, due).increments(owner))
    for table in ISSUE_TABLES:
        first_rows(engine, table, owner)


def _as_texts(engine: sa.Engine, owner: Owner, name: str) -> Iterator[dict[str, Any]]:
    """Yield rows as the transform wrote them: texts and nulls."""
    for row in _rows(engine, owner, name):
        yield {column: _as_text(value) for column, value in row.items()}


def _as_text(value: Any) -> str | None:
    if isinstance(value, list):
        return array_literal(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return None if value is None else str(value)


def _wrong_issues(
    rows: Sequence[Mapping[str, Any]], told: judge_issues.Told, also: judge_issues.Told
) -> Iterator[str]:
    candidates: dict[Any, list[judge_issues.Issue]] = {}
    for issue in (*told.issues, *also.issues):
        candidates.setdefault(simple.identifier(issue.raw["id"]), []).append(issue)
    must, may = ({simple.identifier(e.raw["id"]) for e in each.issues} for each in (told, also))
    if lost := _beside({row["jira_id"] for row in rows}, must, may):
        yield f"ids that differ: {sorted(lost)[:5]}"
    for row in rows:
        mine = candidates.get(row["jira_id"], ())
        found = [list(judge_issues.issue_differs(row, each)) for each in mine]
        if found and all(found):
            yield f"issue {row['jira_id']}: {min(found, key=len)[:3]}"


def _beside(stored: set[Any], one: set[Any], other: set[Any]) -> set[Any]:
    """Return what is stored of neither, and what is not stored of both."""
    return (stored - one - other) | ((one & other) - stored)


def _wrong_changes(
    rows: Sequence[Mapping[str, Any]], told: judge_issues.Told, also: judge_issues.Told
) -> Iterator[str]:
    candidates: dict[Any, list[judge_issues.Change]] = {}
    for change in (*told.changes, *also.changes):
        key = (simple.identifier(change.history["id"]), str(change.number))
        candidates.setdefault(key, []).append(change)
    stored = {(row["history_jira_id"], row["item"]): row for row in rows}
    must, may = (
        {simple.identifier(e.history["id"]) for e in each.changes} for each in (told, also)
    )
    if lost := _beside({key[0] for key in stored}, must, may):
        yield f"histories that differ: {sorted(lost)[:5]}"
    for key, row in stored.items():
        found = [list(judge_issues.change_differs(row, each)) for each in candidates.get(key, ())]
        if all(found):
            yield f"history {key}: {min(found, key=len)[:3] if found else 'is of nobody'}"


def _sweep(engine: sa.Engine, owner: Owner, answers: Sequence[_Answer], stored: Stored) -> None:
    """Land and merge a sweep: it must not fail; what it deletes is judged in the pure cases."""
    _land(engine, owner, answers)
    stored.counts["swept"] += len(answers)
    _merge_due(engine, owner)
