"""The IO managers: readings into the landing table, snapshots into the tables, and back out.

Decisions this module embodies:

* They own storage, the asset bodies own meaning: a raw asset hands over a ``Reading`` that has read
  nothing yet, a table asset ``Snapshots`` that are made one at a time as they are merged.
* Each partition of a run is merged in a transaction of its own, which sees that partition only: a
  frame with the rows of another one is refused by Postgres. One that fails does not stop the
  others: those that finished are logged as materialized, then the step fails and names the rest, so
  Dagster shows exactly the unfinished ones as failed.
* A step is tried again unless trying again cannot help: what failed for the state of a server may
  pass, what failed for its input will not.
* The last part of an asset's key is its entity or table, so any prefix may stand before it.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import dagster as dg
import sqlalchemy as sa
from pydantic import Field

from jira_assets.warehouse.contracts import (
    Increments,
    LandedEntity,
    MergeResult,
    Owner,
    PartitionFailure,
    Reading,
    ScopedReading,
    SharedIncrements,
    Snapshot,
    Snapshots,
)
from jira_assets.warehouse.describe import (
    PREVIEW_ROWS,
    Metadata,
    landing_metadata,
    markdown_table,
    merge_metadata,
    preview,
    scoped_landing_metadata,
)
from jira_assets.warehouse.failure_reasons import may_pass, reason_of_failure
from jira_assets.warehouse.integrations import list_integrations
from jira_assets.warehouse.landing import land, newest_sources
from jira_assets.warehouse.merge import merge
from jira_assets.warehouse.merge_increments import merge_increments
from jira_assets.warehouse.queue_rows import targets_of
from jira_assets.warehouse.resource import WarehouseResource
from jira_assets.warehouse.scoped_landing import land_scopes
from jira_assets.warehouse.staging import staged_columns
from jira_assets.warehouse.tables import DATA_TABLES, INCREMENTAL

if TYPE_CHECKING:
    import pandas as pd

ResultT = TypeVar("ResultT")

_RAW_PREFIX: Final = "raw_"
_NAMED: Final = 20
"""How many failed partitions a failure names in its sentence; its metadata has them all."""


class ForeignPartitionError(ValueError):
    """An asset handed over something of a partition that is not its run's."""


class RawIOManager(dg.ConfigurableIOManager):
    """Lands what raw assets read, page by page, and marks it as whole."""

    warehouse: dg.ResourceDependency[WarehouseResource]

    def handle_output(self, context: dg.OutputContext, obj: Reading | ScopedReading) -> None:
        """Drain a reading into the landing table. What reading raises goes on to Dagster."""
        if not isinstance(obj, Reading | ScopedReading):
            raise TypeError(f"{context.asset_key} must return a Reading, not {type(obj).__name__}")
        _refuse_foreign(obj.owner, context.asset_partition_keys)
        if isinstance(obj, ScopedReading):
            self._land_scopes(context, obj)
        else:
            self._land(context, obj)

    def _land_scopes(self, context: dg.OutputContext, obj: ScopedReading) -> None:
        began = time.monotonic()
        landing = land_scopes(self._engine(obj), obj, run_id=context.run_id)
        context.log.info(
            f"{landing.owner.partition_key}: {landing.entity} landed: {landing.items:,} items on "
            f"{landing.pages:,} pages of {len(landing.landed):,} projects, {len(landing.idle):,} "
            f"projects idle, {len(landing.unreadable):,} unreadable"
        )
        seconds = time.monotonic() - began
        context.add_output_metadata(scoped_landing_metadata(landing, seconds, obj.notes()))

    def _land(self, context: dg.OutputContext, obj: Reading) -> None:
        began = time.monotonic()
        landing = land(self._engine(obj), obj, run_id=context.run_id)
        context.log.info(
            f"{landing.owner.partition_key}: {landing.entity} landed: {landing.items:,} items on "
            f"{landing.pages:,} pages, {len(landing.unreadable):,} projects unreadable"
        )
        seconds = time.monotonic() - began
        context.add_output_metadata(landing_metadata(landing, seconds, obj.notes()))

    def _engine(self, obj: Reading | ScopedReading) -> sa.Engine:
        return self.warehouse.engine_of([obj.owner.partition_key])

    def load_input(self, context: dg.InputContext) -> dict[str, LandedEntity]:
        """Return the newest whole landing of each wanted partition, by partition key.

        ``landing`` says what it is and is complete for; ``pages()`` reads its pages lazily, those
        of unreadable projects included (``page.readable``).

        Raises:
            LookupError: nothing of a partition has landed yet.
            TypeError: it is an incremental entity, of which no single landing is the whole.
        """
        entity = context.asset_key.path[-1].removeprefix(_RAW_PREFIX)
        if entity in INCREMENTAL:
            raise TypeError(
                f"{context.asset_key.to_user_string()} has a landing for each project and reading: "
                "depend on it without loading it, and ask `changes_to_apply` for what is due."
            )
        engine = self.warehouse.engine_of(context.asset_partition_keys)
        owners = _owners(engine, context.asset_partition_keys)
        landed = {
            owner.partition_key: newest_sources(engine, owner, [entity]).get(entity)
            for owner in owners
        }
        missing = [key for key, landing in landed.items() if landing is None]
        if missing:
            raise LookupError(
                f"{context.asset_key.to_user_string()}: nothing has landed for "
                f"{', '.join(missing)}. Materialize it for that first."
            )
        return {key: landing for key, landing in landed.items() if landing is not None}


