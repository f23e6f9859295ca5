"""Syncs the issues of one site, in one process; prints what it took as JSON. A script.

Wall seconds from the first call to the merged tables, imports and Dagster's start not counted, and
the process's peak memory in MB.
"""

import json
import resource
import sys
import time

from jira_assets.jira.stats import Counts, Stats
from jira_assets.local_runs import open_local_runs
from jira_assets.partitions import PartitionKey


def main(key: str) -> None:
    calls = count_calls()
    with open_local_runs(PartitionKey.parse(key)) as runs:
        began = time.perf_counter()
        outcome = runs.sync(key, ["issues"])
        seconds = time.perf_counter() - began
    if not outcome.ok:
        raise RuntimeError(outcome.problems)
    rows = {table.table: [table.inserted, table.updated, table.alive] for table in outcome.tables}
    print(
        json.dumps(
            {
                "seconds": seconds,
                "extract": outcome.seconds["extract"],
                "transform": outcome.seconds["transform"],
                "calls": sum(calls),
                "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "rows": rows,
            }
        )
    )


def count_calls() -> list[int]:
    """Return a list to which clients of this process add their calls, as they count them."""
    counted: list[int] = []
    original = Stats.add

    def add(self: Stats, counts: Counts) -> None:
        counted.append(counts.calls)
        original(self, counts)

    setattr(Stats, "add", add)  # noqa: B010  # a watch around the method, for this process
    return counted


if __name__ == "__main__":
    main(*sys.argv[1:])
