"""Retention of raw data: which extractions stay, and how the others go.

Decisions this module embodies:

* What may be wanted again stays: the newest extractions of each entity and scope, all young ones,
  those that the tables hold, those that are not transformed yet (a message about them is open or
  failed), and those whose run goes on. So every table can still be rebuilt from raw.
* Where landings add up (issues), all stay from the last on that held all of its scope and is in the
  tables, however many there are.
* An extraction goes in two steps. First its marker, with its message and its rejected records, in
  one transaction under the lock of the merges: from then on it does not count. Then its pages, in
  batches, as those of a reading that never landed. Killed in between, the next pruning finds pages
  without a marker, and goes on there.
* Whoever reads the pages of an extraction meanwhile (a replay of an old one) finds some missing and
  fails, and a merge finds the marker gone: see ``landing``. Nothing is merged of a part of it.
* Pages that never landed are needed by a retry of their step alone. They go once none of them is
  younger than the rule's days (a day at least) and no living run reads their integration.
* Locks are taken in the order in which a purge takes them, and each transaction is a batch.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self
from uuid import UUID

import sqlalchemy as sa

from jira_assets.settings import MOST_DAYS, Settings
from jira_assets.warehouse import retention_sql as sql
from jira_assets.warehouse.connect import lock_integration
from jira_assets.warehouse.integrations import (
    UnknownIntegrationError,
    list_integrations,
    require_integration,
)
from jira_assets.warehouse.raw_pages import hold_landing, is_marked

MARKERS_AT_ONCE: Final = 500
PAGES_AT_ONCE: Final = 500
RECORDS_AT_ONCE: Final = 5000
_LISTED: Final = 10_000
"""How many readings are looked up at once."""
_FEWEST_DAYS: Final = 1
"""For so long a step may be retried, or a request repeated."""
_SAY_EVERY_PAGES: Final = 20_000
_DAYS_OF_GRACE: Final = 2


class InvalidRuleError(ValueError):
    """A rule that cannot be."""


@dataclass(frozen=True)
class KeepRule:
    """What stays, whatever else is true of it.

    Raises:
        InvalidRuleError: a number that cannot be.
    """

    extractions: int
    """So many of the newest of each integration, entity and scope; 1 or more."""
    days: int
    """All that landed within so many days; 0 or more."""
    dead_after: float
    """After how many seconds without a sign of life a run counts as dead."""

    def __post_init__(self) -> None:
        if self.extractions < 1:
            raise InvalidRuleError(
                f"at least 1 extraction of each entity is kept, not {self.extractions}: the tables "
                "are rebuilt from it."
            )
        if not 0 <= self.days <= MOST_DAYS:
            raise InvalidRuleError(f"days to keep are 0 up to {MOST_DAYS:,}, not {self.days}.")

    @classmethod
    def of(
        cls, settings: Settings, *, extractions: int | None = None, days: int | None = None
    ) -> Self:
        """Return what is given, and for the rest what the settings say."""
        return cls(
            settings.keep_extractions if extractions is None else extractions,
            settings.keep_days if days is None else days,
            settings.dead_after_seconds,
        )

    def landed(self) -> dict[str, Any]:
        """Return the rule as the statements about markers take it."""
        return {
            "extractions": self.extractions,
            "days": self.days,
            "dead_after": self.dead_after,
        }

    def unfinished(self) -> dict[str, Any]:
        """Return what the statements about pages without a marker take.

        Nobody but a retry of the run that left them can go on with them, however much is kept.
        """
        return {"days": _FEWEST_DAYS, "dead_after": self.dead_after}

    def records(self) -> dict[str, Any]:
        """Return the rule as the statements about bookkeeping take it."""
        return {"days": max(self.days, _FEWEST_DAYS)}


@dataclass(frozen=True)
class Pruned:
    """What went of one integration, or would go."""

    partition_key: str
    landings: int = 0
    """Entities of extractions that had landed."""
    unfinished: int = 0
    """Readings that never landed, or whose removal had been interrupted."""
    pages: int = 0
    size: int = 0
    """Bytes of those pages as Postgres stores them: compressed, without what is around them."""

    @property
    def anything(self) -> bool:
        """Whether anything went."""
        return bool(self.landings or self.unfinished)

    def plus(self, **more: int) -> "Pruned":
        """Return it with figures added."""
        return replace(self, **{name: getattr(self, name) + more[name] for name in more})

    def __str__(self) -> str:
        return (
            f"{self.partition_key}: {self.landings:,} landings and {self.unfinished:,} unfinished "
            f"readings, {self.pages:,} pages, {self.size / 1e6:,.1f} MB"
        )


@dataclass
class PruneReport:
    """What a pruning removed, or would remove."""

    integrations: list[Pruned] = field(default_factory=list)
    """By partition key; without those of which nothing went."""
    records: dict[str, int] = field(default_factory=dict)
    """Rows of our own bookkeeping that went, by table."""

    @property
    def total(self) -> Pruned:
        """The sum over all integrations."""
        total = Pruned("in all")
        for each in self.integrations:
            total = total.plus(
                landings=each.landings,
                unfinished=each.unfinished,
                pages=each.pages,
                size=each.size,
            )
        return total


@dataclass(frozen=True)
class _Part:
    """What one reading reads: an entity and a scope, of one extraction."""

    extraction_id: UUID
    entity: str
    scope: str


def _in_silence(_: str) -> None:
    pass


def prune(
    engine: sa.Engine, rule: KeepRule, *, log: Callable[[str], None] = _in_silence
) -> PruneReport:
    """Remove what the rule does not keep; ``log`` hears how it goes on.

    It may be stopped at any moment, and goes on the next time. An integration that is purged
    meanwhile is passed over.
    """
    # Disabled and removed integrations, too: their rows take as much place.
    tallies = {
        each.id: _Tally(each.partition_key, log) for each in list_integrations(engine, removed=True)
    }
    for integration_id, tally in tallies.items():
        try:
            _prune_landed(engine, integration_id, rule, tally)
        except UnknownIntegrationError as error:
            log(f"{tally.pruned.partition_key}: {error}")
    _prune_unfinished(engine, rule, tallies)
    gone = [tally.pruned for tally in tallies.values() if tally.pruned.anything]
    for each in gone:
        log(f"{each} removed")
    records = {table: _delete_records(engine, table, rule) for table in sql.DELETE_RECORDS}
    return PruneReport(gone, {table: count for table, count in records.items() if count})


def preview(engine: sa.Engine, rule: KeepRule) -> PruneReport:
    """Return what ``prune`` would remove now; remove nothing."""
    report = PruneReport()
    integrations = list_integrations(engine, removed=True)
    with engine.connect() as connection:
        unfinished = {
            row.integration_id: row
            for row in connection.execute(sql.MEASURE_UNFINISHED, rule.unfinished())
        }
        for each in integrations:
            asked = {"integration_id": each.id, **rule.landed()}
            row = connection.execute(sql.MEASURE_EXPENDABLE, asked).one()
            found = Pruned(each.partition_key, row.readings, 0, row.pages, row.size)
            if each.id in unfinished:
                left = unfinished[each.id]
                found = found.plus(unfinished=left.readings, pages=left.pages, size=left.size)
            if found.anything:
                report.integrations.append(found)
        for table, count in sql.COUNT_RECORDS.items():
            rows = connection.scalar(count, rule.records())
            if rows:
                report.records[table] = int(rows)
    return report


def overdue_records(engine: sa.Engine, rule: KeepRule) -> int:
    """Return how many rows of bookkeeping should have gone two days ago: some, if nobody prunes."""
    days = rule.records()["days"] + _DAYS_OF_GRACE
    with engine.connect() as connection:
        counts = [connection.scalar(count, {"days": days}) for count in sql.COUNT_RECORDS.values()]
    return sum(count or 0 for count in counts)


class _Tally:
    """Counts what goes of one integration, and says so from time to time."""

    def __init__(self, partition_key: str, log: Callable[[str], None]) -> None:
        self.pruned = Pruned(partition_key)
        self._log = log
        self._said = 0

    def add(self, **more: int) -> None:
        self.pruned = self.pruned.plus(**more)
        if self.pruned.pages - self._said >= _SAY_EVERY_PAGES:
            self._said = self.pruned.pages
            self._log(f"{self.pruned} so far")


def _prune_landed(engine: sa.Engine, integration_id: int, rule: KeepRule, tally: _Tally) -> None:
    for parts in _expendable(engine, integration_id, rule):
        for part in _unmark(engine, integration_id, parts, rule):
            tally.add(landings=1)
            _delete_pages(engine, integration_id, part, tally)


def _expendable(
    engine: sa.Engine, integration_id: int, rule: KeepRule
) -> Iterator[Sequence[_Part]]:
    """Yield what may go, from the oldest on, in batches for one transaction each."""
    asked = {"integration_id": integration_id, "most": _LISTED, **rule.landed()}
    while True:
        with engine.connect() as connection:
            found = [_Part(*row) for row in connection.execute(sql.FIND_EXPENDABLE, asked)]
        for start in range(0, len(found), MARKERS_AT_ONCE):
            yield found[start : start + MARKERS_AT_ONCE]
        if len(found) < _LISTED:
            return


def _unmark(
    engine: sa.Engine, integration_id: int, parts: Sequence[_Part], rule: KeepRule
) -> list[_Part]:
    """Delete the markers of those that may still go; return which those were."""
    asked = {
        "integration_id": integration_id,
        "extraction_ids": [part.extraction_id for part in parts],
        "entities": [part.entity for part in parts],
        "scopes": [part.scope for part in parts],
        "dead_after": rule.dead_after,
    }
    with engine.begin() as connection:
        require_integration(connection, integration_id)
        lock_integration(connection, integration_id)
        return [_Part(*row) for row in connection.execute(sql.UNMARK, asked)]


def _prune_unfinished(engine: sa.Engine, rule: KeepRule, tallies: Mapping[int, _Tally]) -> None:
    with engine.connect() as connection:
        found = connection.execute(sql.FIND_UNFINISHED, rule.unfinished()).all()
    for integration_id, *part in found:
        # One that was added, or purged, since the list was made: the next time, or never.
        if integration_id in tallies:
            tallies[integration_id].add(unfinished=1)
            _delete_pages(engine, integration_id, _Part(*part), tallies[integration_id])


def _delete_pages(engine: sa.Engine, integration_id: int, part: _Part, tally: _Tally) -> None:
    """Delete the pages of a reading that has no marker, unless it gets one."""
    asked: dict[str, Any] = {
        "extraction_id": part.extraction_id,
        "entity": part.entity,
        "scope": part.scope,
        "most": PAGES_AT_ONCE,
        "last": -1,
    }
    while True:
        with engine.begin() as connection:
            require_integration(connection, integration_id)
            hold_landing(connection, part.extraction_id, part.entity)
            if is_marked(connection, part.extraction_id, part.entity, part.scope):
                return
            gone = connection.execute(sql.DELETE_PAGES, asked).one()
        tally.add(pages=gone.pages, size=gone.size)
        if gone.pages < PAGES_AT_ONCE:
            return
        asked["last"] = gone.last


def _delete_records(engine: sa.Engine, table: str, rule: KeepRule) -> int:
    asked = {"most": RECORDS_AT_ONCE, **rule.records()}
    deleted, batch = 0, RECORDS_AT_ONCE
    while batch == RECORDS_AT_ONCE:
        with engine.begin() as connection:
            batch = connection.execute(sql.DELETE_RECORDS[table], asked).rowcount
        deleted += batch
    return deleted
