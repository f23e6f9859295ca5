"""What goes over the wire: calls, whole HTTP answers, the pages that servers around Jira send."""

from dataclasses import dataclass
from typing import Final

import orjson

from jira_assets.sandbox.answers import Answer

Headers = tuple[tuple[bytes, bytes], ...]

JSON: Final = b"application/json;charset=UTF-8"
HTML: Final = b"text/html;charset=UTF-8"

LOGIN_PAGE: Final = (
    b"<!DOCTYPE html><html><head><title>Log in - Jira</title></head><body><form/></body></html>"
)
LOGGED_IN_PAGE: Final = (
    b"\n\n<!DOCTYPE html><html><head><title>Jira</title></head>"
    b"<body>You are already logged in.</body></html>"
)
NOT_FOUND_PAGE: Final = (
    b"<html><head><title>404 Not Found</title></head><body>Dead link</body></html>"
)
TOO_LARGE_PAGE: Final = b"<html><head><title>413 Request Entity Too Large</title></head></html>"
BAD_GATEWAY_PAGE: Final = (
    b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
)
UNAVAILABLE_PAGE: Final = (
    b"<html><head><title>503 Service Unavailable</title></head><body>nginx</body></html>"
)


@dataclass(frozen=True, slots=True)
class Call:
    """A request: its whole path, what follows the question mark, and its body, as they came."""

    method: str
    path: str
    query: bytes = b""
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer. ``promised`` bytes are announced where they are not what is sent."""

    status: int
    body: bytes = b""
    content_type: bytes = JSON
    headers: Headers = ()
    promised: int | None = None

    def head(self) -> list[tuple[bytes, bytes]]:
        """Return the headers, length and type first; a type of no bytes is left out."""
        length = len(self.body) if self.promised is None else self.promised
        typed = ((b"content-type", self.content_type),) if self.content_type else ()
        return [(b"content-length", b"%d" % length), *typed, *self.headers]


def encode(answer: Answer, headers: Headers = ()) -> Reply:
    """Build an answer of Jira and encode it."""
    return Reply(answer.status, orjson.dumps(answer.build()), headers=headers)
