"""The Dagster resources ``warehouse`` and ``heartbeat``."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

import dagster as dg
import sqlalchemy as sa
from pydantic import PrivateAttr

from jira_assets.partitions import PARTITIONS_NAME
from jira_assets.warehouse.connect import engine_for, normalize_url
from jira_assets.warehouse.heartbeat import INTERVAL_SECONDS, Heartbeat
from jira_assets.warehouse.scope import everything, within_partitions

_PARTITION: Final = "dagster/partition"
_FIRST: Final = "dagster/asset_partition_range_start"
_LAST: Final = "dagster/asset_partition_range_end"


class NoDatabaseError(RuntimeError):
    """The warehouse resource was given no database."""


class WarehouseResource(dg.ConfigurableResource):  # type: ignore[type-arg]  # generic only to Dagster
    """Postgres, as the role that runs connect as.

    ``database_url`` belongs into the environment: ``EnvVar("JIRA_ASSETS_DATABASE_URL")``. A text in
    its place is shown, password included, to everybody who may open the UI. To find the database
    in another way, subclass it and override ``default_url``.
    """

    database_url: str | None = None
    _run_partitions: frozenset[str] | None = PrivateAttr(default=None)

    def url(self) -> str:
        """Return the URL, its driver named."""
        return normalize_url(self.database_url or self.default_url())

    def default_url(self) -> str:
        """Return the URL to use where none was given; raises NoDatabaseError here."""
        raise NoDatabaseError(
            'The resource `warehouse` has no database: WarehouseResource(database_url=EnvVar("JIRA_'
            'ASSETS_DATABASE_URL")).'
        )

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Narrow everything that is done in a run to the run's partitions."""
        self._run_partitions = None if context.run is None else partitions_of(context)

    def engine(self) -> sa.Engine:
        """Return this process's engine. Nothing is connected before it is used.

        In a run on partitions it sees the rows of these and no others. Elsewhere it has no scope,
        and Postgres refuses rows until ``engine_of`` or ``everything`` says which are meant.
        """
        engine = engine_for(self.url())
        keys = self._run_partitions
        return engine if keys is None else within_partitions(engine, keys)

    def engine_of(self, partition_keys: Iterable[str]) -> sa.Engine:
        """Return the engine, seeing these partitions only.

        Raises:
            ScopeError: one of them is none of the run's.
        """
        return within_partitions(self.engine(), partition_keys)

    def everything(self, why: str) -> sa.Engine:
        """Return the engine, seeing all tenants; ``why`` says what needs it.

        Raises:
            ScopeError: in a run on partitions.
        """
        return everything(self.engine(), why)


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
            context.run.tags.get(_PARTITION),
            interval_seconds=self.interval_seconds,
        ):
            yield self


def partitions_of(context: dg.InitResourceContext) -> frozenset[str] | None:
    """Return the partition keys that a run is on, by its tags; None: it is on none.

    A range holds the keys that were added between its ends, as Dagster has them.
    """
    tags = {} if context.run is None else context.run.tags
    if _PARTITION in tags:
        return frozenset({tags[_PARTITION]})
    if _FIRST not in tags or _LAST not in tags or context.instance is None:
        return None
    keys = list(context.instance.get_dynamic_partitions(PARTITIONS_NAME))
    first, last = tags[_FIRST], tags[_LAST]
    if first not in keys or last not in keys:
        return frozenset({first, last})
    return frozenset(keys[keys.index(first) : keys.index(last) + 1])
