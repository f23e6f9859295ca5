"""The raw_* assets: one step that reads a site, and lands each entity as it came.

Decisions this module embodies:

* One step for all of them (any subset selectable), because one process has to hold a site's
  connection pool and rate budget, and because every further process costs three seconds.
* The outputs are readings, which the raw IO manager drains page by page. The body does not see an
  exception of a landing, only its own end; whatever must survive one is in the page generator.
* A site is read by one run at a time: the step holds the integration's lease around everything it
  asks of Jira. While it waits for another run nothing is open, and the settings are looked up anew
  afterwards, since they may be others by then.
* After each marker its message is published at once. A broker that is away is a warning here: the
  message is a row, and the transform sensor publishes rows that nobody did.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid5

import dagster as dg

from jira_assets.extract.failures import as_dagster_failures
from jira_assets.extract.job_run import JobProgress, begin_job
from jira_assets.extract.pool import SITES_POOL
from jira_assets.extract.readings import SiteReader
from jira_assets.jira.client import JiraClient
from jira_assets.partitions import PartitionKey, partitions_definition
from jira_assets.queue import outbox
from jira_assets.queue.broker import BrokerUnavailableError
from jira_assets.settings import Settings
from jira_assets.warehouse.contracts import Owner, Reading
from jira_assets.warehouse.describe import column_schema
from jira_assets.warehouse.integrations import Integration
from jira_assets.warehouse.reading_leases import reading_alone
from jira_assets.warehouse.tables import ENTITIES
from jira_assets.warehouse.timing import definition_metadata, freshness, timing_notes

if TYPE_CHECKING:
    from jira_assets.extract.resource import JiraResource
    from jira_assets.queue.resource import BrokerResource
    from jira_assets.warehouse.resource import WarehouseResource

GROUP: Final = "jira_raw"
OWNERS: Final = ["team:data-platform"]
RAW_VERSION: Final = "1"

DESCRIPTIONS: Final = {
    "projects": "Every page of the site's project list, archived projects included, as it came.",
    "issue_types": "The site's issue types, as they came.",
    "statuses": "The site's statuses, as they came: those of active workflows only.",
    "project_statuses": (
        "For each project, its issue types and the statuses of each, as they came: one page a "
        "project. A project that cannot be read (404, 403) is landed as unreadable."
    ),
    "fields": "The site's fields, system and custom ones, as they came.",
}


def raw_asset_key(entity: str, key_prefix: Sequence[str] = ()) -> dg.AssetKey:
    """Return the key of the raw asset of an entity."""
    return dg.AssetKey([*key_prefix, f"raw_{entity}"])


def extraction_id(run_id: str, partition_key: str) -> UUID:
    """Return the id of the extraction that a run makes of a partition: the same at each retry."""
    return uuid5(UUID(run_id), partition_key)


def build_raw_assets(
    entities: Sequence[str] = ENTITIES, key_prefix: Sequence[str] = ()
) -> dg.AssetsDefinition:
    """Build the extraction step for ``entities`` (in reading order, whatever order is given)."""
    deployed = [entity for entity in ENTITIES if entity in entities]

    @dg.multi_asset(
        name="read_jira_site",
        outs={f"raw_{entity}": _out(entity, key_prefix) for entity in deployed},
        partitions_def=partitions_definition(),
        can_subset=True,
        # Dagster marks the parameter as beta; the suite pins its behaviour.
        backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=1),
        retry_policy=dg.RetryPolicy(
            max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS
        ),
        required_resource_keys={"jira", "warehouse", "broker", "heartbeat"},
        pool=SITES_POOL,
        description="Reads one Jira site and lands what it answers, entity by entity.",
    )
    def read_jira_site(context: dg.AssetExecutionContext) -> Iterator[dg.Output[Any]]:
        jira: JiraResource = context.resources.jira
        context.instance.add_run_tags(
            context.run.run_id, PartitionKey.parse(context.partition_key).tags()
        )
        extraction = extraction_id(context.run.run_id, context.partition_key)
        selected = context.op_execution_context.selected_output_names
        entities = tuple(entity for entity in deployed if f"raw_{entity}" in selected)
        progress = _begin_job(context, entities)
        with _alone(context) as integration, jira.open(integration) as client:
            client.tell_waits(context.log.warning)
            _greet(context, integration, client)
            reader = SiteReader(integration, client, context.log.info, progress.tell)
            for entity in entities:
                reading = _reading(context, integration, entity, reader)
                yield dg.Output(reading, output_name=f"raw_{entity}")
                progress.over(entity)
                _publish(context, extraction)
            context.log.info(f"{integration.base_url}: {client.stats}")

    return read_jira_site


def _out(entity: str, key_prefix: Sequence[str]) -> dg.AssetOut:
    return dg.AssetOut(
        key=raw_asset_key(entity, key_prefix),
        is_required=False,
        io_manager_key="raw_io_manager",
        description=DESCRIPTIONS[entity],
        group_name=GROUP,
        code_version=RAW_VERSION,
        owners=OWNERS,
        kinds={"jira", "postgres"},
        metadata={
            "dagster/table_name": "jira.raw_extraction_data",
            "dagster/column_schema": column_schema("raw_extraction_data"),
            "entity": entity,
            **definition_metadata(),
        },
        freshness_policy=freshness([entity]),
    )


def _begin_job(context: dg.AssetExecutionContext, entities: tuple[str, ...]) -> JobProgress:
    """Claim the row of the run's job, if it is of one."""
    jira: JiraResource = context.resources.jira
    warehouse: WarehouseResource = context.resources.warehouse
    with as_dagster_failures(context.partition_key):
        integration = jira.integration(context.partition_key)
    return begin_job(
        context,
        warehouse.engine(),
        integration.id,
        entities,
        dead_after=Settings.from_environment().dead_after_seconds,
    )


