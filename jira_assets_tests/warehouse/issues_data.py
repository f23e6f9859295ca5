"""What the tests of issues put in: scoped readings, and increments of a few columns."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import orjson
import sqlalchemy as sa

from jira_assets.warehouse.contracts import (
    Changes,
    Increments,
    LandedEntity,
    MergeResult,
    Owner,
    Piece,
    RawPage,
    Rejected,
    Rows,
    ScopedReading,
    ScopeEnd,
    ScopePage,
    Sweep,
    SweptPage,
    Window,
)
from jira_assets.warehouse.increments import changes_to_apply, newest_of
from jira_assets.warehouse.landing import land
from jira_assets.warehouse.merge_increments import merge_increments
from jira_assets.warehouse.scoped_landing import ScopedLanding, land_scopes
from jira_assets.warehouse.staging import staged_columns
from jira_assets.warehouse.tables import DATA_TABLES
from jira_assets_tests.warehouse.data import reading

TABLES = ("issues", "issue_changelogs")
DAY = datetime(2026, 1, 1, tzinfo=UTC)
Pieces = Sequence[ScopePage | ScopeEnd]
DEFAULTS = {
    "earlier_keys": "{}",
    "labels": "{}",
    "components": "[]",
    "versions": "[]",
    "fix_versions": "[]",
    "custom_fields": "{}",
}


def day(number: float) -> datetime:
    return DAY + timedelta(days=number)


def window(since: float | None = None, until: float = 1, **more: Any) -> Window:
    start = None if since is None else day(since)
    return Window(start, day(until), more.pop("project_key", "P"), **more)


def issue_page(scope: str, number: int, *issues: Mapping[str, Any], status: int = 200) -> ScopePage:
    """Return a page of a search; what the tests' transform reads is in it as it is."""
    request = {"path": "/search", "params": {}, "project_id": scope}
    return ScopePage(scope, RawPage(number, request, status, {"issues": list(issues)}))


def whole(
    scope: str, *issues: Mapping[str, Any], since: float | None = None, **more: Any
) -> list[ScopePage | ScopeEnd]:
    """Return a scope of one page, and its end."""
    pages = [issue_page(scope, 0, *issues)] if issues else []
    return [*pages, ScopeEnd(scope, window(since, **more))]


def scoped(
    owner: Owner,
    pieces: Iterable[ScopePage | ScopeEnd] | Callable[[frozenset[str]], Iterator[Any]] = (),
    extraction_id: UUID | None = None,
    **more: Any,
) -> ScopedReading:
    read = pieces if callable(pieces) else lambda _landed: iter(pieces)
    return ScopedReading(owner, extraction_id or uuid4(), "issues", read, **more)


def put(engine: sa.Engine, owner: Owner, *pieces: ScopePage | ScopeEnd) -> ScopedLanding:
    return land_scopes(engine, scoped(owner, pieces), run_id="run")


def put_sweep(engine: sa.Engine, owner: Owner, projects: Mapping[str, Sequence[str]]) -> None:
    pages = [
        RawPage(number, {"project_id": project}, 200, {"issues": [{"id": each} for each in ids]})
        for number, (project, ids) in enumerate(projects.items())
    ]
    land(engine, reading(owner, pages, entity="issue_ids"), run_id="run")


def issue(jira_id: str, key: str = "P-1", project: str = "10", **more: Any) -> dict[str, Any]:
    """Return an issue as the tests' transform takes it: columns; ``changes``: histories."""
    return {
        "jira_id": jira_id,
        "key": key,
        "project_jira_id": project,
        "jira_updated_at": more.pop("updated", day(0)).isoformat(),
        **more,
    }


def change(history: str, item: int = 0, **more: Any) -> dict[str, Any]:
    return {"history_jira_id": history, "item": str(item), **more}


def rows(table: str, given: Sequence[Mapping[str, Any]]) -> Rows:
    defaults = DEFAULTS if table == "issues" else {}
    names = staged_columns(DATA_TABLES[table])
    return Rows({name: [row.get(name, defaults.get(name)) for row in given] for name in names})


def transform(page: RawPage) -> Piece:
    """Make rows of a page: an issue with ``bad`` is set aside."""
    found = page.payload["issues"]
    good = [each for each in found if "bad" not in each]
    changes = [
        {"issue_jira_id": each["jira_id"], **change}
        for each in good
        for change in each.get("changes", ())
    ]
    rejected = [
        Rejected("issues", each, each["bad"], each["jira_id"]) for each in found if "bad" in each
    ]
    return Piece(
        {"issues": rows("issues", good), "issue_changelogs": rows("issue_changelogs", changes)},
        rejected,
    )


def steps(landed: Iterable[LandedEntity]) -> Iterator[Changes | Sweep]:
    for each in landed:
        if each.landing.entity == "issue_ids":
            yield Sweep(each.landing, partial(_each, swept, each))
        else:
            yield Changes(each.landing, partial(_each, transform, each))


def _each(function: Callable[[RawPage], Any], landed: LandedEntity) -> Iterator[Any]:
    return map(function, landed.pages())


def swept(page: RawPage) -> SweptPage:
    return SweptPage(page.request["project_id"], [each["id"] for each in page.payload["issues"]])


def increments(
    owner: Owner, landed: Sequence[LandedEntity], version: str = "1", *, goes_back: bool = False
) -> Increments:
    newest = {} if goes_back else newest_of(landed)
    return Increments(owner, TABLES, version, lambda: steps(landed), newest)


def apply(
    engine: sa.Engine, owner: Owner, *, version: str = "1", force: bool = False, **more: Any
) -> dict[str, MergeResult]:
    extraction = more.pop("extraction", None)
    landed = changes_to_apply(engine, owner, TABLES, version, force=force, extraction=extraction)
    made = increments(owner, landed, version, goes_back=extraction is not None)
    return merge_increments(engine, made, run_id="run", force=force, **more)


def as_text(value: Any) -> str:
    return orjson.dumps(value).decode()
