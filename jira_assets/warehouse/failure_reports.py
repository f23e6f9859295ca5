"""Failures that last, one row each: what failed on a partition, since when, and who was told.

Decisions this module embodies:

* A row is a kind of failure on a partition, however often it came. It is told once, when it is
  final, and goes once its recovery was told, too. One that nobody was told of goes without a word.
* Writing the same end of a run twice changes nothing: only an end later than the last one counts.
  So whoever reads the runs may die at any point, and read them again.
* Messages that were given up are read off their rows, not off runs: their queue tries again by
  itself.
* What nobody looks after any more is forgotten: integrations that are disabled or gone, and a run
  by hand that nobody repeated.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from jira_assets.warehouse.tables import (
    OPEN_STATES,
    etl_job_queue,
    failure_reports,
    integrations,
    tenants,
)

MESSAGES: Final = "messages"
"""The subject of messages that were given up."""
FORGET_AFTER_DAYS: Final = 30
_AT_ONCE: Final = 1000
_LONGEST_MESSAGE: Final = 4000

_reports: Final = failure_reports.c
_queue: Final = etl_job_queue.c
_now: Final = sa.func.clock_timestamp
_MESSAGES_KIND: Final = f"{MESSAGES}: given up"


@dataclass(frozen=True)
class Failure:
    """One failed run, as it is recorded."""

    partition_key: str
    subject: str
    """What failed: the name of a Dagster job, as a rule."""
    what: str
    """The kind of failure: stable, without numbers or times."""
    message: str
    must_act: str
    run_id: str
    failed_at: datetime
    final: bool
    """Nobody tries it again, or trying again cannot help."""
    retries: int | None = None
    """More failures in a row than that are final, too; None: however many."""

    @property
    def kind(self) -> str:
        """The row's kind."""
        return f"{self.subject}: {self.what}"


@dataclass(frozen=True)
class Report:
    """A row: failures of one kind on one partition, in a row."""

    partition_key: str
    kind: str
    message: str
    must_act: str
    run_id: str
    failures: int
    final: bool
    first_failed_at: datetime
    last_failed_at: datetime
    told_at: datetime | None = None
    recovered_at: datetime | None = None


def record_failure(connection: sa.Connection, failure: Failure) -> None:
    """Write that a run failed. Once it is final, it stays so until it has recovered."""
    row = insert(failure_reports).values(
        partition_key=failure.partition_key,
        kind=failure.kind,
        message=failure.message[:_LONGEST_MESSAGE],
        must_act=failure.must_act,
        run_id=failure.run_id,
        failures=1,
        final=failure.final,
        first_failed_at=failure.failed_at,
        last_failed_at=failure.failed_at,
    )
    again = {
        "message": row.excluded.message,
        "must_act": row.excluded.must_act,
        "run_id": row.excluded.run_id,
        "failures": _reports.failures + 1,
        "final": sa.or_(_reports.final, row.excluded.final, _too_often(failure)),
        "last_failed_at": row.excluded.last_failed_at,
        # It failed again before anybody was told that it had recovered: then it never did.
        "recovered_at": None,
    }
    connection.execute(
        row.on_conflict_do_update(
            index_elements=["partition_key", "kind"],
            set_=again,
            where=row.excluded.last_failed_at > _reports.last_failed_at,
        )
    )


def _too_often(failure: Failure) -> sa.ColumnElement[bool]:
    """Say of a row that failed once more whether that is more than the retries would make good.

    A job whose interval is shorter than its pause before a retry never counts its retries up.
    """
    if failure.retries is None:
        return sa.false()
    return _reports.failures >= failure.retries


def record_success(
    connection: sa.Connection, partition_key: str, subject: str, succeeded_at: datetime
) -> None:
    """Write that a run succeeded: what failed before it, of the same subject, has recovered."""
    before = sa.and_(
        _reports.partition_key == partition_key,
        sa.func.split_part(_reports.kind, ": ", 1) == subject,
        _reports.last_failed_at < succeeded_at,
    )
    _recover(connection, before, succeeded_at)


