"""Custom fields of one issue: those with a column of their own, and the others.

Decisions this module embodies:

* What a column holds is decided by the type that its field had when the project was last read in
  full, which the marker has recorded: a field that changes its type does not change a column.
* A value that does not fit stays whole: it goes to ``custom_fields`` as it came, its column is
  null, and ``mistyped_fields`` names the column.
* A column holds what people read: the words of an option, a person's name, a document's text. Ids
  and the rest of an object are in raw.
* A text may be a document: Cloud calls a field of several lines a ``string`` and sends a document.
* A field without a value (null, an empty list or text) is nowhere.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from jira_assets.transform.values import CUSTOM_FIELD, document_text, has_value
from jira_assets.warehouse.contracts import MAPPED_COLUMNS, MappedField
from jira_assets.warehouse.jsonb import to_jsonb

_EXACT: Final = 2**53
"""Up to here a whole double is written as the integer that it is."""
_NULL: Final = "null"


def number_text(value: Any) -> str | None:
    """Return a number as JSON writes it, a whole one without a point; None for anything else."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    written = to_jsonb(value)
    return None if written == _NULL else written


def any_text(value: Any) -> str | None:
    """Return any value as people read it: its words where it has some, else its JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return _object_text(value)
    if isinstance(value, list):
        return _list_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return number_text(value)


def _object_text(value: Mapping[str, Any]) -> str:
    if value.get("type") == "doc":
        return document_text(value) or ""
    names = ("displayName", "name", "accountId", "key")
    named = next((found for name in names if isinstance(found := value.get(name), str)), None)
    return _option_text(value) or named or to_jsonb(value)


def _option_text(value: Any) -> str | None:
    """Return the words of an option, those of its child behind them; None for anything else."""
    if not isinstance(value, dict):
        return None
    said, child = _words(value.get("value")), value.get("child")
    if said is None:
        return None
    below = _words(child.get("value")) if isinstance(child, dict) else None
    return said if below is None else f"{said} / {below}"


def _words(value: Any) -> str | None:
    return value if isinstance(value, str) else number_text(value)


def _user_text(value: Any) -> str | None:
    return _object_text(value) if isinstance(value, dict) else None


def _list_text(value: Any) -> str | None:
    if not isinstance(value, list):
        return None
    texts = [
        # Lists in lists are JSON: text by text they would need a stack as deep as they are.
        to_jsonb(element) if isinstance(element, list) else any_text(element)
        for element in value
        if element is not None
    ]
    return to_jsonb([text for text in texts if text is not None])


def _string_text(value: Any) -> str | None:
    if isinstance(value, dict) and value.get("type") == "doc":
        return document_text(value) or ""
    return _text(value)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


_BY_TYPE: Final[Mapping[str, Callable[[Any], str | None]]] = {
    "number": number_text,
    "string": _string_text,
    "date": _text,
    "datetime": _text,
    "option": _option_text,
    "user": _user_text,
    "array": _list_text,
}
"""Type of a field to what makes text of a value of it, or None of one that is none."""


class _OtherFields(dict[str, bool]):
    """Whether a field is a custom one without a column, by its id: told once for each."""

    def __init__(self, mapped_ids: Iterable[str]) -> None:
        super().__init__(dict.fromkeys(mapped_ids, False))

    def __missing__(self, field_id: str) -> bool:
        self[field_id] = found = field_id.startswith(CUSTOM_FIELD)
        return found


class FieldMapping:
    """Which fields of a landing's issues have columns of their own."""

    def __init__(self, mapped: Mapping[str, MappedField]) -> None:
        self.columns = tuple(column for column in MAPPED_COLUMNS if column in mapped)
        self._fields = [
            (column, mapped[column].field_id, _text_of(mapped[column])) for column in self.columns
        ]
        self._is_other = _OtherFields(field_id for _, field_id, _ in self._fields)

    def split(
        self, fields: Mapping[str, Any]
    ) -> tuple[list[str | None], dict[str, Any], list[str] | None]:
        """Return the texts of ``columns``, the other custom fields, and the mistyped columns."""
        is_other = self._is_other
        others = {
            name: value
            for name, value in fields.items()
            if is_other[name] and (value or has_value(value))
        }
        texts: list[str | None] = []
        mistyped: list[str] = []
        for column, field_id, text_of in self._fields:
            value = fields.get(field_id)
            text = None
            if value or has_value(value):
                text = text_of(value)
                if text is None:
                    others[field_id] = value
                    mistyped.append(column)
            texts.append(text)
        return texts, others, mistyped or None


def _text_of(mapped: MappedField) -> Callable[[Any], str | None]:
    if mapped.changed:
        return lambda _: None
    return _BY_TYPE.get(mapped.type or "", any_text)
