from typing import Any

import pytest

from jira_assets.warehouse.contracts import RawPage
from jira_assets.warehouse.unreadable import MAX_REASON, reason_of

NO_PROJECT = "No project could be found with key 'X'."


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({"errorMessages": [NO_PROJECT], "errors": {}}, f"404: {NO_PROJECT}"),
        ({"errorMessages": ["", NO_PROJECT]}, f"404: {NO_PROJECT}"),
        ({"errorMessages": [], "errors": {"project": "is gone"}}, "404: project: is gone"),
        ({"errorMessages": "as a text", "errors": ["a list"]}, "404: as a text"),
        ({"message": "null for uri", "status-code": 404}, "404: null for uri"),
        ({"code": 404, "message": "not here"}, "404: not here"),
        ({"errorMessage": "singular"}, "404: singular"),
        ({"errorMessages": [], "errors": {}}, "404: Not Found"),
        ({"errorMessages": [1, None], "errors": {"a": {}}}, "404: Not Found"),
        ([], "404: Not Found"),
        (None, "404: Not Found"),
    ],
)
def test_the_reason_is_in_jiras_words(payload: Any, reason: str) -> None:
    assert reason_of(RawPage(0, {}, 404, payload)) == reason


def test_an_unheard_of_status_has_a_reason_too() -> None:
    assert reason_of(RawPage(0, {}, 799, None)) == "799: no reason given"


def test_a_reason_is_bounded() -> None:
    assert len(reason_of(RawPage(0, {}, 403, {"message": "x" * 10_000}))) == MAX_REASON
