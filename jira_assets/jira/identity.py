"""Who we are on a site, and what the site is: asked before any list of it is believed."""

from dataclasses import dataclass
from typing import Any, Final

from jira_assets.jira.caller import Caller
from jira_assets.jira.dialect import Dialect, deployment_of, dialect_of
from jira_assets.jira.errors import WrongDeploymentError
from jira_assets.jira.shapes import account_id, is_account, is_server_info
from jira_assets.jira.site import Site

ANONYMOUS: Final = "anonymous"


@dataclass(frozen=True)
class Identity:
    """A site and our account on it. What Jira does not say is ''."""

    deployment: str
    """``cloud`` or ``data_center``."""
    account_id: str
    """Cloud's account id, Data Center's user key; '' for an anonymous visitor."""
    display_name: str
    time_zone: str
    """The account's, e.g. ``Europe/Berlin``: JQL reads date literals in it."""
    server_title: str
    version: str


def read_identity(site: Site, caller: Caller) -> Identity:
    """Ask ``/serverInfo`` and, unless the site is read anonymously on purpose, ``/myself``.

    Raises a ``PermanentJiraError`` when the base URL is no Jira, the credentials are refused, Jira
    answers as to an anonymous visitor, or the site is of another kind than the integration says.
    """
    asked = dialect_of(site.deployment)
    server_info = caller.call(asked.server_info, {}, is_server_info)
    caller.site_clock.told(server_info.get("serverTime"))
    deployment = deployment_of(server_info)
    if site.deployment not in {"auto", deployment} and server_info.get("deploymentType"):
        raise WrongDeploymentError(
            f"{site.base_url} says it is {deployment}, the integration says {site.deployment}. Set "
            f"the integration's deployment to {deployment} or auto."
        )
    dialect = dialect_of(deployment if site.deployment == "auto" else site.deployment)
    return _identity(dialect, server_info, _account(site, caller, dialect))


def _account(site: Site, caller: Caller, dialect: Dialect) -> dict[str, Any]:
    if site.anonymous:
        return {"displayName": ANONYMOUS}
    account: dict[str, Any] = caller.call(dialect.myself, {}, is_account)
    return account


def _identity(dialect: Dialect, server_info: dict[str, Any], account: dict[str, Any]) -> Identity:
    return Identity(
        deployment=dialect.deployment,
        account_id=account_id(account),
        display_name=str(account.get("displayName") or account_id(account)),
        time_zone=str(account.get("timeZone") or ""),
        server_title=str(server_info.get("serverTitle") or ""),
        version=str(server_info.get("version") or ""),
    )
