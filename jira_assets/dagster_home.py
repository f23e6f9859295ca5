"""The Dagster instance of a machine that has none: ``$JIRA_ASSETS_HOME/dagster/dagster.yaml``.

Where ``DAGSTER_HOME`` is set, somebody runs a Dagster platform: that instance is used as it is, and
nothing is written to it. Correctness does not hang on these settings; ``jira-assets doctor`` names
those of them that another instance lacks.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml
from sqlalchemy import make_url

from jira_assets.services import Services, connect_services
from jira_assets.settings import Settings
from jira_assets.warehouse.connect import (
    SchemaMissingError,
    describe_server,
    engine_for,
    passwords_in,
)
from jira_assets.warehouse.dagster_storage import check_dagster_storage, dagster_is_prepared
from jira_assets.warehouse.migrate import pending

if TYPE_CHECKING:
    from dagster import DagsterInstance

DAGSTER_URL_VARIABLE: Final = "JIRA_ASSETS_DAGSTER_DATABASE_URL"
RUNS_AT_ONCE: Final = 4
DEQUEUE_SECONDS: Final = 2
USER_CODE_RETRIES: Final = 60
USER_CODE_RETRY_SECONDS: Final = 10
"""So often, and after so long each, a run leaves the queue anew where no code server answers."""
_STATEMENT_TIMEOUT_MS: Final = 600_000
_POOL_RECYCLE_SECONDS: Final = 3600
SITES_AT_ONCE: Final = 2
"""How many runs may read a site: a reading may take hours, and transforms go on beside it."""

_HEADER: Final = (
    "# Written by jira-assets at every start. To use an instance of your own, set DAGSTER_HOME.\n"
)


def instance_config(dagster_url: str) -> dict[str, Any]:
    """Return the content of ``dagster.yaml``.

    A URL with a password is not written to the file: it is read from the environment.
    """
    url: Any = {"env": DAGSTER_URL_VARIABLE} if passwords_in(make_url(dagster_url)) else dagster_url
    return {
        "storage": {"postgres": {"postgres_url": url}},
        "run_coordinator": {
            "module": "dagster.core.run_coordinator",
            "class": "QueuedRunCoordinator",
            "config": {
                # Less than its default of 5: what somebody asks for begins that much sooner.
                "dequeue_interval_seconds": DEQUEUE_SECONDS,
                # By default none: while the code server restarts, the queue would be emptied, run
                # by run, each of them failed.
                "max_user_code_failure_retries": USER_CODE_RETRIES,
                "user_code_failure_retry_delay": USER_CODE_RETRY_SECONDS,
            },
        },
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},
        "concurrency": {
            "runs": {"max_concurrent_runs": RUNS_AT_ONCE},
            # By run: a killed one gives its slot back with its place, and nobody waits for a slot
            # in a place. A second run on an integration waits in both for the lease of the first.
            "pools": {"granularity": "run", "default_limit": SITES_AT_ONCE},
        },
        "run_monitoring": {
            "enabled": True,
            "start_timeout_seconds": 180,
            "cancel_timeout_seconds": 180,
            "max_runtime_seconds": 6 * 3600,
            "free_slots_after_run_end_seconds": 60,
        },
        # Steps have a retry policy of their own; without this line Dagster would multiply the two.
        "run_retries": {
            "enabled": True,
            "max_retries": 1,
            "retry_on_asset_or_op_failure": False,
        },
        # Without a word, ticks that failed or asked for runs stay for ever.
        "retention": {
            "sensor": {
                "purge_after_days": {"skipped": 2, "started": 30, "failure": 30, "success": 30}
            },
            "schedule": {
                "purge_after_days": {"skipped": 90, "started": 90, "failure": 90, "success": 90}
            },
        },
    }


def prepare(settings: Settings, services: Services) -> Path:
    """Make sure that there is a Dagster home, and return it."""
    theirs = os.environ.get("DAGSTER_HOME")
    if theirs:
        return Path(theirs)
    home = settings.home.absolute() / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    text = _HEADER + yaml.safe_dump(instance_config(services.dagster_url), sort_keys=False)
    target = home / "dagster.yaml"
    if not target.exists() or target.read_text() != text:
        temporary = target.with_suffix(f".{os.getpid()}")
        temporary.write_text(text)
        temporary.replace(target)
    return home


def environment(settings: Settings, services: Services) -> dict[str, str]:
    """Return the variables under which Dagster's processes find the same servers as this one."""
    return {
        "DAGSTER_HOME": str(prepare(settings, services)),
        "JIRA_ASSETS_HOME": str(settings.home.absolute()),
        "JIRA_ASSETS_DATABASE_URL": services.database_url,
        "JIRA_ASSETS_BROKER_URL": services.broker_url,
        DAGSTER_URL_VARIABLE: services.dagster_url,
    }


@contextmanager
def local_instance() -> Iterator[tuple["DagsterInstance", Services]]:
    """Connect the servers and open the Dagster instance, for a command in this process.

    Meanwhile the environment names the servers; afterwards it is what it was.

    Raises:
        WarehouseUnavailableError: a server cannot be reached.
        SchemaMissingError: `jira-assets migrate` has not made the tables of this version yet.
    """
    from dagster import DagsterInstance

    settings = Settings.from_environment()
    services = connect_services(settings)
    check_ready(settings, services)
    with _environment(environment(settings, services)), DagsterInstance.get() as instance:
        # Else dagster-postgres connects anew for each event, which is most of a short run's time.
        instance.optimize_for_webserver(
            statement_timeout=_STATEMENT_TIMEOUT_MS,
            pool_recycle=_POOL_RECYCLE_SECONDS,
            max_overflow=20,
        )
        yield instance, services


def check_ready(settings: Settings, services: Services) -> None:
    """Raise what ``local_instance`` says it does.

    Dagster would find out, too: after ten seconds of retries, with a traceback.
    """
    dagster_is_ours = not os.environ.get("DAGSTER_HOME")
    dagster_is_beside = dagster_is_ours and settings.dagster_database_url is None
    engine = engine_for(services.database_url)
    with engine.connect() as connection:
        if pending(connection) or (dagster_is_beside and not dagster_is_prepared(connection)):
            raise SchemaMissingError(
                f"The tables in {describe_server(engine.url)} are not those of this version: run "
                "`jira-assets migrate`."
            )
    if dagster_is_ours:
        check_dagster_storage(services.dagster_url)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            os.environ.pop(name, None)
        os.environ.update({name: before[name] for name in variables if name in before})
