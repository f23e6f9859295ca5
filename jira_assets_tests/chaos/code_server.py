"""Dagster's code server, whose runs are forked from a process that has the code loaded already.

A run that imports everything anew costs three to four seconds of a core: most of a round. The run
itself, its process and what it does are the same.
"""

import multiprocessing
from typing import Any, Final

from dagster._cli import cli

from jira_assets_tests.chaos.points import LOCATION_MODULE

_get_context: Final = multiprocessing.get_context


def _forking(method: str | None = None) -> Any:
    return _get_context("forkserver" if method == "spawn" else method)


if __name__ == "__main__":
    multiprocessing.set_forkserver_preload([LOCATION_MODULE])
    setattr(multiprocessing, "get_context", _forking)  # noqa: B010  # for this process
    cli()
