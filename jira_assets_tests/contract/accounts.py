"""Where everything that an answer holds has gone: into a row, or among what was set aside."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from jira_assets.transform.values import identifier, member
from jira_assets.warehouse.contracts import RawPage, Snapshot, Sources
from jira_assets.warehouse.tables import DATA_TABLES

LISTED: Final = frozenset({"projects", "issue_types", "statuses"})
OF_NO_PROJECT: Final = frozenset({"projects", "custom_fields"})

Key = tuple[Any, ...]


class Object(NamedTuple):
    """One object of an answer, and where it may be found afterwards."""

    payload: Any
    key: Key | None
    """Of the row that it makes, unless it is set aside; None for what makes none by itself."""
    within: Any = None
    """What it goes down with, if that is set aside."""


def check_accounts(table: str, snapshot: Snapshot, sources: Sources) -> Counter[str]:
    """Check that nothing of the answers vanished and nothing was made up; count what there is."""
    keys = [c.name for c in DATA_TABLES[table].primary_key if c.name != "integration_id"]
    assert not snapshot.frame.duplicated(keys).any()
    rows = set(snapshot.frame[keys].itertuples(index=False, name=None))
    rejected = {id(each.payload) for each in snapshot.rejected}
    objects = list(_objects(table, sources))
    for each in objects:
        aside = {id(each.payload), id(each.within)} & rejected
        assert each.key is None or each.key in rows or aside, f"{table}: {each.payload!r} vanished"
    assert rows <= {each.key for each in objects}
    assert rejected <= {id(each.payload) for each in objects}
    assert all(each.reason for each in snapshot.rejected)
    assert _unreadable(table, sources) <= snapshot.unreadable_projects
    return Counter(rows=len(rows), rejected=len(snapshot.rejected))


def _objects(table: str, sources: Sources) -> Iterator[Object]:
    """Yield all that ``table`` is made of."""
    if table in LISTED and table in sources:
        for page in sources[table].pages():
            yield from _of_list(page)
    if table == "custom_fields":
        for page in sources["fields"].pages():
            yield from (each for each in _of_list(page) if not (each.key and _is_of_jira(each)))
    if table not in OF_NO_PROJECT and "project_statuses" in sources:
        for page in sources["project_statuses"].pages():
            if page.readable:
                yield from _of_project(table, page)


def _of_list(page: RawPage) -> Iterator[Object]:
    found = page.payload.get("values") if isinstance(page.payload, dict) else page.payload
    if page.readable and isinstance(found, list):
        for each in found:
            yield Object(each, (_id(each),))
    else:
        yield Object(page.payload, ())


def _of_project(table: str, page: RawPage) -> Iterator[Object]:
    project = page.request["project_id"]
    if not isinstance(page.payload, list):
        yield Object(page.payload, ())
        return
    for used in page.payload:
        if table in {"issue_types", "projects_issue_types"}:
            yield Object(used, (_id(used),) if table in LISTED else (project, _id(used)))
        else:
            yield from _of_type(table, project, used)


def _of_type(table: str, project: str, used: Any) -> Iterator[Object]:
    statuses = member(used, "statuses")
    if not isinstance(statuses, list):
        yield Object(used, ())
        return
    within = used if table == "projects_issue_types_statuses" else None
    yield Object(within, None)
    for each in statuses:
        yield Object(each, _status_key(table, project, _id(used), _id(each)), within)


def _status_key(table: str, project: str, used: str | None, status: str | None) -> Key:
    if table == "statuses":
        return (status,)
    return (project, status) if table == "projects_statuses" else (project, used, status)


def _unreadable(table: str, sources: Sources) -> set[str]:
    if table in OF_NO_PROJECT or "project_statuses" not in sources:
        return set()
    pages = sources["project_statuses"].pages()
    return {page.request["project_id"] for page in pages if not page.readable}


def _is_of_jira(field: Object) -> bool:
    """Whether a field is Jira's own: it says so, or its id is that of no custom field."""
    raw = field.payload
    if not isinstance(raw, dict) or (_id(raw) or "").startswith("customfield_"):
        return False
    said = raw.get("custom")
    if isinstance(said, str):
        said = {"true": True, "1": True, "false": False, "0": False}.get(said.lower())
    elif not isinstance(said, int) or said not in {0, 1}:
        said = None
    return _id(raw) is not None if said is None else not said


def _id(raw: Any) -> str | None:
    return identifier(member(raw, "id"))
