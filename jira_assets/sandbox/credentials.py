"""Who may read a sandbox, and what a site answers to others.

Without credentials every call is welcome. With them, ``/serverInfo`` stays public, as on a real
site, but wrong credentials are refused there as well.
"""

import hmac
from base64 import b64encode
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from jira_assets.sandbox.answers import error
from jira_assets.sandbox.wire import HTML, Headers, Reply, encode

_UNAUTHORIZED: Final = 401
_REALM: Final = (b"www-authenticate", b'OAuth realm="sandbox"')
_DENIED: Final[Headers] = (_REALM, (b"x-seraph-loginreason", b"AUTHENTICATED_FAILED"))
_DENIED_PAGE: Final = (
    b"<html><body>Basic Authentication Failure - Reason : AUTHENTICATED_FAILED</body>"
)
_WHO_ARE_YOU: Final = "Client must be authenticated to access this resource."


@dataclass(frozen=True)
class Credentials:
    """The one secret a sandbox accepts: basic auth with a user name, a bearer token without."""

    secret: str = field(repr=False)
    username: str | None = None

    @cached_property
    def header(self) -> bytes:
        """The value of ``Authorization`` that is let in."""
        if self.username is None:
            return b"Bearer " + self.secret.encode()
        return b"Basic " + b64encode(f"{self.username}:{self.secret}".encode())

    def accepts(self, authorization: bytes | None) -> bool:
        """Tell whether a call with this header is let in."""
        return authorization is not None and hmac.compare_digest(authorization, self.header)


def refusal(*, cloud: bool) -> Reply:
    """Return the 401 of a site: JSON on Cloud, a page on Data Center."""
    if not cloud:
        return Reply(_UNAUTHORIZED, _DENIED_PAGE, HTML, _DENIED)
    return encode(error(_UNAUTHORIZED, _WHO_ARE_YOU), _DENIED)