@dataclass(frozen=True)
class _Merged:
    """One partition that is done."""

    result: MergeResult
    metadata: Metadata

    @property
    def partition_key(self) -> str:
        return self.result.owner.partition_key


class TableIOManager(dg.ConfigurableIOManager):
    """Merges snapshots into the tables, partition by partition, and loads the living rows."""

    warehouse: dg.ResourceDependency[WarehouseResource]
    deployed_tables: list[str] = Field(
        default=list(DATA_TABLES),
        description="The tables that this code location makes: a message is done once they are.",
    )
    force: bool = Field(
        default=False,
        description="Apply extractions that are older than, or the same as, those applied.",
    )
    accept_deletions: bool = Field(
        default=False,
        description="Let a sweep of issue ids delete half of a project's issues, or more.",
    )

    def handle_output(self, context: dg.OutputContext, obj: Snapshots | SharedIncrements) -> None:
        """Merge what is handed over as it is made; fail at the end if one partition failed."""
        if not isinstance(obj, Snapshots | SharedIncrements):
            raise TypeError(f"{context.asset_key} must return Snapshots, not {type(obj).__name__}")
        wanted = set(context.asset_partition_keys)
        if isinstance(obj, SharedIncrements):
            table = context.asset_key.path[-1]
            outcomes = self._merge_shared(context, obj, table, wanted)
        else:
            table = obj.table
            outcomes = [self._merge(context, item, wanted) for item in obj.make()]
        merged = [outcome for outcome in outcomes if isinstance(outcome, _Merged)]
        failures = [outcome for outcome in outcomes if isinstance(outcome, PartitionFailure)]
        failures += _never_made(wanted - {outcome.partition_key for outcome in outcomes})
        if failures:
            _log_materializations(context, merged)
            raise _failure(table, merged, failures) from failures[0].error
        _describe(context, merged)

    def load_input(self, context: dg.InputContext) -> "pd.DataFrame":
        """Return the living rows of the wanted partitions, all columns but ``deleted_at``."""
        import pandas as pd

        engine = self.warehouse.engine_of(context.asset_partition_keys)
        owners = _owners(engine, context.asset_partition_keys)
        table = DATA_TABLES[context.asset_key.path[-1]]
        columns = [column for column in table.columns if column.name != "deleted_at"]
        query = sa.select(*columns).where(
            table.c.integration_id.in_([owner.integration_id for owner in owners]),
            table.c.deleted_at.is_(None),
        )
        with engine.connect() as connection:
            rows = connection.execute(query).all()
        return pd.DataFrame(rows, columns=[column.name for column in columns])

    def _merge(
        self, context: dg.OutputContext, item: Snapshot | PartitionFailure, wanted: set[str]
    ) -> _Merged | PartitionFailure:
        if isinstance(item, PartitionFailure):
            return item
        result = _alone(
            item.owner,
            wanted,
            lambda: merge(
                self.warehouse.engine_of([item.owner.partition_key]),
                item,
                run_id=context.run_id,
                force=self.force,
                targets=targets_of(self.deployed_tables),
            ),
        )
        if isinstance(result, PartitionFailure):
            return result
        context.log.info(_sentence(result))
        return _Merged(result, merge_metadata(result, preview(item.frame)))

    def _merge_shared(
        self, context: dg.OutputContext, obj: SharedIncrements, table: str, wanted: set[str]
    ) -> list[_Merged | PartitionFailure]:
        """Merge all of its tables, unless another output has; return what was done to this one."""
        if obj.merged is None:
            obj.merged = [self._merge_increments(context, item, wanted) for item in obj.make()]
        return [
            item if isinstance(item, PartitionFailure) else self._tell(context, item[table])
            for item in obj.merged
        ]

    def _merge_increments(
        self, context: dg.OutputContext, item: Increments | PartitionFailure, wanted: set[str]
    ) -> Mapping[str, MergeResult] | PartitionFailure:
        if isinstance(item, PartitionFailure):
            return item
        return _alone(
            item.owner,
            wanted,
            lambda: merge_increments(
                self.warehouse.engine_of([item.owner.partition_key]),
                item,
                run_id=context.run_id,
                force=self.force,
                accept_deletions=self.accept_deletions,
                targets=targets_of(self.deployed_tables),
            ),
        )

    def _tell(self, context: dg.OutputContext, result: MergeResult) -> _Merged:
        context.log.info(_sentence(result))
        engine = self.warehouse.engine_of([result.owner.partition_key])
        rows = first_rows(engine, result.table, result.owner)
        return _Merged(result, merge_metadata(result, rows))


