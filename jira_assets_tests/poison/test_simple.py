"""The simple reading says of any value whether a column may hold it, and raises nothing."""

from typing import Any, Final

import pytest

from jira_assets.transform.values import moment
from jira_assets_tests.poison.simple import column, in_postgres, is_moment, same
from jira_assets_tests.poison.values import MOMENTS

OTHERS: Final[tuple[Any, ...]] = (
    None,
    True,
    [],
    {},
    "",
    "soon",
    10**30,
    -(10**30),
    1e300,
    253402300800000,
)
HELD: Final = "2021-03-28T08:06:08.713+00:00"


@pytest.mark.parametrize("value", [*MOMENTS, *OTHERS])
def test_a_column_holds_what_the_program_makes_of_a_value_and_nothing_else(value: Any) -> None:
    """A merged row is held beside every object with its id, whatever that says."""
    made = moment(value)
    assert is_moment(made, value)
    assert not is_moment("2019-01-01T00:00:00+00:00", value)


@pytest.mark.parametrize("value", OTHERS)
def test_what_is_no_moment_is_in_no_column(value: Any) -> None:
    assert not is_moment(HELD, value)


def test_a_moment_is_in_its_column_and_may_not_be_missing() -> None:
    assert is_moment(HELD, "2021-03-28T16:06:08.713+0800")
    assert is_moment(HELD, 1616918768713)
    assert not is_moment(None, "2021-03-28T16:06:08.713+0800")
    assert not is_moment(None, 1616918768713)


@pytest.mark.parametrize("written", [None, "", "text", "1 2", "[", "NaN x"])
def test_a_column_that_is_no_document_is_the_same_as_none(written: str | None) -> None:
    """A history's text in one object, and a document under the same id in another."""
    held = column(written)
    others: list[Any] = [None, "", "text", 1, [], {}]
    assert not any(same(held, other) for other in others)


@pytest.mark.parametrize(
    ("written", "held"),
    [
        ("1e2", 100),
        ("1E+2", 100),
        ("1.5e1", 15),
        ("1.50e1", 15.0),
        ("1.0", 1.0),
        ("1e-2", 0.01),
        ("1e19", 10**19),
        ("1e20", 1e20),
        ("1e999", None),
        ("1e999999999", None),
    ],
)
def test_numbers_as_postgres_hands_them_out(written: str, held: Any) -> None:
    found = in_postgres(written.encode())
    assert (found, type(found)) == (held, type(held))
