"""The Dagster resource ``broker``."""

import dagster as dg

from jira_assets.queue.broker import Broker


class BrokerNotConfiguredError(ValueError):
    """No broker URL was given."""


class BrokerResource(dg.ConfigurableResource):  # type: ignore[type-arg]  # generic only to Dagster
    """Gives the broker that messages travel over.

    In a deployment of your own: ``BrokerResource(broker_url=EnvVar("JIRA_ASSETS_BROKER_URL"))``, so
    that the password is not part of run config. A subclass may find the URL itself: ``url``.
    """

    broker_url: str | None = None

    def url(self) -> str:
        """Return the URL of the broker; raises ``BrokerNotConfiguredError`` where there is none."""
        if not self.broker_url:
            raise BrokerNotConfiguredError(
                "the resource `broker` has no broker_url: give it "
                'EnvVar("JIRA_ASSETS_BROKER_URL") and set that variable.'
            )
        return self.broker_url

    def broker(self) -> Broker:
        """Return the broker. Connects to nothing yet."""
        return Broker(self.url())
