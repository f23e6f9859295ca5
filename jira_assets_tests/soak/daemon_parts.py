"""Dagster's own launcher for the daemon of a soak; its ticks are kept for shorter days, too."""

from datetime import datetime, timedelta
from typing import Any

from dagster import DagsterInstance
from dagster._core.launcher import DefaultRunLauncher

from jira_assets_tests.soak.clock import days

_purge = DagsterInstance.purge_ticks


class SoakLauncher(DefaultRunLauncher):
    """Starts runs in the code server, as Dagster's own; to name it is to load this module."""


def _purge_sooner(
    instance: DagsterInstance, origin_id: str, selector_id: str, before: float, **more: Any
) -> None:
    now = datetime.now().timestamp()  # noqa: DTZ005  # a count of seconds, of no zone
    kept = timedelta(seconds=now - before) / timedelta(days=1)
    _purge(instance, origin_id, selector_id, now - days(kept) * 86_400, **more)


setattr(DagsterInstance, "purge_ticks", _purge_sooner)  # noqa: B010  # a method, to mypy
