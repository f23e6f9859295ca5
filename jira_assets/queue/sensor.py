"""The transform sensor: from messages to runs, in Dagster's words."""

from collections.abc import Sequence
from typing import Any, Final

import dagster as dg

from jira_assets.queue.planning import TransformRequest
from jira_assets.queue.resource import BrokerResource
from jira_assets.queue.tick import (
    SENSOR_NAME,
    TickOptions,
    TickOutcome,
    request_tags,
    run_tags,
    transform_tick,
)
from jira_assets.warehouse.connect import WarehouseUnavailableError
from jira_assets.warehouse.resource import WarehouseResource
from jira_assets.warehouse.tables import SOURCES

__all__ = [
    "TickOptions",
    "TickOutcome",
    "build_transform_sensor",
    "run_tags",
    "shown",
    "transform_tick",
]

INTERVAL_SECONDS: Final = 5
MAX_LINES: Final = 30
_DESCRIPTION: Final = (
    "Receives the messages about what has landed, and asks for one run a partition of the tables "
    "that it feeds. Publishes again what nobody received, and brings back what a failed or killed "
    "run left."
)
_NOTHING: Final = "No message is on its way."


def build_transform_sensor(
    *,
    job: Any,
    tables: Sequence[str] = tuple(SOURCES),
    key_prefix: Sequence[str] = (),
    default_status: dg.DefaultSensorStatus = dg.DefaultSensorStatus.RUNNING,
) -> dg.SensorDefinition:
    """Build the sensor that asks for a run of ``job`` for what has landed.

    Args:
        job: the asset job of the transforms; runs are narrowed to the assets that are fed.
        tables: the tables that are deployed, by name.
        key_prefix: stands before the tables' asset keys.
        default_status: whether the sensor starts switched on.
    """

    @dg.sensor(
        name=SENSOR_NAME,
        job=job,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=default_status,
        description=_DESCRIPTION,
    )
    def transform_landed_extractions(
        context: dg.SensorEvaluationContext, warehouse: WarehouseResource, broker: BrokerResource
    ) -> dg.SensorResult | dg.SkipReason:
        try:
            outcome = transform_tick(
                context.instance,
                warehouse.everything("the transform sensor plans for all that has landed"),
                broker.broker(),
                tables=tables,
            )
        except WarehouseUnavailableError as error:
            return dg.SkipReason(str(error))
        words = shown(outcome.words)
        for line in words:
            context.log.info(line)
        if not outcome.requests:
            return dg.SkipReason("\n".join(words) or _NOTHING)
        return dg.SensorResult(
            run_requests=[_run_request(request, key_prefix) for request in outcome.requests]
        )

    return transform_landed_extractions


def shown(words: Sequence[str]) -> list[str]:
    """Return the lines that a tick keeps: Dagster stores them every few seconds, for days."""
    left_out = len(words) - MAX_LINES
    return [*words[:MAX_LINES], f"and {left_out} lines more"] if left_out > 0 else list(words)


def _run_request(request: TransformRequest, key_prefix: Sequence[str]) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=request.run_key,
        partition_key=request.partition_key,
        asset_selection=[dg.AssetKey([*key_prefix, table]) for table in request.tables],
        tags=request_tags(request),
    )
