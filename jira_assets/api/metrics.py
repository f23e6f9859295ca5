"""``/metrics`` for Prometheus: what the tables say, at the moment of the scrape.

Decisions this module embodies:

* For an admin's key only: the figures name every tenant. Prometheus sends one as a bearer token.
* Rows are counted at most once a minute, however often somebody scrapes.
* No counters of this process: there may be several, and each of them sees the same tables.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from jira_assets.api.problems import Problem, documented
from jira_assets.api.row_counts import Rows
from jira_assets.api.service import TheCaller
from jira_assets.warehouse.figures import Figures, PartitionFigures, read_figures

router: Final = APIRouter(tags=["service"])


@router.get(
    "/metrics",
    summary="Figures for Prometheus (an admin's key)",
    response_class=PlainTextResponse,
    responses=documented(401, 403, 503),
)
def metrics(caller: TheCaller) -> Response:
    """Return runs, jobs, requests, messages by state, rows, and how old each partition is."""
    if caller.key.tenant_id is not None:
        detail = "This needs an admin's key: `jira-assets key create --admin`."
        raise Problem(HTTPStatus.FORBIDDEN, "forbidden", detail)
    service = caller.service
    with caller.engine.connect() as connection:
        figures = read_figures(connection, dead_after=service.dead_after_seconds)
        rows = service.rows.of(connection)
    registry = CollectorRegistry()
    registry.register(_Collected(figures, rows))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)


class _Collected(Collector):
    def __init__(self, figures: Figures, rows: Rows) -> None:
        self._figures = figures
        self._rows = rows

    def collect(self) -> Iterator[Metric]:
        figures = self._figures
        yield _by_state("runs", "Dagster runs of ours that gave signs of life.", figures.runs)
        yield _by_state("jobs", "Jobs, by the state of their last run.", figures.jobs)
        yield _by_state("requests", "Requests for runs.", figures.requests)
        yield _by_state("queue_messages", "Messages from landing to tables.", figures.queue)
        yield _rows(self._rows)
        yield _ages(figures.partitions)
        yield _took(figures.partitions)


def _by_state(name: str, said: str, counts: dict[str, int]) -> Metric:
    family = GaugeMetricFamily(f"jira_assets_{name}", said, labels=["state"])
    for state, count in counts.items():
        family.add_metric([state.lower()], count)
    return family


def _rows(rows: Rows) -> Metric:
    family = GaugeMetricFamily(
        "jira_assets_rows",
        "Living rows, counted within the last minute.",
        labels=["table", "integration"],
    )
    for table, partition_key, count in rows:
        family.add_metric([table, partition_key], count)
    return family


def _ages(partitions: list[PartitionFigures]) -> Metric:
    family = GaugeMetricFamily(
        "jira_assets_age_seconds",
        "Since something of an active integration last landed, and was last applied to a table.",
        labels=["integration", "what"],
    )
    for each in partitions:
        for what, age in (("landed", each.landed_seconds), ("applied", each.applied_seconds)):
            if age is not None:
                family.add_metric([each.partition_key, what], age)
    return family


def _took(partitions: list[PartitionFigures]) -> Metric:
    family = GaugeMetricFamily(
        "jira_assets_last_reading",
        "What the newest extraction of an active integration took of its Jira.",
        labels=["integration", "what"],
    )
    for each in partitions:
        for what, count in each.took.items():
            family.add_metric([each.partition_key, what], count)
    return family
