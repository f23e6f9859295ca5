"""Single values of Jira's JSON, as the columns of the tables hold them.

Decisions this module embodies:

* Lenient where nothing is lost: ids may be integers, a flag may be the text "true", a description
  may be a document. Whatever cannot be read so is None, and the record's parser decides whether it
  can do without.
* Nothing here raises, whatever the JSON.
* A moment is one only in a form that Postgres reads, and from the year 2 to 9998: those beside are
  outside of what Python holds once a session's time zone, or an offset, has moved them, and then
  nobody who asks Postgres for the row gets it. Anything else is no moment.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from jira_assets.lenient_json import INTEGERS
from jira_assets.warehouse.jsonb import clean_text

CUSTOM_FIELD: Final = "customfield_"
"""How the id of a custom field begins."""
_ID_BYTES: Final = 255
_SHORT: Final = 64
"""A text of fewer characters is shorter than 255 bytes."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_JIRA_S_MOMENT: Final = 28
"""Characters of a moment as Jira writes it: ``2021-03-28T16:06:08.713+0800``."""
_MILLISECOND_DIGITS: Final = (12, 13)
"""Of moments from 1973 to 2286; fewer may be a date, or seconds."""
_YEARS: Final = range(2, 9999)
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
    if isinstance(value, str) and len(value) < _SHORT and value.isprintable() and value.strip():
        return value  # as nearly all are: seven times as fast as what follows
    if isinstance(value, int) and not isinstance(value, bool) and value in INTEGERS:
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


def moment(value: Any) -> str | None:
    """Return a moment as Postgres reads it; None for anything else.

    A moment is a text in ISO 8601 with an offset (Jira's has no colon in it), or a number of
    milliseconds since 1970 (Cloud's bulk changelogs), be it written as a text.
    """
    if isinstance(value, str):
        if len(value) not in _MILLISECOND_DIGITS or not (value.isascii() and value.isdecimal()):
            return _written_moment(value)
        value = int(value)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        found = _EPOCH + timedelta(milliseconds=value)
    except (OverflowError, ValueError):
        return None
    return found.isoformat() if found.year in _YEARS else None


def _written_moment(value: str) -> str | None:
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    if found.tzinfo is None or found.year not in _YEARS:
        return None
    # Python takes weeks and offsets of a day, too: Postgres gets what Jira writes, or UTC.
    is_jira_s = (
        len(value) == _JIRA_S_MOMENT
        and value[7] == "-"
        and value[10] == "T"
        and value[19] == "."
        and value[23] in "+-"
        and value[24:26] < "15"
    )
    return value if is_jira_s else found.astimezone(UTC).isoformat()


def person(value: Any) -> tuple[str | None, Any]:
    """Return a user's id and display name as it came; None, None for nobody (a deleted user).

    The id is Cloud's account id, Data Center's key, or its user name.
    """
    if not isinstance(value, dict):
        return None, None
    get = value.get
    jira_id = identifier(get("accountId")) or identifier(get("key")) or identifier(get("name"))
    return jira_id, get("displayName")


def has_value(value: Any) -> bool:
    """Whether a field of an issue is filled: neither null nor an empty list or text."""
    return bool(value) or (value is not None and value not in ([], ""))


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
    # Not recursive: a document may be nested deeper than Python's stack.
    unfinished: list[tuple[Iterator[Any], bool]] = [(iter([document]), False)]
    while unfinished:
        nodes, is_block = unfinished[-1]
        for node in nodes:
            if not isinstance(node, dict):
                continue
            kind, said = node.get("type"), node.get("text")
            if isinstance(said, str):
                words.append(said)
                if kind == "text":
                    continue
            elif isinstance(attributes := node.get("attrs"), dict):
                words.append(text(attributes.get("text")) or "")
            ends_line = isinstance(kind, str) and kind in _BLOCKS
            content = node.get("content")
            if isinstance(content, list):
                unfinished.append((iter(content), ends_line))
                break
            if ends_line:
                words.append("\n")
        else:
            unfinished.pop()
            if is_block:
                words.append("\n")
    lines = clean_text("".join(words)).splitlines()
    return "\n".join(line for line in lines if line.strip()) or None
