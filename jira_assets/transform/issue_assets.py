"""The tables of issues: one step that merges all landings that they have not taken in yet.

Decisions this module embodies:

* One step for both tables: an issue and its history come on the same pages, and are merged in one
  transaction. The step cannot be run by halves.
* The landings are taken in one after the other, oldest first, sweeps among them: an issue that a
  sweep misses and a later reading has is alive.
* Whether landings that were taken in are to be taken in again (``force``) is set in one place, the
  IO manager: the step asks it, so that both always mean the same landings.
* The lineage goes on to the view that is made of the tables: the database keeps it, no run does.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from jira_assets.garbage import rarely_collected
from jira_assets.partitions import partitions_definition
from jira_assets.transform.issue_pages import issue_pieces
from jira_assets.transform.runs import (
    GROUP,
    OWNERS,
    RETRY_POLICY,
    PartitionsOfRun,
    TransformConfig,
    answered,
    chosen_extraction,
    common_tags,
    made_in_run,
    partitions_of_run,
    raw_deps,
    table_asset_key,
    table_metadata,
)
from jira_assets.transform.snapshots import TRANSFORM_VERSION
from jira_assets.transform.sweep import swept_pages
from jira_assets.warehouse.contracts import (
    Changes,
    Increments,
    LandedEntity,
    Owner,
    SharedIncrements,
    Sweep,
)
from jira_assets.warehouse.increments import changes_to_apply, newest_of
from jira_assets.warehouse.tables import INCREMENTAL, SCHEMA, SOURCES
from jira_assets.warehouse.timing import freshness
from jira_assets.warehouse.views import STATUS_HISTORY

if TYPE_CHECKING:
    import sqlalchemy as sa

ISSUE_STEP: Final = "merge_issues"
VIEW_GROUP: Final = f"{GROUP}_views"
DESCRIPTIONS: Final = {
    "issues": (
        "Jira's issues, one row by id, with mapped custom fields in columns of their own. Each run "
        "takes in what has landed since the one before it; what Jira has no more is marked deleted."
    ),
    "issue_changelogs": "What was changed in issues, when and by whom: one row an item.",
}


def issue_step_name(key_prefix: Sequence[str] = ()) -> str:
    """Return the name of the step of issues, under which a run's config is given to it."""
    return "_".join([*key_prefix, ISSUE_STEP])


def build_issue_assets(
    tables: Sequence[str], entities: Sequence[str], key_prefix: Sequence[str] = ()
) -> list[dg.AssetsDefinition]:
    """Build the step that makes the tables of issues, those of ``tables``; none where none is.

    Args:
        tables: the tables deployed here.
        entities: the entities extracted here: an asset depends on the raw assets that there are.
        key_prefix: put before every asset key.
    """
    made = tuple(table for table in DESCRIPTIONS if table in tables)
    return [_issue_step(made, tuple(tables), entities, key_prefix)] if made else []


def _issue_step(
    made: tuple[str, ...],
    deployed: Sequence[str],
    entities: Sequence[str],
    key_prefix: Sequence[str],
) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=issue_step_name(key_prefix),
        outs={table: _out(table, key_prefix) for table in made},
        deps=raw_deps(SOURCES[made[0]], entities, key_prefix),
        partitions_def=partitions_definition(),
        required_resource_keys={"warehouse", "heartbeat", "table_io_manager"},
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY_POLICY,
        description="Shapes the issues that have landed and merges them into their tables.",
    )
    def merge_issues(
        context: dg.AssetExecutionContext, config: TransformConfig
    ) -> Iterator[dg.Output[SharedIncrements]]:
        partitions = partitions_of_run(context.partition_keys)
        context.instance.add_run_tags(context.run.run_id, common_tags(partitions))
        engine = context.resources.warehouse.engine()
        landings = partial(
            changes_to_apply,
            tables=made,
            transform_version=TRANSFORM_VERSION,
            force=context.resources.table_io_manager.force,
            extraction=chosen_extraction(config.extraction),
        )
        making = IssueIncrements(made, engine, landings, goes_back=config.extraction is not None)
        answers = () if config.extraction else answered(made[0], deployed, made_in_run(context))
        of_run = PartitionsOfRun(engine, context.run.run_id, answers)
        shared = SharedIncrements(made, lambda: of_run.each(partitions, making.increments))
        for table in made:
            yield dg.Output(shared, output_name=table)

    return merge_issues


def _out(table: str, key_prefix: Sequence[str]) -> dg.AssetOut:
    return dg.AssetOut(
        key=table_asset_key(table, key_prefix),
        io_manager_key="table_io_manager",
        description=DESCRIPTIONS[table],
        group_name=GROUP,
        kinds={"postgres"},
        owners=OWNERS,
        code_version=TRANSFORM_VERSION,
        metadata=table_metadata(table),
        freshness_policy=freshness(SOURCES[table]),
    )


@dataclass(frozen=True)
class IssueIncrements:
    """How one run makes the increments of the tables of issues."""

    tables: tuple[str, ...]
    engine: "sa.Engine"
    landings: Callable[["sa.Engine", Owner], list[LandedEntity]]
    """Engine and owner to the landings that the tables have yet to take in, in order."""
    goes_back: bool = False
    """Whether older landings are to replace newer ones: somebody has named an extraction."""

    def increments(self, owner: Owner) -> Increments:
        """Make those of one integration; its landings are walked when they are merged."""
        landed = self.landings(self.engine, owner)
        newest = {} if self.goes_back else newest_of(landed)
        return Increments(owner, self.tables, TRANSFORM_VERSION, partial(_steps, landed), newest)


def _steps(landed: Iterable[LandedEntity]) -> Iterator[Changes | Sweep]:
    """Yield what each landing changes, one after the other."""
    with rarely_collected():
        yield from map(step_of, landed)


def step_of(landed: LandedEntity) -> Changes | Sweep:
    """Return what a landing changes: of issues what changed in them, else which there are."""
    if landed.landing.entity in INCREMENTAL:
        return Changes(landed.landing, partial(issue_pieces, landed))
    return Sweep(landed.landing, partial(swept_pages, landed))


def build_view_specs(
    tables: Sequence[str] = tuple(SOURCES), key_prefix: Sequence[str] = ()
) -> list[dg.AssetSpec]:
    """Describe the views that the database makes of ``tables``, for the lineage; no run makes them.

    None where the tables of issues are not deployed.
    """
    if not set(DESCRIPTIONS) <= set(tables):
        return []
    named = [table for table in (*DESCRIPTIONS, "statuses") if table in tables]
    metadata: dict[str, Any] = {
        "dagster/table_name": f"{SCHEMA}.{STATUS_HISTORY.name}",
        "dagster/column_schema": dg.TableSchema(
            columns=[
                dg.TableColumn(name, type_, meaning)
                for name, (type_, meaning) in STATUS_HISTORY.columns.items()
            ]
        ),
    }
    return [
        dg.AssetSpec(
            table_asset_key(STATUS_HISTORY.name, key_prefix),
            deps=[table_asset_key(table, key_prefix) for table in named],
            description="How long each issue stayed in each status: one row a stay. A view.",
            # Of its own: among the tables it would spoil the columns of the lineage.
            group_name=VIEW_GROUP,
            owners=OWNERS,
            kinds={"postgres", "view"},
            metadata=metadata,
        )
    ]
