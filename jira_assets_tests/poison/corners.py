"""The corners of Atlassian's schemas as records: the least, the most, nulls, unknown words.

Decisions this module embodies:

* Of each answer that the program reads, the schema of its objects is walked once for each corner.
* No schema requires an id: every corner comes without one, and with one that no other has.
"""

import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, get_args

from jira_assets.sandbox.model import Deployment
from jira_assets_tests.contract.landing import endpoints
from jira_assets_tests.contract.spec import Judged, Spec

FOLDER: Final = "JIRA_OPENAPI_DIR"
CORNERS: Final = ("least", "most", "nulls", "unknown", "others")
_DEEPEST: Final = 4
_OTHERS: Final[Mapping[str, Any]] = {
    "string": 7,
    "integer": "7",
    "number": "7",
    "boolean": "true",
    "array": {},
    "object": [],
}
"""Type to a value of another one."""
_MOST: Final = {"int32": 2**31 - 1, "int64": 2**63 - 1}
_ISSUES: Final = (
    ("issues", "issues", {True: "/search/jql", False: "/search"}, "post"),
    ("issues", "values", {True: "/issue/{issueIdOrKey}/changelog"}, "get"),
    ("issues", "issueChangeLogs", {True: "/changelog/bulkfetch"}, "post"),
)
"""Entity, the name of the list, its path on Cloud and not, and the method."""

Found = tuple[str, str, str, list[Any]]
"""Site, entity, shape, records."""


@cache
def corners() -> tuple[Found, ...]:
    """Return the records of each schema; none where the specs are not there."""
    return tuple(_all()) if FOLDER in os.environ else ()


def _all() -> Iterator[Found]:
    for deployment in get_args(Deployment):
        spec, site = Spec(Path(os.environ[FOLDER]), deployment), f"spec {deployment}"
        for entity, path in endpoints(deployment).items():
            judged = spec.answer(path)
            shape, schema = _items(judged, "values")
            yield site, entity, shape, list(_records(judged, schema))
        for entity, name, paths, method in _ISSUES:
            if spec.cloud in paths:
                judged = spec.answer(paths[spec.cloud], method)
                _, schema = _items(judged, name)
                yield site, entity, name, list(_records(judged, schema))


def _items(judged: Judged, name: str) -> tuple[str, Any]:
    """Return the shape of an answer and the schema of what it lists."""
    schema = _resolved(judged.schema, judged.components)
    if schema.get("type") == "array":
        return "list", schema["items"]
    return name, schema["properties"][name]["items"]


def _resolved(schema: Any, components: Any) -> Any:
    while "$ref" in schema or "allOf" in schema or "anyOf" in schema:
        if "$ref" in schema:
            name = schema["$ref"].removeprefix("#/components/schemas/")
            schema = components["schemas"][name]
        else:
            schema = (schema.get("allOf") or schema.get("anyOf"))[0]
    return schema


def _records(judged: Judged, schema: Any) -> Iterator[Any]:
    names = _resolved(schema, judged.components).get("properties", {}).keys()
    for number, corner in enumerate(CORNERS):
        made = _corner(schema, judged.components, corner, 0)
        yield made
        known = {name: f"{name}-{number}" for name in ("key", "name") if name in names}
        known |= {name: str(700 + number) for name in ("id", "issueId") if name in names}
        yield {**made, **known, **({"fields": {}} if "fields" in names else {})}


def _corner(schema: Any, components: Any, corner: str, depth: int) -> Any:
    """Return a value of a schema: ``depth`` objects down."""
    found = _resolved(schema, components)
    kind = found.get("type", "object")
    if kind == "object":
        if depth >= _DEEPEST:
            return {}
        members = found.get("properties", {})
        if corner == "least":
            members = {name: members[name] for name in found.get("required", ())}
        return {name: _member(each, components, corner, depth) for name, each in members.items()}
    if kind == "array":
        return [_corner(found["items"], components, corner, depth + 1) for _ in range(2)]
    if "enum" in found:
        return "A_WORD_OF_LATER" if corner == "unknown" else found["enum"][-1]
    if kind == "string":
        return "x" * min(found.get("maxLength", 8), 300)
    return {"integer": _MOST.get(found.get("format", ""), 1), "number": 1.5}.get(kind, True)


def _member(schema: Any, components: Any, corner: str, depth: int) -> Any:
    if corner == "nulls":
        return None
    if corner == "others":
        return _OTHERS[_resolved(schema, components).get("type", "object")]
    return _corner(schema, components, corner, depth + 1)
