"""One site under one path of a server: what it answers, encoded once for each state of the site."""

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

import orjson

from jira_assets.sandbox.answers import BAD_REQUEST, Answer, error, not_found
from jira_assets.sandbox.dialects import (
    API_VERSIONS,
    READER,
    anonymous_answer,
    answer,
    posted,
)
from jira_assets.sandbox.documents import Root
from jira_assets.sandbox.issue_answers import methods
from jira_assets.sandbox.issue_requests import PAYLOAD
from jira_assets.sandbox.model import SiteState
from jira_assets.sandbox.rate_limit import RateLimit, TokenBucket
from jira_assets.sandbox.site import JiraSite
from jira_assets.sandbox.wire import HTML, LOGIN_PAGE, NOT_FOUND_PAGE, Call, Headers, Reply, encode

if TYPE_CHECKING:
    from collections.abc import Hashable

_API: Final = "/rest/api/"
_LOGIN_PATHS: Final = frozenset({"", "/", "/login.jsp"})
_KEPT: Final = 256
"""Encoded answers kept for a state of a site: memory stays flat whatever is asked."""


class Mount:
    """Answers the calls below ``prefix`` from ``site``, in the dialect of its deployment."""

    def __init__(self, site: JiraSite, prefix: str, origin: str) -> None:
        self.site = site
        self.prefix = prefix
        self.base_url = origin + prefix
        self.cloud = site.deployment == "cloud"
        self._bucket: TokenBucket | None = None
        self._kept_state: SiteState | None = None
        self._kept: dict[tuple[str, Hashable], Reply] = {}

    def bucket(self, limit: RateLimit | None) -> TokenBucket | None:
        """Return the site's own bucket for this limit: a full one when the limit has changed."""
        if limit is None:
            self._bucket = None
        elif self._bucket is None or self._bucket.limit is not limit:
            self._bucket = TokenBucket(limit)
        return self._bucket

    def public(self, path: str) -> bool:
        """Tell whether a path of the server asks for what everybody may see."""
        below = path.removeprefix(self.prefix)
        return not below.startswith(_API) or below.endswith("/serverInfo")

    def methods(self, path: str) -> tuple[str, ...]:
        """Return the HTTP methods that a path of the server has."""
        below = path.removeprefix(self.prefix)
        if not below.startswith(_API):
            return ("GET",)
        _, _, resource = below.removeprefix(_API).partition("/")
        return methods(resource, cloud=self.cloud)

    def reply(self, call: Call, *, anonymous: bool = False) -> Reply:
        """Answer a call of one of the methods that its path has."""
        below = call.path.removeprefix(self.prefix)
        if below in _LOGIN_PATHS:
            return Reply(200, LOGIN_PAGE, HTML)
        if not below.startswith(_API):
            return Reply(404, NOT_FOUND_PAGE, HTML)
        version, _, resource = below.removeprefix(_API).partition("/")
        root = Root(self.base_url, self.cloud, version)
        if version not in API_VERSIONS[self.site.deployment]:
            return encode(not_found(root, resource))
        return self._answered(call, root, resource, anonymous=anonymous)

    def _answered(self, call: Call, root: Root, resource: str, *, anonymous: bool) -> Reply:
        state, query = self.site.state, _parameters(call.query)
        body = _object(call.body) if call.method == "POST" else None
        if call.method == "POST" and body is None:
            return encode(error(BAD_REQUEST, PAYLOAD), self._identity)
        if anonymous:
            return encode(anonymous_answer(state, root, resource, query, body))
        if body is not None:
            return encode(posted(state, root, resource, body), self._identity)
        return self._encoded(state, root, answer(state, root, resource, query))

    def _encoded(self, state: SiteState, root: Root, found: Answer) -> Reply:
        if found.key is None:
            return encode(found, self._identity)
        if state is not self._kept_state or len(self._kept) >= _KEPT:
            self._kept_state, self._kept = state, {}
        key = (root.version, found.key)
        kept = self._kept.get(key)
        if kept is None:
            kept = self._kept[key] = encode(found, self._identity)
        return kept

    @property
    def _identity(self) -> Headers:
        """Whom the site takes the caller for, in the header of its deployment."""
        if self.cloud:
            return ((b"x-aaccountid", READER.account_id.encode()),)
        return ((b"x-ausername", READER.name.encode()),)


def _parameters(query: bytes) -> dict[str, str]:
    """Return query parameters by name; a repeated one's values are joined by commas."""
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(query.decode("ascii", "replace")):
        parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
    return parameters


def _object(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object of a body; None if it is none."""
    try:
        content = orjson.loads(body)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None