@contextmanager
def _alone(context: dg.AssetExecutionContext) -> Iterator[Integration]:
    """Hold the lease of the run's integration; gives the integration as it is then."""
    jira: JiraResource = context.resources.jira
    warehouse: WarehouseResource = context.resources.warehouse
    with as_dagster_failures(context.partition_key):
        owner = _owner(jira.integration(context.partition_key))
        with reading_alone(
            warehouse.engine(),
            owner,
            context.run.run_id,
            dead_after=Settings.from_environment().dead_after_seconds,
            log=context.log.info,
        ):
            yield jira.integration(context.partition_key)


def _owner(integration: Integration) -> Owner:
    return Owner(integration.tenant_id, integration.id, integration.partition_key)


def _greet(context: dg.AssetExecutionContext, integration: Integration, client: JiraClient) -> None:
    with as_dagster_failures(integration.partition_key):
        identity = client.identity()
    context.log.info(
        f"reading {integration.base_url} ({identity.deployment}) as {identity.display_name}, "
        f"at most {integration.max_concurrency} calls at once"
    )


def _reading(
    context: dg.AssetExecutionContext, integration: Integration, entity: str, reader: SiteReader
) -> Reading:
    warehouse: WarehouseResource = context.resources.warehouse
    run_id = context.run.run_id
    return Reading(
        owner=_owner(integration),
        extraction_id=extraction_id(run_id, context.partition_key),
        entity=entity,
        pages=lambda left: reader.pages(entity, left),
        notes=lambda: {
            **reader.notes(entity),
            **timing_notes(warehouse.engine(), integration.key, entity, run_id),
        },
        resumable=entity == "project_statuses",
        included_projects=tuple(integration.included_projects),
        excluded_projects=tuple(integration.excluded_projects),
    )


def _publish(context: dg.AssetExecutionContext, extraction: UUID) -> None:
    warehouse: WarehouseResource = context.resources.warehouse
    broker: BrokerResource = context.resources.broker
    try:
        outbox.publish(warehouse.engine(), broker.broker(), extraction_id=extraction)
    except BrokerUnavailableError as error:
        context.log.warning(f"{error} Nothing is lost: the transform sensor publishes it later.")
