"""Python values as the JSON and the text that Postgres takes.

Decisions this module embodies:

* orjson writes; only what it or Postgres refuses is walked in Python: U+0000 (in text and jsonb
  alike), lone surrogates (an emoji cut in half), integers past 64 bits.
* U+0000 is taken out, keys included; a lone surrogate becomes U+FFFD. Everything else stays as it
  came. NaN and Infinity, which JSON does not have, become null.
"""

import json
import math
import re
from typing import Any, Final

import orjson

_NUL_ESCAPE: Final = b"\\u0000"
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def to_jsonb(value: Any) -> str:
    """Return ``value`` (what a JSON parser made) as JSON that a jsonb column takes."""
    try:
        text = orjson.dumps(value)
    except TypeError:
        return _dumps(clean(value))
    # The six characters may also be an escaped backslash before "u0000": cleaning tells them apart.
    return _dumps(clean(value)) if _NUL_ESCAPE in text else text.decode()


def _dumps(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(value, ensure_ascii=False)


def clean(value: Any) -> Any:
    """Return a copy of ``value`` whose texts, keys included, Postgres takes."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(key): clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def clean_text(text: str) -> str:
    """Take U+0000 out of ``text``, join surrogate pairs and replace lone ones by U+FFFD."""
    text = text.replace("\x00", "")
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
