"""The transforms in earnest: Dagster in this process, the scenario in a real warehouse."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import dagster as dg
import pytest
import sqlalchemy as sa

from jira_assets.partitions import PARTITIONS_NAME
from jira_assets.transform.assets import build_transform_assets
from jira_assets.transform.checks import build_checks
from jira_assets.warehouse.contracts import Landing, Owner
from jira_assets.warehouse.io_managers import TableIOManager
from jira_assets.warehouse.landing import land
from jira_assets.warehouse.resource import RunHeartbeat, WarehouseResource
from jira_assets.warehouse.tables import ENTITIES, SOURCES
from jira_assets_tests.conftest import AddIntegration
from jira_assets_tests.scenario import CLOUD, SITES
from jira_assets_tests.site_scenario import SiteScenario

JOB = "transform"
CHECKS_JOB = "checks"
TABLES = tuple(table for table in SOURCES if table in CLOUD.rows)
"""The tables that the scenario fills."""


@dataclass(frozen=True)
class Transforms:
    """Lands pages and runs the table assets and their checks as a job."""

    engine: sa.Engine
    instance: dg.DagsterInstance
    resources: dict[str, Any]
    owners: dict[str, Owner]

    def land(self, site: SiteScenario, *entities: str, extraction: UUID | None = None) -> UUID:
        """Land a site's entities (all of them by default) as one extraction; return its id."""
        extraction = extraction or uuid4()
        for entity in entities or [each for each in ENTITIES if each in site.pages]:
            self.land_one(site, entity, extraction)
        return extraction

    def land_one(self, site: SiteScenario, entity: str, extraction: UUID) -> Landing:
        reading = site.reading(entity, extraction, self.owners[site.partition_key])
        return land(self.engine, reading, run_id="extraction")

    def definitions(
        self,
        tables: Sequence[str] = TABLES,
        entities: Sequence[str] = ENTITIES,
        key_prefix: Sequence[str] = (),
        *,
        force: bool = False,
    ) -> dg.Definitions:
        manager = TableIOManager(
            warehouse=self.resources["warehouse"], deployed_tables=list(tables), force=force
        )
        assets = build_transform_assets(tables=tables, entities=entities, key_prefix=key_prefix)
        checks = dg.AssetSelection.all_asset_checks()
        return dg.Definitions(
            assets=assets,
            asset_checks=build_checks(tables=tables, key_prefix=key_prefix),
            jobs=[
                dg.define_asset_job(JOB, selection=dg.AssetSelection.assets(*assets)),
                dg.define_asset_job(CHECKS_JOB, selection=checks),
            ],
            executor=dg.in_process_executor,
            resources={"table_io_manager": manager, **self.resources},
        )

    def run(
        self,
        partition: str | tuple[str, str],
        tables: Sequence[str] | None = None,
        definitions: dg.Definitions | None = None,
        **more: Any,
    ) -> dg.ExecuteInProcessResult:
        """Run ``tables`` (all by default) of one partition, or of the range between two."""
        job = (definitions or self.definitions()).resolve_job_def(JOB)
        if isinstance(partition, str):
            more["partition_key"] = partition
        else:
            names = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
            more["tags"] = dict(zip(names, partition, strict=True))
        return job.execute_in_process(
            instance=self.instance,
            asset_selection=None if tables is None else [dg.AssetKey(table) for table in tables],
            raise_on_error=False,
            **more,
        )

    def all(self, query: sa.Select[Any]) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(query))


@pytest.fixture
def transforms(
    warehouse: sa.Engine, runtime_url: str, integration: AddIntegration
) -> Iterator[Transforms]:
    owners = {}
    for site in SITES:
        row = integration(site.partition_key)
        owners[site.partition_key] = Owner(row.tenant_id, row.id, site.partition_key)
    resource = WarehouseResource(database_url=runtime_url)
    resources = {"warehouse": resource, "heartbeat": RunHeartbeat(warehouse=resource)}
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(PARTITIONS_NAME, [site.partition_key for site in SITES])
        yield Transforms(warehouse, instance, resources, owners)
