"""A Jira site and how to reach it: checked when it is made, so that no call has to.

The secret is a function, called at the moment of use (``auth.py``): a token that was rotated is
taken up by the next call, and no site, log line or traceback holds one.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, urlsplit

from jira_assets.jira.addresses import is_off_limits
from jira_assets.jira.errors import InvalidSiteError
from jira_assets.loopback import is_loopback

DEPLOYMENTS: Final = ("auto", "cloud", "data_center")
AUTHS: Final = ("basic", "bearer", "none")
GATEWAY: Final = "api.atlassian.com"
"""Where Cloud takes scoped and OAuth 2.0 tokens; the path says for which site."""

_GATEWAY_PATH: Final = re.compile(r"/ex/jira/[\w-]+/*", re.ASCII)


@dataclass(frozen=True)
class Site:
    """One Jira site, as one account sees it. Raises ``InvalidSiteError`` for what cannot work.

    Args:
        base_url: with its context path, e.g. ``https://jira.example.com:8443/jira``, or
            ``https://api.atlassian.com/ex/jira/{cloudId}`` for a scoped Cloud token. A slash at its
            end is dropped. Plain http only on loopback, or with ``allow_plain_http``.
        deployment: ``cloud``, ``data_center``, or ``auto``: what the site itself says.
        auth: ``basic`` (user name or e-mail, and a token or password), ``bearer`` (a personal
            access token, or one of OAuth 2.0), or ``none``: read as an anonymous visitor.
        username: for ``basic``.
        secret: returns the token or password; called for every call, from several threads. What it
            raises names the reference, never the value.
        max_concurrency: calls in flight at once.
        requests_per_second: None for no limit of our own.
        allow_plain_http: send the credentials unencrypted over a network.
        allow_link_local: call link-local addresses, and those of clouds' metadata services.
        ca_bundle: path of a PEM file with the certificates to trust instead of the public ones, for
            a site behind a private CA; None: the public ones, or what ``REQUESTS_CA_BUNDLE`` names.
    """

    base_url: str
    deployment: str = "auto"
    auth: str = "basic"
    username: str | None = None
    secret: Callable[[], str] | None = field(default=None, repr=False)
    max_concurrency: int = 10
    requests_per_second: float | None = None
    allow_plain_http: bool = False
    allow_link_local: bool = False
    ca_bundle: str | None = None

    def __post_init__(self) -> None:
        base_url = _checked_base_url(self.base_url, allow_plain_http=self.allow_plain_http)
        object.__setattr__(self, "base_url", base_url)
        host = str(urlsplit(base_url).hostname)
        _require(self.allow_link_local or not is_off_limits(host), off_limits(host, host))
        _require(self.deployment in DEPLOYMENTS, f"deployment is one of {', '.join(DEPLOYMENTS)}.")
        _require(self.auth in AUTHS, f"auth is one of {', '.join(AUTHS)}.")
        _require(self.max_concurrency >= 1, "max_concurrency is at least 1.")
        rate = self.requests_per_second
        _require(rate is None or rate > 0, "requests_per_second is more than 0.")
        if not self.anonymous:
            _require(self.secret is not None, f"{self.auth} auth needs a secret.")
        if self.auth == "basic":
            _require(_is_username(self.username), "basic auth needs a user name without a colon.")

    @property
    def anonymous(self) -> bool:
        """Whether the site is read without an account, on purpose."""
        return self.auth == "none"

    def url(self, path: str) -> str:
        """Return the URL of an absolute ``path`` below the context path."""
        return self.base_url + path


def off_limits(host: str, address: str) -> str:
    """Say that a host is at an address where there is no Jira."""
    where = host if host == address else f"{host} is at {address}, which"
    return (
        f"{where} is a link-local address, or that of a cloud's metadata service: no Jira is "
        "there. If one is all the same, set JIRA_ASSETS_ALLOW_LINK_LOCAL=true."
    )


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise InvalidSiteError(f"The integration's settings cannot work: {otherwise}")


def _is_username(username: str | None) -> bool:
    return bool(username) and ":" not in str(username)


def _checked_base_url(text: str, *, allow_plain_http: bool) -> str:
    _require(
        "@" not in text, "the base URL carries credentials; give them as user name and secret."
    )
    parts = _split(text.strip())
    _require(
        parts.scheme in {"http", "https"} and bool(parts.hostname),
        f"{text!r} is no base URL; it looks like https://your-site.atlassian.net.",
    )
    _require(
        not parts.query and not parts.fragment,
        f"the base URL of {parts.hostname} ends with its context path, without ? or #.",
    )
    _require(
        parts.scheme == "https" or allow_plain_http or is_loopback(str(parts.hostname)),
        f"{parts.hostname} would be called over plain http, which shows the token to the network; "
        "use https, or set JIRA_ASSETS_ALLOW_PLAIN_HTTP=true.",
    )
    _require(
        parts.hostname != GATEWAY or bool(_GATEWAY_PATH.fullmatch(parts.path)),
        f"behind {GATEWAY}, a site is https://{GATEWAY}/ex/jira/{{cloudId}}; the site itself says "
        "its cloudId at https://your-site.atlassian.net/_edge/tenant_info.",
    )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        parsed = parts.port != 0 and not any(letter.isspace() for letter in text)
    except ValueError:
        parsed = False
    _require(parsed, f"{text!r} is malformed; a base URL looks like https://jira.example.com/jira.")
    return parts
