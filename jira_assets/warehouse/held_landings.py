"""What the tables of increments hold of each scope: looked up, compared with a landing, written."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on, insert

from jira_assets.warehouse.applied import Applied, Merged
from jira_assets.warehouse.contracts import SITE_SCOPE, Increments, Landing
from jira_assets.warehouse.increments import SWEEP
from jira_assets.warehouse.tables import applied_extractions


@dataclass(frozen=True)
class HeldLandings:
    """What is applied of some scopes, as a transaction saw it."""

    increments: Increments
    by_scope: Mapping[tuple[str, str, str], Applied]
    """(table, entity, scope) to what is applied of it."""

    @classmethod
    def look_up(
        cls, connection: sa.Connection, increments: Increments, landings: Iterable[Landing] = ()
    ) -> Self:
        """Look up what the tables hold of the scopes of these landings, and of the sweep."""
        columns = applied_extractions.c
        scopes = {SITE_SCOPE, *(landing.scope for landing in landings)}
        rows = connection.execute(
            sa.select(applied_extractions).where(_of(increments), columns.scope.in_(scopes))
        )
        held = {(row.table_name, row.entity, row.scope): Applied.of(row) for row in rows}
        return cls(increments, held)

    def has(self, landing: Landing) -> bool:
        """Whether every table holds this or a newer landing of the scope, by the same transform."""
        return all(
            each is not None
            and each.order >= landing.order
            and each.transform_version == self.increments.transform_version
            for each in self._of(landing)
        )

    def is_overtaken(self, landing: Landing) -> bool:
        """Whether a table holds a landing that is newer than what was known when this began."""
        newest = self.increments.newest.get((landing.entity, landing.scope))
        return newest is not None and any(
            each is not None and each.order > newest for each in self._of(landing)
        )

    def is_at(self, landing: Landing) -> bool:
        """Whether a table holds this very landing."""
        return any(each is not None and each.order == landing.order for each in self._of(landing))

    def is_past(self, landing: Landing) -> bool:
        """Whether a table holds a newer landing of the scope."""
        return any(each is not None and each.order > landing.order for each in self._of(landing))

    def last_before_sweep(self, landings: Mapping[int, Landing]) -> int:
        """Return the number of the last landing that is older than the applied sweep, or -1."""
        sweeps = [each.order for (_, entity, _), each in self.by_scope.items() if entity == SWEEP]
        if not sweeps:
            return -1
        newest = max(sweeps)
        return max((n for n, each in landings.items() if each.order < newest), default=-1)

    def _of(self, landing: Landing) -> list[Applied | None]:
        return [
            self.by_scope.get((table, landing.entity, landing.scope))
            for table in self.increments.tables
        ]


def hold(connection: sa.Connection, landings: Sequence[Landing], merged: Sequence[Merged]) -> None:
    """Write that each of these tables holds these landings now, of each scope the last one.

    Runs in the transaction that merges them; ``landings`` are in their order.
    """
    newest = {landing.scope: landing for landing in landings}
    rows = [each.row(landing) for landing in newest.values() for each in merged]
    statement = insert(applied_extractions).values(applied_at=sa.func.now())
    keys = [key.name for key in applied_extractions.primary_key]
    values = {name: statement.excluded[name] for name in (*rows[0], "applied_at")}
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=keys,
            set_={name: value for name, value in values.items() if name not in keys},
        ),
        rows,
    )


def newest_extractions(connection: sa.Connection, increments: Increments) -> dict[str, UUID]:
    """Return the newest extraction that the tables hold of each entity."""
    columns = applied_extractions.c
    newest = (
        sa.select(columns.entity, columns.extraction_id)
        .ext(distinct_on(columns.entity))
        .where(_of(increments))
        .order_by(columns.entity, columns.started_at.desc(), columns.sequence.desc())
    )
    return {row.entity: row.extraction_id for row in connection.execute(newest)}


def _of(increments: Increments) -> sa.ColumnElement[bool]:
    columns = applied_extractions.c
    return sa.and_(
        columns.integration_id == increments.owner.integration_id,
        columns.table_name.in_(increments.tables),
    )
