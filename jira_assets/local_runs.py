"""The whole path in this process: extraction, queue and transform, through the very same jobs.

What the daemon would do in four processes, ``jira-assets sync`` does in one: it runs the extraction
job, calls the transform sensor's own tick, and runs what that asks for, with the tags under which a
daemon beside it recognizes the request as served. Runs are kept in the Dagster instance.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid4

from jira_assets.dagster_home import local_instance
from jira_assets.definitions import SITE_JOB, TRANSFORM_JOB, defs, tables_of
from jira_assets.extract.assets import READ_STEP, raw_asset_key
from jira_assets.jobs.partitions_sensor import sync_partitions
from jira_assets.jobs.reconciler import end_dead_runs
from jira_assets.partitions import PartitionKey
from jira_assets.queue.broker import Broker
from jira_assets.queue.planning import TransformRequest
from jira_assets.queue.runs import failure_sentence
from jira_assets.queue.sensor import TickOutcome, run_tags, transform_tick
from jira_assets.settings import Settings
from jira_assets.transform.issue_assets import DESCRIPTIONS as ISSUE_TABLES
from jira_assets.transform.issue_assets import ISSUE_STEP
from jira_assets.transform.runs import table_asset_key
from jira_assets.warehouse.connect import engine_for
from jira_assets.warehouse.contracts import Owner
from jira_assets.warehouse.heartbeat import beat
from jira_assets.warehouse.integrations import get_integration
from jira_assets.warehouse.landing import landed_entities
from jira_assets.warehouse.scope import everything
from jira_assets.warehouse.tables import SOURCES

if TYPE_CHECKING:
    import sqlalchemy as sa
    from dagster import DagsterEvent, DagsterInstance

WAIT_SECONDS: Final = 600.0
_POLL_SECONDS: Final = 1.0
# The run's own log is in the instance; on the terminal it would bury the progress bar.
_QUIET: Final = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def _in_silence(_: str) -> None:
    pass


class NothingToReplayError(LookupError):
    """A replay of an integration that was never read."""


@dataclass(frozen=True)
class TableOutcome:
    """What one run did to one table. Counts are rows."""

    table: str
    outcome: str
    inserted: int
    updated: int
    unchanged: int
    deleted: int
    rejected: int
    alive: int


@dataclass(frozen=True)
class CheckOutcome:
    """A check that did not pass."""

    name: str
    table: str
    error: bool
    description: str


@dataclass
class SyncOutcome:
    """What a sync did, in the order in which it happened. Seconds are wall time."""

    partition_key: str
    extract_run_id: str | None = None
    transform_run_ids: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    tables: list[TableOutcome] = field(default_factory=list)
    checks: list[CheckOutcome] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether no step and no check of severity ERROR failed."""
        return not self.problems and not any(check.error for check in self.checks)


@dataclass(frozen=True)
class ReadOptions:
    """What to read of issues, if not what is new; see ``extract.assets.ReadConfig``."""

    full: bool = False
    since: datetime | None = None
    """UTC, if it says no zone."""
    rendered_fields: bool = False

    def as_config(self) -> dict[str, Any]:
        """Return the configuration of the step that reads."""
        since = {} if self.since is None else {"since": self.since.isoformat()}
        return {"full": self.full, "rendered_fields": self.rendered_fields, **since}


@contextmanager
def open_local_runs(
    partition: PartitionKey, say: Callable[[str], None] = _in_silence
) -> "Iterator[LocalRuns]":
    """Connect this machine's servers and Dagster instance for runs on one active integration.

    ``say`` hears, line by line, what is being done. Raises what looking up the integration raises,
    before anything runs.
    """
    with local_instance() as (instance, services):
        # What a sensor does between the runs; the runs themselves narrow it to their partition.
        engine = everything(
            engine_for(services.database_url), "a sync does the sensors' work, for one partition"
        )
        get_integration(engine, partition)
        sync_partitions(instance, engine)
        # What a killed command has left: no daemon may be there to end it.
        dead_after = Settings.from_environment().dead_after_seconds
        end_dead_runs(instance, engine, dead_after=dead_after)
        yield LocalRuns(instance, engine, Broker(services.broker_url), say)


