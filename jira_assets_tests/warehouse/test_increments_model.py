"""Whatever arrives late, twice or in pieces, the tables end as a plain model of Jira says."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from jira_assets.warehouse import merge_increments as module
from jira_assets.warehouse.contracts import (
    Changes,
    Increments,
    LandedEntity,
    Owner,
    Piece,
    RawPage,
    ScopeEnd,
    Sweep,
)
from jira_assets.warehouse.increments import changes_to_apply
from jira_assets.warehouse.landing import land
from jira_assets.warehouse.merge_increments import merge_increments
from jira_assets.warehouse.scoped_landing import land_scopes
from jira_assets.warehouse.tables import raw_extractions
from jira_assets_tests.warehouse.data import Row, add_owner, reading, stored
from jira_assets_tests.warehouse.issues_data import (
    TABLES,
    change,
    day,
    issue,
    issue_page,
    scoped,
    steps,
    window,
)

PROJECTS = ("10", "20", "30")
OPERATIONS = 150
MOST_ISSUES = 6
CHOICES = [
    name
    for name, weight in {
        "read": 4,
        "sweep": 2,
        "land": 4,
        "apply": 3,
        "die": 2,
        "again": 1,
        "replay": 1,
        "upgrade": 1,
    }.items()
    for _ in range(weight)
]
KILLED = "killed"


class KilledError(RuntimeError):
    """The process died here."""


@dataclass(frozen=True)
class Issue:
    """An issue as the simulated Jira has it."""

    jira_id: str
    project: str
    key: str
    updated: int
    earlier: tuple[str, ...] = ()
    changes: tuple[tuple[str, str], ...] = ()
    """History id and new summary."""

    @property
    def summary(self) -> str | None:
        return self.changes[-1][1] if self.changes else None

    def as_input(self) -> Row:
        return issue(
            self.jira_id,
            self.key,
            self.project,
            updated=day(self.updated),
            summary=self.summary,
            earlier_keys="{" + ",".join(sorted(set(self.earlier) - {self.key})) + "}",
            changes=[change(history, to_string=text) for history, text in self.changes],
        )


@dataclass(frozen=True)
class Taken:
    """A reading: of a project's issues, or, without one, of the ids of all."""

    at: int
    issues: tuple[Issue, ...]
    project: str | None = None
    since: int | None = None
    extraction_id: UUID = field(default_factory=uuid4)


@dataclass
class World:
    """A Jira that changes, and what is read of it. A step is a day."""

    rng: random.Random
    now: int = 0
    issues: dict[str, Issue] = field(default_factory=dict)
    hidden: dict[str, Issue] = field(default_factory=dict)
    """Deleted, or out of sight: some come back."""
    read_until: dict[str, int] = field(default_factory=dict)
    under_way: list[Taken] = field(default_factory=list)
    made: int = 0

    def number(self) -> str:
        self.made += 1
        return str(self.made)

    def change_something(self) -> None:
        for _ in range(self.rng.randint(0, 2)):
            kind = self.rng.choice(["create", "edit", "move", "move", "hide", "hide", "show"])
            if kind == "show" and self.hidden:
                back = self.rng.choice(sorted(self.hidden))
                self.issues[back] = replace(self.hidden.pop(back), updated=self.now)
            elif len(self.issues) < MOST_ISSUES and (kind == "create" or not self.issues):
                new, project = self.number(), self.rng.choice(PROJECTS)
                self.issues[new] = Issue(new, project, f"P{project}-{new}", self.now)
            elif self.issues:
                self._change(self.rng.choice(sorted(self.issues)), kind)

    def _change(self, jira_id: str, kind: str) -> None:
        old = self.issues[jira_id]
        if kind == "hide":
            self.hidden[jira_id] = self.issues.pop(jira_id)
        elif kind == "edit":
            changes = (*old.changes, (self.number(), f"at {self.now}"))
            self.issues[jira_id] = replace(old, updated=self.now, changes=changes)
        else:
            project = self.rng.choice(PROJECTS)
            key, earlier = f"P{project}-{self.number()}", (*old.earlier, old.key)
            self.issues[jira_id] = replace(
                old, project=project, key=key, earlier=earlier, updated=self.now
            )

    def read(self) -> None:
        """Begin to read a project that is not being read."""
        free = [
            each for each in PROJECTS if each not in {taken.project for taken in self.under_way}
        ]
        if not free:
            return
        project = self.rng.choice(free)
        since = None if self.rng.random() < 0.2 else self.read_until.get(project)
        found = tuple(
            each
            for each in self.issues.values()
            if each.project == project and (since is None or each.updated >= since)
        )
        self.under_way.append(Taken(self.now, found, project, since))

    def sweep(self) -> None:
        self.under_way.append(Taken(self.now, tuple(self.issues.values())))

    def finish(self) -> Taken | None:
        """Return one of the readings under way, which has landed."""
        if not self.under_way:
            return None
        done = self.under_way.pop(self.rng.randrange(len(self.under_way)))
        if done.project is not None:
            self.read_until[done.project] = done.at
        return done


@dataclass
class Model:
    """What the tables hold once all that was read is taken in, in the order of reading."""

    issues: dict[str, Issue] = field(default_factory=dict)
    alive: set[str] = field(default_factory=set)

    def take(self, taken: Taken) -> None:
        found = {each.jira_id: each for each in taken.issues}
        if taken.project is not None:
            for jira_id, each in found.items():
                if jira_id not in self.issues or each.updated >= self.issues[jira_id].updated:
                    self.issues[jira_id] = each
            self.alive |= found.keys()
            return
        old = {jira_id for jira_id, each in self.issues.items() if each.updated < taken.at}
        self.alive -= old - found.keys()
        self.alive |= found.keys() & self.issues.keys()


