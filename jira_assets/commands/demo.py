"""``jira-assets demo``: the whole path on embedded parts, twice, held against the sites' own truth.

First in this process (``sync``), then, after the sites have changed, through the daemon and the
sensors of a real Dagster instance, launched as the UI's Materialize button does it.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import click

from jira_assets.partitions import PartitionKey

if TYPE_CHECKING:
    from dagster import DagsterInstance
    from sqlalchemy import Connection, Engine

    from jira_assets.sandbox.dagster_dev import DagsterDev
    from jira_assets.sandbox.site import JiraSite
    from jira_assets.services import Services

SETTLE_SECONDS: Final = 300.0
_POLL_SECONDS: Final = 0.5


class DemoError(RuntimeError):
    """The demo cannot go on, or what arrived is not what the sites hold."""


@click.command()
def demo() -> None:
    """Run the whole path on embedded Postgres, broker and Jira; print what arrived."""
    from jira_assets.dagster_home import local_instance
    from jira_assets.sandbox import demo_sites
    from jira_assets.settings import Settings

    settings = Settings.from_environment()
    times: dict[str, float] = {}
    with ExitStack() as stack:
        with timed("start of Postgres, tables and Dagster", times):
            instance, services = stack.enter_context(local_instance())
        sites = demo_sites.demo_sites()
        add_integrations(services, stack.enter_context(demo_sites.served(settings.home, sites)))
        with_sync(sites, times)
        differences(services, sites)
        for line in demo_sites.change(sites):
            click.echo(f"changed in Jira: {line}")
        issues = {key: demo_sites.change_issues(site) for key, site in sites.items()}
        with_daemon(instance, services, settings.home, sites, times)
        differences(services, sites)
        print_issues(services, issues)
        report(services, times)


@contextmanager
def timed(what: str, times: dict[str, float]) -> Iterator[None]:
    """Note how many seconds the block took."""
    began = time.perf_counter()
    yield
    times[what] = time.perf_counter() - began


def _engine(services: "Services") -> "Engine":
    from jira_assets.warehouse.connect import engine_for
    from jira_assets.warehouse.scope import everything

    return everything(engine_for(services.database_url), "the demo adds tenants and shows all")


def add_integrations(services: "Services", urls: Mapping[str, str]) -> None:
    """Add the demo's integrations, or point them to where the sites are served now."""
    from jira_assets.warehouse.integrations import (
        UnknownIntegrationError,
        add_integration,
        get_integration,
        update_integration,
    )

    engine = _engine(services)
    for key, url in urls.items():
        partition = PartitionKey.parse(key)
        try:
            there = get_integration(engine, partition)
        except UnknownIntegrationError:
            add_integration(engine, partition, base_url=url, auth="none")
            switch_off_jobs(engine, partition)
            continue
        if urlsplit(there.base_url).path != urlsplit(url).path:
            raise DemoError(
                f"{key} is an integration of yours ({there.base_url}): the demo leaves it alone. "
                "Run it with another JIRA_ASSETS_HOME, or against another database."
            )
        update_integration(engine, partition, base_url=url)


def switch_off_jobs(engine: "Engine", partition: PartitionKey) -> None:
    """Leave it to whoever looks when the stand-ins are read: nothing runs beside their clicks."""
    from jira_assets.warehouse.jobs import list_jobs, update_job

    with engine.connect() as connection:
        jobs = list_jobs(connection, partition)
    for job in jobs:
        update_job(engine, partition, job.job_name, enabled=False)


def with_sync(sites: "Mapping[str, JiraSite]", times: dict[str, float]) -> None:
    """Sync every integration in this process, and print what each sync did."""
    from jira_assets.commands.output import print_outcome, progress_shown
    from jira_assets.local_runs import open_local_runs
    from jira_assets.warehouse.tables import ENTITIES

    click.echo("\n1. jira-assets sync: extraction, queue and transform in this process")
    for key in sites:
        with (
            timed(f"sync of {key}", times),
            progress_shown() as say,
            open_local_runs(PartitionKey.parse(key), say) as runs,
        ):
            outcome = runs.sync(key, list(ENTITIES))
        print_outcome(outcome)
        if not outcome.ok:
            raise DemoError(f"the sync of {key} failed")


