"""Calling the service over HTTP as somebody outside does."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests
import sqlalchemy as sa

from jira_assets.api.service import Service

ADMIN = "an admin"
SECONDS = 20


@dataclass
class Event:
    """One server-sent event; a comment has only ``comment``."""

    name: str = "message"
    data: Any = None
    id: str | None = None
    comment: str | None = None


@dataclass
class Caller:
    """Speaks to the server at ``url``; ``keys`` are by the tenant's slug, or ``ADMIN``."""

    url: str
    engine: sa.Engine
    service: Service
    keys: dict[str, str] = field(default_factory=dict)

    def __call__(
        self, method: str, path: str, by: str | None = "acme", **options: Any
    ) -> requests.Response:
        """Call ``path`` with the key of ``by``; with none if that is None."""
        headers = {**self._authorization(by), **options.pop("headers", {})}
        return requests.request(
            method, self.url + path, headers=headers, timeout=SECONDS, **options
        )

    def get(self, path: str, by: str | None = "acme") -> Any:
        """Return the JSON of a path that answers 200."""
        answer = self("GET", path, by)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ask(self, path: str = "/jira/extract/statuses-and-relationships/cloud") -> str:
        """Ask for a run; return the request's id."""
        answer = self("POST", path)
        assert answer.status_code == 202, answer.text
        request_id: str = answer.json()["request_id"]
        return request_id

    @contextmanager
    def events(
        self, path: str, by: str | None = "acme", **headers: str
    ) -> Iterator[Iterator[Event]]:
        """Give the events of a stream, as they come."""
        with requests.get(
            self.url + path,
            headers={**self._authorization(by), **headers},
            stream=True,
            timeout=SECONDS,
        ) as answer:
            assert answer.status_code == 200, answer.text
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            yield _events(answer)

    def _authorization(self, by: str | None) -> dict[str, str]:
        return {} if by is None else {"Authorization": f"Bearer {self.keys.get(by, by)}"}


def problem(answer: requests.Response, status: int, field: str | None = None) -> str:
    """Check that an answer is a problem, about ``field`` if one is named; return what it says."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status
    assert document["type"].startswith("urn:jira-assets:")
    assert document["title"]
    fields = [each["field"] for each in document.get("errors", [])]
    assert fields == ([] if field is None else [field]), answer.text
    detail: str = document["detail"]
    return detail


def _events(answer: requests.Response) -> Iterator[Event]:
    event = Event()
    for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
        if not line:
            yield event
            event = Event()
            continue
        name, _, value = line.partition(": ")
        match name:
            case "event":
                event.name = value
            case "id":
                event.id = value
            case "data":
                event.data = json.loads(value)
            case "":
                event.comment = value
