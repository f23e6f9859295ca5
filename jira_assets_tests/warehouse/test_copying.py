import pandas as pd
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from jira_assets.warehouse.copying import copy_rows, copy_text

AWKWARD = st.text(st.characters(codec=None, exclude_categories=())) | st.sampled_from(
    ["", "\\N", "\\", "\t", "a\nb", "\r\n", "\\.", "\x00", "😀", "\ud83d", "'\"", "Статус", "NULL"]
)


def copied(frame: pd.DataFrame, *columns: str, chunk_rows: int = 2) -> bytes:
    return b"".join(copy_text(frame, columns or list(frame.columns), chunk_rows=chunk_rows))


def read_back(text: bytes) -> list[list[str | None]]:
    """Read COPY text as Postgres does."""
    escapes = {"\\\\": "\\", "\\t": "\t", "\\n": "\n", "\\r": "\r"}

    def field(text: str) -> str | None:
        if text == "\\N":
            return None
        out, at = "", 0
        while at < len(text):
            step = 2 if text[at] == "\\" else 1
            out += escapes[text[at : at + 2]] if step == 2 else text[at]
            at += step
        return out

    lines = text.decode().split("\n")
    assert lines.pop() == ""
    return [[field(each) for each in line.split("\t")] for line in lines]


def as_postgres_has_it(value: str | None) -> str | None:
    if value is None:
        return None
    joined = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return joined.replace("\x00", "")


@given(st.lists(st.tuples(st.none() | AWKWARD, st.none() | AWKWARD), max_size=7))
def test_any_text_comes_back(rows: list[tuple[str | None, str | None]]) -> None:
    frame = pd.DataFrame(rows, columns=["a", "b"], dtype=object)
    expected = [[as_postgres_has_it(value) for value in row] for row in rows]
    assert read_back(copied(frame)) == expected


def test_every_null_of_pandas_is_null() -> None:
    values = [None, float("nan"), pd.NA, pd.NaT, "x"]
    frame = pd.DataFrame({"a": pd.Series(values, dtype=object)})
    assert copied(frame) == b"\\N\n\\N\n\\N\n\\N\nx\n"


def test_integers_beside_a_null_stay_integers() -> None:
    frame = pd.DataFrame({"float": [1, None], "object": pd.Series([-1, None], dtype=object)})
    assert frame["float"].dtype == float
    assert copied(frame) == b"1\t-1\n\\N\t\\N\n"


def test_columns_are_copied_in_the_order_asked_for() -> None:
    frame = pd.DataFrame({"a": ["1"], "b": [True], "c": [7]})
    assert copied(frame, "c", "b") == b"7\tTrue\n"


def test_an_empty_frame_is_no_text() -> None:
    assert copied(pd.DataFrame({"a": []})) == b""


def test_only_the_chunk_that_needs_it_is_escaped() -> None:
    frame = pd.DataFrame({"a": ["plain", "plain", "tab\t", None, "back\\slash"]})
    assert copied(frame, chunk_rows=2) == b"plain\nplain\ntab\\t\n\\N\nback\\\\slash\n"


def test_postgres_reads_it(warehouse: sa.Engine) -> None:
    values = ["\\N", "\\", "a\tb", "c\nd\r", "\\.", "😀 'quoted\"", "", None, "NULL"]
    frame = pd.DataFrame({"n": range(len(values)), "text": values, "yes": [True, False, None] * 3})
    with warehouse.begin() as connection:
        connection.execute(sa.text("CREATE TEMP TABLE copied (n int, text text, yes boolean)"))
        cursor = connection.connection.cursor()
        with cursor.copy("COPY copied FROM STDIN") as copy:
            for text in copy_text(frame, ["n", "text", "yes"]):
                copy.write(text)
        rows = connection.execute(sa.text("SELECT text, yes FROM copied ORDER BY n")).all()
    assert [tuple(row) for row in rows] == list(zip(values, [True, False, None] * 3, strict=True))


SEPARATORS = st.none() | AWKWARD | st.sampled_from(["\x1d", "\x1e", "\x1f", "a\x1fb"])


@given(st.lists(st.tuples(SEPARATORS, SEPARATORS), min_size=1, max_size=7))
def test_columns_of_any_text_come_back(rows: list[tuple[str | None, str | None]]) -> None:
    expected = [[as_postgres_has_it(value) for value in row] for row in rows]
    columns = list(zip(*rows, strict=True))
    assert read_back(copy_rows(columns)) == expected


def test_columns_without_rows_are_no_text() -> None:
    assert copy_rows([[], []]) == b""
