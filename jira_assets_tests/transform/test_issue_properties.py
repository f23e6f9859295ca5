"""What holds for any JSON in any place of an issue, told by a real Postgres."""

import copy
from collections import Counter
from typing import Any, Final

import psycopg
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from jira_assets.transform.issue_pages import CHANGELOGS, ISSUES
from jira_assets.transform.literals import array_literal
from jira_assets.transform.values import moment
from jira_assets.warehouse.contracts import MappedField, Piece, Rows
from jira_assets.warehouse.describe import column_schema
from jira_assets.warehouse.jsonb import clean_text
from jira_assets.warehouse.tables import DATA_TABLES
from jira_assets_tests.transform.issue_scenario import found, history, issue, page, pieces_of
from jira_assets_tests.transform.test_properties import GONE, Path, anything, at, slots

in_postgres = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
KINDS: Final = ("number", "string", "option", "user", "array", "any", "datetime")
MAPPED: Final = {
    f"custom_field_{number:02}": MappedField(f"customfield_{number}", kind)
    for number, kind in enumerate(KINDS, start=1)
}
_PERSON: Final = {"accountId": "a", "displayName": "Ada"}
_FIELDS: Final = {
    **{field.field_id: "x" for field in MAPPED.values()},
    "customfield_99": {"value": "v"},
    "summary": "s",
    "description": {"type": "doc", "content": [{"type": "text", "text": "t"}]},
    "status": {"id": "1"},
    "issuetype": {"id": "1"},
    "priority": {"id": "1", "name": "n"},
    "resolution": None,
    "parent": {"id": "9"},
    "assignee": _PERSON,
    "reporter": _PERSON,
    "labels": ["a"],
    "components": [{"id": "1", "name": "n"}],
    "fixVersions": [{"id": "1", "name": "n"}],
    "created": "2021-03-28T16:06:08.713+0800",
    "updated": "2021-03-28T16:06:08.713+0800",
}
_ITEM: Final = {"field": "Key", "fromString": "OLD-1", "from": "1", "to": "2", "toString": "x"}
TREE: Final = {
    "search": found(
        issue("1", histories=[history("1", _ITEM, author=_PERSON)], **_FIELDS), issue("2")
    ),
    "bulk": {"issueChangeLogs": [{"issueId": "1", "changeHistories": [history("2", _ITEM)]}]},
    "values": {"values": [history("3", _ITEM)]},
    "issue": {"id": "2", "key": "DEV-2", "changelog": {"histories": [history("4", _ITEM)]}},
}
SLOTS: Final = list(slots(TREE))
mutations = st.lists(
    st.tuples(st.sampled_from(SLOTS), anything | st.just(GONE) | st.sampled_from(SLOTS)),
    max_size=10,
)


def mutated(changes: list[tuple[Path, Any]]) -> Any:
    tree = copy.deepcopy(TREE)
    for path, new in changes:
        parent: Any = at(tree, path[:-1])
        if at(tree, path) is None or isinstance(parent, str):
            continue
        if new is GONE:
            del parent[path[-1]]
        else:
            parent[path[-1]] = copy.deepcopy(at(TREE, new) if isinstance(new, tuple) else new)
    return tree


def insert(connection: psycopg.Connection, table: str, rows: Rows) -> int:
    """Hand rows to Postgres as the texts that they are, each cast to its column's type."""
    types = {column.name: column.type for column in column_schema(table).columns}
    names = list(rows.columns)
    casts = ", ".join(f"%s::{types[name]}" for name in names)
    with connection.cursor() as cursor:
        values = list(zip(*rows.columns.values(), strict=True))
        for row in values:
            cursor.execute(f"SELECT {casts}", row)
    return len(values)


@in_postgres
@example(mutated([(("issue",), ("search",))]))
@example(mutated([(("search", "issues"), []), (("values",), ("search",))]))
@example(mutated([(("search",), ("bulk",)), (("issue",), ("search",))]))
@given(mutations.map(mutated))
def test_any_json_ends_in_rows_that_postgres_takes_or_in_rejected(
    warehouse: sa.Engine, tree: Any
) -> None:
    pages = [page(payload, number, issue_id="1") for number, payload in enumerate(tree.values())]
    pieces = pieces_of(*pages, mapped=MAPPED)
    assert all(each.reason for piece in pieces for each in piece.rejected)
    with warehouse.connect() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        for piece in pieces:
            for table in (ISSUES, CHANGELOGS):
                insert(driver, table, piece.rows[table])
                required = [c.name for c in DATA_TABLES[table].c if not c.nullable]
                for name in set(required) & set(piece.rows[table].columns):
                    assert None not in piece.rows[table].columns[name], name
    first, again = pieces[: len(pages)], pieces[len(pages) :]
    assert len(first) == len(pages)
    listed = sum(map(len, map(listed_on, tree.values())))
    made = ids_of(first)
    aside = [e for piece in first for e in piece.rejected if e.reason.startswith("issue ")]
    assert made.total() <= listed <= made.total() + len(aside)
    assert ids_of(again) <= made


def listed_on(payload: Any) -> list[Any]:
    """Return the issues of a page, whichever one it is: any may have become a search's."""
    issues = payload.get("issues") if isinstance(payload, dict) else None
    return issues if isinstance(issues, list) else []


def ids_of(pieces: list[Piece]) -> Counter[str | None]:
    """Count the rows of each issue."""
    return Counter(id_ for piece in pieces for id_ in piece.rows[ISSUES].columns["jira_id"])


@in_postgres
@given(st.lists(st.text() | st.sampled_from(["", "NULL", "{}", '"', "\\", ",", "{a}", " "])))
def test_arrays_are_what_postgres_reads(warehouse: sa.Engine, texts: list[str]) -> None:
    clean = [clean_text(text) for text in texts]
    with warehouse.connect() as connection:
        read = connection.execute(
            sa.text("SELECT cast(:given AS text[])"), {"given": array_literal(clean)}
        ).scalar()
    assert read == clean


@in_postgres
@given(
    st.datetimes().map(lambda each: each.isoformat(timespec="milliseconds") + "+0800")
    | st.text(alphabet="0123456789-+:.TZW", min_size=8, max_size=30)
    | st.integers()
    | st.floats()
)
def test_a_moment_is_one_to_postgres(warehouse: sa.Engine, value: Any) -> None:
    written = moment(value)
    if written is not None:
        with warehouse.connect() as connection:
            query = sa.text("SELECT isfinite(cast(:given AS timestamptz))")
            assert connection.execute(query, {"given": written}).scalar()
