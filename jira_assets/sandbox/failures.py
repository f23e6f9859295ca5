"""Answers that are none: what proxies, logins, limits and Jira send instead of the right one.

``faults.KINDS`` names each and says it in words.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import quote, urlsplit

import orjson

from jira_assets.sandbox.answers import error
from jira_assets.sandbox.hit import Hit, Make
from jira_assets.sandbox.rate_limit import QUOTA_REASON, refusal_headers
from jira_assets.sandbox.wire import HTML, LOGIN_PAGE, Headers, Reply, encode

BY_NAME: Final = (b"x-ausername", b"anonymous")
BY_REASON: Final = (b"x-seraph-loginreason", b"AUTHENTICATED_FAILED")
QUOTA_SECONDS: Final = 1847
"""A ``Retry-After`` that Cloud has sent; Atlassian's page on rate limits shows its like."""
LONGEST_TARGET: Final = 2000
"""Bytes of path and query that the strictest proxies let pass."""

_GONE: Final = (
    "The requested API has been removed. Please migrate to the API that the changelog names."
)
_TOO_LONG_PAGE: Final = b"<html><head><title>414 Request-URI Too Large</title></head></html>"
_LATEST: Final = "/rest/api/latest/"


def page(status: int, body: bytes, content_type: bytes = HTML) -> Make:
    """Answer everything with a page for people; no content type: none is sent."""
    return lambda _: Reply(status, body, content_type)


def said(status: int, document: Any) -> Make:
    """Answer everything with one JSON document."""
    return lambda _: Reply(status, orjson.dumps(document))


def anonymous_view(*marks: tuple[bytes, bytes]) -> Make:
    """Answer as to nobody in particular; ``marks`` are the headers that give it away."""
    return lambda hit: replace(hit.anonymous(), headers=marks)


def empty_body(_: Hit) -> Reply:
    """200, and nothing."""
    return Reply(200)


def login_redirect(hit: Hit) -> Reply:
    """Send the caller to the login page of this site."""
    return _redirect(hit.location or f"{hit.base_url}/login.jsp?os_destination={quote(hit.path)}")


def redirect_other_host(hit: Hit) -> Reply:
    """Send the caller to another host."""
    return _redirect(hit.location or f"https://sso.other-host.invalid{hit.path}")


def redirect_other_port(hit: Hit) -> Reply:
    """Send the caller to another port of this host, where nobody listens."""
    return _redirect(f"http://{urlsplit(hit.base_url).hostname}:1{hit.path}")


def redirect_circle(hit: Hit) -> Reply:
    """Send the caller to where it already is."""
    return _redirect(hit.path)


def redirect_nowhere(_: Hit) -> Reply:
    """Send the caller on without saying where to."""
    return Reply(302, b"", HTML)


def redirect_within_site(hit: Hit) -> Reply:
    """Send the caller to another path of this site, which has the right answer."""
    before, _, resource = hit.path.partition("/rest/api/")
    if _LATEST in hit.path:
        return hit.healthy()
    query = f"?{hit.query.decode()}" if hit.query else ""
    return _redirect(before + _LATEST + resource.partition("/")[2] + query)


def _redirect(target: str) -> Reply:
    return Reply(302, b"", HTML, ((b"location", target.encode()),))


def cut_json(hit: Hit) -> Reply:
    """Half of the right answer, announced as a whole one."""
    healthy = hit.healthy()
    return replace(healthy, body=healthy.body[: len(healthy.body) // 2])


def early_close(hit: Hit) -> Reply:
    """Half of the right answer, though all of it was announced."""
    return replace(cut_json(hit), promised=len(hit.healthy().body))


def server_error(_: Hit) -> Reply:
    """Jira's own 500."""
    return encode(error(500, "Internal server error"))


def unavailable(hit: Hit) -> Reply:
    """503 of a proxy that says when to come back, in seconds."""
    return Reply(503, b"", b"", ((b"retry-after", b"%d" % hit.seconds),))


def unavailable_until(hit: Hit) -> Reply:
    """503 of a proxy that says when to come back, as a date."""
    return Reply(503, b"", b"", (_until(hit.seconds),))


def too_many(hit: Hit) -> Reply:
    """429 with the headers of the deployment."""
    return _too_many(refusal_headers(int(hit.seconds), cloud=hit.cloud))


def too_many_until(hit: Hit) -> Reply:
    """429 that says when to come back, as a date."""
    return _too_many((_until(hit.seconds),))


def too_many_now(_: Hit) -> Reply:
    """429 that says to come back at once."""
    return _too_many(((b"retry-after", b"0"),))


def quota(_: Hit) -> Reply:
    """429 of Cloud: the hour's quota is used up, and the wait is long."""
    limits = ((b"x-ratelimit-limit", b"65000"), (b"x-ratelimit-remaining", b"0"))
    return _too_many((*limits, *refusal_headers(QUOTA_SECONDS, cloud=True, reason=QUOTA_REASON)))


def retry_after_zero(hit: Hit) -> Reply:
    """Add ``Retry-After: 0`` to the right answer."""
    healthy = hit.healthy()
    return replace(healthy, headers=(*healthy.headers, (b"retry-after", b"0")))


def _too_many(headers: Headers) -> Reply:
    return encode(error(429, "Rate limit exceeded."), headers)


def _until(seconds: float) -> tuple[bytes, bytes]:
    date = datetime.now(UTC) + timedelta(seconds=seconds)
    return (b"retry-after", format_datetime(date, usegmt=True).encode())


def captcha(_: Hit) -> Reply:
    """403: a person must log in first."""
    reason = b"CAPTCHA_CHALLENGE; login-url=/login.jsp"
    return Reply(403, LOGIN_PAGE, HTML, ((b"x-authentication-denied-reason", reason),))


def gone(_: Hit) -> Reply:
    """410 of an endpoint that was removed."""
    return encode(error(410, _GONE))


def wrong_shape(hit: Hit) -> Reply:
    """JSON that is never of the shape of the right answer."""
    is_list = isinstance(orjson.loads(hit.healthy().body), list)
    return Reply(200, b'{"unexpected":true}' if is_list else b'["unexpected"]')


def long_url(hit: Hit) -> Reply:
    """Refuse long URLs as proxies do; short ones get the right answer."""
    if hit.target_length > LONGEST_TARGET:
        return Reply(414, _TOO_LONG_PAGE, HTML)
    return hit.healthy()
