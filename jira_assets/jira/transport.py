"""One call after the other over one pool of connections, and nothing about what the answers mean.

Decisions this module embodies:

* ``requests`` chooses the proxy, the CA bundle and the pool of connections, once, when the first
  call is made: to look them up for every call, as its sessions do, costs more CPU than the call.
  The calls themselves go to that pool, which is ``urllib3``'s: nothing follows redirects on its
  own, keeps a cookie (a session that Jira opened for one call must not decide who the next is), or
  reads a ``.netrc`` in the place of the integration's own credentials.
* Redirects are followed only to the same scheme, host and port: ``Authorization`` goes nowhere
  else. What was POSTed is POSTed again: nothing but reading is asked for, which may be repeated.
* Data Center takes a POST for a forged one unless a header says that it is none.
* A 401 to credentials that were renewed while the call was under way is no refusal of the new
  ones: the call is sent once more. Another process may renew a token in its file at any time.
* Failures leave ``_send`` as values, raised by who holds no header: the exceptions of ``urllib3``,
  and the frames of a traceback, keep the request with its token.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode, urljoin, urlsplit

import orjson
import requests
import urllib3
from urllib3 import exceptions

from jira_assets import __version__
from jira_assets.jira.addresses import OffLimitsError
from jira_assets.jira.auth import authorization
from jira_assets.jira.bounds import (
    MOST_BYTES,
    NeverEndingError,
    OversizedBodyError,
    read_whole,
)
from jira_assets.jira.connections import CuttableAdapter, Opened
from jira_assets.jira.echoes import without_credentials
from jira_assets.jira.errors import (
    ConnectionFailedError,
    InvalidSiteError,
    JiraError,
    OversizedAnswerError,
    RedirectedError,
    UntrustedCertificateError,
)
from jira_assets.jira.site import Site, off_limits

_HEADERS: Final[dict[str, str]] = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "User-Agent": f"jira-assets/{__version__}",
}
_POST_HEADERS: Final[dict[str, str]] = {
    "Content-Type": "application/json",
    "X-Atlassian-Token": "no-check",
}
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 5
_OVERSIZED: Final = f"The site's answer is larger than {MOST_BYTES // 2**20} MiB."
_NO_LENGTH: Final = (ValueError, OverflowError)
"""What ``http.client`` lets out where a length is negative, or larger than any memory."""
_NO_ANSWER: Final = (exceptions.HTTPError, requests.RequestException, OSError, *_NO_LENGTH)


@dataclass(frozen=True)
class Timeouts:
    """Seconds to wait for a connection, for each next piece of an answer, and for all of it."""

    connect: float = 10.0
    read: float = 60.0
    whole: float = 600.0


@dataclass(frozen=True)
class HttpAnswer:
    """What came back. ``headers`` are looked up without regard to case; ``body`` is unpacked."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """Calls one site, from any number of threads."""

    def __init__(self, site: Site, timeouts: Timeouts) -> None:
        self._site = site
        self._timeouts = timeouts
        self._adapter = CuttableAdapter(
            site.max_concurrency, timeouts.whole, link_local=site.allow_link_local
        )
        self._opening = threading.Lock()
        self._pool: Opened | None = None

    def get(self, path: str, params: Mapping[str, Any]) -> HttpAnswer:
        """GET an absolute ``path`` below the context path; a list in ``params`` repeats its name.

        Any status is an answer. Raises ``ConnectionFailedError`` without one, ``RedirectedError``,
        ``UntrustedCertificateError`` and ``SecretError``.
        """
        url = self._site.url(path)
        if params:
            url = f"{url}?{urlencode(params, doseq=True)}"
        return self._follow(url, None)

    def post(self, path: str, document: Any) -> HttpAnswer:
        """POST ``document`` as JSON to an absolute ``path`` below the context path.

        Only for what changes nothing: it may be sent more than once. Answers and errors as ``get``.
        """
        return self._follow(self._site.url(path), orjson.dumps(document))

    def cut(self) -> None:
        """End all calls in flight, as if the site had closed their connections."""
        self._adapter.cut()

    def close(self) -> None:
        """Close the pool."""
        self._adapter.close()

    def _follow(self, url: str, body: bytes | None) -> HttpAnswer:
        for _ in range(1 + _MOST_REDIRECTS):
            answer = self._send(url, body)
            if isinstance(answer, JiraError):
                raise answer
            target = _redirect_target(answer)
            if target is None:
                return answer
            _refuse_elsewhere(answer, target)
            url = target
        raise RedirectedError("The site redirects in a circle.", url=url, status=answer.status)

    def _send(self, url: str, body: bytes | None) -> HttpAnswer | JiraError:
        credentials = authorization(self._site)
        answer = self._send_as(url, body, credentials)
        if isinstance(answer, HttpAnswer) and answer.status == HTTPStatus.UNAUTHORIZED:
            renewed = authorization(self._site)
            if renewed != credentials:
                return self._send_as(url, body, renewed)
        return answer

    def _send_as(
        self, url: str, body: bytes | None, credentials: str | None
    ) -> HttpAnswer | JiraError:
        headers = _HEADERS if body is None else {**_HEADERS, **_POST_HEADERS}
        if credentials is not None:
            headers = {**headers, "Authorization": credentials}
        try:
            opened = self._opened()
            response = opened.pool.urlopen(
                "GET" if body is None else "POST",
                url if opened.by_whole_url else _target(url),
                body=body,
                headers=headers,
                timeout=urllib3.Timeout(self._timeouts.connect, self._timeouts.read),
                retries=False,
                redirect=False,
                assert_same_host=False,
                preload_content=False,
            )
            received = read_whole(response, MOST_BYTES)
        except OversizedBodyError:
            return OversizedAnswerError(_OVERSIZED, url=url, status=response.status)
        except OffLimitsError as error:
            host = urlsplit(url).hostname
            return InvalidSiteError(off_limits(str(host), str(error)), url=url)
        except _NO_ANSWER as error:
            return self._failure(error, url)
        told, received = without_credentials(
            response.status, response.headers, received, credentials
        )
        return HttpAnswer(url, response.status, told, received)

    def _opened(self) -> Opened:
        """Return the pool, chosen by the environment's proxies and CA bundle at the first call."""
        with self._opening:
            if self._pool is None:
                self._pool = self._adapter.open(self._site.base_url, self._site.ca_bundle)
            return self._pool

    def _failure(self, error: Exception, url: str) -> JiraError:
        host, said = urlsplit(url).netloc, str(error)
        who = "integration" if self._site.ca_bundle else "environment"
        if isinstance(error, OSError) and "TLS CA certificate bundle" in said:
            return UntrustedCertificateError(f"The {who} names a CA bundle that is missing.")
        if "NO_CERTIFICATE_OR_CRL_FOUND" in said:
            return UntrustedCertificateError(f"The {who} names a CA bundle without a certificate.")
        if isinstance(error, exceptions.SSLError) and "CERTIFICATE" in said.upper():
            return UntrustedCertificateError(f"The certificate of {host} is not trusted.", url=url)
        return ConnectionFailedError(_explained(error, host, self._timeouts), url=url)


