"""Rows as the text that Postgres' COPY reads, fast enough not to be noticed.

Decisions this module embodies:

* A million rows are joined as Python strings, column by column; no pyarrow, no per-value call for
  columns that are text already.
* Escaping is optimistic: a chunk is written as if nothing needed it, and the control characters in
  it are counted. Where the counts betray a value with a tab, newline, backslash or U+0000 in it,
  that chunk, and only that one, is escaped value by value.
* Every null of pandas (None, NaN, NaT, NA) is COPY's null.
* Texts that are Postgres's already (of issues: half of them have newlines and backslashes) are
  joined by separators that no text has, escaped all at once, and then the separators are replaced.
  Where a text does have one of them, it is escaped value by value.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from jira_assets.warehouse.jsonb import clean_text

if TYPE_CHECKING:
    import pandas as pd

CHUNK_ROWS: Final = 50_000
_NULL: Final = "\\N"
_NEXT_VALUE, _NEXT_ROW, _NO_VALUE = "\x1f", "\x1e", "\x1d"
_ESCAPED: Final = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
"""The backslash first: the others bring some."""
_WRITTEN: Final = {
    character.encode(): written.encode()
    for character, written in {
        **_ESCAPED,
        _NEXT_VALUE: "\t",
        _NEXT_ROW: "\n",
        _NO_VALUE: _NULL,
    }.items()
}
"""What becomes of control characters, the separators among them, in this order."""
_ESCAPES: Final = str.maketrans(_ESCAPED)


def copy_text(
    frame: "pd.DataFrame", columns: Sequence[str], *, chunk_rows: int = CHUNK_ROWS
) -> Iterator[bytes]:
    """Yield ``columns`` of ``frame``, in that order, as COPY text in UTF-8, some rows at a time."""
    for first in range(0, len(frame), chunk_rows):
        chunk = frame.iloc[first : first + chunk_rows]
        yield _chunk_text([chunk[column] for column in columns])


def copy_rows(columns: Sequence[Sequence[str | None]]) -> bytes:
    """Return columns of texts, all equally long, as COPY text in UTF-8; None is COPY's null."""
    rows = len(columns[0])
    if not rows:
        return b""
    filled = [[_NO_VALUE if each is None else each for each in column] for column in columns]
    try:
        # As bytes: a text with one emoji in it is four times as large, and this is all passes.
        joined = _NEXT_ROW.join(map(_NEXT_VALUE.join, zip(*filled, strict=True))).encode()
    except UnicodeEncodeError:  # a lone surrogate, which escaping replaces
        joined = b""
    nulls = sum(column.count(None) for column in columns)
    separators = tuple(joined.count(each.encode()) for each in (_NEXT_VALUE, _NEXT_ROW, _NO_VALUE))
    if separators == (rows * (len(columns) - 1), rows - 1, nulls) and b"\x00" not in joined:
        for character, written in _WRITTEN.items():
            joined = joined.replace(character, written)
        return joined + b"\n"
    return _join(
        [[_NULL if each is None else _escape(each) for each in column] for column in columns]
    ).encode()


def _chunk_text(columns: list["pd.Series[Any]"]) -> bytes:
    masks = [column.isna().to_numpy() for column in columns]
    texts = [_texts(column, mask) for column, mask in zip(columns, masks, strict=True)]
    joined = _join(texts)
    nulls = sum(int(mask.sum()) for mask in masks)
    if _is_clean(joined, rows=len(columns[0]), columns=len(columns), nulls=nulls):
        try:
            return joined.encode()
        except UnicodeEncodeError:
            pass  # a lone surrogate: the escaping below replaces it
    escaped = [
        [text if gone else _escape(text) for text, gone in zip(column, mask, strict=True)]
        for column, mask in zip(texts, masks, strict=True)
    ]
    return _join(escaped).encode()


def _texts(column: "pd.Series[Any]", mask: Any) -> list[str]:
    """Return the column's values as unescaped texts, nulls as COPY writes them."""
    from pandas.api.types import infer_dtype

    values = column.to_numpy(dtype=object, copy=True)
    values[mask] = _NULL
    if infer_dtype(values, skipna=False) == "string":
        return list(values)
    return [value if isinstance(value, str) else _text(value) for value in values]


def _text(value: Any) -> str:
    """Return a value that is no text as Postgres reads it."""
    if isinstance(value, float) and value.is_integer():
        # pandas keeps integers as floats where a null is beside them
        return str(int(value))
    return str(value)


def _join(columns: list[list[str]]) -> str:
    return "\n".join(map("\t".join, zip(*columns, strict=True))) + "\n"


def _is_clean(text: str, *, rows: int, columns: int, nulls: int) -> bool:
    """Whether every control character in ``text`` is one that joining put there."""
    return (
        text.count("\\") == nulls
        and text.count("\t") == rows * (columns - 1)
        and text.count("\n") == rows
        and "\r" not in text
        and "\x00" not in text
    )


def _escape(text: str) -> str:
    return clean_text(text).translate(_ESCAPES)
