"""Reads one site, alone or into Postgres; prints as JSON what it took. A process of its own."""

import json
import resource
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import orjson
import urllib3

from jira_assets.extract.readings import SiteReader
from jira_assets.extract.roster import project_refs
from jira_assets.jira.client import JiraClient, ProjectRef
from jira_assets.jira.dialect import dialect_of
from jira_assets.jira.site import Site
from jira_assets.partitions import PartitionKey
from jira_assets.warehouse.connect import engine_for
from jira_assets.warehouse.contracts import Owner, Reading
from jira_assets.warehouse.integrations import add_integration
from jira_assets.warehouse.landing import land
from jira_assets.warehouse.scope import everything


def alone(url: str, concurrency: int) -> dict[str, float]:
    """Read the projects, then the statuses of each, and keep nothing."""
    with JiraClient(Site(url, auth="none", max_concurrency=concurrency)) as client:
        client.identity()
        began = time.perf_counter()
        refs = [ref for answer in client.projects() for ref in project_refs(answer.payload)]
        listed, cpu = time.perf_counter(), _cpu()
        answers = sum(1 for _ in client.project_statuses(refs))
        seconds = time.perf_counter() - listed
        took = {
            "answers": answers,
            "seconds": seconds,
            "with the list": listed - began + seconds,
            "cpu a call": (_cpu() - cpu) / answers,
            **_of(client),
        }
        return {**took, "bare": bare(url, refs, concurrency)}


def bare(url: str, refs: Sequence[ProjectRef], threads: int) -> float:
    """Fetch the same and parse it, with no client but ``urllib3``; return the seconds."""
    paths = (dialect_of("cloud").project_statuses(ref.id) for ref in refs)
    turn = threading.Lock()

    def next_path() -> str | None:
        with turn:
            return next(paths, None)

    def fetch_all() -> None:
        while (path := next_path()) is not None:
            orjson.loads(pool.urlopen("GET", path, retries=False).data)

    with urllib3.connection_from_url(url, maxsize=threads) as pool:
        fetching = [threading.Thread(target=fetch_all) for _ in range(threads)]
        began = time.perf_counter()
        for each in fetching:
            each.start()
        for each in fetching:
            each.join()
        return time.perf_counter() - began


def landed(url: str, concurrency: int, database_url: str) -> dict[str, float]:
    """Read the same into the landing table, markers included."""
    engine = everything(engine_for(database_url), "a benchmark")
    key = PartitionKey("bench", f"site-{uuid4().hex[:8]}")
    settings: dict[str, Any] = {"base_url": url, "auth": "none", "max_concurrency": concurrency}
    integration = add_integration(engine, key, **settings)
    owner = Owner(integration.tenant_id, integration.id, str(key))
    with JiraClient(Site(url, auth="none", max_concurrency=concurrency)) as client:
        client.identity()
        reader = SiteReader(integration, client, lambda _: None)
        extraction = uuid4()
        moments = [time.perf_counter()]
        for entity in ("projects", "project_statuses"):
            reading = Reading(
                owner,
                extraction,
                entity,
                pages=lambda left, entity=entity: reader.pages(entity, left),
                resumable=entity == "project_statuses",
            )
            landing = land(engine, reading, run_id=None)
            moments.append(time.perf_counter())
        return {
            "answers": landing.pages,
            "seconds": moments[2] - moments[1],
            "with the list": moments[2] - moments[0],
            **_of(client),
        }


def _of(client: JiraClient) -> dict[str, float]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"calls": client.stats.calls, "refused": client.stats.rate_limited, "peak": peak}


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    url, concurrency, *database = sys.argv[1:]
    took = landed(url, int(concurrency), *database) if database else alone(url, int(concurrency))
    print(json.dumps(took))