def _alone(
    owner: Owner, wanted: Collection[str], merge_it: Callable[[], ResultT]
) -> ResultT | PartitionFailure:
    """Merge one partition of the run; what goes wrong with it is its failure alone."""
    try:
        _refuse_foreign(owner, wanted)
        return merge_it()
    except Exception as error:  # noqa: BLE001 # one partition's failure is not the others'
        return PartitionFailure(owner.partition_key, error)


def first_rows(engine: sa.Engine, name: str, owner: Owner) -> str:
    """Return the first living rows of a table by its key, as a markdown table."""
    table = DATA_TABLES[name]
    columns = [table.c[column] for column in staged_columns(table)]
    query = sa.select(*columns).where(
        table.c.integration_id == owner.integration_id, table.c.deleted_at.is_(None)
    )
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(*table.primary_key).limit(PREVIEW_ROWS)).all()
    return markdown_table([column.name for column in columns], rows) if rows else "no rows"


def _owners(engine: sa.Engine, partition_keys: Iterable[str]) -> list[Owner]:
    """Look up whose the partitions are; disabled and removed integrations keep their rows."""
    known = {each.partition_key: each for each in list_integrations(engine, removed=True)}
    keys = list(partition_keys)
    unknown = [key for key in keys if key not in known]
    if unknown:
        raise LookupError(
            f"no integration {', '.join(unknown)}: see `jira-assets integration list`."
        )
    return [Owner(known[key].tenant_id, known[key].id, key) for key in keys]


def _refuse_foreign(owner: Owner, wanted: Collection[str]) -> None:
    """A run touches its own partitions only."""
    if owner.partition_key not in wanted:
        raise ForeignPartitionError(f"{owner.partition_key} is no partition of this run")


def _never_made(partition_keys: Iterable[str]) -> list[PartitionFailure]:
    """Without this, Dagster would show partitions as materialized that nobody touched."""
    reason = LookupError("the asset made no snapshot of it")
    return [PartitionFailure(key, reason) for key in sorted(partition_keys)]


def _sentence(result: MergeResult) -> str:
    return (
        f"{result.owner.partition_key}: {result.table} {result.outcome}: "
        f"{result.inserted:,} inserted, {result.updated:,} updated, {result.deleted:,} deleted, "
        f"{result.unchanged:,} unchanged, {result.rejected:,} rejected"
    )


def _describe(context: dg.OutputContext, merged: list[_Merged]) -> None:
    """Attach each partition's metadata to the materialization that Dagster is about to log."""
    if len(merged) == 1:
        context.add_output_metadata(merged[0].metadata)
        return
    for done in merged:
        context.step_context.add_asset_metadata(
            done.metadata, context.asset_key, done.partition_key
        )


def _log_materializations(context: dg.OutputContext, merged: list[_Merged]) -> None:
    """Log the partitions that are done, which Dagster does not do for a step that fails."""
    for done in merged:
        context.log_event(
            dg.AssetMaterialization(
                context.asset_key, partition=done.partition_key, metadata=dict(done.metadata)
            )
        )


def _failure(table: str, merged: list[_Merged], failures: list[PartitionFailure]) -> dg.Failure:
    reasons = {failure.partition_key: reason_of_failure(failure.error) for failure in failures}
    named = "; ".join(f"{key}: {reason}" for key, reason in list(reasons.items())[:_NAMED])
    more = f"; and {len(reasons) - _NAMED} more" if len(reasons) > _NAMED else ""
    total = len(merged) + len(failures)
    share = "" if total == 1 else f" for {len(failures)} of {total} partitions"
    return dg.Failure(
        f"{table} could not be brought up to date{share}. {named}{more}",
        metadata={
            "failed": dg.MetadataValue.md(markdown_table(["partition", "reason"], reasons.items())),
            "finished": len(merged),
        },
        allow_retries=any(may_pass(failure.error) for failure in failures),
    )
