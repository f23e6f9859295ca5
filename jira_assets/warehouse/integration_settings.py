"""What an integration may be set to. Pure; every rule is checked before a row is written."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any, Final, TypedDict
from urllib.parse import urlsplit

from jira_assets.secrets import InvalidSecretReferenceError, check_reference
from jira_assets.warehouse.contracts import MAPPED_COLUMNS

_FIELD_ID: Final = re.compile(r"customfield_[0-9]+")

DEPLOYMENTS: Final = ("auto", "cloud", "data_center")
AUTHS: Final = ("basic", "bearer", "none")

DEFAULTS: Final[Mapping[str, Any]] = {
    "deployment": "auto",
    "auth": "basic",
    "username": None,
    "secret_ref": None,
    "custom_field_mappings": {},
    "max_concurrency": 10,
    "requests_per_second": None,
    "included_projects": (),
    "excluded_projects": (),
    "ca_bundle": None,
}


class IntegrationSettings(TypedDict, total=False):
    """The settings of an integration; what is not given stays as it is, or gets its default."""

    base_url: str
    deployment: str
    auth: str
    username: str | None
    secret_ref: str | None
    custom_field_mappings: Mapping[str, str]
    max_concurrency: int
    requests_per_second: float | None
    included_projects: Sequence[str]
    excluded_projects: Sequence[str]
    ca_bundle: str | None


class InvalidIntegrationError(ValueError):
    """Settings that cannot be. ``problems`` has one sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problems) + ".")


def validated(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return complete settings in the form in which they are stored.

    Raises:
        InvalidIntegrationError: naming everything that is wrong at once, never a secret.
    """
    problems = list(_problems(settings))
    if problems:
        raise InvalidIntegrationError(problems)
    stored = dict(settings)
    stored["base_url"] = stored["base_url"].strip().rstrip("/")
    stored["ca_bundle"] = (stored["ca_bundle"] or "").strip() or None
    for name in ("included_projects", "excluded_projects"):
        stored[name] = list(dict.fromkeys(stored[name]))
    return stored


def _problems(settings: Mapping[str, Any]) -> Iterator[str]:
    yield from _url_problems(settings["base_url"].strip())
    for name, allowed in (("deployment", DEPLOYMENTS), ("auth", AUTHS)):
        if settings[name] not in allowed:
            yield f"{name} {settings[name]!r} is none of {', '.join(allowed)}"
    yield from _credential_problems(settings)
    yield from _limit_problems(settings)
    yield from _ca_bundle_problems((settings["ca_bundle"] or "").strip())
    yield from _project_problems(settings["included_projects"], settings["excluded_projects"])
    yield from _mapping_problems(settings["custom_field_mappings"])


def _url_problems(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
        port_is_wrong = parts.port == 0
    except ValueError:
        yield "the base URL cannot be read: use https://host[:port][/path]"
        return
    if parts.username is not None or parts.password is not None:
        yield "the base URL has credentials in it: give them by username and secret"
        return
    if parts.scheme not in {"http", "https"} or not parts.hostname or port_is_wrong:
        yield f"the base URL {url!r} is no address of a site: use https://host[:port][/path]"
    elif "?" in url or "#" in url or any(character.isspace() for character in url):
        yield f"the base URL {url!r} has a query, a fragment or a space: end it at the path"
    elif "/rest" in parts.path:
        yield f"the base URL {url!r} is that of the API: leave out /rest and what follows"


def _credential_problems(settings: Mapping[str, Any]) -> Iterator[str]:
    if settings["auth"] == "basic" and not settings["username"]:
        yield "auth basic needs a username: the account's e-mail on Cloud"
    if settings["auth"] in {"basic", "bearer"} and not settings["secret_ref"]:
        yield f"auth {settings['auth']} needs a secret: env:NAME, file:/path or systemd:NAME"
    if settings["secret_ref"]:
        try:
            check_reference(settings["secret_ref"])
        except InvalidSecretReferenceError as error:
            yield str(error)


def _limit_problems(settings: Mapping[str, Any]) -> Iterator[str]:
    if settings["max_concurrency"] < 1:
        yield f"max concurrency {settings['max_concurrency']} is too small: at least 1"
    rate = settings["requests_per_second"]
    if rate is not None and not (rate > 0 and math.isfinite(rate)):
        yield f"requests per second {rate} is no rate: above 0, or leave it out for no limit"


def _ca_bundle_problems(path: str) -> Iterator[str]:
    # Whether the file is there is known only where Jira is read, which may be another machine.
    if path and not PurePath(path).is_absolute():
        yield f"the CA bundle {path!r} is no absolute path: runs have folders of their own"


def _mapping_problems(mappings: Mapping[str, str]) -> Iterator[str]:
    for column, field in mappings.items():
        if column not in MAPPED_COLUMNS:
            first, last = MAPPED_COLUMNS[0], MAPPED_COLUMNS[-1]
            yield f"custom field mapping: {column!r} is no column: use {first} … {last}"
        if not _FIELD_ID.fullmatch(field):
            yield f"custom field mapping: {field!r} is no custom field's id: customfield_<digits>"
    fields = list(mappings.values())
    for field in sorted({field for field in fields if fields.count(field) > 1}):
        yield f"custom field mapping: {field} is mapped to more than one column"


def _project_problems(included: Sequence[str], excluded: Sequence[str]) -> Iterator[str]:
    for key in (*included, *excluded):
        if not key or any(character.isspace() or character in ",/" for character in key):
            yield f"{key!r} is no project key"
    both = sorted(set(included) & set(excluded))
    if both:
        yield f"{', '.join(both)} cannot be both included and excluded"
