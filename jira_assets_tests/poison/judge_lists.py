"""What the rows of projects, types, statuses and fields must be, told by the simple reading.

Decisions this module embodies:

* Of each object of an answer it is told whether it makes a row, and which; what makes none must be
  among what was set aside, one for one, with a reason.
* An id that comes again is the later object's. Of two projects that name the same status the one
  with the higher id counts, and the site's own list before any project.
* Relations are sets of ids, of objects that make rows only.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from jira_assets_tests.poison import simple

Row = dict[str, Any]
"""Columns and their values; ``description`` is what the column must agree with."""


class Page(NamedTuple):
    """One answer, read simply. ``project`` is the id that it was asked for."""

    document: Any
    project: str = ""


class Expected(NamedTuple):
    """What a table must hold: rows, in any order, and how much was set aside."""

    rows: Sequence[Row]
    aside: int


def project(raw: Any) -> Row | None:
    lead_id, lead_name = simple.person(simple.part(raw, "lead"))
    row = {
        "jira_id": simple.identifier(simple.part(raw, "id")),
        "key": simple.filled(simple.part(raw, "key")),
        "name": simple.filled(simple.part(raw, "name")),
        "description": simple.part(raw, "description"),
        "project_type_key": simple.text(simple.part(raw, "projectTypeKey")),
        "style": simple.text(simple.part(raw, "style")),
        "is_private": simple.flag(simple.part(raw, "isPrivate")),
        "archived": simple.flag(simple.part(raw, "archived")),
        "category_jira_id": simple.identifier(simple.part(raw, "projectCategory", "id")),
        "category_name": simple.text(simple.part(raw, "projectCategory", "name")),
        "lead_jira_id": lead_id,
        "lead_name": lead_name,
    }
    return row if None not in (row["jira_id"], row["key"], row["name"]) else None


def _common(raw: Any) -> Row | None:
    row = {
        "jira_id": simple.identifier(simple.part(raw, "id")),
        "name": simple.filled(simple.part(raw, "name")),
        "untranslated_name": simple.text(simple.part(raw, "untranslatedName")),
        "project_jira_id": simple.identifier(simple.part(raw, "scope", "project", "id")),
    }
    return row if None not in (row["jira_id"], row["name"]) else None


def issue_type(raw: Any) -> Row | None:
    more = {
        "description": simple.part(raw, "description"),
        "subtask": simple.flag(simple.part(raw, "subtask")) is True,
        "hierarchy_level": simple.level(simple.part(raw, "hierarchyLevel")),
    }
    return (row := _common(raw)) and {**row, **more}


def status(raw: Any) -> Row | None:
    category = simple.part(raw, "statusCategory")
    by_id = {"1": "undefined", "2": "new", "3": "done", "4": "indeterminate"}
    known = by_id.get(simple.identifier(simple.part(category, "id")) or "", "undefined")
    more = {
        "description": simple.part(raw, "description"),
        "category": simple.filled(simple.part(category, "key")) or known,
        "category_name": simple.text(simple.part(category, "name")),
    }
    return (row := _common(raw)) and {**row, **more}


def field(raw: Any) -> Row | None:
    more = {
        "type": simple.text(simple.part(raw, "schema", "type")),
        "item_type": simple.text(simple.part(raw, "schema", "items")),
        "custom_type": simple.text(simple.part(raw, "schema", "custom")),
    }
    return (row := _common(raw)) and {**row, **more}


def is_jira_s_field(raw: Any) -> bool:
    found, said = simple.identifier(simple.part(raw, "id")), simple.flag(simple.part(raw, "custom"))
    if found is not None and found.startswith("customfield_"):
        return False
    return said is False or (said is None and found is not None)


LISTED: Final[Mapping[str, Callable[[Any], Row | None]]] = {
    "projects": project,
    "issue_types": issue_type,
    "statuses": status,
    "custom_fields": field,
}


def listed(table: str, pages: Iterable[Page]) -> Expected:
    """Tell a table of a list of the site's."""
    rows: dict[str, Row] = {}
    aside = 0
    for page in pages:
        found = page.document
        found = found.get("values") if isinstance(found, dict) else found
        if not isinstance(found, list):
            aside += 1
            continue
        for raw in found:
            if table == "custom_fields" and is_jira_s_field(raw):
                continue
            row = LISTED[table](raw)
            aside += row is None
            if row is not None:
                rows[row["jira_id"]] = row
    return Expected(list(rows.values()), aside)


