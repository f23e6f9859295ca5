"""What the chaos harness and the soak stand on: a Postgres that can be stopped, an instance."""

import os
from pathlib import Path
from typing import Any

import yaml
from dagster import DagsterInstance
from sqlalchemy.engine import make_url

from jira_assets.sandbox.postgres import _SOCKET, EmbeddedPostgres
from jira_assets.sandbox.postgres_programs import account_for


class StoppablePostgres(EmbeddedPostgres):
    """A Postgres that keeps what was committed, whichever way it ends."""

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self._running_socket() / _SOCKET

    def halt(self, *, crash: bool) -> None:
        """Stop it: by its own rules, or without a checkpoint, as after a crash."""
        mode = "-mimmediate" if crash else "-mfast"
        self._pg_ctl(account_for(self._data), "stop", "-w", mode)

    def resume(self) -> None:
        """Start it again; returns once it answers."""
        self._bring_up(account_for(self._data))


def named(url: str, name: str) -> str:
    """Return the URL under which the harness's own connections can be told from the program's."""
    told = make_url(url).update_query_dict({"application_name": name})
    return told.render_as_string(hide_password=False)


def instance_at(home: Path, config: dict[str, Any]) -> DagsterInstance:
    """Return Dagster's instance of this configuration, which is written to ``home``."""
    (home / "dagster.yaml").write_text(yaml.safe_dump(config))
    return DagsterInstance.from_config(str(home))


def environment(folder: Path, url: str, storage: str, broker_url: str) -> dict[str, str]:
    """Return the environment of the program's processes; nothing else of the product is set."""
    return {
        **{name: "" for name in os.environ if name.startswith("JIRA_ASSETS_")},
        "DAGSTER_HOME": str(folder / "dagster"),
        "JIRA_ASSETS_HOME": str(folder),
        "JIRA_ASSETS_DATABASE_URL": url,
        "JIRA_ASSETS_DAGSTER_DATABASE_URL": storage,
        "JIRA_ASSETS_BROKER_URL": broker_url,
    }
