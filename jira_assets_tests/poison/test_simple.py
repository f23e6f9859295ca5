"""What a row is held against may be of another kind altogether: that differs, and is no error."""

from typing import Any

import pytest

from jira_assets_tests.poison.judge_issues import _is_json, _is_mapped
from jira_assets_tests.poison.simple import is_moment

MOMENT = "2026-01-01T00:00:00+00:00"


@pytest.mark.parametrize("value", [None, "", "soon", [], {}, True, 10**30])
def test_a_column_with_a_moment_differs_from_what_is_none(value: Any) -> None:
    assert is_moment(MOMENT, "2026-01-01T00:00:00.000+0000")
    assert not is_moment(MOMENT, value)


@pytest.mark.parametrize("value", [7, ["a"], {"value": 7}])
def test_a_column_with_a_text_differs_from_what_is_no_text(value: Any) -> None:
    assert _is_mapped("no JSON", "no JSON", "any", mistyped=False)
    assert not _is_mapped("no JSON", value, "any", mistyped=False)
    assert not _is_json("no JSON", value)