class Used(NamedTuple):
    """One issue type of a project's answer; None for what makes no row."""

    project: str
    type: Row | None
    statuses: list[Row | None] | None


def used(pages: Iterable[Page]) -> tuple[list[Used], int]:
    """Return what projects use, and how many of their answers are no lists."""
    found, broken = [], 0
    for page in pages:
        if not isinstance(page.document, list):
            broken += 1
            continue
        for raw in page.document:
            listed = simple.part(raw, "statuses")
            statuses = [status(each) for each in listed] if isinstance(listed, list) else None
            found.append(Used(page.project, issue_type(raw), statuses))
    return found, broken


def of_projects(table: str, found: Sequence[Used], broken: int) -> Expected:
    """Tell a table that is made of the projects' answers alone, as ``used`` has found them."""
    types_aside = sum(each.type is None for each in found)
    statuses_aside = sum(
        1 if each.statuses is None else each.statuses.count(None) for each in found
    )
    aside = {
        "issue_types": types_aside,
        "projects_issue_types": types_aside,
        "statuses": statuses_aside,
        "projects_statuses": statuses_aside,
        "projects_issue_types_statuses": types_aside + statuses_aside,
    }
    return Expected(list(_told(table, found)), broken + aside[table])


def _told(table: str, found: Sequence[Used]) -> list[Row]:
    ranked = sorted(found, key=lambda each: (len(each.project), each.project))
    types = [(each.project, each.type) for each in ranked if each.type is not None]
    pairs = [
        (each.project, each.type, row)
        for each in ranked
        for row in each.statuses or ()
        if row is not None
    ]
    if table == "issue_types":
        return list({row["jira_id"]: row for _, row in types}.values())
    if table == "statuses":
        return list({row["jira_id"]: row for _, _, row in pairs}.values())
    if table == "projects_issue_types":
        keys = {(project, row["jira_id"], None) for project, row in types}
    elif table == "projects_statuses":
        keys = {(project, None, row["jira_id"]) for project, _, row in pairs}
    else:
        keys = {(p, type_["jira_id"], row["jira_id"]) for p, type_, row in pairs if type_}
    names = ("project_jira_id", "issue_type_jira_id", "status_jira_id")
    return [{n: v for n, v in zip(names, key, strict=True) if v is not None} for key in keys]


def samples(pages: Iterable[Page]) -> Expected:
    """Tell how often each project fills its fields."""
    rows: list[Row] = []
    aside = 0
    for page in pages:
        issues = simple.part(page.document, "issues")
        if not isinstance(issues, list):
            aside += 1
            continue
        fields = [simple.part(each, "fields") for each in issues]
        aside += sum(not isinstance(each, dict) for each in fields)
        known = [each for each in fields if isinstance(each, dict)]
        for name in sorted({name for each in known for name in each}):
            count = sum(name in each and simple.has_value(each[name]) for each in known)
            if count and name.startswith("customfield_") and simple.identifier(name) == name:
                more = {"filled": count, "sampled": len(issues)}
                rows.append({"project_jira_id": page.project, "custom_field_jira_id": name, **more})
    return Expected(rows, aside)


def differences(expected: Expected, rows: Sequence[Row], reasons: Sequence[str]) -> list[str]:
    """Return what is wrong with what the program made; nothing, if it is as it must be."""
    found = []
    if len(reasons) != expected.aside:
        found.append(f"{len(reasons)} set aside, expected {expected.aside}: {list(reasons)[:3]}")
    if not all(reasons):
        found.append("set aside without a reason")
    keys = [name for name in expected.rows[0] if name.endswith("jira_id")] if expected.rows else []
    if "jira_id" in keys:
        keys = ["jira_id"]
    made = {tuple(row[name] for name in keys): row for row in rows}
    wanted = {tuple(row[name] for name in keys): row for row in expected.rows}
    if len(made) != len(rows) or made.keys() != wanted.keys():
        found.append(
            f"rows {sorted(map(repr, made))[:4]}, expected {sorted(map(repr, wanted))[:4]}"
        )
        return found
    for key, row in made.items():
        found += [f"{key}: {wrong}" for wrong in _differing(row, wanted[key])]
    return found


def _differing(row: Row, wanted: Row) -> list[str]:
    return [
        f"{name} is {row[name]!r:.80}, expected {value!r:.80}"
        for name, value in wanted.items()
        if not (
            simple.is_description(row[name], value)
            if name == "description"
            else type(row[name]) is type(value) and row[name] == value
        )
    ]
