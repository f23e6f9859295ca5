"""A code location with a job that does nothing, for the order in which runs are launched."""

import dagster as dg


@dg.op
def nothing() -> None:
    """Do nothing."""


@dg.job(executor_def=dg.in_process_executor)
def idle() -> None:
    """Do nothing."""
    nothing()


defs = dg.Definitions(jobs=[idle])
