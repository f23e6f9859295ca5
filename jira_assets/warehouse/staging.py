"""A snapshot beside its table: what is new, what changed, what is gone.

Decisions this module embodies:

* The snapshot is copied into a temporary table (which works under row-level security, where COPY
  into the table itself does not), without the columns that are the same in every row.
* One join tells how much there is to do; the statements that would do nothing are left out. A first
  load is one insert, an unchanged snapshot one join.
* Joins are hash joins, whatever the planner believes about tables nobody has analyzed yet: a nested
  loop over a million rows is the one plan that hurts.
* Rows are updated only where a value really differs: an update of nothing is a dead row, an index
  entry and a lie in ``updated_at``.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from jira_assets.warehouse.connect import driver_of
from jira_assets.warehouse.contracts import Snapshot
from jira_assets.warehouse.copying import copy_text
from jira_assets.warehouse.tables import BOOKKEEPING_COLUMNS, DATA_TABLES

OWNER_COLUMNS: Final = ("tenant_id", "integration_id")
SETTINGS: Final = {
    "work_mem": "128MB",
    "jit": "off",
    "enable_nestloop": "off",
    "enable_mergejoin": "off",
}
NAMED_BY: Final = {
    "statuses": (
        ("projects_statuses", "status_jira_id"),
        ("projects_issue_types_statuses", "status_jira_id"),
    ),
    "issue_types": (
        ("projects_issue_types", "issue_type_jira_id"),
        ("projects_issue_types_statuses", "issue_type_jira_id"),
    ),
}
"""Which relations name the rows of a table, and in which column."""


@dataclass(frozen=True)
class Counts:
    """Rows of one integration in one table, and of the snapshot that is to be merged into it."""

    stored: int
    alive: int
    matched: int = 0
    matched_alive: int = 0
    changed: int = 0


class Stage:
    """The temporary table that holds a snapshot until the transaction ends."""

    def __init__(self, connection: sa.Connection, snapshot: Snapshot) -> None:
        self._connection = connection
        self._snapshot = snapshot
        self.table = DATA_TABLES[snapshot.table]
        self._keys = [c.name for c in self.table.primary_key if c.name not in OWNER_COLUMNS]
        self._columns = staged_columns(self.table)
        self._values = [name for name in self._columns if name not in self._keys]
        self._stage = sa.Table(
            "merge_stage",
            sa.MetaData(),
            *(sa.Column(name, self.table.c[name].type) for name in self._columns),
            prefixes=["TEMPORARY"],
            postgresql_on_commit="DROP",
        )

    def load(self) -> None:
        """Create the temporary table and copy the snapshot into it."""
        settings = (sa.func.set_config(name, value, True) for name, value in SETTINGS.items())
        self._connection.execute(sa.select(*settings))
        self._stage.create(self._connection)
        names = ", ".join(f'"{name}"' for name in self._columns)
        driver = driver_of(self._connection)
        with driver.cursor() as cursor, cursor.copy(f"COPY merge_stage ({names}) FROM STDIN") as to:
            for text in copy_text(self._snapshot.frame, self._columns):
                to.write(text)

    def count(self) -> Counts:
        """Count what is stored, what the snapshot has of it, and what of that differs."""
        alive = self.table.c.deleted_at.is_(None)
        count = sa.func.count()
        stored = sa.select(count, count.filter(alive)).where(self._is_ours())
        counts = Counts(*self._connection.execute(stored).one())
        if not counts.stored:
            return counts
        matched = (
            sa.select(count, count.filter(alive), count.filter(self._is_changed()))
            .select_from(self.table)
            .join(self._stage, self._is_same_row())
            .where(self._is_ours())
        )
        return Counts(counts.stored, counts.alive, *self._connection.execute(matched).one())

    def insert(self, counts: Counts) -> int:
        """Insert the rows whose keys are new; return how many."""
        if counts.matched == len(self._snapshot.frame):
            return 0
        owner = self._snapshot.owner
        rows = sa.select(
            sa.literal(owner.tenant_id, sa.BigInteger),
            sa.literal(owner.integration_id, sa.BigInteger),
            sa.func.now(),
            sa.func.now(),
            *self._stage.c,
        )
        if counts.stored:
            rows = rows.where(~self._is_in(self.table, self._is_ours()))
        names = [*OWNER_COLUMNS, "first_seen_at", "updated_at", *self._columns]
        return self._execute(sa.insert(self.table).from_select(names, rows))

    def update(self, counts: Counts) -> int:
        """Update the rows that differ, returning ones included; return how many."""
        if not counts.changed:
            return 0
        return self._execute(
            sa.update(self.table)
            .values(
                {name: self._stage.c[name] for name in self._values}
                | {"deleted_at": None, "updated_at": sa.func.now()}
            )
            .where(self._is_ours(), self._is_same_row(), self._is_changed())
        )

    def mark_deleted(self, counts: Counts) -> int:
        """Mark the living rows that the snapshot is complete for and lacks; return how many."""
        if counts.matched_alive == counts.alive or not self._snapshot.complete:
            return 0
        return self._execute(
            sa.update(self.table)
            .values(deleted_at=sa.func.now(), updated_at=sa.func.now())
            .where(
                self._is_ours(),
                self.table.c.deleted_at.is_(None),
                ~self._is_in(self._stage),
                *self._is_not_set_aside(),
                *self._is_not_of_unreadable(),
            )
        )

    def _execute(self, statement: sa.UpdateBase) -> int:
        counting = statement.execution_options(preserve_rowcount=True)
        return self._connection.execute(counting).rowcount

    def _is_ours(self) -> sa.ColumnElement[bool]:
        return self.table.c.integration_id == self._snapshot.owner.integration_id

    def _is_same_row(self) -> sa.ColumnElement[bool]:
        return sa.and_(*(self.table.c[key] == self._stage.c[key] for key in self._keys))

    def _is_changed(self) -> sa.ColumnElement[bool]:
        differs = (
            self.table.c[name].is_distinct_from(self._stage.c[name]) for name in self._values
        )
        return sa.or_(self.table.c.deleted_at.is_not(None), *differs)

    def _is_in(self, other: sa.Table, *where: sa.ColumnElement[bool]) -> sa.Exists:
        """Whether ``other`` (of table and stage) has the row that the statement is about."""
        match = sa.select(sa.literal(1)).select_from(other).where(self._is_same_row(), *where)
        return match.correlate_except(other).exists()

    def _is_not_set_aside(self) -> list[sa.ColumnElement[bool]]:
        kept = self._snapshot.kept_ids
        return [self.table.c.jira_id != sa.all_(_array(kept))] if kept else []

    def _is_not_of_unreadable(self) -> list[sa.ColumnElement[bool]]:
        """Leave out what belongs to projects that could not be read, and what their rows name."""
        if not self._snapshot.unreadable_projects:
            return []
        if "project_jira_id" in self._keys:
            return [self.table.c.project_jira_id != sa.all_(self._unreadable())]
        return [
            self.table.c.jira_id.not_in(self._named_by(DATA_TABLES[relation], column))
            for relation, column in NAMED_BY.get(self.table.name, ())
        ]

    def _named_by(self, relation: sa.Table, column: str) -> sa.Select[Any]:
        return sa.select(relation.c[column]).where(
            relation.c.integration_id == self._snapshot.owner.integration_id,
            relation.c.project_jira_id == sa.any_(self._unreadable()),
            relation.c.deleted_at.is_(None),
        )

    def _unreadable(self) -> sa.BindParameter[Any]:
        return _array(self._snapshot.unreadable_projects)


def _array(ids: Collection[str]) -> sa.BindParameter[Any]:
    """Return ids as one parameter: a parameter each would end at 65,535 of them."""
    return sa.literal(sorted(ids), ARRAY(sa.Text))


def staged_columns(table: sa.Table) -> list[str]:
    """Return the columns of a data table that a snapshot brings and that differ from row to row."""
    known = {*OWNER_COLUMNS, *BOOKKEEPING_COLUMNS}
    return [column.name for column in table.columns if column.name not in known]