@dataclass
class Player:
    """Lands what was read, and applies it in ways that go wrong."""

    engine: sa.Engine
    owner: Owner
    rng: random.Random
    version: int = 1
    stale: list[list[LandedEntity]] = field(default_factory=list)

    def land(self, taken: Taken) -> None:
        rows = [each.as_input() for each in taken.issues]
        if taken.project is None:
            pages = [self._ids(n, project, taken) for n, project in enumerate(PROJECTS)]
            new = reading(self.owner, pages, entity="issue_ids", extraction_id=taken.extraction_id)
            land(self.engine, new, run_id="run")
        else:
            bounds = window(taken.since, taken.at, project_key="P")
            end = ScopeEnd(taken.project, bounds)
            found = [issue_page(taken.project, n, row) for n, row in enumerate(rows)]
            pieces = scoped(self.owner, [*found, end], taken.extraction_id)
            land_scopes(self.engine, pieces, run_id="run")
        began = sa.update(raw_extractions).values(started_at=day(taken.at))
        with self.engine.begin() as connection:
            connection.execute(began.where(raw_extractions.c.extraction_id == taken.extraction_id))

    @staticmethod
    def _ids(number: int, project: str, taken: Taken) -> RawPage:
        ids = [{"id": each.jira_id} for each in taken.issues if each.project == project]
        return RawPage(number, {"project_id": project}, 200, {"issues": ids})

    def apply(self, *, force: bool = False, deadly: bool = False) -> None:
        try:
            landed = changes_to_apply(
                self.engine, self.owner, TABLES, str(self.version), force=force
            )
        except LookupError:
            return  # nothing has landed
        self.stale.append(landed)
        self._merge(landed, force=force, deadly=deadly)

    def apply_again(self) -> None:
        """Merge what an earlier run had found to be due, all of it or the beginning."""
        if self.stale:
            landed = self.rng.choice(self.stale)
            self._merge(landed[: self.rng.randint(0, len(landed))])

    def _merge(
        self, landed: list[LandedEntity], *, force: bool = False, deadly: bool = False
    ) -> None:
        dies_at = self.rng.randint(0, len(landed)) if deadly else None

        def some() -> Iterator[Changes | Sweep]:
            for number, step in enumerate(steps(landed)):
                yield _deadly(step) if number == dies_at else step

        made = Increments(self.owner, TABLES, str(self.version), some)
        try:
            merge_increments(self.engine, made, force=force, accept_deletions=True)
        except KilledError:
            assert deadly


def _deadly(step: Changes | Sweep) -> Changes | Sweep:
    """Let the process die while it takes a step in, after some of it."""

    def cut(whole: Iterator[Any]) -> Iterator[Any]:
        yield from [each for each, _ in zip(whole, range(1), strict=False)]
        raise KilledError(KILLED)

    if isinstance(step, Sweep):
        pages = step.pages
        return replace(step, pages=lambda: cut(pages()))
    pieces = step.pieces

    def some() -> Iterator[Piece]:
        return cut(pieces())

    return replace(step, pieces=some)


def run(engine: sa.Engine, owner: Owner, rng: random.Random) -> list[Taken]:
    """Play at random; return all that has landed."""
    world, player = World(rng), Player(engine, owner, rng)
    landed: list[Taken] = []
    for _ in range(OPERATIONS):
        world.now += 1
        world.change_something()
        what = rng.choice(CHOICES)
        if what == "read":
            world.read()
        elif what == "sweep":
            world.sweep()
        elif what == "land":
            if done := world.finish():
                player.land(done)
                landed.append(done)
        elif what == "again":
            player.apply_again()
        else:
            player.version += what == "upgrade"
            player.apply(force=what == "replay", deadly=what in {"die", "upgrade"})
    player.apply()
    return landed


@pytest.mark.parametrize("seed", [0, 1, 6])
def test_the_tables_equal_a_plain_model(
    warehouse: sa.Engine, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(seed)
    monkeypatch.setattr(module, "BATCH_ISSUES", rng.choice([1, 3, 10_000]))
    owner, model = add_owner(warehouse), Model()

    landed = run(warehouse, owner, rng)

    for taken in sorted(landed, key=lambda each: each.at):
        model.take(taken)
    rows = {row["jira_id"]: row for row in stored(warehouse, "issues", owner)}
    living = {jira_id: row for jira_id, row in rows.items() if row["deleted_at"] is None}
    assert living.keys() == model.alive
    assert rows.keys() <= model.issues.keys()
    for jira_id, row in living.items():
        expected = model.issues[jira_id]
        assert (row["key"], row["project_jira_id"]) == (expected.key, expected.project)
        assert (row["summary"], row["jira_updated_at"]) == (expected.summary, day(expected.updated))
        assert row["earlier_keys"] == sorted(set(expected.earlier) - {expected.key})
    changes = stored(warehouse, "issue_changelogs", owner)
    assert {row["history_jira_id"] for row in changes if row["deleted_at"] is None} == {
        history for jira_id in model.alive for history, _ in model.issues[jira_id].changes
    }
    assert all(
        (row["deleted_at"] is None) == (row["issue_jira_id"] in model.alive) for row in changes
    )
