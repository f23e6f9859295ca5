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
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid5

import dagster as dg
from pydantic import Field

from jira_assets.extract.failures import as_dagster_failures
from jira_assets.extract.issue_readings import IssueReading, Known
from jira_assets.extract.job_run import JobProgress, begin_job
from jira_assets.extract.pool import SITES_POOL
from jira_assets.extract.readings import RESUMABLE, SiteReader
from jira_assets.extract.windows import Wanted
from jira_assets.jira.client import JiraClient
from jira_assets.partitions import PartitionKey, partitions_definition
from jira_assets.queue import outbox
from jira_assets.queue.broker import BrokerUnavailableError
from jira_assets.settings import MOST_DAYS, Settings
from jira_assets.warehouse.contracts import Note, Owner, Reading, ScopedReading
from jira_assets.warehouse.describe import column_schema
from jira_assets.warehouse.increments import (
    field_types,
    field_usage,
    full_landings,
    read_watermarks,
)
from jira_assets.warehouse.integrations import Integration
from jira_assets.warehouse.reading_leases import reading_alone
from jira_assets.warehouse.tables import ENTITIES, INCREMENTAL
from jira_assets.warehouse.timing import definition_metadata, freshness, timing_notes

if TYPE_CHECKING:
    from jira_assets.extract.resource import JiraResource
    from jira_assets.queue.resource import BrokerResource
    from jira_assets.warehouse.resource import WarehouseResource

GROUP: Final = "jira_raw"
OWNERS: Final = ["team:data-platform"]
RAW_VERSION: Final = "1"
READ_STEP: Final = "read_jira_site"
"""The name of the step that reads a site: what configures it in a run is under this name."""

DESCRIPTIONS: Final = {
    "projects": "Every page of the site's project list, archived projects included, as it came.",
    "issue_types": "The site's issue types, as they came.",
    "statuses": "The site's statuses, as they came: those of active workflows only.",
    "project_statuses": (
        "For each project, its issue types and the statuses of each, as they came: one page a "
        "project. A project that cannot be read (404, 403) is landed as unreadable."
    ),
    "fields": "The site's fields, system and custom ones, as they came.",
    "issue_samples": (
        "Of each project, its newest issues with all their fields, as they came: one page a "
        "project. They show which custom fields it uses."
    ),
    "issue_ids": (
        "The ids of all issues of each project, as they came: what is not among them is deleted. "
        "Archived projects are left out, since a search may not find their issues."
    ),
    "issues": (
        "Of each project, the issues that changed since it was read last, with their changelogs, "
        "as they came. A project counts as landed once its window is whole; "
        "`jira.issue_watermarks` says how far each was read."
    ),
}


class ReadConfig(dg.Config):
    """What to read of issues, if not what is new."""

    full: bool = Field(
        default=False, description="Read all issues again, whatever the watermarks say."
    )
    since: str | None = Field(
        default=None,
        description=(
            "Read what changed from this moment on (ISO 8601; UTC if it says no zone), where the "
            "watermark of a project is later, or where it was never read."
        ),
    )
    full_after_days: float | None = Field(
        default=None,
        description=(
            "Read all issues again of projects that were read in full last so many days ago (0 to "
            f"{MOST_DAYS:,}) and have changed since, a few a run. The nightly refresh says so."
        ),
    )
    rendered_fields: bool = Field(
        default=False, description="Ask for texts as HTML, too (`renderedFields`); raw only."
    )


def wanted_of(config: ReadConfig, *, retried: bool = False) -> Wanted:
    """Read the configuration of a run; what cannot be fails it for good.

    From a moment that lies ahead on, a project that was never read would count as read, with
    nothing in it. A retried step reads in full again only what somebody asked for: it may be that
    which failed.
    """
    try:
        since = None if config.since is None else datetime.fromisoformat(config.since)
    except ValueError:
        raise dg.Failure(
            f"since is {config.since!r}, which is no moment: 2026-11-24T09:30:00+00:00 is one.",
            allow_retries=False,
        ) from None
    if since is not None and since.tzinfo is None:
        since = since.replace(tzinfo=UTC)
    if since is not None and since > datetime.now(UTC):
        raise dg.Failure(
            f"since is {since.isoformat()}, which lies ahead: nothing can have changed from then "
            "on. Name an earlier moment; without a zone it is UTC.",
            allow_retries=False,
        )
    days = config.full_after_days
    if days is not None and not 0 <= days <= MOST_DAYS:
        raise dg.Failure(
            f"full_after_days is {days}: 0 up to {MOST_DAYS:,} days can be.", allow_retries=False
        )
    full_after = None if days is None or retried else timedelta(days=days)
    return Wanted(full=config.full, since=since, full_after=full_after)


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
        name=READ_STEP,
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
    def read_jira_site(
        context: dg.AssetExecutionContext, config: ReadConfig
    ) -> Iterator[dg.Output[Any]]:
        jira: JiraResource = context.resources.jira
        wanted = wanted_of(config, retried=context.retry_number > 0)
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
            issues = IssueReading(
                client,
                integration.custom_field_mappings,
                _known(context, integration),
                wanted,
                rendered=config.rendered_fields,
            )
            reader = SiteReader(integration, client, context.log.info, issues, progress.tell)
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


def _known(context: dg.AssetExecutionContext, integration: Integration) -> Known:
    warehouse: WarehouseResource = context.resources.warehouse
    engine = warehouse.engine()
    return Known(
        watermarks=lambda: read_watermarks(engine, integration.id),
        usage=lambda: {
            project_id: {name: filled for name, (filled, _) in used.items()}
            for project_id, used in field_usage(engine, integration.id).items()
        },
        types=lambda: field_types(engine, integration.id),
        full_landings=lambda: full_landings(engine, integration.id),
    )


def _reading(
    context: dg.AssetExecutionContext, integration: Integration, entity: str, reader: SiteReader
) -> Reading | ScopedReading:
    warehouse: WarehouseResource = context.resources.warehouse
    run_id = context.run.run_id

    def notes() -> dict[str, Note]:
        timing = timing_notes(warehouse.engine(), integration.key, entity, run_id)
        return {**reader.notes(entity), **timing}

    owner, extraction = _owner(integration), extraction_id(run_id, context.partition_key)
    included, excluded = integration.included_projects, integration.excluded_projects
    if entity in INCREMENTAL:
        return ScopedReading(
            owner=owner,
            extraction_id=extraction,
            entity=entity,
            scopes=reader.issues,
            notes=notes,
            included_projects=tuple(included),
            excluded_projects=tuple(excluded),
        )
    return Reading(
        owner=owner,
        extraction_id=extraction,
        entity=entity,
        pages=lambda left: reader.pages(entity, left),
        notes=notes,
        resumable=entity in RESUMABLE,
        included_projects=tuple(included),
        excluded_projects=tuple(excluded),
    )


def _publish(context: dg.AssetExecutionContext, extraction: UUID) -> None:
    warehouse: WarehouseResource = context.resources.warehouse
    broker: BrokerResource = context.resources.broker
    try:
        outbox.publish(warehouse.engine(), broker.broker(), extraction_id=extraction)
    except BrokerUnavailableError as error:
        context.log.warning(f"{error} Nothing is lost: the transform sensor publishes it later.")
