"""The table assets: the newest whole extraction of each integration, as snapshots to be merged.

Decisions this module embodies:

* One asset a table, not one step: any subset can be materialized, and the lineage reads left to
  right. They share nothing but what has landed.
* A run may be on one partition or on five hundred. The body hands over snapshots that are made one
  at a time while the IO manager merges them, so memory holds one integration; a partition that
  fails is handed over as its failure, and the others go on.
* A run answers the messages about an entity only if it makes every deployed table that the entity
  feeds; one table materialized by hand leaves them to the run that the sensor asks for.
"""

import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID

import dagster as dg
from pydantic import Field

from jira_assets.partitions import InvalidPartitionKeyError, PartitionKey, partitions_definition
from jira_assets.transform.snapshots import TRANSFORM_VERSION, build_snapshot
from jira_assets.warehouse.contracts import (
    Owner,
    PartitionFailure,
    Snapshot,
    Snapshots,
    Sources,
)
from jira_assets.warehouse.describe import column_schema
from jira_assets.warehouse.integrations import get_integration
from jira_assets.warehouse.landing import newest_sources, sources_of_extraction
from jira_assets.warehouse.queue_rows import claim, targets_of
from jira_assets.warehouse.tables import DATA_TABLES, ENTITIES, SCHEMA, SOURCES
from jira_assets.warehouse.timing import definition_metadata, freshness

if TYPE_CHECKING:
    import sqlalchemy as sa

GROUP: Final = "jira"
OWNERS: Final = ["team:data-platform"]
RETRY_POLICY: Final = dg.RetryPolicy(
    max_retries=3, delay=2, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS
)

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
}


class TransformConfig(dg.Config):
    """What a table is made of, if not of the newest extraction."""

    extraction: str | None = Field(
        default=None,
        description=(
            "The id (a UUID) of an extraction that has landed: the table is made of what it "
            "landed, and of the newest of what it did not. An older extraction does not undo a "
            "newer one unless the IO manager is told to (`force`)."
        ),
    )


def table_asset_key(table: str, key_prefix: Sequence[str] = ()) -> dg.AssetKey:
    """Return the key of the asset of a table."""
    return dg.AssetKey([*key_prefix, table])


def build_transform_assets(
    *,
    tables: Sequence[str] = tuple(SOURCES),
    entities: Sequence[str] = ENTITIES,
    key_prefix: Sequence[str] = (),
) -> list[dg.AssetsDefinition]:
    """Build the asset of each of ``tables``.

    Args:
        tables: the tables deployed here.
        entities: the entities extracted here: an asset depends on the raw assets that there are.
        key_prefix: put before every asset key.
    """
    with warnings.catch_warnings():
        # A backfill policy on an asset is beta to Dagster; a test pins what it does.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return [
            _table_asset(table, tuple(tables), entities, key_prefix)
            for table in SOURCES
            if table in tables
        ]


def _table_asset(
    table: str, deployed: Sequence[str], entities: Sequence[str], key_prefix: Sequence[str]
) -> dg.AssetsDefinition:
    raw = [entity for entity in SOURCES[table] if entity in entities]

    @dg.asset(
        key=table_asset_key(table, key_prefix),
        deps=[dg.AssetKey([*key_prefix, f"raw_{entity}"]) for entity in raw],
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
        metadata={
            "dagster/table_name": f"{SCHEMA}.{DATA_TABLES[table].name}",
            "dagster/column_schema": column_schema(table),
            **definition_metadata(),
        },
        freshness_policy=freshness(SOURCES[table]),
    )
    def table_asset(context: dg.AssetExecutionContext, config: TransformConfig) -> Snapshots:
        partitions = _partitions(context.partition_keys)
        context.instance.add_run_tags(context.run.run_id, common_tags(partitions))
        making = _Making(
            table=table,
            engine=context.resources.warehouse.engine(),
            run_id=context.run.run_id,
            extraction=_extraction_id(config.extraction),
            answers=() if config.extraction else answered(table, deployed, _made_in_run(context)),
        )
        return Snapshots(table, lambda: making.snapshots(partitions))

    return table_asset


@dataclass(frozen=True)
class _Making:
    """How one run makes the snapshots of one table."""

    table: str
    engine: "sa.Engine"
    run_id: str
    extraction: UUID | None
    answers: Collection[str]
    """The entities whose messages this run answers."""

    def snapshots(
        self, partitions: Iterable[PartitionKey]
    ) -> Iterator[Snapshot | PartitionFailure]:
        """Make one snapshot after the other; what goes wrong with one becomes its failure."""
        for partition in partitions:
            made: Snapshot | PartitionFailure
            try:
                made = self._snapshot(partition)
            except Exception as error:  # noqa: BLE001 # one partition's failure is not the others'
                made = PartitionFailure(str(partition), error)
            yield made

    def _snapshot(self, partition: PartitionKey) -> Snapshot:
        integration = get_integration(self.engine, partition)
        owner = Owner(integration.tenant_id, integration.id, str(partition))
        claim(self.engine, self.run_id, integration.id, self.answers)
        return build_snapshot(self.table, owner, self._sources(owner))

    def _sources(self, owner: Owner) -> Sources:
        entities = SOURCES[self.table]
        if self.extraction is None:
            return newest_sources(self.engine, owner, entities)
        return sources_of_extraction(self.engine, owner, self.extraction, entities)


def answered(table: str, deployed: Iterable[str], made_in_run: Collection[str]) -> list[str]:
    """Return the entities of ``table`` all of whose deployed tables one run makes."""
    targets = targets_of(deployed)
    return [entity for entity in SOURCES[table] if set(targets[entity]) <= set(made_in_run)]


def common_tags(partitions: Iterable[PartitionKey]) -> dict[str, str]:
    """Return the run tags that hold for all partitions of a run."""
    tags = [set(partition.tags().items()) for partition in partitions]
    return dict(set.intersection(*tags))


def _made_in_run(context: dg.AssetExecutionContext) -> set[str]:
    """Return the names of the assets that this run makes, whether a job or somebody chose them."""
    layer = context.op_execution_context.job_def.asset_layer
    return {key.path[-1] for key in layer.executable_asset_keys}


def _partitions(keys: Iterable[str]) -> list[PartitionKey]:
    try:
        return [PartitionKey.parse(key) for key in keys]
    except InvalidPartitionKeyError as error:
        raise dg.Failure(str(error), allow_retries=False) from error


def _extraction_id(text: str | None) -> UUID | None:
    try:
        return None if text is None else UUID(text)
    except ValueError as error:
        raise dg.Failure(
            f"{text!r} is no extraction: its id is a UUID, which the materializations of its raw "
            "assets show.",
            allow_retries=False,
        ) from error
