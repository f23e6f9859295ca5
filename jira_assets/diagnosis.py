"""What in a set-up will bite: findings about settings, Postgres, the broker and Dagster's instance.

Each examination is a pure function of what was read; the reading is at the end of the module.
Nothing here is needed for correctness: the rules hold on an instance that heeds none of it.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jira_assets.extract.pool import SITES_POOL

if TYPE_CHECKING:
    import sqlalchemy as sa

    from jira_assets.services import Services
    from jira_assets.settings import Settings


@dataclass(frozen=True)
class Finding:
    """What will bite, and what to do about it. ``broken``: it does not work at all until then."""

    what: str
    remedy: str
    broken: bool = False


def examine_roles(
    *, role: str, superuser: bool, owns_tables: bool, bypasses: bool = False
) -> Iterator[Finding]:
    """Say what the role that runs connect as may do beyond its work."""
    if superuser:
        yield Finding(
            f"Runs connect to Postgres as {role}, a superuser: nothing there holds a mistake back.",
            "Make a role that owns nothing, put it into JIRA_ASSETS_DATABASE_URL, put the owner "
            "into JIRA_ASSETS_OWNER_DATABASE_URL, and run `jira-assets migrate`.",
        )
    elif owns_tables:
        yield Finding(
            f"Runs connect to Postgres as {role}, which owns the tables, or is a member of their "
            "owner: a run could drop or alter them, and tenants are not kept apart.",
            "Set JIRA_ASSETS_OWNER_DATABASE_URL to the owner and JIRA_ASSETS_DATABASE_URL to "
            "another role, and run `jira-assets migrate`, which grants what runs need.",
        )
    elif bypasses:
        yield Finding(
            f"Runs connect to Postgres as {role}, which has BYPASSRLS: tenants are not kept apart.",
            f"Whoever administers the server must run ALTER ROLE with NOBYPASSRLS for {role}.",
        )


def examine_embedded(*, postgres: bool, broker: bool) -> Iterator[Finding]:
    """Say which embedded parts are for one machine only."""
    if postgres:
        yield Finding(
            "Postgres is the embedded one, in JIRA_ASSETS_HOME: for this machine only, no backups.",
            "Set JIRA_ASSETS_DATABASE_URL to a server.",
        )
    if broker:
        yield Finding(
            "The broker is the embedded one, a folder: it may lose messages, which are then "
            "published again after a minute.",
            "Set JIRA_ASSETS_BROKER_URL to a RabbitMQ (amqp://…).",
        )


def examine_dead_letters(queue: str, count: int) -> Iterator[Finding]:
    """Say that messages lie in the dead-letter queue, where there are any."""
    if count:
        lie = "1 message lies" if count == 1 else f"{count:,} messages lie"
        yield Finding(
            f"{lie} in {queue}: nobody could read them, or they are about what is not there.",
            "`jira-assets queue list` says why; `jira-assets queue retry` sends them on again once "
            "that is mended, `jira-assets queue drop` deletes them.",
        )


def examine_instance(settings: Mapping[str, Any]) -> Iterator[Finding]:
    """Say which settings of a ``dagster.yaml`` (as read, empty where unset) cost something."""
    storage = settings.get("storage") or {}
    if "postgres" not in storage:
        yield Finding(
            "Dagster keeps its runs and events outside Postgres (SQLite by default).",
            "Configure storage.postgres in dagster.yaml; with more than one process writing, "
            "SQLite locks.",
        )
    retries = settings.get("run_retries") or {}
    if retries.get("enabled") and retries.get("retry_on_asset_or_op_failure", True):
        yield Finding(
            "run_retries retries runs whose steps failed, on top of the steps' own retry policy: "
            "the two multiply, and permanent failures are tried again.",
            "Set run_retries.retry_on_asset_or_op_failure: false in dagster.yaml.",
        )
    runs = ((settings.get("concurrency") or {}).get("runs") or {}).get("max_concurrent_runs")
    if runs is None:
        yield Finding(
            "There is no limit of runs at once: a backfill over many integrations starts as many "
            "processes as the default allows.",
            "Set concurrency.runs.max_concurrent_runs in dagster.yaml, about two a core.",
        )
    coordinator = (settings.get("run_coordinator") or {}).get("config") or {}
    if not coordinator.get("max_user_code_failure_retries"):
        yield Finding(
            "While the code server restarts, each run whose turn it is fails: a minute of that "
            "empties the queue.",
            "Set run_coordinator.config.max_user_code_failure_retries (60) and "
            "user_code_failure_retry_delay (10) in dagster.yaml.",
        )
    yield from _examine_pools((settings.get("concurrency") or {}).get("pools") or {})
    if (settings.get("telemetry") or {}).get("enabled", True):
        yield Finding("Dagster's telemetry is on.", "Set telemetry.enabled: false in dagster.yaml.")


def examine_webhook(settings: "Settings") -> Iterator[Finding]:
    """Say whether anybody is told of failures; nothing is posted."""
    from jira_assets.jobs.webhook import VARIABLE, InvalidWebhookError, webhook_of

    try:
        webhook = webhook_of(settings)
    except InvalidWebhookError as error:
        yield Finding(f"Nobody is told of failures: {error}", "", broken=True)
        return
    if webhook is None:
        yield Finding(
            "Nobody is told of failures: no webhook is set.",
            f"Set {VARIABLE}, and try it by `jira-assets webhook test`.",
        )


def examine_retention(overdue: int, days: int) -> Iterator[Finding]:
    """Say that nobody prunes, where ``overdue`` rows of bookkeeping are well past ``days`` days."""
    if overdue:
        yield Finding(
            f"Nobody removes old raw data: {overdue:,} rows about what was over more than {days} "
            "days ago are still there. Raw data and Dagster's event log grow without end.",
            "Switch on the schedule retention_of_raw, on the UI's page Automation, which sees to "
            "both. `jira-assets prune --dry-run` says what would go.",
        )


def _examine_pools(pools: Mapping[str, Any]) -> Iterator[Finding]:
    if pools.get("default_limit") is None:
        yield Finding(
            f"Pools have no limit by default: unless {SITES_POOL} was given one in the UI, many "
            "readings of sites at once may leave no place for transforms.",
            "Set concurrency.pools.default_limit in dagster.yaml (it holds for every pool), or "
            "this one's limit in the UI or by `dagster instance concurrency set "
            f"{SITES_POOL} 2`: below the number of runs at once.",
        )
    if pools.get("granularity") != "run":
        yield Finding(
            "Pools count steps, not runs: a run that waits for a slot may hold a place among the "
            "runs meanwhile, and a killed one keeps its slot until its run is ended.",
            "Set concurrency.pools.granularity: run in dagster.yaml.",
        )


def examine(settings: "Settings") -> list[Finding]:
    """Read everything that can be read, and return what is worth saying about it."""
    from jira_assets.queue.broker import Broker, BrokerUnavailableError
    from jira_assets.services import connect_services
    from jira_assets.warehouse.connect import WarehouseUnavailableError, engine_for

    findings: list[Finding] = []
    try:
        services = connect_services(settings)
        findings += _postgres(engine_for(services.database_url), settings)
    except WarehouseUnavailableError as error:
        return [Finding(str(error), "Nothing else was examined.", broken=True)]
    findings += examine_embedded(
        postgres=services.embedded_postgres, broker=services.embedded_broker
    )
    try:
        broker = Broker(services.broker_url)
        dead = broker.names.dead
        findings += examine_dead_letters(dead, broker.depths()[dead])
    except BrokerUnavailableError as error:
        findings.append(Finding(str(error), "", broken=True))
    findings += _dagster_storage(services.dagster_url)
    findings += examine_instance(_instance_settings(services))
    return findings + list(examine_webhook(settings))


def _postgres(engine: "sa.Engine", settings: "Settings") -> Iterator[Finding]:
    import sqlalchemy as sa

    from jira_assets.warehouse.migrate import pending

    with engine.connect() as connection:
        role, superuser, bypasses = connection.execute(
            sa.text(
                "SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"
            )
        ).one()
        owned = connection.scalar(
            sa.text(
                "SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('jira') "
                "AND relkind = 'r' AND pg_has_role(relowner, 'MEMBER')"
            )
        )
        behind = pending(connection)
    if not behind:
        yield from _examine_what_is_seen(engine, settings)
    yield from examine_roles(
        role=role, superuser=superuser, owns_tables=bool(owned), bypasses=bypasses
    )
    if behind:
        yield Finding(
            "The tables are not those of this version.", "Run `jira-assets migrate`.", broken=True
        )


def _dagster_storage(url: str) -> Iterator[Finding]:
    """Say why Dagster cannot keep its runs; an instance of somebody's own is theirs to judge."""
    from jira_assets.warehouse.connect import SchemaMissingError, WarehouseUnavailableError
    from jira_assets.warehouse.dagster_storage import check_dagster_storage

    if os.environ.get("DAGSTER_HOME"):
        return
    try:
        check_dagster_storage(url)
    except (SchemaMissingError, WarehouseUnavailableError) as error:
        yield Finding(str(error), "", broken=True)


