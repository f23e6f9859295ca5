"""Any sequence of snapshots leaves the tables equal to a plain Python model of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jira_assets.warehouse.contracts import Landing, Owner, Snapshot
from jira_assets.warehouse.merge import merge
from jira_assets.warehouse.tables import (
    applied_extractions,
    etl_job_queue,
    raw_extractions,
    statuses,
)
from jira_assets.warehouse.tables import projects_statuses as relations
from jira_assets_tests.warehouse.data import Row, add_owner, mark, snapshot, status, stored, uses

PROJECTS = ("10", "20")
STATUSES = ("1", "2", "3")
LANDINGS = 3


@dataclass(frozen=True)
class Site:
    """What one extraction found: names by status id, and the statuses of the readable projects.

    A status without a name was set aside. Where the site is not whole, something without an id was.
    """

    names: Mapping[str, str | None]
    projects: Mapping[str, frozenset[str] | None]
    whole: bool

    @property
    def unreadable(self) -> frozenset[str]:
        return frozenset(project for project, used in self.projects.items() if used is None)

    @property
    def set_aside(self) -> frozenset[str]:
        return frozenset(each for each, name in self.names.items() if name is None)

    def relations(self) -> dict[tuple[str, ...], Row]:
        return {
            (project, each): uses(project, each)
            for project, used in self.projects.items()
            for each in used or ()
        }

    def statuses(self) -> dict[tuple[str, ...], Row]:
        return {(each,): status(each, name) for each, name in self.names.items() if name}


SITES = st.builds(
    Site,
    st.dictionaries(st.sampled_from(STATUSES), st.sampled_from(["a", "b", None])).filter(
        lambda names: any(names.values())
    ),
    st.fixed_dictionaries(
        {project: st.none() | st.frozensets(st.sampled_from(STATUSES)) for project in PROJECTS}
    ),
    st.booleans(),
)
# Which extraction arrives: in any order, more than once, late.
ARRIVALS = st.lists(
    st.tuples(st.integers(0, LANDINGS - 1), st.sampled_from(["statuses", "projects_statuses"])),
    min_size=3,
    max_size=8,
)


@dataclass
class ModelTable:
    """One table: rows by key, which of them live, and which extraction was applied last."""

    rows: dict[tuple[str, ...], Row] = field(default_factory=dict)
    living: set[tuple[str, ...]] = field(default_factory=set)
    applied: int = -1

    def merge(
        self, number: int, new: Mapping[tuple[str, ...], Row], kept: set[tuple[str, ...]]
    ) -> tuple[str, set[tuple[str, ...]]]:
        """Apply an extraction; return the outcome and the keys of the rows that really changed."""
        if number <= self.applied:
            return ("same" if number == self.applied else "superseded"), set()
        self.applied = number
        changed = {
            key for key, row in new.items() if key not in self.living or self.rows[key] != row
        }
        gone = self.living - new.keys() - kept
        self.rows |= new
        self.living = (self.living | new.keys()) - gone
        return "applied", changed | gone


@dataclass
class Model:
    statuses: ModelTable = field(default_factory=ModelTable)
    projects_statuses: ModelTable = field(default_factory=ModelTable)

    def merge(self, number: int, site: Site, table: str) -> tuple[str, set[tuple[str, ...]]]:
        of_unreadable = {key for key in self.projects_statuses.living if key[0] in site.unreadable}
        if table == "projects_statuses":
            kept = of_unreadable if site.whole else self.projects_statuses.living
            return self.projects_statuses.merge(number, site.relations(), kept)
        named = {each for _, each in of_unreadable}
        untold: set[tuple[str, ...]] = {(each,) for each in named | site.set_aside}
        kept = untold if site.whole else self.statuses.living
        return self.statuses.merge(number, site.statuses(), kept)


def make(owner: Owner, site: Site, table: str, source: Landing) -> Snapshot:
    more = {"unreadable_projects": site.unreadable, "complete": site.whole}
    if table == "projects_statuses":
        return snapshot(owner, table, list(site.relations().values()), [source], **more)
    rows = list(site.statuses().values())
    return snapshot(owner, table, rows, [source], kept_ids=site.set_aside, **more)


def as_stored(row: Row) -> Row:
    return {name: value for name, value in row.items() if value is not None}


def seen(engine: sa.Engine, table: str, owner: Owner) -> dict[tuple[str, ...], Row]:
    keys = ("project_jira_id", "status_jira_id") if table == "projects_statuses" else ("jira_id",)
    return {tuple(row[key] for key in keys): row for row in stored(engine, table, owner)}


def empty(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        for table in (statuses, relations, applied_extractions, raw_extractions, etl_job_queue):
            connection.execute(sa.delete(table))


def check_one(
    engine: sa.Engine,
    owner: Owner,
    model: Model,
    arrival: tuple[int, str],
    site: Site,
    source: Landing,
) -> None:
    number, table = arrival
    before = seen(engine, table, owner)
    outcome, changed = model.merge(number, site, table)

    result = merge(engine, make(owner, site, table, source))

    after, expected = seen(engine, table, owner), getattr(model, table)
    assert result.outcome == outcome
    assert {key for key, row in after.items() if row["deleted_at"] is None} == expected.living
    for key, row in expected.rows.items():
        assert as_stored(row).items() <= after[key].items()
    assert after.keys() == expected.rows.keys()
    assert {key for key in after if after[key] != before.get(key)} == changed
    assert {key for key in after if moved(after[key], before.get(key))} == changed
    assert result.inserted == len(after.keys() - before.keys())
    assert result.inserted + result.updated + result.deleted == len(changed)
    assert (result.alive_before, result.alive) == (living(before), living(after))


def moved(after: Mapping[str, Any], before: Mapping[str, Any] | None) -> bool:
    if before is None:
        return True
    assert after["updated_at"] >= before["updated_at"]
    assert after["first_seen_at"] == before["first_seen_at"]
    return bool(after["updated_at"] != before["updated_at"])


def living(rows: Mapping[tuple[str, ...], Row]) -> int:
    return sum(row["deleted_at"] is None for row in rows.values())


def test_the_tables_equal_a_plain_model(warehouse: sa.Engine) -> None:
    owner = add_owner(warehouse)

    @settings(
        max_examples=60,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(st.lists(SITES, min_size=LANDINGS, max_size=LANDINGS), ARRIVALS)
    def holds(sites: list[Site], arrivals: list[tuple[int, str]]) -> None:
        empty(warehouse)
        landings = [mark(warehouse, owner, "project_statuses") for _ in range(LANDINGS)]
        model = Model()
        for number, table in arrivals:
            check_one(warehouse, owner, model, (number, table), sites[number], landings[number])

    holds()
