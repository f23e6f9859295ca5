"""JSON on its way into jsonb columns: what orjson or Postgres refuses on it."""

import json
import math
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from jira_assets.warehouse.contracts import RawPage
from jira_assets.warehouse.jsonb import to_jsonb, writes_long_numbers
from jira_assets.warehouse.raw_pages import Batch

DEEPEST = 1024  # what orjson reads


def nested(depth: int, innermost: Any) -> Any:
    """Return a list in a list in an object, and so on."""
    for level in range(depth):
        innermost = {"k": innermost} if level % 3 else [innermost]
    return innermost


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a\x00b": ["\x00", "c\x00"]}, {"ab": ["", "c"]}),
        ({"a\x00": 1, "a": 2}, {"a": 2}),
        ("half \ud83d", "half �"),
        ("\ud83e\udd8a", "🦊"),
        ({"a": 2, "a\x00": 1}, {"a": 1}),
        ("\\u0000", "\\u0000"),
        ('\\\x00 \\\\\x00\x00u0000 "\x00', '\\ \\\\u0000 "'),
        ([10**30, {}, [], [{}], True, None, -0.5, "q\"'\\\n"],) * 2,
        ([math.nan, math.inf, 10**30], [None, None, 10**30]),
        ([2**1023, 10**400, -(10**400)], [None] * 3),
        (2**1023 - 1, 2**1023 - 1),
        ((1, 10**30), [1, 10**30]),
    ],
)
def test_what_is_cleaned(value: Any, expected: Any) -> None:
    assert json.loads(to_jsonb(value)) == expected


@pytest.mark.parametrize("innermost", [1, 10**30, "x\x00\ud800", {}, []])
@pytest.mark.parametrize("depth", [250, 254, 255, 256, 500, DEEPEST - 1])
def test_whatever_the_parser_takes_is_written_however_deep(depth: int, innermost: Any) -> None:
    shallow = orjson.loads(to_jsonb(innermost))
    written = to_jsonb(nested(depth, innermost))
    found = orjson.loads(written)
    for _ in range(depth):
        found = found[0] if isinstance(found, list) else found["k"]
    assert found == shallow


def test_the_deepest_document_of_the_parser_comes_back() -> None:
    body = b"[" * DEEPEST + b"]" * DEEPEST
    assert to_jsonb(orjson.loads(body)) == body.decode()


def test_what_is_deeper_than_the_parser_reads_is_cut_there() -> None:
    written = to_jsonb(nested(3000, "x"))
    assert orjson.loads(written) is not None
    assert written.count("null") == 1


documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    # Hypothesis leaves lone surrogates out by itself.
    | st.text(st.characters(exclude_categories=()) | st.just("\x00"), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(documents)
def test_both_ways_of_writing_say_the_same(document: Any) -> None:
    # An integer past 64 bits is what orjson refuses, so that the document is walked.
    [walked, _] = json.loads(to_jsonb([document, 10**30]))
    assert walked == json.loads(to_jsonb(document))


def test_postgres_takes_the_deepest_document(warehouse: sa.Engine) -> None:
    body = to_jsonb(nested(DEEPEST, "x\x00"))
    with warehouse.connect() as connection:
        found = connection.exec_driver_sql("SELECT (%s::jsonb)::text", (body,)).scalar_one()
    assert found.replace(": ", ":") == body


@pytest.mark.parametrize("number", ["1e131071", "1E+131071", "-7.25e4000"])
def test_a_short_number_that_postgres_would_write_out_at_length_has_no_value(number: str) -> None:
    text = f'{{"issues": [{number}, "kept"]}}'.encode()
    assert writes_long_numbers(text)
    batch = Batch()
    batch.add("site", RawPage(0, {}, 200, None, text))
    assert batch.payloads == [b'{"issues":[null,"kept"]}']


@pytest.mark.parametrize("number", ["1e22", "1E-300", "12.5", "4e+99"])
def test_other_numbers_land_as_they_came(number: str) -> None:
    text = f'{{"issues": [{number}]}}'.encode()
    batch = Batch()
    batch.add("site", RawPage(0, {}, 200, None, text))
    assert batch.payloads == [text]
