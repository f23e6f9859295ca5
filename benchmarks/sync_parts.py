"""Runs one sync with a watch on its parts; prints them as JSON. A script, so that imports count."""

import json
import resource
import time
from typing import Any


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    began, parts = time.perf_counter(), {}
    from jira_assets.local_runs import open_local_runs
    from jira_assets.partitions import PartitionKey
    from jira_assets.warehouse.tables import ENTITIES

    parts["imports, CPU"] = cpu()
    watch_jira, watch_postgres = Watch(), Watch()
    wrap_jira(watch_jira)
    with open_local_runs(PartitionKey.parse("bench/site")) as runs:
        parts["Dagster's start, CPU"] = cpu() - parts["imports, CPU"]
        listen_to_postgres(watch_postgres)
        outcome = runs.sync("bench/site", list(ENTITIES))
    if not outcome.ok:
        raise RuntimeError(outcome.problems)
    parts["Jira, wall, summed over calls"] = watch_jira.seconds
    parts["Postgres, wall: statements of runs, events and tables"] = watch_postgres.seconds
    parts["extraction, wall"] = outcome.seconds["extract"]
    parts["queue and transforms, wall"] = outcome.seconds["transform"]
    parts["all of it, CPU"] = cpu()
    parts["all of it, wall"] = time.perf_counter() - began
    print(json.dumps(parts))


class Watch:
    """Sums seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.began = 0.0


def wrap_jira(watch: Watch) -> None:
    from jira_assets.jira.caller import Caller

    original = Caller.call

    def call(self: Caller, *args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        try:
            return original(self, *args, **kwargs)
        finally:
            watch.seconds += time.perf_counter() - began

    setattr(Caller, "call", call)  # noqa: B010  # a watch around the method, for this process


def listen_to_postgres(watch: Watch) -> None:
    import sqlalchemy as sa
    from sqlalchemy.engine import Engine

    def before(*_: Any) -> None:
        watch.began = time.perf_counter()

    def after(*_: Any) -> None:
        watch.seconds += time.perf_counter() - watch.began

    sa.event.listen(Engine, "before_cursor_execute", before)
    sa.event.listen(Engine, "after_cursor_execute", after)


if __name__ == "__main__":
    main()
