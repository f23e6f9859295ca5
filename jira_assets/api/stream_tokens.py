"""Stream tokens: a browser's EventSource sends no header, so its key to one stream is in the URL.

Decisions this module embodies:

* A token opens the events of one request for some minutes, and dies with the key that it was made
  with. It is signed with that key's stored hash: nothing is kept for it, and the key itself, which
  opens everything, is in no URL.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from jira_assets.warehouse.api_keys import ApiKey

LIFETIME_SECONDS: Final = 600
_TOKEN: Final = re.compile(r"([0-9a-f]{12})\.([0-9]{1,12})\.([0-9a-f]{64})")


@dataclass(frozen=True)
class StreamToken:
    """A token, taken apart; not checked yet."""

    key_id: str
    expires: int
    """Unix time, seconds."""
    signature: str

    @classmethod
    def parse(cls, text: str) -> "StreamToken | None":
        """Read a token; None for any other text."""
        matched = _TOKEN.fullmatch(text)
        return None if matched is None else cls(matched[1], int(matched[2]), matched[3])

    def opens(self, request_id: UUID, key: ApiKey, now: float) -> bool:
        """Whether it was made with ``key`` for this request, and has not expired."""
        expected = _sign(key, request_id, self.expires)
        return hmac.compare_digest(expected, self.signature) and now < self.expires


def make_token(key: ApiKey, request_id: UUID, now: float) -> tuple[str, int]:
    """Return a token for the events of a request, and when it expires (Unix time, seconds)."""
    expires = int(now) + LIFETIME_SECONDS
    return f"{key.key_id}.{expires}.{_sign(key, request_id, expires)}", expires


def _sign(key: ApiKey, request_id: UUID, expires: int) -> str:
    signed = f"jira-assets/stream/{key.key_id}/{request_id}/{expires}".encode()
    return hmac.new(key.secret_hash, signed, hashlib.sha256).hexdigest()
