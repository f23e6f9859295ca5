"""The Dagster resource ``jira``: from a partition key to a client for that integration's site."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from jira_assets.extract.site import site_of
from jira_assets.jira.client import JiraClient
from jira_assets.partitions import PartitionKey
from jira_assets.settings import Settings
from jira_assets.warehouse.integrations import Integration, get_integration
from jira_assets.warehouse.resource import WarehouseResource


class JiraResource(dg.ConfigurableResource):  # type: ignore[type-arg]  # generic only to Dagster
    """Opens a client for the integration behind a partition key.

    To put another client in its place (in tests, or for a site with a login of its own), subclass
    it and override ``client``.
    """

    warehouse: dg.ResourceDependency[WarehouseResource]
    allow_plain_http: bool | None = None
    """Send credentials over plain http; None: as ``JIRA_ASSETS_ALLOW_PLAIN_HTTP`` says."""
    allow_link_local: bool | None = None
    """Call link-local addresses; None: as ``JIRA_ASSETS_ALLOW_LINK_LOCAL`` says."""

    def integration(self, partition_key: str) -> Integration:
        """Look up the integration; unknown and disabled ones raise before anything is read."""
        return get_integration(
            self.warehouse.engine_of([partition_key]), PartitionKey.parse(partition_key)
        )

    def client(self, integration: Integration) -> JiraClient:
        """Build the client of one integration's site. Its secret is resolved at each use."""
        settings = Settings.from_environment()
        plain_http, link_local = self.allow_plain_http, self.allow_link_local
        site = site_of(
            integration,
            allow_plain_http=settings.allow_plain_http if plain_http is None else plain_http,
            allow_link_local=settings.allow_link_local if link_local is None else link_local,
        )
        return JiraClient(site)

    @contextmanager
    def open(self, integration: Integration) -> Iterator[JiraClient]:
        """Hold a client, with its connection pool, until the block ends."""
        with self.client(integration) as client:
            yield client