def with_daemon(
    instance: "DagsterInstance",
    services: "Services",
    home: Path,
    sites: "Mapping[str, JiraSite]",
    times: dict[str, float],
) -> None:
    """Launch the extraction of every partition as the UI does; the sensors do the rest."""
    from jira_assets.dagster_home import environment
    from jira_assets.extract.assets import raw_asset_key
    from jira_assets.sandbox.dagster_dev import DagsterDev
    from jira_assets.settings import Settings
    from jira_assets.warehouse.tables import ENTITIES

    click.echo("\n2. The same through the daemon and the sensors of a Dagster instance")
    raw = [raw_asset_key(entity).path[-1] for entity in ENTITIES]
    variables = environment(Settings.from_environment(), services)
    with timed("start of webserver, daemon and code server", times):
        dev = DagsterDev(variables, home / "dagster-dev.log")
        dev.start()
    try:
        with timed("click to rows, three partitions", times):
            runs = {key: dev.materialize(key, raw) for key in sites}
            click.echo(f"launched {len(runs)} extractions; waiting for the sensors")
            wait_until_settled(dev, instance, services, runs)
    finally:
        dev.stop()
    print_runs(instance, runs)


def wait_until_settled(
    dev: "DagsterDev", instance: "DagsterInstance", services: "Services", runs: Mapping[str, str]
) -> None:
    """Wait until every extraction run succeeded and every message of theirs is done."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        for key, run_id in runs.items():
            run = instance.get_run_by_id(run_id)
            if run is not None and run.is_failure_or_canceled:
                raise DemoError(f"the extraction of {key} ended as {run.status.value}: {dev.url}")
        # How many messages an extraction leaves is known once it is over: one a project that has
        # issues. One is done with the last merge; its run still has its checks to make.
        if not in_flight(instance) and messages_done(services, list(runs.values())):
            return
        time.sleep(_POLL_SECONDS)
    raise DemoError(f"not everything arrived in {SETTLE_SECONDS:.0f} s; see {dev.log}")


def in_flight(instance: "DagsterInstance") -> bool:
    """Whether Dagster has a run that is not over."""
    from dagster import RunsFilter

    from jira_assets.queue.runs import IN_FLIGHT

    return bool(instance.get_run_ids(RunsFilter(statuses=list(IN_FLIGHT)), limit=1))


def messages_done(services: "Services", run_ids: list[str]) -> bool:
    """Whether each of these extraction runs has left messages, and all of them are done."""
    import sqlalchemy as sa

    from jira_assets.warehouse.tables import OPEN_STATES, etl_job_queue

    queue = etl_job_queue.c
    states = (
        sa.select(queue.extraction_run_id, queue.state)
        .where(queue.extraction_run_id.in_(run_ids))
        .distinct()
    )
    with _engine(services).connect() as connection:
        found = connection.execute(states).all()
    if any(state == "failed" for _, state in found):
        raise DemoError("a message failed: `jira-assets status` says why")
    is_open = any(state in OPEN_STATES for _, state in found)
    return not is_open and {run_id for run_id, _ in found} == set(run_ids)


def print_runs(instance: "DagsterInstance", extractions: Mapping[str, str]) -> None:
    """Print the runs that the click and the sensor made, with what each did and how long."""
    from jira_assets.commands.output import print_table

    records = instance.get_run_records(limit=50)
    clicked = [r for r in records if r.dagster_run.run_id in extractions.values()]
    since = min(record.create_timestamp for record in clicked)
    rows: list[list[Any]] = []
    for record in records:
        if record.create_timestamp >= since and record.start_time and record.end_time:
            tags = record.dagster_run.tags
            sensor = tags.get("dagster/sensor_name")
            what = f"transform, by {sensor}" if sensor else "extraction, by click"
            took = f"{record.end_time - record.start_time:.1f} s"
            rows.append([tags["dagster/partition"], what, record.dagster_run.status.value, took])
    print_table("Runs", ["partition", "what", "status", "took"], sorted(rows))


def differences(services: "Services", sites: "Mapping[str, JiraSite]") -> None:
    """Hold the tables against the sites' own truth; raise where they differ."""
    from jira_assets.sandbox.comparison import compare

    engine = _engine(services)
    for key, site in sites.items():
        found = compare(engine, key, site.truth())
        if found:
            raise DemoError(f"{key} differs from its site: " + "; ".join(found))
    click.echo(f"The tables equal what the {len(sites)} sites hold.")


