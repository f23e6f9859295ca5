"""JSON that others write: what becomes of what has no value, and what is no JSON at all."""

from typing import Any

import pytest

from jira_assets.lenient_json import read_json


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"a": [1, -0.5, true, null, "\\u00e4"]}', {"a": [1, -0.5, True, None, "ä"]}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'{"\\ud83d": NaN, "b": [-Infinity]}', {"\ufffd": None, "b": [None]}),
        (b'"\\ud83e\\udd8a"', "🦊"),
        (b'{"a": "\xff"}', {"a": "\ufffd"}),
        (b"[1e400, -1e400, 1e-400]", [None, None, 0.0]),
        (b"[1e400, " + b"7" * 309 + b"]", [None, int("7" * 309)]),
        (b"[" + b"7" * 401 + b", -" + b"7" * 5000 + b"]", [None, None]),
    ],
)
def test_values(text: bytes, value: Any) -> None:
    assert read_json(text) == value


@pytest.mark.parametrize(
    "text", [b"", b"{", b'{"a": 1}}', b"<html>", b"[" * 1100 + b"]" * 1100, b"[" * 10**6]
)
def test_no_json(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_json(text)
