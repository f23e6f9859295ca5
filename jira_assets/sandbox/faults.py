"""What goes wrong between a client and a Jira: each kind a named case of one table.

A ``Fault`` says how often: a share of the calls, the first ``count`` of them, those to some path.
Which calls it hits depends on the seed, the path and how often that path was asked before, not on
the order in which concurrent calls arrive. A retry is another draw.

``docs/answers.md`` says what each kind makes of a reading.
"""

import fnmatch
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Final

from jira_assets.sandbox import bad_pages, failures, oddities
from jira_assets.sandbox.draws import draw
from jira_assets.sandbox.failures import page, said
from jira_assets.sandbox.hit import Make
from jira_assets.sandbox.oddities import everywhere, with_field, without_field
from jira_assets.sandbox.wire import (
    BAD_GATEWAY_PAGE,
    LOGGED_IN_PAGE,
    LOGIN_PAGE,
    NOT_FOUND_PAGE,
    UNAVAILABLE_PAGE,
)

_SEE: Final = "`jira-assets sandbox --list-faults` says them"


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, and when.

    ``path`` is a shell pattern (``*/project/*/statuses``) for the whole path; ``seconds`` is how
    long ``hang`` waits and what ``Retry-After`` says; ``location`` is where ``login_redirect`` and
    ``redirect_other_host`` go.
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
            hint = f"Did you mean {near[0]}?" if near else f"Known: {len(KINDS)} kinds; {_SEE}."
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


_REFUSED: Final = "The value is wrong."

KINDS: Final[dict[str, tuple[str, Make]]] = {
    # Pages for people, and nothing at all.
    "html_200": ("200 with a login page", page(200, LOGIN_PAGE)),
    "logged_in_200": ("200 with a page: you are already logged in", page(200, LOGGED_IN_PAGE)),
    "html_404": ("404 with a web server's page", page(404, NOT_FOUND_PAGE)),
    "empty_body": ("200 with nothing in it", failures.empty_body),
    # Who is asking.
    "anonymous_view": (
        "what nobody in particular may see: 200, an empty site; two headers say so",
        failures.anonymous_view(failures.BY_NAME, failures.BY_REASON),
    ),
    "anonymous_by_name": (
        "the anonymous view, marked by X-AUSERNAME alone",
        failures.anonymous_view(failures.BY_NAME),
    ),
    "anonymous_by_reason": (
        "the anonymous view, marked by X-Seraph-LoginReason alone",
        failures.anonymous_view(failures.BY_REASON),
    ),
    "anonymous_unmarked": ("the anonymous view, marked by no header", failures.anonymous_view()),
    "empty_list": ("the site's lists are empty, to somebody logged in", oddities.empty_list),
    "captcha_403": ("403, a person must solve a CAPTCHA", failures.captcha),
    "scope_401": (
        "401, the token's scope does not match",
        said(401, {"code": 401, "message": "Unauthorized; scope does not match"}),
    ),
    # Redirects.
    "login_redirect": ("302 to /login.jsp of the same site", failures.login_redirect),
    "redirect_other_host": ("302 to another host", failures.redirect_other_host),
    "redirect_other_port": ("302 to another port", failures.redirect_other_port),
    "redirect_circle": ("302 to the same URL", failures.redirect_circle),
    "redirect_nowhere": ("302 without Location", failures.redirect_nowhere),
    "redirect_within_site": (
        "302 to /rest/api/latest, then the right answer",
        failures.redirect_within_site,
    ),
    # The shapes of errors.
    "error_400_messages": (
        "400 with errorMessages, errors empty",
        said(400, {"errorMessages": [_REFUSED], "errors": {}}),
    ),
    "error_400_fields": (
        "400 with errors by field, errorMessages empty",
        said(400, {"errorMessages": [], "errors": {"status": _REFUSED}}),
    ),
    "error_400_status": (
        "400 with message and status-code",
        said(400, {"message": _REFUSED, "status-code": 400}),
    ),
    "error_400_code": ("400 with code and message", said(400, {"code": 400, "message": _REFUSED})),
    "error_400_message": ("400 with errorMessage", said(400, {"errorMessage": _REFUSED})),
    "error_400_list": (
        "400 whose errors are a list",
        said(400, {"errorMessages": None, "errors": [_REFUSED, None]}),
    ),
    "error_400_text": (
        "400 whose errorMessages are a text",
        said(400, {"errorMessages": _REFUSED, "errors": None}),
    ),
    "error_400_empty": (
        "400 whose errorMessages and errors are empty",
        said(400, {"errorMessages": [], "errors": {}}),
    ),
    "error_200": (
        "200 with the JSON of an error",
        said(200, {"errorMessages": [_REFUSED], "errors": {}}),
    ),
    "wrong_shape": ("200 with JSON of another shape", failures.wrong_shape),
    "gone_410": ("410, the endpoint was removed", failures.gone),
    # Out of order, or too busy.
    "http_500": ("500 with Jira's error JSON", failures.server_error),
    "http_502_html": ("502 with a proxy's page", page(502, BAD_GATEWAY_PAGE)),
    "http_502_untyped": ("502 with a proxy's page, no type", page(502, BAD_GATEWAY_PAGE, b"")),
    "http_503_html": ("503 with a proxy's page", page(503, UNAVAILABLE_PAGE)),
    "http_503_untyped": ("503 with a proxy's page, no type", page(503, UNAVAILABLE_PAGE, b"")),
    "http_503_retry_after": ("503 with Retry-After, no body and no type", failures.unavailable),
    "http_503_date": ("503 whose Retry-After is a date", failures.unavailable_until),
    "http_429": ("429 with Retry-After and its reason", failures.too_many),
    "http_429_bare": ("429 of a gateway: no headers", page(429, b"", b"")),
    "http_429_date": ("429 whose Retry-After is a date", failures.too_many_until),
    "http_429_now": ("429 with Retry-After: 0", failures.too_many_now),
    "http_429_quota": ("429 of a used-up quota, with Retry-After: 1847", failures.quota),
    "retry_after_zero": ("the right answer, with Retry-After: 0", failures.retry_after_zero),
    # Half an answer, or none.
    "cut_json": ("200 with half of the JSON", failures.cut_json),
    "early_close": ("half of the promised bytes, then the connection ends", failures.early_close),
    "hang": ("the right answer, after seconds of silence", lambda hit: hit.healthy()),
    # Odd content of right answers.
    "category_undefined": (
        "every status has the category undefined",
        everywhere(with_field("statusCategory", oddities.NO_CATEGORY)),
    ),
    "category_missing": (
        "no status has a category",
        everywhere(without_field("statusCategory")),
    ),
    "category_null": (
        "the category of every status is null",
        everywhere(with_field("statusCategory", None)),
    ),
    "category_keyless": (
        "categories without their key",
        everywhere(oddities.keyless_category),
    ),
    "category_translated": (
        "categories named in another language",
        everywhere(oddities.translated_category),
    ),
    "repeated_items": ("every item of a list twice", oddities.repeated_items),
    "repeated_older": (
        "every item of a list twice, first under an older name",
        oddities.repeated_older,
    ),
    "nameless_first": ("the first item of a list has no name", oddities.nameless_first),
    "nul_in_strings": ("U+0000 in the texts", everywhere(oddities.nul_in_strings)),
    "nul_in_keys": ("U+0000 in the names of fields", everywhere(oddities.nul_in_keys)),
    "numeric_ids": ("ids as numbers where texts are usual", everywhere(oddities.numeric_ids)),
    "text_ids": ("ids as texts where numbers are usual", everywhere(oddities.text_ids)),
    "description_null": ("descriptions are null", everywhere(with_field("description", None))),
    "description_document": (
        "descriptions are Atlassian documents",
        everywhere(with_field("description", oddities.DOCUMENT)),
    ),
    "description_wiki": (
        "descriptions are wiki text",
        everywhere(with_field("description", oddities.WIKI)),
    ),
    "lead_missing": ("projects without their lead", everywhere(without_field("lead"))),
    "lead_null": ("the lead of projects is null", everywhere(with_field("lead", None))),
    "lead_deleted": ("the lead of projects is a deleted user", oddities.deleted_lead),
    "lead_by_name": (
        "the lead of projects has a user name, no key and no accountId",
        everywhere(oddities.lead_by_name),
    ),
    "long_url_414": ("414 for URLs of more than 2,000 bytes", failures.long_url),
    # Pages that do not hang together.
    "same_page_again": ("startAt is ignored", bad_pages.same_page_again),
    "page_overlap": ("pages begin one item too early", bad_pages.page_overlap),
    "total_shrinks": ("an item vanishes after the first page", bad_pages.total_shrinks),
    "total_grows": ("an item appears after the first page", bad_pages.total_grows),
    "empty_page_in_the_middle": (
        "pages after the first are empty",
        bad_pages.empty_page_in_the_middle,
    ),
}
"""Kind to what it sends, in words and as the function that makes it."""


def listing() -> str:
    """Return every kind and its words, a line each."""
    width = max(map(len, KINDS))
    return "\n".join(f"{kind:{width}}  {words}" for kind, (words, _) in KINDS.items())
