"""Statuses of 1,000 projects at 50 ms a call, ten at once, against what the latency allows."""

import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from benchmarks.section import Section
from benchmarks.site import served
from jira_assets.extract.readings import SiteReader
from jira_assets.extract.roster import project_refs
from jira_assets.jira.client import JiraClient, ProjectRef
from jira_assets.jira.site import Site
from jira_assets.partitions import PartitionKey
from jira_assets.sandbox.postgres import EmbeddedPostgres
from jira_assets.warehouse.connect import close_engines, engine_for
from jira_assets.warehouse.contracts import Owner, Reading
from jira_assets.warehouse.integrations import add_integration, get_integration
from jira_assets.warehouse.landing import land
from jira_assets.warehouse.migrate import migrate

PROJECTS, LATENCY, CONCURRENCY = 1_000, 0.05, 10
IDEAL = PROJECTS * LATENCY / CONCURRENCY


def run() -> Section:
    with served(PROJECTS, LATENCY) as url:
        alone, cpu = http_alone(url)
        landed = with_landing(url)
    return Section(
        title="Reading project statuses",
        question=(
            f"{PROJECTS:,} projects, {LATENCY * 1000:.0f} ms a call, {CONCURRENCY} calls at once. "
            "The ideal is calls x latency / concurrency; the sandbox runs in another process."
        ),
        command="python -m benchmarks reading",
        columns=["what", "seconds", "ratio to the ideal", "at most"],
        rows=[
            ["ideal", f"{IDEAL:.2f}", "1.00", ""],
            ["HTTP alone", f"{alone:.2f}", f"{alone / IDEAL:.2f}", "1.15"],
            ["with landing in Postgres", f"{landed:.2f}", f"{landed / IDEAL:.2f}", "1.4"],
            ["CPU a call (HTTP alone)", f"{cpu * 1000:.2f} ms", "", ""],
        ],
    )


def http_alone(url: str) -> tuple[float, float]:
    """Return the seconds that it took, and the CPU seconds a call."""
    with JiraClient(Site(url, auth="none", max_concurrency=CONCURRENCY)) as client:
        refs = _refs(client)
        cpu, began = _cpu(), time.perf_counter()
        answers = sum(1 for _ in client.project_statuses(refs))
        seconds = time.perf_counter() - began
    if answers != PROJECTS:
        raise RuntimeError(f"{answers} answers for {PROJECTS} projects")
    return seconds, (_cpu() - cpu) / answers


def with_landing(url: str) -> float:
    """Return the seconds until the marker is there."""
    with migrated_postgres() as database_url:
        engine = engine_for(database_url)
        key = PartitionKey("bench", "site")
        add_integration(engine, key, base_url=url, auth="none", max_concurrency=CONCURRENCY)
        integration = get_integration(engine, key)
        with JiraClient(Site(url, auth="none", max_concurrency=CONCURRENCY)) as client:
            reader = SiteReader(integration, client, lambda _: None)
            owner = Owner(integration.tenant_id, integration.id, str(key))
            extraction = uuid4()
            for entity in ("projects", "project_statuses"):
                reading = Reading(
                    owner,
                    extraction,
                    entity,
                    pages=lambda left, entity=entity: reader.pages(entity, left),
                    resumable=entity == "project_statuses",
                )
                began = time.perf_counter()
                landing = land(engine, reading, run_id=None)
    if landing.pages != PROJECTS:
        raise RuntimeError(f"{landing.pages} pages for {PROJECTS} projects")
    return time.perf_counter() - began


@contextmanager
def migrated_postgres() -> Iterator[str]:
    """Run an embedded Postgres with its durability on; yields the runtime role's URL."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder)) as postgres:
        migrate(postgres.owner_url, postgres.runtime_url)
        yield postgres.runtime_url
        close_engines()


def _refs(client: JiraClient) -> list[ProjectRef]:
    return [ref for answer in client.projects() for ref in project_refs(answer.payload)]


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
