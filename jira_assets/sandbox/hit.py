"""A call that a fault hit, and what would have been answered: what every kind of fault works on."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson

from jira_assets.sandbox.wire import Reply


@dataclass(frozen=True, slots=True)
class Hit:
    """One call. ``seconds`` and ``location`` are those of the fault that hit it.

    ``path`` is the whole path and ``query`` what follows its question mark, as they came;
    ``answer`` returns the right answer to any query, ``anonymous`` what nobody in particular gets.
    """

    path: str
    query: bytes
    base_url: str
    cloud: bool
    seconds: float
    location: str | None
    answer: Callable[[bytes], Reply]
    anonymous: Callable[[], Reply]

    @property
    def target_length(self) -> int:
        """Bytes of the path and the query."""
        return len(self.path.encode()) + len(b"?" + self.query if self.query else b"")

    def number(self, name: str) -> int:
        """Return a whole number of the query; 0 where it has none."""
        text = dict(parse_qsl(self.query.decode())).get(name, "")
        return int(text) if text.isdecimal() else 0

    def healthy(self, **instead: object) -> Reply:
        """Return the right answer; ``instead`` puts other values into the query first."""
        if not instead:
            return self.answer(self.query)
        kept = [pair for pair in parse_qsl(self.query.decode()) if pair[0] not in instead]
        return self.answer(urlencode([*kept, *instead.items()]).encode())

    def rewritten(self, change: Callable[[Any], Any], reply: Reply | None = None) -> Reply:
        """Return a right answer with its JSON changed; what is no 200 stays as it is."""
        found = reply or self.healthy()
        if found.status != HTTPStatus.OK:
            return found
        return replace(found, body=orjson.dumps(change(orjson.loads(found.body))))


Make = Callable[[Hit], Reply]
"""Makes the answer of one kind of fault."""
