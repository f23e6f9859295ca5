"""The simple reading says of any value whether a column may hold it, and raises nothing."""

from typing import Any, Final

import pytest

from jira_assets.transform.values import moment
from jira_assets_tests.poison.simple import is_moment
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
