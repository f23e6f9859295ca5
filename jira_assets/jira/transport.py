"""One GET after the other over one pool of connections, and nothing about what the answers mean.

Decisions this module embodies:

* Proxies and the CA bundle are taken from the environment once, when the client is made:
  ``requests`` would look them up for every call, which costs more CPU than the call. ``.netrc`` is
  not read at all: it would take the place of the integration's own credentials.
* No cookies are kept. A session that Jira opened for one call must not decide who the next one is.
* Redirects are followed only to the same scheme, host and port, and are never left to ``requests``:
  ``Authorization`` goes nowhere else.
* Failures leave ``_send`` as values, raised by who holds no header: the exceptions of ``requests``,
  and the frames of a traceback, keep the request with its token.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final
from urllib.parse import urlencode, urljoin, urlsplit

import requests

from jira_assets import __version__
from jira_assets.jira.auth import authorization
from jira_assets.jira.connections import CuttableAdapter
from jira_assets.jira.errors import (
    ConnectionFailedError,
    JiraError,
    RedirectedError,
    UntrustedCertificateError,
)
from jira_assets.jira.site import Site

_HEADERS: Final[dict[str, str]] = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "User-Agent": f"jira-assets/{__version__}",
}
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 5


@dataclass(frozen=True)
class Timeouts:
    """Seconds to wait for a connection, and for each next piece of an answer."""

    connect: float = 10.0
    read: float = 60.0


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
        self._adapter = CuttableAdapter(site.max_concurrency)
        self._session = requests.Session()
        self._session.mount("https://", self._adapter)
        self._session.mount("http://", self._adapter)
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._settings = self._session.merge_environment_settings(
            site.base_url, {}, stream=False, verify=None, cert=None
        )
        self._session.trust_env = False

    def get(self, path: str, params: Mapping[str, Any]) -> HttpAnswer:
        """GET an absolute ``path`` below the context path; a list in ``params`` repeats its name.

        Any status is an answer. Raises ``ConnectionFailedError`` without one, ``RedirectedError``,
        ``UntrustedCertificateError`` and ``SecretError``.
        """
        url = self._site.url(path)
        if params:
            url = f"{url}?{urlencode(params, doseq=True)}"
        for _ in range(1 + _MOST_REDIRECTS):
            answer = self._get(url)
            target = _redirect_target(answer)
            if target is None:
                return answer
            _refuse_elsewhere(answer, target)
            url = target
        raise RedirectedError("The site redirects in a circle.", url=url, status=answer.status)

    def cut(self) -> None:
        """End all calls in flight, as if the site had closed their connections."""
        self._adapter.cut()

    def close(self) -> None:
        """Close the pool."""
        self._session.close()

    def _get(self, url: str) -> HttpAnswer:
        answer = self._send(url)
        if isinstance(answer, JiraError):
            raise answer
        return answer

    def _send(self, url: str) -> HttpAnswer | JiraError:
        request = requests.PreparedRequest()
        headers = self._headers()
        request.prepare(method="GET", url=url, headers=headers)
        try:
            response = self._session.send(
                request,
                timeout=(self._timeouts.connect, self._timeouts.read),
                allow_redirects=False,
                **self._settings,
            )
        except (requests.RequestException, OSError) as error:
            return self._failure(error, url)
        body = _without_credentials(response.content, headers.get("Authorization"))
        return HttpAnswer(url, response.status_code, response.headers, body)

    def _headers(self) -> dict[str, str]:
        credentials = authorization(self._site)
        return _HEADERS if credentials is None else {**_HEADERS, "Authorization": credentials}

    def _failure(self, error: Exception, url: str) -> JiraError:
        host = urlsplit(url).netloc
        if "CA certificate bundle" in str(error):
            return UntrustedCertificateError("The environment names a CA bundle that is missing.")
        if isinstance(error, requests.exceptions.SSLError) and "CERTIFICATE" in str(error).upper():
            return UntrustedCertificateError(f"The certificate of {host} is not trusted.", url=url)
        return ConnectionFailedError(_explained(error, host, self._timeouts), url=url)


def _explained(error: Exception, host: str, timeouts: Timeouts) -> str:
    """Say in words what ``requests`` says with a class; its text holds more than a reader needs."""
    match error:
        case requests.exceptions.ConnectTimeout():
            return f"{host} took no connection within {timeouts.connect:g} s."
        case requests.exceptions.Timeout():
            return f"{host} did not answer within {timeouts.read:g} s."
        case requests.exceptions.ProxyError():
            return f"The proxy before {host} took no connection."
        case (
            requests.exceptions.ChunkedEncodingError() | requests.exceptions.ContentDecodingError()
        ):
            return f"The answer of {host} was cut off."
        case requests.exceptions.SSLError():
            return f"The TLS connection to {host} broke."
        case _:
            return f"{host} cannot be reached, or closed the connection before it answered."


def _redirect_target(answer: HttpAnswer) -> str | None:
    location = answer.headers.get("Location") if answer.status in _REDIRECTS else None
    return None if location is None else urljoin(answer.url, location)


def _refuse_elsewhere(answer: HttpAnswer, target: str) -> None:
    here, there = urlsplit(answer.url), urlsplit(target)
    if "login" in there.path.rsplit("/", 1)[-1].lower():
        what = "The site sends us to its login page instead of answering."
    elif (here.scheme, here.netloc) != (there.scheme, there.netloc):
        what = f"The site sends us to {there.scheme}://{there.hostname}, where no token is sent."
    else:
        return
    raise RedirectedError(what, url=answer.url, status=answer.status)


def _without_credentials(body: bytes, authorization: str | None) -> bytes:
    """Take our own credentials out of an answer: error pages of proxies quote what they were sent.

    What lands raw, and what an error quotes, comes from the body.
    """
    if authorization is None:
        return body
    _, _, credentials = authorization.partition(" ")
    return body.replace(credentials.encode(), b"***")
