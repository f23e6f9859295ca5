"""Answers made from the schemas of a spec, as Hypothesis strategies.

Why not ``hypothesis-jsonschema``: its last release (0.23.1) does not run with today's Hypothesis.
Why not ``schemathesis``: it tests servers, and brings forty packages along. These specs use a dozen
words of JSON Schema; any other one is a ``NotImplementedError`` here, not a gap.

Texts are drawn from few as often as from all, so that ids repeat and relations meet. Objects that
are ``_DEEPEST`` references down hold no further ones, which ends the recursion of users in groups
of users and keeps a page of projects small.
"""

from collections.abc import Mapping
from typing import Any, Final

from hypothesis import strategies as st

from jira_assets_tests.contract.spec import Judged

Strategy = st.SearchStrategy[Any]

_DEEPEST: Final = 3
_MOST_ITEMS: Final = 3
_FEW_IDS: Final = ("1", "2", "3", "10", "10000", "", " ", "\x001")
_FEW_TEXTS: Final = ("To Do", "Done", "", " ", "new", "Nu\x00l", "🦊", "\u2028", "nan", "a\tb\\n")
_FEW_KEYS: Final = ("new", "done", "indeterminate", "undefined", "DEV", "OPS", "")
_TOLD: Final = frozenset({"id", "key", "name", "values", "statuses", "statusCategory"})
"""What answers mostly have, though no schema requires it."""
_INTEGERS: Final = {"int32": 2**31 - 1, "int64": 2**63 - 1}
_SILENT: Final = frozenset({"description", "example", "readOnly", "writeOnly", "xml", "default"})
_KNOWN: Final = {
    "string": {"type", "format", "enum", "maxLength"},
    "integer": {"type", "format", "enum"},
    "boolean": {"type"},
    "null": {"type"},
    "array": {"type", "items", "uniqueItems"},
    "object": {"type", "properties", "required", "additionalProperties"},
}

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
_any_text = st.text(max_size=8)
_texts = st.sampled_from(_FEW_TEXTS) | _any_text
_texts_by_name: Final[Mapping[str, Strategy]] = {
    "id": st.sampled_from(_FEW_IDS) | st.integers(1, 20_000).map(str) | _any_text,
    "key": st.sampled_from(_FEW_KEYS) | _any_text,
}


def answers(judged: Judged) -> Strategy:
    """Make documents that the schema takes."""
    return _Maker(judged.components).make(judged.schema, "", 0)


class _Maker:
    def __init__(self, components: Mapping[str, Any]) -> None:
        self._components = components
        self._made: dict[tuple[str, int], Strategy] = {}

    def make(self, schema: Mapping[str, Any], name: str, depth: int) -> Strategy:
        """Make values of ``schema`` for the member ``name``, ``depth`` references down."""
        match {word: value for word, value in schema.items() if word not in _SILENT}:
            case words if not words:
                return anything
            case {"$ref": str(reference), **rest} if not rest:
                return self._referred(reference, depth + 1)
            case {"allOf": [single], **rest} if not rest:
                return self.make(single, name, depth)
            case {"anyOf": [*choices], **rest} if not rest:
                return st.one_of([self.make(choice, name, depth) for choice in choices])
            case {"type": str(kind), **rest} if not rest.keys() - _KNOWN[kind]:
                return self._typed(kind, schema, name, depth)
        raise NotImplementedError(f"no strategy for {schema}")

    def _referred(self, reference: str, depth: int) -> Strategy:
        if (reference, depth) not in self._made:
            schema = self._components["schemas"][reference.removeprefix("#/components/schemas/")]
            self._made[reference, depth] = self.make(schema, "", depth)
        return self._made[reference, depth]

    def _typed(self, kind: str, schema: Mapping[str, Any], name: str, depth: int) -> Strategy:
        if "enum" in schema:
            return st.sampled_from(schema["enum"])
        match kind:
            case "string":
                longest = schema.get("maxLength")
                texts = _texts_by_name.get(name, _texts)
                return texts.map(lambda text: text[:longest])
            case "integer":
                most = _INTEGERS[schema["format"]]
                return st.integers(1, 4) | st.integers(-most - 1, most)
            case "array":
                items = self.make(schema["items"], name, depth)
                return st.lists(items, max_size=_MOST_ITEMS, unique_by=_unique_by(schema))
            case "object":
                return self._object(schema, depth)
        return st.booleans() if kind == "boolean" else st.none()

    def _object(self, schema: Mapping[str, Any], depth: int) -> Strategy:
        extra = schema.get("additionalProperties", False)
        members = {
            name: self.make(member, name, depth)
            for name, member in schema.get("properties", {}).items()
            if depth < _DEEPEST or not _refers(member)
        }
        required = members.keys() & set(schema.get("required", ()))
        if isinstance(extra, dict):
            return st.dictionaries(_texts, self.make(extra, "", depth), max_size=_MOST_ITEMS)
        return _with(members, required | (members.keys() & _TOLD)) | _with(members, required)


def _with(members: Mapping[str, Strategy], always: set[str]) -> Strategy:
    return st.fixed_dictionaries(
        {name: member for name, member in members.items() if name in always},
        optional={name: member for name, member in members.items() if name not in always},
    )


def _unique_by(schema: Mapping[str, Any]) -> Any:
    return repr if schema.get("uniqueItems") else None


def _refers(schema: Any) -> bool:
    if isinstance(schema, dict):
        return "$ref" in schema or any(_refers(value) for value in schema.values())
    return isinstance(schema, list) and any(_refers(value) for value in schema)
