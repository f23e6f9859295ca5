"""Issues as Jira answers them, and landings of them without a database."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from jira_assets.transform.issue_pages import CHANGELOGS, ISSUES, issue_pieces
from jira_assets.warehouse.contracts import (
    LandedEntity,
    MappedField,
    Owner,
    Piece,
    RawPage,
    Rejected,
    Window,
)
from jira_assets_tests.site_scenario import landed

OWNER = Owner(1, 1, "acme/cloud")
PROJECT = "10000"
Record = dict[str, str | None]


def page(payload: Any, number: int = 0, status: int = 200, **request: Any) -> RawPage:
    return RawPage(number, {"path": "/any", "params": {}, **request}, status, payload)


def found(*issues: Any) -> dict[str, Any]:
    """Return the answer of a search."""
    return {"issues": list(issues), "isLast": True}


def issue(id_: Any = "1", key: Any = "DEV-1", histories: Any = None, **fields: Any) -> Any:
    made = {"id": id_, "key": key, "fields": {"project": {"id": PROJECT}, **fields}}
    return made if histories is None else {**made, "changelog": {"histories": histories}}


def history(id_: Any, *items: Any, **more: Any) -> Any:
    return {"id": id_, "created": "2021-03-28T16:06:08.713+0800", "items": list(items), **more}


def moved(from_: str) -> Any:
    return {"field": "Key", "fieldtype": "jira", "fromString": from_, "toString": "?"}


def landing_of(*pages: RawPage, mapped: Mapping[str, MappedField] | None = None) -> LandedEntity:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    source = landed("issues", pages, OWNER)
    window = Window(None, now, "DEV", mapped=mapped or {})
    return LandedEntity(replace(source.landing, scope=PROJECT, window=window), source.pages)


def pieces_of(*pages: RawPage, mapped: Mapping[str, MappedField] | None = None) -> list[Piece]:
    return list(issue_pieces(landing_of(*pages, mapped=mapped)))


def records(pieces: Sequence[Piece], table: str) -> list[Record]:
    """Return the rows of a table, in order, as records."""
    return [
        dict(zip(piece.rows[table].columns, row, strict=True))
        for piece in pieces
        for row in zip(*piece.rows[table].columns.values(), strict=True)
    ]


def read(*payloads: Any, **mapped: MappedField) -> tuple[list[Record], list[Record]]:
    """Return the issues and the changes that pages of these payloads make."""
    pages = [page(payload, number) for number, payload in enumerate(payloads)]
    pieces = pieces_of(*pages, mapped=mapped)
    return records(pieces, ISSUES), records(pieces, CHANGELOGS)


def rejected(*pages: RawPage) -> list[Rejected]:
    return [each for piece in pieces_of(*pages) for each in piece.rejected]
