"""What is put where something else was: texts, numbers, moments, depths.

Decisions this module embodies:

* What ``json`` cannot write (``NaN``, ``1e999``, a thousand lists in each other, a key that is
  there twice) stands in a document as a text that names it, and is put in when that is bytes.
* A long text is rare: a megabyte costs as much as a thousand other cases.
"""

import json
import random
import re
from typing import Any, Final

MEGABYTE: Final = 1_000_000
_MARK: Final = "☃☃"
_MARKED: Final = re.compile(rb'"\\u2603\\u2603(\d+)"')

TEXTS: Final = (
    *("", " ", "\t\n", "\x00", "1\x00", "\x001", "a\x00b", "\x07\x08\x0b\x1b", "\x1d\x1e\x1f"),
    *(
        "\ud800",
        "1\udfff",
        "\udfff\ud800",
        "\ud83e\x00\udd8a",
        "🦊",
        "\U0001d4b3" * 70,
        "é",
        "e\u0301" * 9,
    ),
    *("\u202eevil", "שלום", "\ufeffid", "\ufeff", "a\u2028b\u2029c", "\x85", "\xa0", "\u200b"),
    *("'; DROP TABLE jira.issues; --", "\\N", "\\.", "\\", "\\u0000", "{}", '{"a"', "NULL", "null"),
    *("<script>alert(1)</script>", "<html>", "&amp;", '{"id": "1"}', "[1, 2]", '"', "%s", "{0}"),
    *("nan", "NaN", "true", "FALSE", "0", "-1", "10000", "1.0", " 1", "1 ", "\uff11\uff12", "0x10"),
    *("customfield_", "customfield_1\x00", "doc", "Key", "issuekey", "new", "DONE", "__proto__"),
)

_DEEP: Final = (200, 253, 255, 600, 990, 1023, 1025, 10_000)
NUMBERS: Final = (
    *(
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "-1e999",
        "-0",
        "-0.0",
        "0",
        "1.0",
        "10000.0",
        "1e2",
    ),
    *("2147483647", "2147483648", "-2147483649", "9007199254740993", "9223372036854775808"),
    *("18446744073709551615", "18446744073709551616", "-9223372036854775809", "1e308", "5e-324"),
    *("1e-400", "1e131071", "1e131073", "1e-17000", "0." + "1" * 60, "9" * 309, "9" * 400),
    *("1" + "0" * 5000, "1616918768713", "16169187687130", "1e12", "253402300799999"),
)
DEPTHS: Final = (
    *("[" * depth + "]" * depth for depth in _DEEP),
    *('{"a":' * depth + "1" + "}" * depth for depth in _DEEP),
    *('{"type":"doc","content":[' * depth + "]}" * depth for depth in (100, 300, 500, 5000)),
)
TWICE: Final = (
    *('{"id":"1","id":"2"}', '{"id":"1","id":null}', '{"id":null,"id":"7","name":"a","name":"b"}'),
    *('{"id":"1","id\\u0000":"2"}', '{"\\ud800":1,"\\ud801":2}', '{"":1,"":2}'),
)
_RAW: Final = (*NUMBERS, *DEPTHS, *TWICE)
_PLACES: Final = {text: place for place, text in enumerate(_RAW)}

MOMENTS: Final[tuple[Any, ...]] = (
    *("0000-01-01T00:00:00.000+0000", "0001-01-01T00:00:00.000+0000", "0001-01-01T00:00:00Z"),
    *("0001-01-01T00:00:00.000+1400", "9999-12-31T23:59:59.999-1200", "0001-01-01T00:00:00+14:00"),
    *("9999-12-31T23:59:59.999+0000", "10000-01-01T00:00:00.000+0000", "-001-01-01T00:00:00.000Z"),
    *("2016-12-31T23:59:60.000+0000", "2021-02-29T00:00:00.000+0000", "2020-02-29T00:00:00.000Z"),
    *("2021-03-28T16:06:08.713+2400", "2021-03-28T16:06:08.713-2400", "2021-03-28T16:06:08+23:59"),
    *("2021-03-28T16:06:08.713+1459", "2021-03-28T16:06:08.713-1560", "2021-03-28T24:00:00.000Z"),
    *("2021-03-28T16:06:08.713", "2021-03-28", "28/Mar/21 4:06 PM", "2021-W12-7T00:00:00+00:00"),
    *("2021-03-28t16:06:08.713z", "2021-03-28 16:06:08+00", "20210328T160608Z", "infinity", "now"),
    *("2021-03-28T16:06:08.713+0800 ", "2021-03-28T16:06:08,713+0800", "2021-03-28T16:06:08.7+08"),
    *("2021-03-28T16:06:08.713456789Z", "1616918768713", "-1616918768713", "161691876871", "epoch"),
    *("\uff12021-03-28T16:06:08.713+0800", "2021-03-28\u202816:06:08.713+0800", "+1616918768713"),
    *(0, -1, 1616918768713, 1616918768713.5, 253402300800000, -62135596800001, 10**30, True),
)


def raw(text: str) -> str:
    """Return what stands in a document for JSON that is to be there as it is."""
    return f"{_MARK}{_PLACES[text]}"


def written(document: Any) -> bytes:
    """Return a document as JSON, halves of characters escaped."""
    return _MARKED.sub(lambda found: _RAW[int(found[1])].encode(), json.dumps(document).encode())


def any_text(dice: random.Random) -> str:
    chance = dice.random()
    if chance < 0.01:
        return dice.choice(["x", "🦊", "\x00", "ab\t", "\\"]) * (MEGABYTE // 4)
    if chance < 0.1:
        return "".join(dice.choices("abcdefghij🦊\\\"'\n", k=dice.choice([63, 64, 255, 256, 4000])))
    return dice.choice(TEXTS)


def any_number(dice: random.Random) -> str:
    return raw(dice.choice(NUMBERS))


def any_moment(dice: random.Random) -> Any:
    return dice.choice(MOMENTS)


def any_depth(dice: random.Random) -> str:
    return raw(dice.choice(DEPTHS + TWICE))


def any_json(dice: random.Random) -> Any:
    """Return a value of any of JSON's types."""
    return dice.choice(
        [
            *(None, True, False, 0, 1, 7, 1.5, "", "7", [], {}, [None], [[]], [{}], {"": None}),
            *({"id": None}, {"id": True}, {"id": ["1"]}, {"id": "1", "name": "x"}, ["a", 1, None]),
            *({"values": []}, {"issues": []}, {"value": "v", "child": {"value": 2}}, "text", -1),
        ]
    )
