"""The issues of a made-up site: the same for the same arguments, uneven and awkward on purpose.

What is awkward, each because a real site sent it or a tool broke on it: U+0000, emoji, other
scripts and text that looks like SQL in summaries and descriptions, no description, an empty one, a
megabyte, a document nested some 300 levels of JSON deep; people without a display name or deleted;
fields that are missing; a status that is in no list; keys of before a move; projects without any
issue beside large ones; 41 and more histories.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Final

from jira_assets.sandbox import issue_texts as texts
from jira_assets.sandbox.draws import Chance
from jira_assets.sandbox.issue_histories import Move, Setting, count, make_histories
from jira_assets.sandbox.issue_model import Issue, Named, RichText, Value
from jira_assets.sandbox.issue_values import pool, used_fields
from jira_assets.sandbox.model import DONE, Field, Project, SiteState
from jira_assets.sandbox.moments import DAY, HOUR

UNLISTED_STATUS: Final = Named("99901", "Status 99901")
"""A status that issues have, though no list and no project names it any more."""
ENOUGH_FOR_ALL: Final = 50
"""From so many issues on, a site has the very long and the very deep description."""

_FIRST_ID: Final = 100_000
_FIRST_MOMENT: Final = 1_672_531_200_000
"""2023-01-01, in milliseconds."""
_SPAN: Final = 850 * DAY
_EMPTY_EVERY: Final = 5
_MOVED_EVERY: Final = 23
_UNLISTED_EVERY: Final = 61
_MANY_EVERY: Final = 101
_ODD_EVERY: Final = 11
_FIRST_OLD_NUMBER: Final = 1_000_001
_LONG_PLACE: Final = 31
_DEEP_PLACE: Final = 37
_FILLED_IN: Final = 2
"""Of so many issues, one has a value in a field that its project uses."""
_LONGEST_PATH: Final = 5


@dataclass(frozen=True)
class MadeIssues:
    """Issues by their id, and the keys that some had before they moved."""

    issues: Mapping[str, Issue]
    moved_keys: Mapping[str, str]


@dataclass(frozen=True)
class _Home:
    """A project that holds issues, and what they are made from."""

    place: int
    project: Project
    types: tuple[tuple[str, tuple[str, ...]], ...]
    fields: tuple[tuple[Field, tuple[Value, ...]], ...]


def make_issues(state: SiteState, how_many: int, seed: int) -> MadeIssues:
    """Make the issues of a site that has everything else.

    Raises ``ValueError`` where no project has issue types with statuses to hold them.
    """
    if not how_many:
        return MadeIssues({}, {})
    maker = _Maker(state, how_many, seed)
    issues = {issue.id: issue for issue in map(maker.issue, range(how_many))}
    return MadeIssues(issues, maker.moved_keys)


class _Maker:
    """Makes issues one after the other, in the order in which they were created."""

    def __init__(self, state: SiteState, how_many: int, seed: int) -> None:
        self._state = state
        self._seed = seed
        self._how_many = how_many
        self._homes = _homes(state, seed)
        if not self._homes:
            raise ValueError("No project of this site can hold issues: it needs issue types.")
        weights = (1 / (1 + home.place % 12) for home in self._homes)
        self._reached = list(accumulate(weights))
        self._numbers = dict.fromkeys((home.project.id for home in self._homes), 0)
        self._before: dict[str, Issue] = {}
        self.moved_keys: dict[str, str] = {}

    def issue(self, place: int) -> Issue:
        """Make the issue at a place; those before it have been made."""
        chance = Chance(self._seed, "issue", place)
        drawn = chance.below(1 << 30) / (1 << 30) * self._reached[-1]
        home = self._homes[bisect_right(self._reached, drawn)]
        self._numbers[home.project.id] += 1
        issue = self._made(home, place, chance)
        self._before[home.project.id] = issue
        return issue

    def _made(self, home: _Home, place: int, chance: Chance) -> Issue:
        project = home.project
        number = self._numbers[project.id]
        type_id, statuses = chance.of(home.types)
        path = self._path(statuses, place, chance)
        setting = Setting(
            path,
            home.fields,
            project,
            key=f"{project.key}-{number}",
            cloud=self._state.deployment == "cloud",
            move=self._move(home, place),
        )
        created = _FIRST_MOMENT + place * (_SPAN // self._how_many)
        how_many = count(chance, place, many_every=_MANY_EVERY)
        histories = make_histories(setting, _FIRST_ID + place, created, how_many, chance)
        updated = histories[-1].created
        resolved = updated if self._is_done(path[-1]) else None
        return Issue(
            str(_FIRST_ID + place),
            number,
            project.id,
            type_id,
            path[-1].id,
            _summary(place, chance),
            created,
            updated + (0 if chance.one_in(2) else chance.below(HOUR)),
            description=self._description(place, chance),
            assignee=None if chance.one_in(5) else chance.of(texts.PEOPLE),
            reporter=None if chance.one_in(30) else chance.of(texts.PEOPLE),
            priority=None if chance.one_in(20) else chance.of(texts.PRIORITIES),
            resolution=None if resolved is None else chance.of(texts.RESOLUTIONS),
            resolved=resolved,
            parent_id=self._parent(project.id, chance),
            labels=tuple(texts.LABELS[: chance.below(4)]),
            components=_parts(project, "Component", chance),
            versions=_parts(project, "Version", chance),
            fix_versions=_parts(project, "Version", chance),
            values={
                row.id: chance.of(values)
                for row, values in home.fields
                if chance.one_in(_FILLED_IN)
            },
            histories=histories,
        )

    def _path(self, statuses: Sequence[str], place: int, chance: Chance) -> tuple[Named, ...]:
        """Return the statuses of an issue, from the first of its workflow to its present one."""
        last = chance.below(min(len(statuses), _LONGEST_PATH))
        path = [self._named(one) for one in statuses[: last + 1]]
        if place % _UNLISTED_EVERY == _UNLISTED_EVERY - 1:
            path.append(UNLISTED_STATUS)
        return tuple(path)

    def _named(self, status_id: str) -> Named:
        return Named(status_id, self._state.statuses[status_id].name)

    def _is_done(self, status: Named) -> bool:
        found = self._state.statuses.get(status.id)
        return found is not None and found.category == DONE

    def _move(self, home: _Home, place: int) -> Move | None:
        if place % _MOVED_EVERY != _MOVED_EVERY - 1 or len(self._homes) == 1:
            return None
        before = self._homes[(home.place + 1) % len(self._homes)].project
        move = Move(before, f"{before.key}-{_FIRST_OLD_NUMBER + place}")
        self.moved_keys[move.key] = str(_FIRST_ID + place)
        return move

    def _parent(self, project_id: str, chance: Chance) -> str | None:
        before = self._before.get(project_id)
        return None if before is None or not chance.one_in(4) else before.id

    def _description(self, place: int, chance: Chance) -> RichText | None:
        if self._how_many >= ENOUGH_FOR_ALL and place in {_LONG_PLACE, _DEEP_PLACE}:
            return texts.long_description() if place == _LONG_PLACE else texts.deep_description()
        if place % _ODD_EVERY == 1:
            return RichText(texts.ODD[place // _ODD_EVERY % len(texts.ODD)])
        if chance.one_in(10):
            return RichText("") if chance.one_in(2) else None
        return texts.description(chance)


def _homes(state: SiteState, seed: int) -> list[_Home]:
    able = [
        (project, types)
        for project in state.projects.values()
        if not project.archived
        and (types := tuple(one for one in state.workflows.get(project.id, ()) if one[1]))
    ]
    holding = [one for place, one in enumerate(able) if place % _EMPTY_EVERY != _EMPTY_EVERY - 1]
    fields = list(state.fields.values())
    homes = []
    for place, (project, types) in enumerate(holding):
        used = used_fields(fields, place, len(holding), project.id, seed)
        values = tuple((row, pool(row, project.id, state.time_zone, seed)) for row in used)
        homes.append(_Home(place, project, types, values))
    return homes


def _summary(place: int, chance: Chance) -> str:
    if place % _ODD_EVERY == 0:
        return texts.ODD[place // _ODD_EVERY % len(texts.ODD)]
    return texts.sentence(chance)


def _parts(project: Project, what: str, chance: Chance) -> tuple[Named, ...]:
    return _all_parts(project.id, what)[: chance.below(3)]


@lru_cache(maxsize=1 << 14)
def _all_parts(project_id: str, what: str) -> tuple[Named, ...]:
    """Return the components or the versions of a project, which its issues share."""
    first = int(project_id) * 10 + (0 if what == "Version" else 5)
    return tuple(Named(str(first + number), f"{what} {number}") for number in range(2))
