"""The histories of made-up issues: what changed, from what to what, so that it holds together.

The status changes of an issue chain from the first status of its workflow to its present one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

from jira_assets.sandbox.draws import Chance
from jira_assets.sandbox.issue_model import History, HistoryItem, Named, Option, Value
from jira_assets.sandbox.issue_texts import PEOPLE, PRIORITIES, sentence
from jira_assets.sandbox.model import Field, Project
from jira_assets.sandbox.moments import DAY, HOUR, MINUTE
from jira_assets.sandbox.people import Person

IDS_PER_ISSUE: Final = 1000
"""History ids are numbered from an issue's own number times this."""
_SPAN: Final = 60 * DAY
"""From an issue's creation to its last change, at most."""
_MANY: Final = 90
_FEWEST_OF_MANY: Final = 41


@dataclass(frozen=True, slots=True)
class Move:
    """An issue's move from another project, where it had another key."""

    project: Project
    key: str


@dataclass(frozen=True, slots=True)
class Setting:
    """What an issue's histories are made from. ``path`` are its statuses, first to present.

    ``fields`` are the custom ones that its project uses, with their values.
    """

    path: tuple[Named, ...]
    fields: Sequence[tuple[Field, Sequence[Value]]]
    project: Project
    key: str
    cloud: bool
    move: Move | None = None


def count(chance: Chance, number: int, *, many_every: int) -> int:
    """Return how many histories an issue gets: 2 to 5, and now and then 41 to 130."""
    if number % many_every == many_every - 1:
        return _FEWEST_OF_MANY + chance.below(_MANY)
    return 2 + chance.below(4)


def make_histories(
    setting: Setting, number: int, created: int, how_many: int, chance: Chance
) -> tuple[History, ...]:
    """Make an issue's histories, oldest first, each after the one before it.

    Those that ``setting`` demands (its statuses, its move) come in any case.
    """
    demanded: list[tuple[HistoryItem, ...]] = [
        (transition(one, two),) for one, two in pairwise(setting.path)
    ]
    if setting.move is not None:
        demanded.append(moved(setting.move, setting.project, setting.key))
    others = max(0, how_many - len(demanded))
    changes = _mixed(demanded, [_other(setting, chance) for _ in range(others)], chance)
    step = _SPAN // len(changes)
    histories, moment = [], created
    for place, items in enumerate(changes):
        moment += MINUTE + chance.below(min(step, 20 * HOUR))
        author = None if chance.one_in(40) else chance.of(PEOPLE)
        histories.append(History(str(number * IDS_PER_ISSUE + place), moment, author, items))
    return tuple(histories)


@lru_cache(maxsize=1 << 14)
def transition(before: Named, after: Named) -> HistoryItem:
    """Return the change from one status to another."""
    return HistoryItem("status", before.id, before.name, after.id, after.name, "status")


def moved(move: Move, to: Project, key: str) -> tuple[HistoryItem, ...]:
    """Return what a move to another project changes."""
    before = move.project
    return (
        HistoryItem("project", before.id, before.name, to.id, to.name, "project"),
        HistoryItem("Key", None, move.key, None, key),
    )


@lru_cache(maxsize=1 << 14)
def assigned(before: Person | None, after: Person | None, *, cloud: bool) -> HistoryItem:
    """Return the change of who is to do it."""

    def told(person: Person | None) -> tuple[str | None, str | None]:
        if person is None:
            return None, None
        return (person.account_id if cloud else person.name), person.display_name

    return HistoryItem("assignee", *told(before), *told(after), "assignee")


def _mixed(
    demanded: list[tuple[HistoryItem, ...]], others: list[tuple[HistoryItem, ...]], chance: Chance
) -> list[tuple[HistoryItem, ...]]:
    """Put the others between the demanded ones, whose order stays."""
    mixed = demanded.copy()
    for items in others:
        mixed.insert(chance.below(len(mixed) + 1), items)
    return mixed


def _other(setting: Setting, chance: Chance) -> tuple[HistoryItem, ...]:
    match chance.below(5):
        case 0:
            return (assigned(chance.of(PEOPLE), chance.of(PEOPLE), cloud=setting.cloud),)
        case 1:
            return (_priority(chance.of(PRIORITIES), chance.of(PRIORITIES)),)
        case 2:
            before, after = sentence(chance), sentence(chance)
            return (HistoryItem("summary", None, before, None, after, "summary"),)
        case 3 if setting.fields:
            return tuple(_field(*chance.of(setting.fields), chance) for _ in range(2))
    number = 1 + chance.below(5)
    return (_sprint(number), _rank())


@lru_cache
def _sprint(number: int) -> HistoryItem:
    before, after = str(99 + number), str(100 + number)
    names = f"Sprint {number}", f"Sprint {number}, Sprint {number + 1}"
    return HistoryItem("Sprint", before, names[0], f"{before}, {after}", names[1], None, "custom")


@lru_cache
def _rank() -> HistoryItem:
    return HistoryItem("Rank", "", "", "", "Ranked higher", None, "custom")


@lru_cache
def _priority(before: Named, after: Named) -> HistoryItem:
    return HistoryItem("priority", before.id, before.name, after.id, after.name, "priority")


def _field(field: Field, values: Sequence[Value], chance: Chance) -> HistoryItem:
    before, after = chance.of(values), chance.of(values)
    if isinstance(before, Option) and isinstance(after, Option):
        return HistoryItem(
            field.name, before.id, before.value, after.id, after.value, field.id, "custom"
        )
    if not isinstance(before, str) or not isinstance(after, str):
        return HistoryItem(field.name, None, None, None, "changed", field.id, "custom")
    return HistoryItem(field.name, None, before, None, after, field.id, "custom")
