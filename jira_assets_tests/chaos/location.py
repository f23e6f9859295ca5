"""The project's code location for the chaos harness: the product, its points, its times shortened.

Rounds take seconds, so what the product waits for minutes is seconds here: how often runs beat and
sensors look, how long a run may take to its first beat, the pauses between attempts. What is
sabotaged, if anything, is in ``sabotage``.
"""

import os
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, Final

import amqp
from amqp import spec

from jira_assets.definitions import build_definitions
from jira_assets.extract import assets as extract_assets
from jira_assets.extract.readings import SiteReader
from jira_assets.jobs import reconciler
from jira_assets.jobs import sensor as jobs_sensor
from jira_assets.local_resources import LocalWarehouse
from jira_assets.queue import broker, inbox, planning, runs
from jira_assets.queue import sensor as transform_sensor
from jira_assets.warehouse import io_managers, merge, merge_increments, queue_rows
from jira_assets.warehouse.resource import RunHeartbeat
from jira_assets_tests.chaos.points import (
    AFTER_INBOX,
    AFTER_MARKER,
    AFTER_MERGE,
    BEFORE_CONFIRM,
    BEFORE_INBOX,
    MID_MERGE,
    MID_PAGE,
    SABOTAGE_VARIABLE,
    fall,
)
from jira_assets_tests.chaos.sabotage import SABOTAGES

BEAT_SECONDS: Final = 1.0
_TIMES: Final[tuple[tuple[Any, str, Any], ...]] = (
    (transform_sensor, "INTERVAL_SECONDS", 2),
    (jobs_sensor, "INTERVAL_SECONDS", 2),
    (reconciler, "INTERVAL_SECONDS", 3),
    (runs, "STARTING_SECONDS", 40.0),
    (planning, "PAUSES", (1, 2, 4, 8)),
)


def _before(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    @wraps(function)
    def with_point(*args: Any, **kwargs: Any) -> Any:
        fall(name)
        return function(*args, **kwargs)

    return with_point


def _after(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    @wraps(function)
    def with_point(*args: Any, **kwargs: Any) -> Any:
        made = function(*args, **kwargs)
        fall(name)
        return made

    return with_point


def _between(function: Callable[..., Iterator[Any]], name: str) -> Callable[..., Iterator[Any]]:
    @wraps(function)
    def with_point(*args: Any, **kwargs: Any) -> Iterator[Any]:
        for page in function(*args, **kwargs):
            yield page
            fall(name)

    return with_point


def _wait(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def with_point(channel: Any, method: Any, *args: Any, **kwargs: Any) -> Any:
        if method == [spec.Basic.Ack, spec.Basic.Nack]:
            fall(BEFORE_CONFIRM)
        return function(channel, method, *args, **kwargs)

    return with_point


def _set(owner: Any, name: str, value: Any) -> None:
    getattr(owner, name)  # what is replaced must be there
    setattr(owner, name, value)


for _module, _name, _value in _TIMES:
    _set(_module, _name, _value)
_set(SiteReader, "pages", _between(SiteReader.pages, MID_PAGE))
_set(SiteReader, "issues", _between(SiteReader.issues, MID_PAGE))
_set(extract_assets, "_publish", _before(extract_assets._publish, AFTER_MARKER))
_set(amqp.Channel, "wait", _wait(amqp.Channel.wait))
_set(inbox, "_store", _after(inbox._store, BEFORE_INBOX))
_set(broker.Delivery, "ack", _before(broker.Delivery.ack, AFTER_INBOX))
_set(merge, "settle", _before(queue_rows.settle, MID_MERGE))
_set(merge_increments, "settle", _before(queue_rows.settle, MID_MERGE))
_set(io_managers, "merge", _after(merge.merge, AFTER_MERGE))
_set(io_managers, "merge_increments", _after(merge_increments.merge_increments, AFTER_MERGE))
if os.environ.get(SABOTAGE_VARIABLE):
    SABOTAGES[os.environ[SABOTAGE_VARIABLE]]()

_warehouse = LocalWarehouse()
defs = build_definitions(
    resources={
        "warehouse": _warehouse,
        "heartbeat": RunHeartbeat(warehouse=_warehouse, interval_seconds=BEAT_SECONDS),
    }
)