@dataclass(frozen=True)
class LocalRuns:
    """Runs the jobs of one partition at a time in this process."""

    instance: "DagsterInstance"
    engine: "sa.Engine"
    broker: Broker
    say: Callable[[str], None] = _in_silence

    def sync(
        self, partition_key: str, entities: Sequence[str], options: ReadOptions | None = None
    ) -> SyncOutcome:
        """Extract ``entities``, then transform whatever of the partition has landed."""
        outcome = SyncOutcome(partition_key)
        began = time.perf_counter()
        outcome.extract_run_id = self._extract(outcome, entities, options or ReadOptions())
        outcome.seconds["extract"] = time.perf_counter() - began
        began = time.perf_counter()
        self._transform_until_done(outcome)
        outcome.seconds["transform"] = time.perf_counter() - began
        return outcome

    def replay(
        self, partition_key: str, extraction: UUID | None, *, accept_deletions: bool = False
    ) -> SyncOutcome:
        """Rebuild the tables of the partition from raw, without calling Jira.

        Args:
            partition_key: of the integration.
            extraction: made of what this one landed, and of the newest of what it did not.
            accept_deletions: let the sweep delete half a project's issues and more.

        Raises:
            UnknownExtractionError: nothing of ``extraction`` has landed for the partition.
            NothingToReplayError: nothing has landed at all.
        """
        outcome = SyncOutcome(partition_key)
        began = time.perf_counter()
        tables = self._replayable(partition_key, extraction)
        config = {"extraction": str(extraction)} if extraction else {}
        steps = {ISSUE_STEP if table in ISSUE_TABLES else table for table in tables}
        options = {"force": True, "accept_deletions": accept_deletions}
        run_config = _QUIET | {
            "ops": {step: {"config": config} for step in sorted(steps)},
            "resources": {"table_io_manager": {"config": options}},
        }
        self._run(
            outcome,
            TRANSFORM_JOB,
            asset_selection=[table_asset_key(table) for table in tables],
            tags={"dagster/max_retries": "0"},
            run_config=run_config,
        )
        outcome.seconds["transform"] = time.perf_counter() - began
        return outcome

    def _replayable(self, partition_key: str, extraction: UUID | None) -> list[str]:
        """Return the tables of which something has landed: one may be synced by parts."""
        found = get_integration(self.engine, PartitionKey.parse(partition_key))
        owner = Owner(found.tenant_id, found.id, partition_key)
        landed = landed_entities(self.engine, owner, extraction)
        if not landed:
            raise NothingToReplayError(
                f"nothing of {partition_key} has landed: run `jira-assets sync {partition_key}`."
            )
        return tables_of(sorted(landed))

    def _extract(self, outcome: SyncOutcome, entities: Sequence[str], options: ReadOptions) -> str:
        self.say(f"{outcome.partition_key}: reads {', '.join(entities)}")
        keys = [raw_asset_key(entity) for entity in entities]
        run_config = _QUIET | {"ops": {READ_STEP: {"config": options.as_config()}}}
        return self._run(outcome, SITE_JOB, asset_selection=keys, run_config=run_config)

    def _transform_until_done(self, outcome: SyncOutcome) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            tick = self._tick(outcome)
            for request in tick.requests:
                self._transform(outcome, request)
            # What failed stays in the queue for the sensor, or for the next sync: whoever sits at
            # the terminal wants to read why now, not after the pauses between five attempts.
            if outcome.problems:
                return
            if not tick.requests:
                if not tick.open:
                    return
                if time.monotonic() > deadline:
                    outcome.problems.append("gave up waiting: " + "; ".join(tick.words))
                    return
                time.sleep(_POLL_SECONDS)

    def _tick(self, outcome: SyncOutcome) -> TickOutcome:
        tick = transform_tick(
            self.instance,
            self.engine,
            self.broker,
            only_partition=outcome.partition_key,
            pending_after=0.0,
        )
        for words in tick.words:
            if words not in outcome.words:
                outcome.words.append(words)
                self.say(words)
        if tick.broker_error:
            outcome.problems.append(tick.broker_error)
        outcome.problems += [line for line in tick.failures if line not in outcome.problems]
        return tick

    def _transform(self, outcome: SyncOutcome, request: TransformRequest) -> None:
        keys = [table_asset_key(table) for table in request.tables]
        run_id = self._run(
            outcome,
            TRANSFORM_JOB,
            asset_selection=keys,
            tags=run_tags(request),
            run_config=_QUIET,
        )
        outcome.transform_run_ids.append(run_id)

    def _run(
        self,
        outcome: SyncOutcome,
        job_name: str,
        *,
        run_config: Mapping[str, Any],
        asset_selection: Sequence[Any] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> str:
        run_id = str(uuid4())
        # Killed before its first own sign of life, it is known to be dead in a minute, not in five.
        beat(self.engine, run_id, outcome.partition_key)
        result = defs.resolve_job_def(job_name).execute_in_process(
            instance=self.instance,
            partition_key=outcome.partition_key,
            asset_selection=asset_selection,
            run_config=run_config,
            run_id=run_id,
            tags=dict(tags or {}),
            raise_on_error=False,
        )
        outcome.problems += step_failures(result.all_events)
        outcome.tables += table_outcomes(result.all_events)
        outcome.checks += failed_checks(result.all_events)
        return result.run_id


def step_failures(events: Iterable["DagsterEvent"]) -> Iterator[str]:
    """Yield the sentence of each step that failed."""
    for event in events:
        if event.is_step_failure:
            yield failure_sentence(event) or "a step failed and does not say why"


def table_outcomes(events: Iterable["DagsterEvent"]) -> Iterator[TableOutcome]:
    """Yield what the materializations of tables say about their rows."""
    for event in events:
        if event.is_step_materialization and event.asset_key is not None:
            table = event.asset_key.path[-1]
            if table in SOURCES:
                yield _table_outcome(
                    table, event.step_materialization_data.materialization.metadata
                )


def _table_outcome(table: str, metadata: Mapping[str, Any]) -> TableOutcome:
    def count(name: str) -> int:
        return int(metadata[name].value)

    return TableOutcome(
        table=table,
        outcome=str(metadata["outcome"].value),
        inserted=count("rows_inserted"),
        updated=count("rows_updated"),
        unchanged=count("rows_unchanged"),
        deleted=count("rows_deleted"),
        rejected=count("rows_rejected"),
        alive=count("dagster/partition_row_count"),
    )


def failed_checks(events: Iterable["DagsterEvent"]) -> Iterator[CheckOutcome]:
    """Yield the checks that did not pass."""
    from dagster import AssetCheckSeverity

    for event in events:
        if event.event_type_value == "ASSET_CHECK_EVALUATION":
            check = event.asset_check_evaluation_data
            if not check.passed:
                yield CheckOutcome(
                    name=check.check_name,
                    table=check.asset_key.path[-1],
                    error=check.severity is AssetCheckSeverity.ERROR,
                    description=check.description or "",
                )
