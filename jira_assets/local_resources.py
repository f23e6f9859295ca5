"""The resources of a code location that nobody configured: the servers of ``services``.

Apart from ``services``, because a command that needs no Dagster should not import it.
"""

from jira_assets.queue.resource import BrokerResource
from jira_assets.services import connect_services
from jira_assets.settings import Settings
from jira_assets.warehouse.resource import WarehouseResource


class LocalWarehouse(WarehouseResource):
    """The database of ``JIRA_ASSETS_DATABASE_URL``, or the embedded Postgres."""

    def default_url(self) -> str:
        """Return the URL of the runtime role, starting the embedded Postgres if need be."""
        return connect_services(Settings.from_environment()).database_url


class LocalBroker(BrokerResource):
    """The broker of ``JIRA_ASSETS_BROKER_URL``, or the embedded one."""

    def url(self) -> str:
        """Return the broker's URL."""
        return self.broker_url or connect_services(Settings.from_environment()).broker_url