def record_messages(connection: sa.Connection) -> None:
    """Write which partitions have messages that were given up, and which have none any more."""
    place = sa.func.row_number().over(
        partition_by=_queue.partition_key, order_by=_queue.finished_at.desc()
    )
    columns = (_queue.partition_key, _queue.error, _queue.run_id, _queue.finished_at)
    failed = (
        sa.select(*columns, place.label("nth"))
        .where(_queue.state == "failed", _queue.finished_at.is_not(None))
        .subquery()
    )
    given_up = connection.execute(sa.select(failed).where(failed.c.nth == 1)).all()
    for row in given_up:
        failure = Failure(
            partition_key=row.partition_key,
            subject=MESSAGES,
            what="given up",
            message=row.error or "what landed could not be merged into the tables",
            must_act="whoever runs jira_assets",
            run_id=row.run_id or "",
            failed_at=row.finished_at,
            final=True,
        )
        record_failure(connection, failure)
    # Given up, and tried again since: only the tables will tell whether it is over.
    tried_again = sa.select(_queue.partition_key).where(
        _queue.state.in_(OPEN_STATES), _queue.error.is_not(None)
    )
    still = [*(row.partition_key for row in given_up), *connection.scalars(tried_again.distinct())]
    over = sa.and_(_reports.kind == _MESSAGES_KIND, _reports.partition_key.not_in(still))
    _recover(connection, over, _now())


def _recover(
    connection: sa.Connection, which: sa.ColumnElement[bool], at: datetime | sa.Function[datetime]
) -> None:
    untold = sa.delete(failure_reports).where(which, _reports.told_at.is_(None))
    connection.execute(untold)
    told = sa.update(failure_reports).where(which, _reports.recovered_at.is_(None))
    connection.execute(told.values(recovered_at=at))


def forget(connection: sa.Connection) -> None:
    """Delete the rows that nobody looks after any more."""
    key = sa.func.concat(tenants.c.slug, "/", integrations.c.slug)
    active = (
        sa.select(key)
        .join(tenants, tenants.c.id == integrations.c.tenant_id)
        .where(integrations.c.active)
    )
    gone = sa.and_(
        # Runs over a range of partitions, or none, have a name of another form here.
        _reports.partition_key.regexp_match("^[a-z0-9_-]+/[a-z0-9_-]+$"),
        _reports.partition_key.not_in(active),
    )
    old = _reports.last_failed_at < _now() - sa.func.make_interval(0, 0, 0, FORGET_AFTER_DAYS)
    connection.execute(sa.delete(failure_reports).where(sa.or_(gone, old)))


def is_reported(connection: sa.Connection, partition_key: str) -> bool:
    """Say whether a failure on the partition is recorded."""
    query = sa.exists().where(_reports.partition_key == partition_key)
    return bool(connection.scalar(sa.select(query)))


def to_tell(connection: sa.Connection) -> list[Report]:
    """Return final failures that nobody was told of, and recoveries; the oldest first."""
    untold = sa.and_(_reports.final, _reports.told_at.is_(None))
    query = (
        sa.select(failure_reports)
        .where(sa.or_(untold, _reports.recovered_at.is_not(None)))
        .order_by(_reports.first_failed_at, _reports.partition_key, _reports.kind)
        .limit(_AT_ONCE)
    )
    return [Report(**row._asdict()) for row in connection.execute(query)]


def mark_told(connection: sa.Connection, reports: Collection[Report]) -> None:
    """Write that the webhook took the message about these: a recovered row goes with it."""
    for report in reports:
        row = sa.and_(_reports.partition_key == report.partition_key, _reports.kind == report.kind)
        if report.recovered_at is None:
            told = sa.update(failure_reports).where(row, _reports.told_at.is_(None))
            connection.execute(told.values(told_at=_now()))
        else:
            same = _reports.recovered_at == report.recovered_at
            connection.execute(sa.delete(failure_reports).where(row, same))
