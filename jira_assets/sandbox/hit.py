"""A call that a fault hit, and what would have been answered: what every kind of fault works on."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import orjson

from jira_assets.sandbox.wire import Call, Reply

_ITEMS: Final = ("values", "issues")


@dataclass(frozen=True, slots=True)
class Hit:
    """One call. ``seconds`` and ``location`` are those of the fault that hit it.

    ``answer`` returns the right answer to any call, ``anonymous`` what nobody in particular gets.
    """

    call: Call
    base_url: str
    cloud: bool
    seconds: float
    location: str | None
    answer: Callable[[Call], Reply]
    anonymous: Callable[[], Reply]

    @property
    def path(self) -> str:
        """The whole path, as it came."""
        return self.call.path

    @property
    def query(self) -> bytes:
        """What follows the question mark, as it came."""
        return self.call.query

    @property
    def target_length(self) -> int:
        """Bytes of the path and the query."""
        return len(self.path.encode()) + len(b"?" + self.query if self.query else b"")

    def number(self, name: str) -> int:
        """Return a whole number that the call names; 0 where it names none."""
        said = str(self._said().get(name, ""))
        return int(said) if said.isdecimal() else 0

    def says(self, name: str) -> bool:
        """Tell whether the call names this."""
        return name in self._said()

    def healthy(self, **instead: object) -> Reply:
        """Return the right answer; ``instead`` puts other values in, "" leaves one out."""
        if not instead:
            return self.answer(self.call)
        added = {name: value for name, value in instead.items() if value != ""}
        if self.call.method != "GET":
            kept = {name: value for name, value in self._said().items() if name not in instead}
            return self.answer(replace(self.call, body=orjson.dumps({**kept, **added})))
        pairs = [pair for pair in parse_qsl(self.call.query.decode()) if pair[0] not in instead]
        query = urlencode([*pairs, *added.items()])
        return self.answer(replace(self.call, query=query.encode()))

    def rewritten(self, change: Callable[[Any], Any], reply: Reply | None = None) -> Reply:
        """Return a right answer with its JSON changed; what is no 200 stays as it is."""
        found = reply or self.healthy()
        if found.status != HTTPStatus.OK:
            return found
        return replace(found, body=_dumped(change(orjson.loads(found.body))))

    def _said(self) -> dict[str, Any]:
        """Return what the call says by name: in its query, or in its body."""
        if self.call.method == "GET":
            return dict(parse_qsl(self.call.query.decode()))
        try:
            said = orjson.loads(self.call.body)
        except ValueError:
            return {}
        return said if isinstance(said, dict) else {}


def _dumped(content: Any) -> bytes:
    """Encode JSON, however deep: orjson gives up at 254 levels."""
    try:
        return orjson.dumps(content)
    except TypeError:
        return json.dumps(content, ensure_ascii=False).encode()


def items_name(content: Any) -> str | None:
    """Return what a page calls its items (``values``, ``issues``); None: it is no page."""
    if not isinstance(content, dict):
        return None
    return next((name for name in _ITEMS if isinstance(content.get(name), list)), None)


Make = Callable[[Hit], Reply]
"""Makes the answer of one kind of fault."""
