"""The Dagster resources ``warehouse`` and ``heartbeat``."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
import sqlalchemy as sa

from jira_assets.warehouse.connect import engine_for, normalize_url
from jira_assets.warehouse.heartbeat import INTERVAL_SECONDS, Heartbeat


class NoDatabaseError(RuntimeError):
    """The warehouse resource was given no database."""


class WarehouseResource(dg.ConfigurableResource):  # type: ignore[type-arg]  # generic only to Dagster
    """Postgres, as the role that runs connect as.

    ``database_url`` belongs into the environment: ``EnvVar("JIRA_ASSETS_DATABASE_URL")``. A text in
    its place is shown, password included, to everybody who may open the UI. To find the database
    in another way, subclass it and override ``default_url``.
    """

    database_url: str | None = None

    def url(self) -> str:
        """Return the URL, its driver named."""
        return normalize_url(self.database_url or self.default_url())

    def default_url(self) -> str:
        """Return the URL to use where none was given; raises NoDatabaseError here."""
        raise NoDatabaseError(
            'The resource `warehouse` has no database: WarehouseResource(database_url=EnvVar("JIRA_'
            'ASSETS_DATABASE_URL")).'
        )

    def engine(self) -> sa.Engine:
        """Return this process's engine. Nothing is connected before it is used."""
        return engine_for(self.url())


class RunHeartbeat(dg.ConfigurableResource):  # type: ignore[type-arg]  # generic only to Dagster
    """Signs of life of a run, from the start of a step's resources to their end.

    Outside of a run it does nothing.
    """

    warehouse: dg.ResourceDependency[WarehouseResource]
    interval_seconds: float = INTERVAL_SECONDS

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["RunHeartbeat"]:
        """Beat while Dagster holds the resource."""
        if context.run is None:
            yield self
            return
        with Heartbeat(
            self.warehouse.engine(),
            context.run.run_id,
            context.run.tags.get("dagster/partition"),
            interval_seconds=self.interval_seconds,
        ):
            yield self
