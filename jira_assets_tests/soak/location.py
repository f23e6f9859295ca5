"""The project's code location for a soak: the product, with shorter days of retention.

Nothing else is changed: beats, sensors and pauses are those of earnest.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from jira_assets.definitions import build_definitions
from jira_assets.jobs import run_retention
from jira_assets.jobs.schedules import NIGHTLY, RETENTION
from jira_assets.warehouse.retention import KeepRule
from jira_assets_tests.soak import clock
from jira_assets_tests.soak.clock import NIGHTS, PRUNINGS


def _shorter(asked: Callable[[KeepRule], dict[str, Any]]) -> Callable[[KeepRule], dict[str, Any]]:
    def scaled(rule: KeepRule) -> dict[str, Any]:
        values = asked(rule)
        return {**values, "days": clock.days(values["days"])}

    return scaled


def _cutoff(days: int) -> datetime:
    return datetime.now(UTC) - timedelta(days=clock.days(days))


for _name in ("landed", "unfinished", "records"):
    setattr(KeepRule, _name, _shorter(getattr(KeepRule, _name)))
run_retention.cutoff = _cutoff

defs = build_definitions(crons={NIGHTLY: NIGHTS, RETENTION: PRUNINGS})
