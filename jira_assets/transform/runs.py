"""What the table assets have in common: whose they are, and what a run is asked for.

Decisions this module embodies:

* A run may be on one partition or on five hundred. What is made of each is made when it is drained,
  and a partition that fails is handed over as its failure, so that the others go on.
* A run answers the messages about an entity only if it makes every deployed table that the entity
  feeds; one table materialized by hand leaves them to the run that the sensor asks for.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import UUID

import dagster as dg
from pydantic import Field

from jira_assets.partitions import InvalidPartitionKeyError, PartitionKey
from jira_assets.warehouse.contracts import Owner, PartitionFailure
from jira_assets.warehouse.describe import column_schema
from jira_assets.warehouse.integrations import get_integration
from jira_assets.warehouse.queue_rows import claim, targets_of
from jira_assets.warehouse.tables import SCHEMA, SOURCES
from jira_assets.warehouse.timing import definition_metadata

if TYPE_CHECKING:
    import sqlalchemy as sa

MadeT = TypeVar("MadeT")

GROUP: Final = "jira"
OWNERS: Final = ["team:data-platform"]
RETRY_POLICY: Final = dg.RetryPolicy(
    max_retries=3, delay=2, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS
)


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


def raw_deps(
    entities: Iterable[str], deployed: Collection[str], key_prefix: Sequence[str]
) -> list[dg.AssetKey]:
    """Return the keys of the raw assets of those of ``entities`` that are extracted here."""
    return [dg.AssetKey([*key_prefix, f"raw_{each}"]) for each in entities if each in deployed]


def table_metadata(table: str) -> dict[str, Any]:
    """Return what the definition of every asset of a table says of it."""
    return {
        "dagster/table_name": f"{SCHEMA}.{table}",
        "dagster/column_schema": column_schema(table),
        **definition_metadata(),
    }


def answered(table: str, deployed: Iterable[str], made_in_run: Collection[str]) -> list[str]:
    """Return the entities of ``table`` all of whose deployed tables one run makes."""
    targets = targets_of(deployed)
    return [entity for entity in SOURCES[table] if set(targets[entity]) <= set(made_in_run)]


def common_tags(partitions: Iterable[PartitionKey]) -> dict[str, str]:
    """Return the run tags that hold for all partitions of a run."""
    tags = [set(partition.tags().items()) for partition in partitions]
    return dict(set.intersection(*tags))


def made_in_run(context: dg.AssetExecutionContext) -> set[str]:
    """Return the names of the assets that this run makes, whether a job or somebody chose them."""
    layer = context.op_execution_context.job_def.asset_layer
    return {key.path[-1] for key in layer.executable_asset_keys}


def partitions_of_run(keys: Iterable[str]) -> list[PartitionKey]:
    """Read the keys of a run's partitions; one that is none fails for good."""
    try:
        return [PartitionKey.parse(key) for key in keys]
    except InvalidPartitionKeyError as error:
        raise dg.Failure(str(error), allow_retries=False) from error


def chosen_extraction(text: str | None) -> UUID | None:
    """Read the id that ``TransformConfig`` names; one that is none fails for good."""
    try:
        return None if text is None else UUID(text)
    except ValueError as error:
        raise dg.Failure(
            f"{text!r} is no extraction: its id is a UUID, which the materializations of its raw "
            "assets show.",
            allow_retries=False,
        ) from error


@dataclass(frozen=True)
class PartitionsOfRun:
    """The partitions of one run, each with the messages that the run answers."""

    engine: "sa.Engine"
    run_id: str
    answers: Collection[str] = ()
    """The entities whose messages it answers."""

    def each(
        self, partitions: Iterable[PartitionKey], make: Callable[[Owner], MadeT]
    ) -> Iterator[MadeT | PartitionFailure]:
        """Yield what ``make`` makes of one partition after the other, or why it did not."""
        for partition in partitions:
            made: MadeT | PartitionFailure
            try:
                made = make(self._claimed(partition))
            except Exception as error:  # noqa: BLE001 # one partition's failure is not the others'
                made = PartitionFailure(str(partition), error)
            yield made

    def _claimed(self, partition: PartitionKey) -> Owner:
        integration = get_integration(self.engine, partition)
        claim(self.engine, self.run_id, integration.id, self.answers)
        return Owner(integration.tenant_id, integration.id, str(partition))