def _target(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"


def _explained(error: Exception, host: str, timeouts: Timeouts) -> str:
    """Say in words what ``urllib3`` says with a class; its text holds more than a reader needs."""
    if type(error) in _NO_LENGTH:
        return f"The answer of {host} has a length that cannot be."
    if isinstance(error.__cause__, NeverEndingError):
        return f"The answer of {host} had not ended after {timeouts.whole:g} s."
    for kinds, words in (
        (
            (exceptions.NameResolutionError,),
            f"There is no host {host} that can be found from here: check the base URL, and DNS.",
        ),
        (
            (exceptions.NewConnectionError,),
            f"{host} cannot be reached: check host and port of the base URL, VPN and firewall.",
        ),
        (
            (exceptions.ConnectTimeoutError,),
            f"{host} took no connection within {timeouts.connect:g} s.",
        ),
        ((exceptions.TimeoutError,), f"{host} did not answer within {timeouts.read:g} s."),
        ((exceptions.ProxyError,), f"The proxy before {host} took no connection."),
        (
            (exceptions.IncompleteRead, exceptions.DecodeError),
            f"The answer of {host} was cut off.",
        ),
        ((exceptions.SSLError,), f"The TLS connection to {host} broke."),
    ):
        if isinstance(error, kinds):
            return words
    return f"{host} cannot be reached, or closed the connection before it answered."


def _redirect_target(answer: HttpAnswer) -> str | None:
    location = answer.headers.get("Location") if answer.status in _REDIRECTS else None
    try:
        return None if location is None else urljoin(answer.url, location)
    except ValueError:
        what = "The site redirects us to what is no URL."
    raise RedirectedError(what, url=answer.url, status=answer.status)


def _refuse_elsewhere(answer: HttpAnswer, target: str) -> None:
    here, there = urlsplit(answer.url), urlsplit(target)  # urljoin has read both
    if "login" in there.path.rsplit("/", 1)[-1].lower():
        what = "The site sends us to its login page instead of answering."
    elif (here.scheme, here.netloc) != (there.scheme, there.netloc):
        what = f"The site sends us to {there.scheme}://{there.hostname}, where no token is sent."
    else:
        return
    raise RedirectedError(what, url=answer.url, status=answer.status)
