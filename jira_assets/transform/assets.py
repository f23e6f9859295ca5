"""The table assets: the newest whole extraction of each integration, as snapshots to be merged.

Decisions this module embodies:

* One asset a table, not one step: any subset can be materialized, and the lineage reads left to
  right. They share nothing but what has landed.
* The body hands over snapshots that are made one at a time while the IO manager merges them, so
  memory holds one integration, however many partitions a run is on.
* Issues and their changelogs are no snapshots, and are made by one step: see ``issue_assets``.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID

import dagster as dg

from jira_assets.partitions import partitions_definition
from jira_assets.transform.issue_assets import build_issue_assets
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
from jira_assets.transform.snapshots import TRANSFORM_VERSION, build_snapshot
from jira_assets.warehouse.contracts import (
    Owner,
    Snapshot,
    Snapshots,
    Sources,
)
from jira_assets.warehouse.landing import newest_sources, sources_of_extraction
from jira_assets.warehouse.tables import ENTITIES, SOURCES
from jira_assets.warehouse.timing import freshness

if TYPE_CHECKING:
    import sqlalchemy as sa

DESCRIPTIONS: Final = {
    "projects": "Jira's projects, those that the integration's include and exclude lists leave.",
    "issue_types": (
        "Jira's issue types: those that the site lists, and those that only a project names."
    ),
    "statuses": (
        "Jira's statuses: those that the site lists (it lists those of active workflows only), and "
        "those that only a project names. The category is told by its key, not its translated name."
    ),
    "projects_issue_types": "Which issue types each project has.",
    "projects_statuses": "Which statuses each project uses, in any of its issue types.",
    "projects_issue_types_statuses": (
        "Which statuses each issue type of each project uses: Jira's full answer."
    ),
    "custom_fields": (
        "Jira's custom fields, those that the account may see. Names repeat: a field is its id."
    ),
    "projects_custom_fields": (
        "Which custom fields each project uses: how many of its newest issues have a value in it."
    ),
}


def build_transform_assets(
    *,
    tables: Sequence[str] = tuple(SOURCES),
    entities: Sequence[str] = ENTITIES,
    key_prefix: Sequence[str] = (),
) -> list[dg.AssetsDefinition]:
    """Build the assets of ``tables``; those of issues are one definition.

    Args:
        tables: the tables deployed here.
        entities: the entities extracted here: an asset depends on the raw assets that there are.
        key_prefix: put before every asset key.
    """
    with warnings.catch_warnings():
        # A backfill policy on an asset is beta to Dagster; a test pins what it does.
        warnings.simplefilter("ignore", dg.BetaWarning)
        made = [
            _table_asset(table, tuple(tables), entities, key_prefix)
            for table in DESCRIPTIONS
            if table in tables
        ]
        return [*made, *build_issue_assets(tuple(tables), entities, key_prefix)]


def _table_asset(
    table: str, deployed: Sequence[str], entities: Sequence[str], key_prefix: Sequence[str]
) -> dg.AssetsDefinition:
    @dg.asset(
        key=table_asset_key(table, key_prefix),
        deps=raw_deps(SOURCES[table], entities, key_prefix),
        partitions_def=partitions_definition(),
        io_manager_key="table_io_manager",
        required_resource_keys={"warehouse", "heartbeat"},
        description=DESCRIPTIONS[table],
        group_name=GROUP,
        kinds={"pandas", "postgres"},
        owners=OWNERS,
        code_version=TRANSFORM_VERSION,
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY_POLICY,
        metadata=table_metadata(table),
        freshness_policy=freshness(SOURCES[table]),
    )
    def table_asset(context: dg.AssetExecutionContext, config: TransformConfig) -> Snapshots:
        partitions = partitions_of_run(context.partition_keys)
        context.instance.add_run_tags(context.run.run_id, common_tags(partitions))
        engine = context.resources.warehouse.engine()
        making = _Making(table, engine, chosen_extraction(config.extraction))
        answers = () if config.extraction else answered(table, deployed, made_in_run(context))
        of_run = PartitionsOfRun(engine, context.run.run_id, answers)
        return Snapshots(table, lambda: of_run.each(partitions, making.snapshot))

    return table_asset


@dataclass(frozen=True)
class _Making:
    """How one run makes the snapshots of one table."""

    table: str
    engine: "sa.Engine"
    extraction: UUID | None

    def snapshot(self, owner: Owner) -> Snapshot:
        """Make that of one integration."""
        return build_snapshot(self.table, owner, self._sources(owner))

    def _sources(self, owner: Owner) -> Sources:
        entities = SOURCES[self.table]
        if self.extraction is None:
            return newest_sources(self.engine, owner, entities)
        return sources_of_extraction(self.engine, owner, self.extraction, entities)
