"""Dagster's own coordinator and launcher with a point each, for the daemon of the chaos harness.

The daemon loads them by its ``dagster.yaml``. It also looks at its sensors every second here, not
every five.
"""

from dagster import DagsterRun
from dagster._core.launcher import DefaultRunLauncher, LaunchRunContext
from dagster._core.run_coordinator import QueuedRunCoordinator, SubmitRunContext
from dagster._daemon import sensor

from jira_assets_tests.chaos.points import AFTER_QUEUE, AFTER_REQUEST, fall


class ChaosCoordinator(QueuedRunCoordinator):
    """Puts runs into the queue; the point is after a run was created for its request."""

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        fall(AFTER_REQUEST)
        return super().submit_run(context)


class ChaosLauncher(DefaultRunLauncher):
    """Starts runs in the code server; the point is after a run has left the queue."""

    def launch_run(self, context: LaunchRunContext) -> None:
        fall(AFTER_QUEUE)
        super().launch_run(context)


setattr(sensor, "MIN_INTERVAL_LOOP_TIME", 1)  # noqa: B010  # Final to mypy; for this process
