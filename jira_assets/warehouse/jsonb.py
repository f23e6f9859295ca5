"""Python values as the JSON and the text that Postgres takes.

Decisions this module embodies:

* orjson writes; only what it refuses, and what that is in, is walked in Python: lone surrogates (an
  emoji cut in half), integers past 64 bits, and what is nested deeper than 254, which orjson reads
  (up to 1024) but does not write. U+0000, which Postgres refuses in text and jsonb alike, is cut
  out of what orjson wrote: a site that has one in one status has it on most projects' pages.
* U+0000 is taken out, keys included; a lone surrogate becomes U+FFFD. Everything else stays as it
  came. NaN and Infinity, which JSON does not have, become null, and so does what Postgres would
  take but orjson could not read back: lists and objects more than 1024 deep, and integers that no
  double holds.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final

import orjson

_DEEPEST: Final = 1024
_DEEPEST_WHOLE: Final = 254
"""Levels that orjson writes."""
_MOST_BITS: Final = 1023
_NUL: Final = b"\\u0000"
_NUL_AND_BACKSLASHES: Final = re.compile(rb"\\+u0000")
_DIGITS_ALIKE: Final = bytes.maketrans(b"123456789E", b"000000000e")
_LONG: Final = b"0e000"
_LONG_SIGNED: Final = b"0e+000"
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class _Written(str):
    """A piece of JSON as it is to stand there, not a text that is to be written."""

    __slots__ = ()


def to_jsonb(value: Any) -> str:
    """Return ``value`` (what a JSON parser made) as JSON that a jsonb column takes."""
    return jsonb_bytes(value).decode()


def jsonb_bytes(value: Any) -> bytes:
    """Return the same in UTF-8."""
    text = _written_whole(value)
    return "".join(_clean_json(value)).encode() if text is None else text


def _written_whole(value: Any) -> bytes | None:
    try:
        return without_nuls(orjson.dumps(value))
    except TypeError:
        return None


def without_nuls(text: bytes) -> bytes:
    """Cut U+0000 out of JSON. A key may then be there twice: the last one counts, as in a copy."""
    pieces = text.split(_NUL)  # Each look for it takes a third as long as writing the JSON: one.
    if len(pieces) == 1:
        return text
    if any(piece.endswith(b"\\") for piece in pieces):
        return _NUL_AND_BACKSLASHES.sub(_without_nul, text)
    return b"".join(pieces)


def writes_long_numbers(text: bytes) -> bool:
    """Whether JSON may hold numbers like ``1e131071``, which jsonb writes out digit by digit.

    Eight bytes would come back as 131,072: a page of them would fill the memory of its reader. What
    only looks so, in somebody's text, costs a reading.
    """
    plain = text.translate(_DIGITS_ALIKE)
    return _LONG in plain or _LONG_SIGNED in plain


def _without_nul(found: re.Match[bytes]) -> bytes:
    """Drop the escape at the end; after escaped backslashes alone, ``u0000`` is just text."""
    backslashes = len(found[0]) - len("u0000")
    return found[0][: -len(_NUL)] if backslashes % 2 else found[0]


def _clean_json(value: Any) -> Iterator[str]:
    """Write ``value`` with clean texts, not recursively: it may be nested deeper than the stack."""
    unfinished = [iter([value])]
    while unfinished:
        for piece in unfinished[-1]:
            if isinstance(piece, _Written):
                yield piece
            elif not isinstance(piece, dict | list | tuple) or len(unfinished) > _DEEPEST:
                yield _scalar(piece)
            elif (whole := _written_within(piece, len(unfinished))) is not None:
                yield whole.decode()
            else:
                unfinished.append(_members(piece) if isinstance(piece, dict) else _items(piece))
                break
        else:
            unfinished.pop()


def _written_within(value: Any, level: int) -> bytes | None:
    """Write ``value`` at once where it is no deeper than allowed; the first level was tried."""
    return _written_whole(value) if 1 < level <= _DEEPEST - _DEEPEST_WHOLE else None


def _members(value: dict[str, Any]) -> Iterator[Any]:
    before = "{"
    for name, item in {clean_text(key): item for key, item in value.items()}.items():
        yield _Written(f"{before}{_scalar(name)}:")
        yield item
        before = ","
    yield _Written("}" if before == "," else "{}")


def _items(value: list[Any] | tuple[Any, ...]) -> Iterator[Any]:
    before = "["
    for item in value:
        yield _Written(before)
        yield item
        before = ","
    yield _Written("]" if before == "," else "[]")


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return orjson.dumps(clean_text(value)).decode()
    return json.dumps(value) if _is_readable(value) else "null"


def _is_readable(value: Any) -> bool:
    if isinstance(value, int):
        return value.bit_length() <= _MOST_BITS
    return value is None or (isinstance(value, float) and math.isfinite(value))


def clean_text(text: str) -> str:
    """Take U+0000 out of ``text``, join surrogate pairs and replace lone ones by U+FFFD."""
    text = text.replace("\x00", "")
    if not text.isascii() and _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