def _examine_what_is_seen(engine: "sa.Engine", settings: "Settings") -> Iterator[Finding]:
    """Say what all rows tell, or that policies refuse the role: it was renamed, or never named."""
    import sqlalchemy as sa

    from jira_assets.warehouse.connect import OutOfScopeError
    from jira_assets.warehouse.retention import KeepRule, overdue_records
    from jira_assets.warehouse.scope import everything

    all_of_it = everything(engine, "doctor looks whether anything can be seen, and at what is old")
    try:
        with all_of_it.connect() as seeing:
            seeing.execute(sa.text("SELECT FROM jira.tenants LIMIT 1"))
        rule = KeepRule.of(settings)
        yield from examine_retention(overdue_records(all_of_it, rule), rule.days)
    except OutOfScopeError as error:
        yield Finding(f"Runs see no rows: {error}", "", broken=True)


def _instance_settings(services: "Services") -> Mapping[str, Any]:
    """Return what the Dagster instance is, or would be, configured with."""
    import yaml

    from jira_assets.dagster_home import instance_config

    theirs = os.environ.get("DAGSTER_HOME")
    if not theirs:
        return instance_config(services.dagster_url)
    target = Path(theirs) / "dagster.yaml"
    return (yaml.safe_load(target.read_text()) or {}) if target.exists() else {}
