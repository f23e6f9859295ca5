"""Whether Postgres and the broker can be used: looked at anew, once for all who ask meanwhile."""

import logging
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from jira_assets.queue.broker import Broker, BrokerUnavailableError
from jira_assets.warehouse.connect import (
    OutOfScopeError,
    PermissionMissingError,
    WarehouseUnavailableError,
)
from jira_assets.warehouse.migrate import HEAD, current_revision
from jira_assets.warehouse.scope import within_tenants
from jira_assets.warehouse.tables import tenants

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Readiness:
    """What was found, in words that say nothing of where the servers are."""

    ready: bool
    postgres: str
    broker: str
    who: str = ""
    """What somebody must do before it is ready."""


_UNKNOWN: Final = (
    "The service's role is not known to its tables: whoever owns them must run `jira-assets "
    "migrate` with its URL in JIRA_ASSETS_API_DATABASE_URL."
)


def look(engine: sa.Engine, broker_url: str | None) -> Readiness:
    """Look at Postgres, the revision of its tables, and the broker."""
    broker = _broker(broker_url)
    try:
        # One who may see no tenant at all: whose role is known, and finds nothing.
        with within_tenants(engine, ()).connect() as connection:
            revision = current_revision(connection)
            if revision == HEAD:
                connection.execute(sa.select(tenants.c.id).limit(1))
    except OutOfScopeError as error:
        _log.error("%s", error)
        return Readiness(False, "may see no tenant", broker, _UNKNOWN)
    except (WarehouseUnavailableError, PermissionMissingError, sa.exc.TimeoutError) as error:
        _log.error("%s", error)
        who = "Whoever runs this service must see to its Postgres; the service's log says more."
        return Readiness(False, "away", broker, who)
    if revision == HEAD:
        return Readiness(True, "ok", broker)
    newer = revision is not None and revision > HEAD
    who = "upgrade jira_assets" if newer else "run `jira-assets migrate`"
    said = f"at revision {revision}, this program needs {HEAD}"
    return Readiness(False, said, broker, f"Whoever runs this service must {who}.")


def _broker(url: str | None) -> str:
    if url is None:
        return "not looked at"
    try:
        Broker(url).depths()
    except BrokerUnavailableError as error:
        _log.warning("%s", error)
        return "away: what is asked for waits until it is back"
    return "ok"
