"""JSON as others write it, as Python values.

Decisions this module embodies:

* orjson reads. What it refuses is read again by Python's own parser, leniently: lone surrogates,
  NaN and a byte order mark, which Java's JSON writers produce, and numbers that no double holds,
  which Postgres keeps.
* What has no value becomes None: NaN, Infinity, and numbers that no double holds. Halves of
  characters, which no UTF-8 holds, become U+FFFD.
* A document that ends early is malformed to both, and so is one nested deeper than 1024.
"""

import json
import math
from typing import Any, Final

import orjson

INTEGERS: Final = range(-(2**63), 2**64)
"""Those that every parser keeps as such: past them orjson reads doubles, and others integers."""
_MOST_DIGITS: Final = 400
"""Of an integer that may be worth reading: a double holds 309; Python itself refuses 4,301."""


def read_json(text: bytes) -> Any:
    """Parse JSON; raises ``ValueError`` for what is none, however deeply it is nested."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    try:
        document = json.loads(
            text.decode("utf-8-sig", "replace"),
            parse_int=_integer,
            parse_float=_float,
            parse_constant=lambda _: None,
        )
        return _without_lone_surrogates(document)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _integer(digits: str) -> int | None:
    return int(digits) if len(digits) <= _MOST_DIGITS else None


def _float(digits: str) -> float | None:
    value = float(digits)
    return value if math.isfinite(value) else None


def _without_lone_surrogates(document: Any) -> Any:
    """Put U+FFFD in the place of halves of characters, which no UTF-8 and no Postgres can hold."""
    text = json.dumps(document, ensure_ascii=False)
    return json.loads(text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))
