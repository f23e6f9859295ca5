"""Single values of Jira's JSON, as the columns of the tables hold them.

Decisions this module embodies:

* Lenient where nothing is lost: ids may be integers, a flag may be the text "true", a description
  may be a document. Whatever cannot be read so is None, and the record's parser decides whether it
  can do without.
* Nothing here raises, whatever the JSON.
"""

from collections.abc import Mapping
from typing import Any, Final

from jira_assets.warehouse.jsonb import clean_text

_ID_BITS: Final = 64
_ID_BYTES: Final = 255
_INT32: Final = range(-(2**31), 2**31)
_BLOCKS: Final = frozenset(
    {"blockquote", "codeBlock", "hardBreak", "heading", "listItem", "paragraph", "rule", "tableRow"}
)
_FLAGS: Final[Mapping[str | int, bool]] = {
    "true": True,
    "1": True,
    1: True,
    "false": False,
    "0": False,
    0: False,
}


def text(value: Any) -> str | None:
    """Return a text as it came, less what Postgres refuses; None for anything else."""
    return clean_text(value) if isinstance(value, str) else None


def filled(value: Any) -> str | None:
    """Return a text as it came; None for a blank one and for anything else."""
    found = text(value)
    return found if found and not found.isspace() else None


def identifier(value: Any) -> str | None:
    """Return an id as text, whether Jira sent a text or an integer; None for anything else.

    A text of more than 255 bytes is no id: three of them are a key, and Postgres' index takes no
    more than 2,704 bytes. Jira's own are at most 128 (Cloud's ``accountId``).
    """
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= _ID_BITS:
        return str(value)
    found = filled(value)
    return found if found is not None and len(found.encode()) <= _ID_BYTES else None


def flag(value: Any) -> bool | None:
    """Return a boolean, also one written as a text or as 0 or 1; None for anything else."""
    if isinstance(value, str):
        return _FLAGS.get(value.lower())
    return _FLAGS.get(value) if isinstance(value, int) else None


def integer(value: Any) -> int | None:
    """Return an integer that a Postgres ``integer`` holds; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and value in _INT32:
        return value
    return None


def member(value: Any, *path: str) -> Any:
    """Follow ``path`` through nested objects; None where it ends."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def description(value: Any) -> str | None:
    """Return a description: wiki text as it came (v2), a document's text (v3), None for none."""
    if isinstance(value, Mapping):
        return document_text(value)
    return text(value)


def document_text(document: Mapping[str, Any]) -> str | None:
    """Return the words of an Atlassian document, a line each block; None where it has none."""
    words: list[str] = []
    waiting: list[Any] = [document]
    while waiting:  # not recursive: a document may be nested deeper than Python's stack
        node = waiting.pop()
        if isinstance(node, Mapping):
            words.append(text(node.get("text")) or text(member(node, "attrs", "text")) or "")
            content = node.get("content")
            waiting.append("\n" if filled(node.get("type")) in _BLOCKS else None)
            waiting.extend(reversed(content) if isinstance(content, list) else ())
        elif node == "\n":
            words.append(node)
    lines = "".join(words).splitlines()
    return "\n".join(line for line in lines if line.strip()) or None
