"""One change of a document, or of the bytes that it is, drawn from dice.

Decisions this module embodies:

* Nothing here knows what becomes of a change, nor which record it was in: the judge looks at the
  document that came of it.
* Half of the changes are made where the transforms look: at random, an issue's hundred custom
  fields would get them all.
"""

import copy
import random
from collections.abc import Callable, Mapping
from typing import Any, Final

from jira_assets_tests.poison.values import any_depth, any_json, any_moment, any_number, any_text

LOOKED_AT: Final = frozenset(
    {
        *("id", "key", "name", "fields", "description", "statusCategory", "scope", "project"),
        *("subtask", "hierarchyLevel", "custom", "schema", "lead", "projectCategory"),
        *("accountId", "displayName", "statuses", "changelog", "histories", "items"),
        *("author", "created", "updated", "resolutiondate", "status", "issuetype"),
        *("priority", "resolution", "parent", "labels", "components", "versions"),
        *("fixVersions", "assignee", "reporter", "summary", "field", "fieldId", "from"),
        *("fromString", "to", "toString", "issueId", "changeHistories", "issues", "values"),
        *("issueChangeLogs", "customfield_10016", "customfield_10020", "customfield_10000"),
        *("customfield_10001", "untranslatedName", "isPrivate", "archived", "type"),
        *("content", "text", "projectTypeKey", "value", "isLast", "total", "nextPageToken"),
        *("startAt", "maxResults"),
    }
)
_MOMENTS: Final = frozenset({"created", "updated", "resolutiondate"})
_IDS: Final = frozenset({"id", "key", "accountId", "issueId", "name"})

Place = tuple[Any, Any]
"""What holds a value, and its key there."""
Change = Callable[[random.Random, list[Any]], None]
"""Changes the document in a list of one, in place."""


def place(dice: random.Random, root: list[Any], wanted: frozenset[str] = LOOKED_AT) -> Place:
    """Return some place below ``root``, one of the names ``wanted`` in half of the cases."""
    holder: Any = root
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        named = [key for key in keys if key in wanted]
        key = dice.choice(named if named and dice.random() < 0.7 else keys)
        inside = holder[key]
        goes_on = isinstance(inside, dict | list) and len(inside) > 0
        found = key in wanted and wanted is not LOOKED_AT
        if not goes_on or (found and dice.random() < 0.5) or dice.random() < 0.2:
            return holder, key
        holder = inside


def _container(dice: random.Random, root: list[Any]) -> Any:
    for _ in range(20):
        holder, key = place(dice, root)
        if isinstance(holder[key], dict | list):
            return holder[key]
        if holder is not root:
            return holder
    return root


def _named(dice: random.Random, root: list[Any], names: frozenset[str]) -> Place:
    """Return a place of one of these names, where a few looks find one; else any place."""
    for _ in range(8):
        holder, key = place(dice, root, names)
        if key in names:
            return holder, key
    return place(dice, root)


def _drop(dice: random.Random, root: list[Any]) -> None:
    holder, key = place(dice, root)
    if holder is not root:
        del holder[key]


def _duplicate(dice: random.Random, root: list[Any]) -> None:
    holder, key = place(dice, root)
    if isinstance(holder, list) and holder is not root:
        holder.insert(dice.randint(0, len(holder)), copy.deepcopy(holder[key]))
    elif isinstance(holder, dict):
        holder[f"{key} copy"] = copy.deepcopy(holder[key])


def _rename(dice: random.Random, root: list[Any]) -> None:
    holder, key = place(dice, root)
    if isinstance(holder, dict):
        names = [*sorted(LOOKED_AT), f"{key}\x00", f"{key} ", key.upper(), "\ud800", ""]
        holder[dice.choice(names)] = holder.pop(key)


def _nest(dice: random.Random, root: list[Any]) -> None:
    holder, key = place(dice, root)
    holder[key] = dice.choice([[holder[key]], {str(key): holder[key]}, {"value": holder[key]}])


def _replace(dice: random.Random, root: list[Any]) -> None:
    holder, key = place(dice, root)
    holder[key] = any_json(dice)


def _swap(dice: random.Random, root: list[Any]) -> None:
    (one, one_key), (other, other_key) = place(dice, root), place(dice, root)
    if root in (one, other):
        return
    value = copy.deepcopy(one[one_key])
    one[one_key] = copy.deepcopy(other[other_key])
    if (isinstance(other, list) and len(other) > other_key) or other_key in other:
        other[other_key] = value


