"""Posting to the webhook that tells people: one message at a time, and never for long.

Decisions this module embodies:

* The URL is a credential: who has it may post. It is in no error, no log line (urllib3 writes the
  path of every call at level DEBUG; here it does not), not printed by ``http.client``, and in no
  ``repr``; only its host is named.
* A post is over after ten seconds, whatever the other side does: it is made in a thread of its own,
  which nobody waits for any longer. Whether the message arrived is then unknown, and it is sent
  again: at least once.
* Redirects are not followed, and a ``.netrc`` is not read. Proxies and CA bundles are the
  environment's.
* The answer's body is not read: what came of it stands in the status.
"""

import json
import logging
import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final, cast
from urllib.parse import SplitResult, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool

from jira_assets import __version__
from jira_assets.loopback import is_loopback
from jira_assets.settings import Settings, variable

VARIABLE: Final = variable("failure_webhook_url")
SECONDS: Final = 10.0
"""How long a post may take."""
PAUSE_SECONDS: Final = 60.0
"""How long a webhook is left alone that does not answer, or does not say how long."""
REFUSED_SECONDS: Final = 300.0
"""How long one is left alone that somebody must mend first."""
LONGEST_PAUSE: Final = 3600.0
_CONNECT_SECONDS: Final = 5.0
_THREAD: Final = "post to the failure webhook"
_GONE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})


class InvalidWebhookError(ValueError):
    """The webhook's URL cannot work; names the variable, never the value."""


@dataclass(frozen=True)
class Delivery:
    """What came of a post."""

    taken: bool
    words: str = ""
    """Why not; whoever must do something is named."""
    pause_seconds: float = 0.0
    """How long to leave the webhook alone."""
    broken: bool = False
    """Somebody must mend it."""


@dataclass(frozen=True)
class Webhook:
    """A webhook that takes Slack's messages.

    Args:
        url: a credential.
        allow_plain_http: send it, and the messages, unencrypted over a network.
        seconds: how long a post may take.

    Raises ``InvalidWebhookError`` for a URL that cannot work.
    """

    url: str = field(repr=False)
    allow_plain_http: bool = False
    seconds: float = SECONDS

    def __post_init__(self) -> None:
        parts = _split(self.url)
        host = parts.hostname or ""
        _require(parts.scheme in {"http", "https"} and bool(host), "is no http(s) URL.")
        _require("@" not in parts.netloc, "carries a user name; a webhook's URL has none.")
        _require(
            parts.scheme == "https" or self.allow_plain_http or is_loopback(host),
            "would be called over plain http, which shows it to the network; use https, or set "
            f"{variable('allow_plain_http')}=true.",
        )

    @property
    def host(self) -> str:
        """The one part of the URL that may be named."""
        return str(urlsplit(self.url).hostname)

    def post(self, body: Mapping[str, Any]) -> Delivery:
        """Post a message as JSON; never raises for what the other side does."""
        answers: list[Delivery] = []
        thread = threading.Thread(
            target=lambda: answers.append(self._post(body)), name=_THREAD, daemon=True
        )
        thread.start()
        thread.join(self.seconds)
        return answers[0] if answers else self._away(f"did not answer within {self.seconds:g} s")

    def _post(self, body: Mapping[str, Any]) -> Delivery:
        _hold_back_log_lines()
        try:
            with (
                _silent_session() as session,
                session.post(
                    self.url,
                    data=json.dumps(body).encode(),
                    headers={
                        "Content-Type": "application/json",
                        "User-Agent": f"jira-assets/{__version__}",
                    },
                    timeout=(_CONNECT_SECONDS, self.seconds),
                    auth=_as_it_is,
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                return self._delivery(response.status_code, response.headers.get("Retry-After"))
        except (requests.RequestException, OSError, ValueError) as error:
            # The error's own text, and its request, hold the URL.
            return self._away(_words(error))

    def _delivery(self, status: int, retry_after: str | None) -> Delivery:
        if HTTPStatus(200) <= status < HTTPStatus.MULTIPLE_CHOICES:
            return Delivery(taken=True)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return self._away("asks for fewer messages (429)", seconds_to_wait(retry_after))
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return self._away(f"is out of order ({status})", seconds_to_wait(retry_after))
        why = "is gone" if status in _GONE else "does not take what is posted to it"
        return Delivery(
            taken=False,
            words=f"The webhook at {self.host} {why} ({status}). Whoever runs jira_assets must put "
            f"one that works into {VARIABLE}; until then nobody is told of failures.",
            pause_seconds=REFUSED_SECONDS,
            broken=True,
        )

    def _away(self, what: str, pause: float = PAUSE_SECONDS) -> Delivery:
        words = f"The webhook at {self.host} {what}; it is tried again in {pause:.0f} s."
        return Delivery(taken=False, words=words, pause_seconds=pause)


def webhook_of(settings: Settings) -> Webhook | None:
    """Return the webhook that is set, or None; raises InvalidWebhookError."""
    if settings.failure_webhook_url is None:
        return None
    url = settings.failure_webhook_url.get_secret_value().strip()
    return Webhook(url, allow_plain_http=settings.allow_plain_http)


def seconds_to_wait(retry_after: str | None) -> float:
    """Return what a ``Retry-After`` asks for, as seconds or a date; bounded, and never nothing."""
    asked = PAUSE_SECONDS
    if retry_after is not None and retry_after.strip().isascii():
        try:
            asked = float(retry_after)
        except ValueError:
            asked = _until(retry_after)
    return PAUSE_SECONDS if math.isnan(asked) else min(max(asked, 1.0), LONGEST_PAUSE)


def _until(date: str) -> float:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return PAUSE_SECONDS
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime.now(UTC)).total_seconds()


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        readable = parts.port != 0 and url.isprintable() and " " not in url
    except ValueError:
        readable = False
    _require(readable, "is malformed.")
    return parts


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise InvalidWebhookError(f"{VARIABLE} {otherwise}")


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Take the place of the login that ``requests`` would look up in a ``.netrc``."""
    return request


def _words(error: Exception) -> str:
    """Say in words what ``requests`` says with a class."""
    for kind, words in (
        (requests.exceptions.ConnectTimeout, "took no connection in time"),
        (requests.exceptions.ReadTimeout, "did not answer in time"),
        (requests.exceptions.ProxyError, "cannot be reached through the proxy"),
        (requests.exceptions.SSLError, "has a certificate that is not trusted, or no TLS"),
    ):
        if isinstance(error, kind):
            return words
    return "cannot be reached, or closed the connection before it answered"


class _Silent(HTTPAdapter):
    """Opens connections that print nothing of what goes over them."""

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> HTTPConnectionPool:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        opened_by = pool.ConnectionCls

        def silent(*args: Any, **kwargs: Any) -> Any:
            connection = opened_by(*args, **kwargs)
            connection.debuglevel = 0
            return connection

        vars(pool)["ConnectionCls"] = silent
        return cast("HTTPConnectionPool", pool)


def _silent_session() -> requests.Session:
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Silent())
    return session


class _Unlogged(logging.Filter):
    """Holds back every line of the threads that post: some show the path of what is called."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.threadName != _THREAD


_UNLOGGED: Final = _Unlogged()
_LOGGERS: Final = ("urllib3.connection", "urllib3.connectionpool", "urllib3.util.retry")


def _hold_back_log_lines() -> None:
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_UNLOGGED)
