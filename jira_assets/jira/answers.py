"""What an answer means: a payload, or an error that says who must act. Pure.

Facts about what real sites send, and where they were read or measured:

* 200 with a login page, or with an empty body; 502 and 503 with a proxy's HTML; 404 with HTML on a
  wrong context path.
* Wrong credentials may be answered with 200 and the anonymous view, which looks like an empty site.
  The headers tell: ``X-AUSERNAME: anonymous`` or ``X-Seraph-LoginReason: AUTHENTICATED_FAILED``.
  An answer of 401, 429 or 5xx may carry them, too, and speaks for itself.
* Four shapes of error bodies: ``{"errorMessages", "errors"}`` (either may be empty, or no list or
  object), ``{"message", "status-code"}``, ``{"code", "message"}`` and ``{"errorMessage"}``.
* Proxies refuse URLs of more than 2 to 8 KB: 414, or 431.
"""

from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, Final

from jira_assets.jira.errors import (
    AnonymousViewError,
    CaptchaError,
    CredentialsRefusedError,
    ForbiddenError,
    GoneError,
    JiraError,
    MalformedAnswerError,
    NotFoundError,
    NotJiraError,
    RateLimitedError,
    RedirectedError,
    RefusedRequestError,
    ScopeError,
    TransientJiraError,
    UnavailableError,
    WrongPathError,
)
from jira_assets.jira.retry import retry_after
from jira_assets.jira.transport import HttpAnswer
from jira_assets.lenient_json import read_json

_LONGEST_QUOTE: Final = 300
_LONGEST_TEXT_BODY: Final = 2000
_BLANK: Final = b"\xef\xbb\xbf \t\r\n"  # a byte order mark counts as none
_URL_TOO_LONG: Final = frozenset(
    {HTTPStatus.REQUEST_URI_TOO_LONG, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE}
)
_WORTH_ANOTHER_TRY: Final = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)


def payload_of(
    answer: HttpAnswer,
    *,
    anonymous: bool,
    now: float,
    parse: Callable[[bytes], Any] = read_json,
) -> Any:
    """Return the JSON document that a successful answer holds.

    Args:
        answer: any answer.
        anonymous: whether no account was given, so that the anonymous view is what was asked for.
        now: seconds since the epoch, to read a ``Retry-After`` date.
        parse: makes the document of the body; raises ``ValueError`` where it is none.

    Raises:
        JiraError: the answer is none; of which kind says who must act.
    """
    if not anonymous:
        _refuse_the_anonymous_view(answer)
    if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        raise _error_of(answer, now)
    if not answer.body.strip(_BLANK):
        raise MalformedAnswerError("Jira's answer is empty.", url=answer.url, status=answer.status)
    if is_html(answer):
        raise NotJiraError(
            "The answer is a page for people, not Jira's: a login page or a wrong base URL.",
            url=answer.url,
            status=answer.status,
        )
    return _parsed(answer, parse)


def is_html(answer: HttpAnswer) -> bool:
    """Whether the body is a page for people. Proxies label JSON as HTML, or HTML as nothing."""
    start = answer.body[:1024].lstrip(_BLANK)[:1]
    labelled = "html" in answer.headers.get("Content-Type", "").lower()
    return start == b"<" or (labelled and start not in {b"[", b"{"})


def words_of(payload: Any) -> str:
    """Return what an error body says, in one line of at most 300 characters; '' if nothing."""
    said = "; ".join(_words(payload))
    line = " ".join(said.split())
    return line if len(line) <= _LONGEST_QUOTE else f"{line[: _LONGEST_QUOTE - 1]}…"


def _words(payload: Any) -> Iterator[str]:
    if not isinstance(payload, dict):
        return
    for name in ("errorMessages", "errors", "message", "errorMessage"):
        said = payload.get(name)
        if isinstance(said, str):
            yield said
        elif isinstance(said, list):
            yield from (_word(item) for item in said if item)
        elif isinstance(said, dict):
            yield from (f"{field}: {_word(problem)}" for field, problem in said.items() if problem)


def _word(said: Any) -> str:
    try:
        return str(said)
    except RecursionError:  # nested more deeply than Python's stack
        return "…"


