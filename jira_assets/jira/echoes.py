"""Our own credentials, taken out of what a site answers, in whatever spelling they come back.

Decisions this module embodies:

* Error pages of proxies quote what they were sent. What lands raw, what an error quotes and where a
  redirect leads comes from the answer: so it is cleaned once, before anybody reads it.
* JSON, HTML and URLs escape what is no letter and no digit, and nothing else. An answer is looked
  through for the longest run of those, which takes a tenth of a millisecond a megabyte; only one
  that holds it is gone over sign by sign.
* What lands is as Jira wrote it: a short secret may be a word of somebody's text. In an answer that
  is no error only what the header carried is taken out, and a secret that is no word by its length.
"""

import base64
import re
from collections.abc import Mapping
from html.entities import codepoint2name
from http import HTTPStatus
from typing import Final

from urllib3 import HTTPHeaderDict

MASK: Final = b"***"
_SHORTEST: Final = {True: 6, False: 12}
"""Letters of a secret that is taken out, of an error and of any other answer."""
_LATIN: Final = 0xFF
_RUN: Final = re.compile(rb"[0-9A-Za-z]+")


def without_credentials(
    status: int, headers: Mapping[str, str], body: bytes, authorization: str | None
) -> tuple[Mapping[str, str], bytes]:
    """Return an answer's headers and body without what ``authorization`` carried.

    Args:
        status: the answer's.
        headers: the answer's; returned as they are where they hold nothing of it.
        body: unpacked.
        authorization: the header that was sent; None for none.
    """
    for form in _forms(authorization, error=status >= HTTPStatus.BAD_REQUEST):
        body = _without(body, form)
        if any(_probe(form) in value.encode() for value in headers.values()):
            items = [(name, _without(text.encode(), form)) for name, text in headers.items()]
            headers = HTTPHeaderDict((name, text.decode()) for name, text in items)
    return headers, body


def _forms(authorization: str | None, *, error: bool) -> list[str]:
    """Return what is taken out, the longest first: the header's credentials, and the secret."""
    if authorization is None:
        return []
    kind, _, carried = authorization.partition(" ")
    if kind != "Basic":
        return [carried]
    secret = base64.b64decode(carried).decode().partition(":")[2]  # a user name has no colon
    return [carried, secret] if len(secret) >= _SHORTEST[error] else [carried]


def _without(text: bytes, form: str) -> bytes:
    if _probe(form) not in text:
        return text
    pattern = "".join(map(_spellings, form)).encode()
    return re.sub(pattern, MASK, text)


def _probe(form: str) -> bytes:
    """Return what every spelling of ``form`` holds; nothing where it has no letter and no digit."""
    return max(_RUN.findall(form.encode()), key=len, default=b"")


def _spellings(letter: str) -> str:
    """Return a pattern of the ways to write a letter, those of JSON within JSON included."""
    if letter.isascii() and letter.isalnum():
        return letter
    number, units = ord(letter), letter.encode("utf-16-be").hex()
    escaped = "".join(rf"\\+u{units[place : place + 4]}" for place in range(0, len(units), 4))
    percent = "".join(f"%(?:25)*{byte:02x}" for byte in letter.encode())
    named = f"|&{codepoint2name[number]};" if number in codepoint2name else ""
    entity = f"&#0*{number};|&#x0*{number:x};{named}"
    # A form's blank is a plus; scripts, and pages in Latin-1, write a letter as its one byte.
    form = r"|\+|%(?:25)*2b" if letter == " " else ""
    byte = rf"|\\+x{number:02x}|\x{number:02x}|%(?:25)*{number:02x}" if number <= _LATIN else ""
    return rf"(?i:\\*{re.escape(letter)}|{escaped}|{percent}|{entity}{form}{byte})"
