"""What made-up issues hold in their custom fields, true to each field's type.

Decisions this module embodies:

* A field's values are few and shared by the issues of its project: people choose from lists, and a
  hundred thousand issues fit into memory.
* Which projects use a field is a pattern that tells discovery from guessing: of six fields, one is
  never filled, one in a single project only, and four in most projects.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from jira_assets.sandbox.draws import Chance, draw
from jira_assets.sandbox.issue_model import Option, RichText, Value
from jira_assets.sandbox.issue_texts import PEOPLE, sentence
from jira_assets.sandbox.model import Field
from jira_assets.sandbox.moments import DAY, day, stamp

_VALUES: Final = 6
"""Different values of a field in a project."""
_PATTERN: Final = 6
_NEVER, _IN_ONE = 0, 1
_IN_MOST: Final = 0.7
_CHOICES: Final = ("Gold", "Silber", "銅", "Другое", 'O\'Neil & "Sons"', "N/A")
_CHILD: Final = Option("11000", "EMEA / South")
_NUMBERS: Final = (1.0, 2.0, 3.0, 5.0, 8.0, 0.5, 13.25, -1.0)
_TEXTAREA: Final = ":textarea"
_LONGEST_HOURS: Final = 40
_EPOCH: Final = 1_704_067_200_000
"""2024-01-01, in milliseconds."""


def used_fields(
    fields: Sequence[Field], place: int, projects: int, project_id: str, seed: int
) -> list[Field]:
    """Return the custom fields that the project at ``place`` of so many ``projects`` fills."""
    shared = sorted((row for row in fields if row.custom and row.project_id is None), key=_id)
    own = [row for row in fields if row.project_id == project_id]
    return [row for number, row in enumerate(shared) if _uses(number, place, projects, seed)] + own


def pool(field: Field, project_id: str, zone: str, seed: int) -> tuple[Value, ...]:
    """Return the values of a field in a project."""
    return tuple(
        _value(field, number, Chance(seed, "value", field.id, project_id, number), zone)
        for number in range(_VALUES)
    )


def _id(field: Field) -> str:
    return field.id


def _uses(number: int, place: int, projects: int, seed: int) -> bool:
    kind = number % _PATTERN
    if kind == _NEVER:
        return False
    if kind == _IN_ONE:
        return place == number % projects
    return draw(seed, "uses", number, place) < _IN_MOST


def _value(field: Field, number: int, chance: Chance, zone: str) -> Value:
    if field.type == "array":
        count = 1 + chance.below(2)
        return tuple(_item(field, (number + one) % _VALUES, chance) for one in range(count))
    if field.type in {"date", "datetime"}:
        moment = _EPOCH + chance.below(700 * DAY)
        return day(moment, zone) if field.type == "date" else stamp(moment, zone)
    if field.type == "string":
        rich = field.custom_type is not None and field.custom_type.endswith(_TEXTAREA)
        return RichText(f"{sentence(chance)}\n{sentence(chance)}") if rich else sentence(chance)
    return _single(field.type or "", number, chance)


def _item(field: Field, number: int, chance: Chance) -> Value:
    if field.item_type == "json":
        return _sprint(number)
    return _single(field.item_type or "", number, chance)


def _single(kind: str, number: int, chance: Chance) -> Value:
    values: Mapping[str, Value] = {
        "number": chance.of(_NUMBERS),
        "any": f"0|i{chance.below(36**4):05}:",
        "option": Option(f"{10_500 + number}", _CHOICES[number]),
        "option-with-child": Option(f"{10_900 + number}", _CHOICES[number], _CHILD),
        "user": PEOPLE[number % len(PEOPLE)],
        "sd-servicelevelagreement": _agreement(number, chance),
    }
    return values.get(kind, f"label-{number}")


def _sprint(number: int) -> Mapping[str, object]:
    began = _EPOCH + number * 14 * DAY
    return {
        "id": 100 + number,
        "name": f"Sprint {number + 1}",
        "state": "closed" if number < _VALUES - 1 else "active",
        "boardId": 7,
        "goal": "",
        "startDate": stamp(began, "UTC").replace("+0000", "Z"),
        "endDate": stamp(began + 14 * DAY, "UTC").replace("+0000", "Z"),
    }


def _agreement(number: int, chance: Chance) -> Mapping[str, object]:
    hours = 1 + chance.below(48)
    return {
        "id": str(number),
        "name": "Time to resolution",
        "completedCycles": [],
        "ongoingCycle": {
            "breached": hours > _LONGEST_HOURS,
            "paused": False,
            "goalDuration": {"millis": hours * 3_600_000, "friendly": f"{hours}h"},
        },
    }
