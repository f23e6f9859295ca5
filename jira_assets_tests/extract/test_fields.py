"""Which fields are asked for."""

from typing import Any

import pytest

from jira_assets.extract.fields import (
    ALL,
    BASE,
    MOST_USED,
    FieldChoice,
    FieldUsage,
    mapped_fields,
    types_of,
)
from jira_assets.warehouse.contracts import MappedField


def _field(number: int) -> str:
    return f"customfield_{10000 + number}"


def _page(*issues: dict[str, Any]) -> dict[str, Any]:
    return {"issues": [{"id": "1", "fields": fields} for fields in issues]}


def _usage(filled: dict[str, dict[str, int]]) -> FieldUsage:
    return FieldUsage({project: dict(counts) for project, counts in filled.items()})


def test_a_sample_counts_filled_custom_fields_only() -> None:
    usage = FieldUsage()
    usage.sample(
        "10",
        _page(
            {_field(1): "x", _field(2): None, _field(3): [], "summary": "s"},
            {_field(1): 0, _field(2): "", _field(4): {}},
        ),
    )
    assert usage.filled == {"10": {_field(1): 2}}


@pytest.mark.parametrize("payload", [None, [], {}, {"issues": None}, {"issues": [1, {"id": "2"}]}])
def test_a_sample_of_anything_else_counts_nothing(payload: Any) -> None:
    usage = FieldUsage()
    usage.sample("10", payload)
    assert usage.filled == {"10": {}}


def test_a_project_that_nothing_is_known_of_is_read_with_all_fields() -> None:
    choice = FieldChoice(_usage({"10": {_field(1): 5}}), {})
    assert choice.of("11") == ALL
    assert choice.of("10") == (*BASE, _field(1))


def test_what_was_sampled_now_counts_more_than_what_was_known() -> None:
    usage = _usage({"10": {_field(1): 5}})
    usage.learn({"10": {_field(2): 1}, "11": {_field(3): 1}})
    assert usage.filled == {"10": {_field(1): 5}, "11": {_field(3): 1}}


def test_a_field_of_a_tenth_of_the_projects_is_asked_for_in_all() -> None:
    filled = {str(number): {_field(9): 1} if number < 2 else {} for number in range(20)}
    assert _field(9) in FieldChoice(_usage(filled), {}).of("19")
    filled["1"] = {}
    assert _field(9) not in FieldChoice(_usage(filled), {}).of("19")


def test_each_project_has_its_most_used_fields() -> None:
    own = {_field(number): number + 1 for number in range(30)}
    others: dict[str, dict[str, int]] = {str(number): {} for number in range(100, 400)}
    asked = FieldChoice(_usage({"10": own, **others}), {}).of("10")
    assert list(asked[: len(BASE)]) == list(BASE)
    assert set(asked[len(BASE) :]) == {_field(number) for number in range(10, 30)}
    assert len(asked) == len(BASE) + MOST_USED


def test_a_mapped_field_is_always_asked_for_and_takes_no_place() -> None:
    own = {_field(number): 1 for number in range(20)}
    others: dict[str, dict[str, int]] = {str(number): {} for number in range(100, 400)}
    mapped = {"custom_field_01": MappedField(_field(0), None)}
    asked = FieldChoice(_usage({"10": own, **others}), mapped)
    assert set(own) <= set(asked.of("10"))
    assert asked.of("100") == (*BASE, _field(0))


def test_types_are_those_of_custom_fields() -> None:
    listed = [
        {"id": "summary", "schema": {"type": "string"}},
        {"id": _field(1), "schema": {"type": "number"}},
        {"id": _field(2)},
        {"id": _field(3), "schema": {"type": 5}},
        "nothing",
    ]
    assert types_of(listed) == {_field(1): "number", _field(2): None, _field(3): None}
    assert types_of({"errorMessages": []}) == {}


def test_a_mapped_field_that_the_site_does_not_have_is_left_out() -> None:
    mappings = {"custom_field_02": _field(2), "custom_field_01": _field(1)}
    assert mapped_fields(mappings, {_field(2): "number"}) == {
        "custom_field_02": MappedField(_field(2), "number")
    }
    assert mapped_fields(mappings, {}) == {
        "custom_field_01": MappedField(_field(1), None),
        "custom_field_02": MappedField(_field(2), None),
    }
