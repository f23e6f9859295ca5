"""Asks a site's state for issues, as a reader does."""

from collections.abc import Iterator
from typing import Any

import orjson

from jira_assets.sandbox.answers import Answer
from jira_assets.sandbox.dialects import answer, posted
from jira_assets.sandbox.documents import Root
from jira_assets.sandbox.model import SiteState

CLOUD = Root("https://one.example", cloud=True, version="3")
DATA_CENTER = Root("https://two.example/jira", cloud=False, version="2")


def root_of(state: SiteState) -> Root:
    return CLOUD if state.deployment == "cloud" else DATA_CENTER


def get(state: SiteState, path: str, root: Root | None = None, **query: str) -> Answer:
    return answer(state, root or root_of(state), path, query)


def post(state: SiteState, path: str, **body: Any) -> Answer:
    return posted(state, root_of(state), path, body)


def read(found: Answer) -> Any:
    """Return the JSON of a right answer, as it arrives."""
    assert found.status == 200, found.build()
    return orjson.loads(orjson.dumps(found.build()))


def refused(found: Answer) -> str:
    assert found.status == 400
    document = found.build()
    assert document["errors"] == {}
    [message] = document["errorMessages"]
    return str(message)


def by_token(state: SiteState, path: str, **body: Any) -> Iterator[Any]:
    """Yield pages to the last one."""
    token: dict[str, str] = {}
    while True:
        page = read(post(state, path, **body, **token))
        yield page
        if "nextPageToken" not in page:
            return
        token = {"nextPageToken": page["nextPageToken"]}
