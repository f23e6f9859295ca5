"""Answers with something else in some of their places, and answers as the bytes that Jira sends.

What is nested deeper than Python's stack cannot be held by a strategy and written by ``json``: it
stands in a document as a text, ``☃600`` for 600 lists in each other, until the document is bytes.
"""

import copy
import json
import random
import re
from collections.abc import Iterator
from typing import Any, Final

from hypothesis import strategies as st

from jira_assets_tests.contract.generate import Strategy, anything

_GONE: Final = "☂"
_DEPTHS: Final = (200, 255, 600, 1000, 1023, 1025, 100_000)
_DEEP: Final = re.compile(rb'"\\u2603(\d+)"')
_LONG: Final = "".join(random.Random(1).choices("0123456789abcdefghij🦊", k=4000))
"""More than an index takes, and nothing that Postgres could compress."""

_AWKWARD: Final[tuple[Any, ...]] = (
    *("\x00", "1\x00", "\ud83d", "1\ud83e", "\ud83e\udd8a", "\ufeff", "NaN", "null", _LONG),
    *(2**53 + 1, 2**63, 2**64, -(2**64), 10**30, 10**4000, 1e16, 1e308, -0.0, 5e-324, 1.0),
    *(True, False, None, {}, [], [[]], [None], {"id": None}, {"id": True}, {"id": ["1"]}),
    *({"\x00": 1}, {"\ud800": "\udfff"}, {"id": "1", "id\x00": "2"}, {"values": "1"}),
)
_deep = st.sampled_from(_DEPTHS).map(lambda depth: f"☃{depth}")
_anything = st.sampled_from(_AWKWARD) | _deep | st.just(_GONE) | anything


@st.composite
def mutated(draw: st.DrawFn, answers: Strategy) -> Any:
    """Make answers of which up to six places (the whole, too) hold any JSON at all, or nothing."""
    root = [draw(answers)]
    for _ in range(draw(st.integers(1, 6))):
        found = list(places(root))
        holder, key = found[draw(st.integers(0, len(found) - 1))]
        new = copy.deepcopy(draw(_anything))
        if new != _GONE:
            holder[key] = new
        elif holder is not root:
            del holder[key]
    return root[0]


def places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place in nested lists and objects: what holds it, and its key there."""
    waiting = [tree]
    while waiting:
        holder = waiting.pop()
        for key, item in list(holder.items() if isinstance(holder, dict) else enumerate(holder)):
            yield holder, key
            if isinstance(item, dict | list):
                waiting.append(item)


def damaged(body: bytes) -> bytes:
    """Return an answer that ends in the middle, as when a proxy gives up."""
    return body[: len(body) // 2] if len(body) > 1 else b""


def sent(document: Any) -> bytes:
    """Return a document as Jira sends it: NUL and halves of characters escaped, NaN as it is."""
    return _DEEP.sub(_nested, json.dumps(document).encode())


def _nested(found: re.Match[bytes]) -> bytes:
    depth = int(found[1])
    return b"[" * depth + b"]" * depth