def _refuse_the_anonymous_view(answer: HttpAnswer) -> None:
    reason = answer.headers.get("X-Seraph-LoginReason", "").upper()
    denied = answer.headers.get("X-Authentication-Denied-Reason", "").upper()
    if "CAPTCHA_CHALLENGE" in denied or "AUTHENTICATION_DENIED" in reason:
        kind: type[JiraError] = CaptchaError
        what = "Jira refuses the login until a person solves its CAPTCHA."
    elif answer.status == HTTPStatus.UNAUTHORIZED or _is_hiccup(answer.status):
        return
    elif "AUTHENTICATED_FAILED" in reason:
        kind, what = AnonymousViewError, "Jira refused the credentials and answers as to a visitor."
    elif answer.headers.get("X-AUSERNAME", "").lower() == "anonymous":
        kind, what = AnonymousViewError, "Jira answers as to an anonymous visitor."
    else:
        return
    raise kind(what, url=answer.url, status=answer.status)


def _error_of(answer: HttpAnswer, now: float) -> JiraError:
    url, status = answer.url, answer.status
    body = _error_body(answer)
    said = words_of(body)
    quote = f": {said.rstrip('.')}." if said else "."
    if _is_hiccup(status):
        return _hiccup(answer, quote, now)
    match status:
        case HTTPStatus.UNAUTHORIZED:
            kind = ScopeError if "scope" in said.lower() else CredentialsRefusedError
            return kind(f"Jira refuses the credentials{quote}", url=url, status=status)
        case HTTPStatus.FORBIDDEN:
            return ForbiddenError(f"Jira forbids it{quote}", url=url, status=status, body=body)
        case HTTPStatus.NOT_FOUND:
            return _not_found(answer, body, quote)
        case HTTPStatus.GONE:
            return GoneError(f"Jira has removed this endpoint{quote}", url=url, status=status)
    return _refusal(answer, body, quote)


def _refusal(answer: HttpAnswer, body: Any, quote: str) -> JiraError:
    url, status = answer.url, answer.status
    if status < HTTPStatus.BAD_REQUEST:
        what = "The site redirects us without saying where to."
        return RedirectedError(what, url=url, status=status)
    what = "Jira refuses the call"
    if status in _URL_TOO_LONG:
        what = f"A proxy refuses the URL as too long ({len(url.encode()):,} bytes)"
    return RefusedRequestError(f"{what}{quote}", url=url, status=status, body=body)


def _is_hiccup(status: int) -> bool:
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _WORTH_ANOTHER_TRY


def _hiccup(answer: HttpAnswer, quote: str, now: float) -> TransientJiraError:
    pause = retry_after(answer.headers, now)
    asks = f" and asks to wait {pause:,.0f} s" if pause else ""
    kind: type[TransientJiraError] = UnavailableError
    what = "Jira, or a proxy before it, is out of order"
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        reason = answer.headers.get("RateLimit-Reason", "").strip()
        kind = RateLimitedError
        what = f"Jira takes no more calls for now{f' ({reason})' if reason else ''}"
    return kind(f"{what}{asks}{quote}", url=answer.url, status=answer.status, retry_after=pause)


def _not_found(answer: HttpAnswer, body: Any, quote: str) -> NotFoundError:
    kind: type[NotFoundError] = NotFoundError
    what = f"Jira finds nothing here{quote}"
    if is_html(answer):
        kind, what = WrongPathError, "There is no Jira here: the answer is a page for people."
    return kind(what, url=answer.url, status=answer.status, body=body)


def _error_body(answer: HttpAnswer) -> Any:
    """Return an error's document: JSON where it is, else the beginning of its text, else None."""
    try:
        return read_json(answer.body)
    except ValueError:
        return answer.body[:_LONGEST_TEXT_BODY].decode("utf-8", "replace") or None


def _parsed(answer: HttpAnswer, parse: Callable[[bytes], Any]) -> Any:
    try:
        return parse(answer.body)
    except ValueError as error:
        reason = str(error)
    raise MalformedAnswerError(
        f"Jira's answer is cut off or malformed JSON ({len(answer.body)} bytes: {reason}).",
        url=answer.url,
        status=answer.status,
    )