def _truncate(dice: random.Random, root: list[Any]) -> None:
    holder, key = place(dice, root)
    value = holder[key]
    if isinstance(value, str | list):
        holder[key] = value[: dice.randint(0, len(value))]
    elif isinstance(value, dict):
        kept = list(value)[: dice.randint(0, len(value))]
        holder[key] = {name: value[name] for name in kept}


def _repeat_id(dice: random.Random, root: list[Any]) -> None:
    holder, key = _named(dice, root, _IDS)
    other, other_key = _named(dice, root, _IDS)
    holder[key] = copy.deepcopy(other[other_key])


def _other_type_of_id(dice: random.Random, root: list[Any]) -> None:
    holder, key = _named(dice, root, _IDS)
    value = holder[key]
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() else 7
    others = [number, float(number), [value], {"id": value}, True, f" {number}", f"{number}.0"]
    holder[key] = dice.choice(others)


def _case(dice: random.Random, root: list[Any]) -> None:
    holder, key = place(dice, root)
    if isinstance(holder[key], str):
        holder[key] = holder[key].swapcase()
    elif isinstance(holder, dict):
        holder[key.swapcase()] = holder.pop(key)


def _setting(
    make: Callable[[random.Random], Any], names: frozenset[str], share: float = 0.5
) -> Change:
    def change(dice: random.Random, root: list[Any]) -> None:
        wanted = dice.random() < share
        holder, key = _named(dice, root, names) if wanted else place(dice, root)
        if isinstance(holder, dict) and isinstance(new := make(dice), str) and dice.random() < 0.05:
            holder[new] = holder.pop(key)
        else:
            holder[key] = make(dice)

    return change


CHANGES: Final[Mapping[str, Change]] = {
    "drop": _drop,
    "duplicate": _duplicate,
    "rename": _rename,
    "nest": _nest,
    "replace": _replace,
    "swap": _swap,
    "truncate": _truncate,
    "repeat-id": _repeat_id,
    "type-of-id": _other_type_of_id,
    "case": _case,
    "text": _setting(any_text, _IDS, 0.3),
    "number": _setting(any_number, _IDS, 0.3),
    "moment": _setting(any_moment, _MOMENTS, 0.9),
    "depth": _setting(any_depth, LOOKED_AT, 0.5),
}


def _cut(dice: random.Random, body: bytes) -> bytes:
    return body[: dice.randrange(len(body))]


def _flip(dice: random.Random, body: bytes) -> bytes:
    found = bytearray(body)
    for _ in range(dice.randint(1, 4)):
        found[dice.randrange(len(found))] ^= 1 << dice.randrange(8)
    return bytes(found)


def _bad_utf8(dice: random.Random, body: bytes) -> bytes:
    at = dice.randrange(len(body))
    bad = dice.choice(
        [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\x80", b"\xf5\x80\x80\x80", b"\x80"]
    )
    return body[:at] + bad + body[at:]


def _control(dice: random.Random, body: bytes) -> bytes:
    at = dice.randrange(len(body))
    return body[:at] + dice.choice([b"\x00", b"\x01", b"\n", b"\t", b"\x7f", b"\x1f"]) + body[at:]


def _encoded(dice: random.Random, body: bytes) -> bytes:
    text = body.decode(errors="replace")
    return text.encode(dice.choice(["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "utf-7"]))


def _twice(dice: random.Random, body: bytes) -> bytes:
    """Say a name twice: with the value of before, or with another one."""
    at = body.find(b'{"', dice.randrange(len(body)))
    end = body.find(b'":', at)
    if at < 0 or end < 0 or end - at > 60:
        return body
    first = dice.choice([b"1", b"null", b'"x"', b"[]", b'{"id": "9"}'])
    return body[: at + 1] + body[at + 1 : end + 2] + first + b", " + body[at + 1 :]


def _trailing(dice: random.Random, body: bytes) -> bytes:
    return body + dice.choice([b"x", b"\x00", b",", b"]", b"\n\n", b"<!-- served -->", b"null"])


def _concatenated(dice: random.Random, body: bytes) -> bytes:
    return dice.choice([body + body, b"[]" + body, body + b"\n" + body, b")]}',\n" + body])


BYTE_CHANGES: Final[Mapping[str, Callable[[random.Random, bytes], bytes]]] = {
    "cut": _cut,
    "flip": _flip,
    "utf8": _bad_utf8,
    "control": _control,
    "encoding": _encoded,
    "twice": _twice,
    "trailing": _trailing,
    "concatenated": _concatenated,
}
KINDS: Final = (*CHANGES, *BYTE_CHANGES)