def print_issues(services: "Services", issues: Mapping[str, Mapping[str, str]]) -> None:
    """Print what the tables say of the issues that changed, by partition and issue id."""
    from jira_assets.commands.output import print_table

    rows: list[list[Any]] = []
    with _engine(services).connect() as connection:
        for partition_key, happened in issues.items():
            found = issues_as_stored(connection, partition_key, list(happened))
            rows += [
                [partition_key, what, *found.get(issue, ("not there",))]
                for issue, what in happened.items()
            ]
    columns = ["partition", "in Jira", "key", "earlier keys", "status", "changes", "is"]
    print_table("What became of three issues of each site", columns, rows)


def issues_as_stored(
    connection: "Connection", partition_key: str, issue_ids: list[str]
) -> dict[str, tuple[str, ...]]:
    """Return key, earlier keys, status, changes and whether it is deleted, by issue id."""
    import sqlalchemy as sa

    partition = PartitionKey.parse(partition_key)
    query = sa.text(
        """
        SELECT i.jira_id, i.key, array_to_string(i.earlier_keys, ', ') AS earlier,
            coalesce(s.name, i.status_jira_id) AS status, i.deleted_at IS NOT NULL AS is_deleted,
            (SELECT count(DISTINCT c.history_jira_id) FROM jira.issue_changelogs c
             WHERE (c.integration_id, c.issue_jira_id) = (i.integration_id, i.jira_id)
             AND c.deleted_at IS NULL) AS changes
        FROM jira.issues i
        JOIN jira.integrations site ON site.id = i.integration_id
        JOIN jira.tenants t ON t.id = site.tenant_id
        LEFT JOIN jira.statuses s
            ON (s.integration_id, s.jira_id) = (i.integration_id, i.status_jira_id)
        WHERE (t.slug, site.slug) = (:tenant, :slug) AND i.jira_id = ANY(:issue_ids)
        """
    )
    asked = {"tenant": partition.tenant, "slug": partition.integration, "issue_ids": issue_ids}
    return {
        row.jira_id: (
            row.key,
            row.earlier,
            row.status,
            str(row.changes),
            "deleted" if row.is_deleted else "alive",
        )
        for row in connection.execute(query, asked)
    }


def report(services: "Services", times: Mapping[str, float]) -> None:
    """Print what arrived, how long each part took, and how to open the UI."""
    from jira_assets.commands.output import print_table
    from jira_assets.warehouse.overview import read_overview
    from jira_assets.warehouse.tables import DATA_TABLES

    with _engine(services).connect() as connection:
        overviews = read_overview(connection)
    rows = [
        [table, *(overview.rows[table] for overview in overviews)]
        for table in map(str, DATA_TABLES)
    ]
    keys = [overview.partition_key for overview in overviews]
    print_table("What arrived (living rows)", ["table", *keys], rows)
    print_table(
        "How long each part took",
        ["part", "seconds"],
        [[part, f"{seconds:.1f}"] for part, seconds in times.items()],
    )
    click.echo("Now open the UI on the same data:  jira-assets dev   (in .venv/bin)")
