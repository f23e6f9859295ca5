"""What goes wrong between a client and a Jira: each kind a named case of one table.

A ``Fault`` says how often: a share of the calls, the first ``count`` of them, those to some path.
Which calls it hits depends on the seed, the path and how often that path was asked before, not on
the order in which concurrent calls arrive. A retry is another draw.
"""

import fnmatch
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Final
from urllib.parse import quote

import orjson

from jira_assets.sandbox.dialects import error
from jira_assets.sandbox.draws import draw
from jira_assets.sandbox.rate_limit import refusal_headers
from jira_assets.sandbox.wire import (
    BAD_GATEWAY_PAGE,
    HTML,
    LOGIN_PAGE,
    NOT_FOUND_PAGE,
    Headers,
    Reply,
    encode,
)

ANONYMOUS_HEADERS: Final[Headers] = (
    (b"x-ausername", b"anonymous"),
    (b"x-seraph-loginreason", b"AUTHENTICATED_FAILED"),
)
_GONE: Final = (
    "The requested API has been removed. Please migrate to the API that the changelog names."
)


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, and when.

    ``path`` is a shell pattern (``*/project/*/statuses``) for the whole path; ``seconds`` is how
    long ``hang`` waits and what ``Retry-After`` says; ``location`` is where the redirects go.
    """

    kind: str
    share: float = 1.0
    path: str = "*"
    count: int | None = None
    seconds: float = 1.0
    location: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            near = get_close_matches(self.kind, KINDS, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(sorted(KINDS))}."
            raise ValueError(f"There is no fault {self.kind!r}. {hint}")
        if not 0 <= self.share <= 1:
            raise ValueError(f"The share of {self.kind} is between 0 and 1, not {self.share}.")

    @classmethod
    def parse(cls, text: str) -> "Fault":
        """Read ``KIND=SHARE``, or ``KIND`` for every call."""
        kind, _, share = text.partition("=")
        try:
            return cls(kind, float(share or 1))
        except ValueError as failure:
            if kind in KINDS:
                message = f"{text!r} is no fault: write KIND=SHARE with a share between 0 and 1."
                raise ValueError(message) from failure
            raise

    @cached_property
    def matches(self) -> Callable[[str], Any]:
        """Tell whether a path is one that this fault is about."""
        return re.compile(fnmatch.translate(self.path)).match


@dataclass(frozen=True, slots=True)
class Hit:
    """A call that a fault hit, and what would have been answered."""

    fault: Fault
    base_url: str
    path: str
    cloud: bool
    healthy: Callable[[], Reply]
    anonymous: Callable[[], Reply]


class Faults:
    """The faults of a server; the first that hits a call decides. Not for several threads."""

    def __init__(self, faults: Iterable[Fault] = (), seed: int = 0) -> None:
        self._faults = tuple(faults)
        self._seed = seed
        self._asked: Counter[tuple[int, str]] = Counter()
        self._sent: Counter[int] = Counter()

    def hit(self, path: str) -> Fault | None:
        """Return the fault that hits this call, or None; every call counts as one draw."""
        for number, fault in enumerate(self._faults):
            if fault.matches(path) and self._strikes(number, fault, path):
                self._sent[number] += 1
                return fault
        return None

    def _strikes(self, number: int, fault: Fault, path: str) -> bool:
        if fault.count is not None and self._sent[number] >= fault.count:
            return False
        if fault.share >= 1:
            return True
        self._asked[number, path] += 1
        asked = self._asked[number, path]
        return draw(self._seed, number, fault.kind, path, asked) < fault.share


def _login_redirect(hit: Hit) -> Reply:
    target = hit.fault.location or f"{hit.base_url}/login.jsp?os_destination={quote(hit.path)}"
    return Reply(302, b"", HTML, ((b"location", target.encode()),))


def _redirect_other_host(hit: Hit) -> Reply:
    target = hit.fault.location or f"https://login.other-host.invalid{hit.path}"
    return Reply(302, b"", HTML, ((b"location", target.encode()),))


def _cut_json(hit: Hit) -> Reply:
    healthy = hit.healthy()
    return replace(healthy, body=healthy.body[: len(healthy.body) // 2])


def _early_close(hit: Hit) -> Reply:
    return replace(_cut_json(hit), promised=len(hit.healthy().body))


def _server_error(_: Hit) -> Reply:
    return encode(error(500, "Internal server error"))


def _unavailable(hit: Hit) -> Reply:
    return Reply(503, b"", b"", ((b"retry-after", b"%d" % hit.fault.seconds),))


def _too_many(hit: Hit) -> Reply:
    headers = refusal_headers(int(hit.fault.seconds), cloud=hit.cloud)
    return encode(error(429, "Rate limit exceeded."), headers)


def _anonymous_view(hit: Hit) -> Reply:
    return replace(hit.anonymous(), headers=ANONYMOUS_HEADERS)


def _captcha(_: Hit) -> Reply:
    reason = b"CAPTCHA_CHALLENGE; login-url=/login.jsp"
    return Reply(403, LOGIN_PAGE, HTML, ((b"x-authentication-denied-reason", reason),))


def _scope_mismatch(_: Hit) -> Reply:
    return Reply(401, b'{"code":401,"message":"Unauthorized; scope does not match"}')


def _wrong_shape(hit: Hit) -> Reply:
    is_list = isinstance(orjson.loads(hit.healthy().body), list)
    return Reply(200, b'{"unexpected":true}' if is_list else b'["unexpected"]')


def _repeated_items(hit: Hit) -> Reply:
    """Send every item of a list, or of a page's values, twice."""
    healthy = hit.healthy()
    content = orjson.loads(healthy.body)
    if isinstance(content, list):
        content = [*content, *content]
    elif isinstance(content.get("values"), list):
        content["values"] = [*content["values"], *content["values"]]
    return replace(healthy, body=orjson.dumps(content))


KINDS: Final[dict[str, tuple[str, Callable[[Hit], Reply]]]] = {
    "html_200": ("200 with a login page", lambda _: Reply(200, LOGIN_PAGE, HTML)),
    "html_404": ("404 with a web server's page", lambda _: Reply(404, NOT_FOUND_PAGE, HTML)),
    "login_redirect": ("302 to /login.jsp of the same site", _login_redirect),
    "redirect_other_host": ("302 to another host", _redirect_other_host),
    "empty_body": ("200 with nothing in it", lambda _: Reply(200)),
    "cut_json": ("200 with half of the JSON", _cut_json),
    "early_close": ("half of the promised bytes, then the connection ends", _early_close),
    "http_500": ("500 with Jira's error JSON", _server_error),
    "http_502_html": ("502 with a proxy's page", lambda _: Reply(502, BAD_GATEWAY_PAGE, HTML)),
    "http_503_retry_after": ("503 with Retry-After, no body and no type", _unavailable),
    "http_429": ("429 with Retry-After and its reason", _too_many),
    "http_429_bare": ("429 of a gateway: no headers", lambda _: Reply(429, b"", b"")),
    "anonymous_view": ("what nobody in particular may see: 200, an empty site", _anonymous_view),
    "captcha_403": ("403, a person must solve a CAPTCHA", _captcha),
    "scope_401": ("401, the token's scope does not match", _scope_mismatch),
    "hang": ("the right answer, after seconds of silence", lambda hit: hit.healthy()),
    "wrong_shape": ("200 with JSON of another shape", _wrong_shape),
    "gone_410": ("410, the endpoint was removed", lambda _: encode(error(410, _GONE))),
    "repeated_items": ("every item of a list twice", _repeated_items),
}
"""Kind to what it sends, in words and as the function that makes it."""
