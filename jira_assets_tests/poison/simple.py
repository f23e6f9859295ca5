"""A second reading of what Jira said, as simple as can be: what a column may hold, and what not.

Decisions this module embodies:

* Nothing of the program is used here: Python's own parser, and a function a kind of column.
* A value of the type that a column wants is in it as it came, less what Postgres refuses (U+0000,
  halves of characters). A value of another type leaves it null. Anything else is a wrong row.
* Numbers are what a double makes of them once they are no integers of 64 bits.
"""

import json
import math
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

_HALF: Final = re.compile("[\ud800-\udfff]")
_DEEPEST: Final = 50_000
_WORDS: Final = {"true": True, "1": True, "false": False, "0": False}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_JIRA_S: Final = re.compile(
    r"([0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\.[0-9]{3})"
    r"([+-])(0[0-9]|1[0-4])([0-5][0-9])"
)
_KEPT_DEPTH: Final = 1024
_UNCLEAN: Final = re.compile(rb"\\u(0000|[dD])")
_MOST_DIGITS: Final = 400
NO_DOCUMENT: Final = object()


@contextmanager
def deep_stack() -> Iterator[None]:
    """Let Python's stack be as deep as the documents are: here recursion is what is simple."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(_DEEPEST)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def parsed(body: bytes) -> Any:
    """Return the document of a body; raises ``ValueError`` where it is none."""
    text = body.decode("utf-8-sig", "replace")
    return json.loads(text, parse_int=_integer, parse_float=_double, parse_constant=_nothing)


def kept(body: bytes) -> Any:
    """Return the document of a body as Postgres can hold it."""
    found = parsed(body)
    is_deep = body.count(b"[") + body.count(b"{") > _KEPT_DEPTH
    return clean(found) if is_deep or _UNCLEAN.search(body) else found


def column(written: str | None) -> Any:
    """Return the document that a column holds; what is the same as no document, where it is none.

    A merged row is held beside every object with its id: a column of text may be another one's.
    """
    try:
        return kept((written or "").encode())
    except ValueError:
        return NO_DOCUMENT


def in_postgres(body: bytes) -> Any:
    """Return the document of a body that lands as it came: jsonb writes no exponent, so 1e2 is 100.

    Of a page that is built before it lands this does not hold: there, 1e2 is written as 100.0.
    """
    text = body.decode("utf-8-sig", "replace")
    return clean(
        json.loads(text, parse_int=_integer, parse_float=_numeric, parse_constant=_nothing)
    )


def _numeric(digits: str) -> int | float | None:
    number = Decimal(digits)
    is_whole = 0 <= int(number.as_tuple().exponent) <= _MOST_DIGITS
    return _integer(f"{number:f}") if is_whole else _double(digits)


def _nothing(_name: str) -> None:
    return None


def _integer(digits: str) -> int | float | None:
    if len(digits) > _MOST_DIGITS:
        return None
    number = int(digits)
    return number if -(2**63) <= number < 2**64 else _double(digits)


def _double(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def clean(value: Any, depth: int = 0) -> Any:
    """Return a document as Postgres can hold it: no U+0000, no halves, no deeper than 1024."""
    if isinstance(value, str):
        return _HALF.sub("\ufffd", value).replace("\x00", "")
    if isinstance(value, list):
        return [clean(each, depth + 1) for each in value] if depth < _KEPT_DEPTH else None
    if isinstance(value, dict):
        if depth >= _KEPT_DEPTH:
            return None
        return {clean(name): clean(each, depth + 1) for name, each in value.items()}
    return value


def depth_of(value: Any) -> int:
    """Return how many lists and objects are in each other."""
    deepest, waiting = 0, [(value, 0)]
    while waiting:
        found, depth = waiting.pop()
        if isinstance(found, list | dict):
            deepest = max(deepest, depth + 1)
            inside = found.values() if isinstance(found, dict) else found
            waiting += [(each, depth + 1) for each in inside]
    return deepest


def part(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def filled(value: Any) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def identifier(value: Any) -> str | None:
    if type(value) is int:
        return str(value)
    return value if filled(value) and len(value.encode()) <= 255 else None


def flag(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _WORDS.get(value.lower())
    return bool(value) if type(value) is int and value in {0, 1} else None


def level(value: Any) -> int | None:
    return value if type(value) is int and -(2**31) <= value < 2**31 else None


def person(value: Any) -> tuple[str | None, str | None]:
    ids = (identifier(part(value, name)) for name in ("accountId", "key", "name"))
    return next((each for each in ids if each is not None), None), text(part(value, "displayName"))


def has_value(value: Any) -> bool:
    return value is not None and value not in ([], "")


def words(node: Any) -> Iterator[str]:
    """Yield the texts of a document of Atlassian's, in the order in which they are read."""
    if not isinstance(node, dict):
        return
    if isinstance(node.get("text"), str):
        yield node["text"]
        if node.get("type") == "text":
            return
    elif isinstance(said := part(node, "attrs", "text"), str):
        yield said
    content = node.get("content")
    for each in content if isinstance(content, list) else ():
        yield from words(each)


def is_description(column: str | None, value: Any) -> bool:
    """Whether a column holds the words of a text or a document."""
    if not isinstance(value, dict):
        return column == text(value)
    said = "".join("".join(words(value)).split())
    return "".join((column or "").split()) == said and (column is not None) == bool(said)


def is_moment(column: str | None, value: Any) -> bool:
    """Whether a column holds the moment that a value is; null for what is no plain one."""
    plain = _plain(value)
    if column is None:
        return plain is None or not 1 < plain.year < 9999
    expected = _odd(value) if plain is None else plain
    if expected is None:
        return False
    try:
        found = datetime.fromisoformat(column).astimezone(UTC)
    except OverflowError:  # before the year 1, or after 9999: whoever asks for it cannot read it
        return False
    is_rounded = plain is None and not isinstance(value, str)
    return abs(found - expected) < timedelta(milliseconds=1) if is_rounded else found == expected


def _plain(value: Any) -> datetime | None:
    """Return a moment in Jira's own form, or in milliseconds as Cloud has them, as a moment."""
    if type(value) is int and 0 <= value < 253402300800000:
        return _EPOCH + timedelta(milliseconds=value)
    if not isinstance(value, str):
        return None
    if re.fullmatch("[0-9]{12,13}", value):
        return _EPOCH + timedelta(milliseconds=int(value))
    if not (found := _JIRA_S.fullmatch(value)):
        return None
    sign = 1 if found[2] == "+" else -1
    try:
        local = datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
        return local - sign * timedelta(hours=int(found[3]), minutes=int(found[4]))
    except (ValueError, OverflowError):
        return None


def _odd(value: Any) -> datetime | None:
    """Return a moment in any form that Python knows; None for what is none."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            return None if found.tzinfo is None else found.astimezone(UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _EPOCH + timedelta(milliseconds=value)
    except (ValueError, OverflowError):
        return None
    return None


def same(one: Any, other: Any) -> bool:
    """Whether two documents are the same: types, too; numbers as doubles."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == other or float(one) == float(other)
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    return bool(one == other)
