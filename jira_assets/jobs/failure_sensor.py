"""The failure sensor: failures reach a person, once, and so does their end.

Decisions this module embodies:

* First what happened is recorded, then the cursor moves, and rows are told until the webhook took
  them: a tick that dies anywhere is made good by the next one.
* Without a webhook everything is recorded all the same, so one that is set later tells what fails
  then.
* A webhook that does not take a message is left alone for a while, and the tick says why.
* A tick is bounded: in runs, in messages, and in the time that it may spend posting.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import dagster as dg
import sqlalchemy as sa

from jira_assets.jobs.ended_runs import Cursor, as_ended, ended_runs
from jira_assets.jobs.failure_messages import Message, messages
from jira_assets.jobs.run_failures import Subjects, failure_of, why
from jira_assets.jobs.webhook import (
    VARIABLE,
    Delivery,
    InvalidWebhookError,
    Webhook,
    webhook_of,
)
from jira_assets.settings import Settings
from jira_assets.warehouse import failure_reports
from jira_assets.warehouse.connect import WarehouseUnavailableError, try_advisory_lock
from jira_assets.warehouse.heartbeat import last_beats
from jira_assets.warehouse.resource import WarehouseResource

SENSOR_NAME: Final = "report_failures"
INTERVAL_SECONDS: Final = 30
MOST: Final = 500
"""Ended runs that a tick reads."""
POSTING_SECONDS: Final = 20.0
"""No message is begun after so much of a tick: Dagster ends a tick after a minute."""
_LOCK: Final = "jira_assets/report_failures"


@dataclass
class Tick:
    """What a tick did."""

    cursor: Cursor
    words: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    """What somebody must mend before people are told again."""


def failure_tick(
    instance: dg.DagsterInstance,
    engine: sa.Engine,
    cursor: Cursor,
    *,
    subjects: Subjects,
    settings: Settings,
) -> Tick:
    """Record what ended, and tell what is to be told.

    Raises:
        WarehouseUnavailableError: nothing was recorded, and the cursor must stay where it was.
    """
    ended = ended_runs(instance, cursor, most=MOST)
    tick = Tick(ended.cursor)
    _record(instance, engine, ended.records, subjects)
    if ended.more:
        # The sensor was off for long: what failed then may have recovered by now.
        tick.words.append(f"Reads what ended since {ended.cursor.since:%Y-%m-%d %H:%M} UTC first.")
        return tick
    with engine.connect() as connection:
        reports = failure_reports.to_tell(connection)
    if not reports:
        return tick
    waiting = messages(reports, dagster_url=settings.dagster_url)
    try:
        webhook = webhook_of(settings)
    except InvalidWebhookError as error:
        tick.errors.append(f"{_waiting(waiting)} {error}")
        return tick
    if webhook is None:
        tick.words.append(f"{_waiting(waiting)} Nobody is told: {VARIABLE} is not set.")
    elif _is_silent(tick.cursor):
        tick.words.append(f"{_waiting(waiting)} {tick.cursor.because}")
    else:
        _tell_alone(engine, webhook, waiting, tick)
    return tick


def _waiting(waiting: Sequence[Message]) -> str:
    count = len(waiting)
    return f"{count} {'message waits' if count == 1 else 'messages wait'}."


def _is_silent(cursor: Cursor) -> bool:
    return cursor.silent_until is not None and cursor.silent_until > datetime.now(UTC)


def _record(
    instance: dg.DagsterInstance,
    engine: sa.Engine,
    records: Sequence[dg.RunRecord],
    subjects: Subjects,
) -> None:
    """Write into the rows what ended, in the order in which it did, in one transaction."""
    with engine.begin() as connection:
        strangers = {
            record.dagster_run.run_id
            for record in records
            if not subjects.is_job(record.dagster_run.job_name)
        }
        # A run of other people's assets gives no sign of life to us.
        strangers -= set(last_beats(connection, strangers))
        for record in records:
            if record.dagster_run.run_id not in strangers:
                _record_one(instance, connection, record, subjects)
        failure_reports.record_messages(connection)
        failure_reports.forget(connection)


def _record_one(
    instance: dg.DagsterInstance,
    connection: sa.Connection,
    record: dg.RunRecord,
    subjects: Subjects,
) -> None:
    run, dagsters = as_ended(record), record.dagster_run
    if not run.succeeded:
        subject = subjects.failed(dagsters.job_name, _left(instance, dagsters))
        failure = failure_of(run, why(instance, run.run_id), subject)
        if failure is not None:
            failure_reports.record_failure(connection, failure)
    elif failure_reports.is_reported(connection, run.partition_key):
        for subject in subjects.recovered(dagsters.job_name, _selected(dagsters)):
            failure_reports.record_success(connection, run.partition_key, subject, run.ended_at)


def _left(instance: dg.DagsterInstance, run: dg.DagsterRun) -> set[str] | None:
    """Return the assets that a failed run was to make and did not; None: any."""
    selected = _selected(run)
    if selected is None:
        return None
    kind = dg.DagsterEventType.ASSET_MATERIALIZATION
    made = instance.get_records_for_run(run.run_id, of_type=kind).records
    events = [record.event_log_entry.dagster_event for record in made]
    return selected - {event.asset_key.path[-1] for event in events if event and event.asset_key}


def _selected(run: dg.DagsterRun) -> set[str] | None:
    """Return the assets that somebody chose, by the last part of their keys; None: all."""
    return {key.path[-1] for key in run.asset_selection} if run.asset_selection else None


def _tell_alone(
    engine: sa.Engine, webhook: Webhook, waiting: Sequence[Message], tick: Tick
) -> None:
    """Post the messages, unless another daemon on the same warehouse is just doing it."""
    with engine.begin() as alone:
        if not try_advisory_lock(alone, _LOCK):
            tick.words.append("Another daemon is telling what failed.")
            return
        began = time.monotonic()
        for message in waiting:
            if time.monotonic() - began > POSTING_SECONDS:
                tick.words.append("The other messages come with the next tick.")
                return
            delivery = webhook.post(message.body)
            if not delivery.taken:
                _leave_alone(delivery, tick)
                return
            with engine.begin() as connection:
                failure_reports.mark_told(connection, message.reports)
            tick.words.append(f"Told: {message.title}.")
    tick.cursor = tick.cursor.model_copy(update={"silent_until": None, "because": ""})


def _leave_alone(delivery: Delivery, tick: Tick) -> None:
    until = datetime.now(UTC) + timedelta(seconds=delivery.pause_seconds)
    silent = {"silent_until": until, "because": delivery.words}
    tick.cursor = tick.cursor.model_copy(update=silent)
    (tick.errors if delivery.broken else tick.words).append(delivery.words)


def build_failure_sensor(
    *,
    jobs: Mapping[str, Iterable[dg.AssetKey]],
    default_status: dg.DefaultSensorStatus = dg.DefaultSensorStatus.RUNNING,
) -> dg.SensorDefinition:
    """Build the sensor that tells people of failures.

    Args:
        jobs: what each Dagster job of ours materializes, by the job's name; its runs are told.
        default_status: whether the sensor starts switched on.
    """
    subjects = Subjects(
        {name: frozenset(key.path[-1] for key in keys) for name, keys in jobs.items()}
    )

    @dg.sensor(
        name=SENSOR_NAME,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=default_status,
        description="Posts to a webhook what failed for good and who must act, once, and its end.",
    )
    def report_failures(
        context: dg.SensorEvaluationContext, warehouse: WarehouseResource
    ) -> dg.SensorResult | dg.SkipReason:
        cursor = Cursor.read(context.cursor, datetime.now(UTC))
        try:
            tick = failure_tick(
                context.instance,
                warehouse.everything("the failure sensor tells of all runs"),
                cursor,
                subjects=subjects,
                settings=Settings.from_environment(),
            )
        except WarehouseUnavailableError as error:
            return dg.SkipReason(f"Nothing was recorded. {error}")
        for line in tick.errors:
            context.log.error(line)
        said = "\n".join([*tick.errors, *tick.words]) or "Nothing new has failed or recovered."
        return dg.SensorResult(skip_reason=said, cursor=tick.cursor.model_dump_json())

    return report_failures
