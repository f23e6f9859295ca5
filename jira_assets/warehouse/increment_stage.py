"""Temporary tables that hold what some landings of issues say, until it is merged.

Decisions this module embodies:

* Rows are copied as they are made, by a thread beside, so that Postgres takes in some while the
  next are made; no more of a landing is in Python's memory. The transaction holds no lock
  meanwhile: see ``merge_increments``.
* A join looks up each row of a small batch by its index, and hashes the whole of a large one:
  which of the two is told by what is stored, not guessed by the planner.
* Where nothing is stored yet, nothing is looked up.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from jira_assets.warehouse import increment_sql as sql
from jira_assets.warehouse.connect import driver_of
from jira_assets.warehouse.contracts import Owner, Piece, Rejected, Rows
from jira_assets.warehouse.copying import copy_rows
from jira_assets.warehouse.jobs_beside import JobsBeside
from jira_assets.warehouse.jsonb import clean_text, to_jsonb

COPY_BYTES: Final = 2_000_000
SMALL_SHARE: Final = 20
_SETTINGS: Final = {"work_mem": "128MB", "jit": "off", "enable_mergejoin": "off"}


@dataclass
class Tally:
    """Rows of one table that were written, by what happened to them."""

    staged: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    rejected: int = 0
    alive: int = 0
    """How many more are alive than before."""

    @property
    def unchanged(self) -> int:
        """Rows that came and were stored like that."""
        return self.staged - self.inserted - self.updated


@dataclass
class IncrementStage:
    """The stages of one transaction."""

    connection: sa.Connection
    owner: Owner
    writer: JobsBeside
    """Nobody else uses the connection until ``flush`` has returned."""
    _chunks: dict[str, list[bytes]] = field(default_factory=dict)
    _size: int = 0
    _pieces: int = 0
    _rows: int = 0

    def __post_init__(self) -> None:
        settings = (sa.func.set_config(name, value, True) for name, value in _SETTINGS.items())
        self.connection.execute(sa.select(*settings))
        for statement in sql.CREATE_STAGES:
            self.connection.exec_driver_sql(statement)

    def add(self, landing: int, piece: Piece) -> None:
        """Copy one piece; ``landing`` is the number of its landing, larger for a newer one."""
        self._pieces += 1
        for table, rows in piece.rows.items():
            self._take_rows(f"stage_{table}", landing, rows)
        if piece.rejected:
            self._take_rejected(landing, piece.rejected)
        if self._size >= COPY_BYTES:
            self._hand_over()

    def _take_rows(self, stage: str, landing: int, rows: Rows) -> None:
        columns = [rows.columns[name] for name in sql.COLUMNS[stage][: -len(sql.MARKS)]]
        count = len(columns[0])
        if not count:
            return
        marks = [[str(landing)] * count, [str(self._pieces)] * count]
        places = [str(place) for place in range(self._rows, self._rows + count)]
        self._rows += count
        self._take(stage, [*columns, *marks, places])

    def _take_rejected(self, landing: int, rejected: Sequence[Rejected]) -> None:
        self._take(
            "stage_rejected",
            [
                [each.entity for each in rejected],
                [each.jira_id for each in rejected],
                [None if each.payload is None else to_jsonb(each.payload) for each in rejected],
                [clean_text(each.reason) for each in rejected],
                [str(landing)] * len(rejected),
                [str(self._pieces)] * len(rejected),
            ],
        )

    def _take(self, stage: str, columns: Sequence[Sequence[str | None]]) -> None:
        text = copy_rows(columns)
        self._size += len(text)
        self._chunks.setdefault(stage, []).append(text)

    def flush(self) -> None:
        """Wait until all is in the stages."""
        self._hand_over()
        self.writer.wait()

    def _hand_over(self) -> None:
        chunks, self._chunks, self._size = self._chunks, {}, 0
        self.writer.run(partial(self._copy, chunks))

    def _copy(self, chunks: Mapping[str, Sequence[bytes]]) -> None:
        driver = driver_of(self.connection)
        for stage, texts in chunks.items():
            names = ", ".join(sql.COLUMNS[stage])
            with driver.cursor() as cursor, cursor.copy(f"COPY {stage} ({names}) FROM STDIN") as to:
                for text in texts:
                    to.write(text)

    def leave_out(self, landings: Collection[int]) -> None:
        """Forget what came of these landings."""
        for stage in sql.STAGES if landings else ():
            statement = sa.text(f"DELETE FROM {stage} WHERE merge_landing = ANY(:landings)")  # noqa: S608 # names of this package
            self.connection.execute(statement, {"landings": list(landings)})

    def merge(
        self,
        extractions: Mapping[int, UUID],
        alive: Mapping[str, int],
        last_before_sweep: int,
        table: str,
    ) -> dict[str, Tally]:
        """Bring what is staged into the tables; return what that took, by table.

        Args:
            extractions: the extraction of each landing, by the landing's number.
            alive: living rows of each table before.
            last_before_sweep: the number of the last landing that is older than the sweep that was
                applied last: those up to it bring nothing back that is deleted.
            table: the name under which rejected records are kept.
        """
        asked = {
            "tenant_id": self.owner.tenant_id,
            "integration_id": self.owner.integration_id,
            "last_before_sweep": last_before_sweep,
            "table": table,
            "landings": list(extractions),
            "extractions": list(extractions.values()),
        }
        self._unite()
        tallies = {
            name: Tally(staged=self._count(f"stage_{name}"))
            for name in ("issues", "issue_changelogs")
        }
        self._choose_joins(tallies, alive)
        stored = self._execute(sql.COUNT_STORED_ISSUES, asked).one()
        self._merge_issues(tallies["issues"], stored, asked)
        self._merge_changes(tallies["issue_changelogs"], stored, asked)
        self._execute(sql.FORGET_REJECTED, asked)
        tallies["issues"].rejected = self._execute(sql.INSERT_REJECTED, asked).rowcount
        return tallies

    def _unite(self) -> None:
        """Leave one row an issue and a change."""
        if self.connection.scalar(sql.ISSUES_REPEAT):
            for statement in sql.UNITE_ISSUES:
                self.connection.execute(statement)
        if self.connection.scalar(sql.CHANGES_REPEAT):
            self.connection.execute(sql.DROP_REPEATED_CHANGES)

    def _choose_joins(self, tallies: Mapping[str, Tally], alive: Mapping[str, int]) -> None:
        few = all(tally.staged * SMALL_SHARE < alive[name] for name, tally in tallies.items())
        for statement in sql.INDEX_STAGES if few else ():
            self.connection.exec_driver_sql(statement)
        # Materialized, a table that nobody has analyzed yet would be walked once for each row.
        avoided = ["enable_hashjoin", "enable_material"] if few else ["enable_nestloop"]
        settings = (sa.func.set_config(name, "off", True) for name in avoided)
        self.connection.execute(sa.select(*settings))

    def _merge_issues(self, tally: Tally, stored: sa.Row[Any], asked: Mapping[str, Any]) -> None:
        tally.updated = self._execute(sql.UPDATE_ISSUES, asked).rowcount
        if stored.older:
            tally.updated += self._execute(sql.UPDATE_BY_OLDER_ISSUES, asked).rowcount
        tally.inserted = self._execute(sql.INSERT_ISSUES, asked).rowcount
        tally.alive = tally.inserted + stored.revived

    def _merge_changes(self, tally: Tally, stored: sa.Row[Any], asked: Mapping[str, Any]) -> None:
        tally.updated = self._execute(sql.UPDATE_CHANGES, asked).rowcount
        tally.inserted = tally.alive = self._execute(sql.INSERT_CHANGES, asked).rowcount
        if tally.inserted < tally.staged:  # Else all histories are new.
            gone = self._execute(sql.DELETE_CHANGES, asked).one()
            tally.deleted = gone.rows
            tally.alive -= gone.alive
        if stored.dead:
            followed = self._execute(sql.FOLLOW_ISSUES, asked).one()
            tally.updated += followed.revived
            tally.staged += followed.revived
            tally.alive += followed.revived - followed.dead

    def _count(self, stage: str) -> int:
        count = sa.select(sa.func.count()).select_from(sa.table(stage))
        return int(self.connection.scalar(count) or 0)

    def _execute(self, statement: sa.TextClause, asked: Mapping[str, Any]) -> sa.CursorResult[Any]:
        named = {name: asked[name] for name in statement.compile().params}
        options = {"preserve_rowcount": True}
        return self.connection.execute(statement, named, execution_options=options)
