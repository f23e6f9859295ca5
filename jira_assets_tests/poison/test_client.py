"""Poisoned bytes over the wire: reading raises its own errors, or yields what can be landed."""

import random
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

import pytest

from jira_assets.jira.client import JiraClient
from jira_assets.jira.errors import JiraError
from jira_assets.jira.results import Answer, IssueQuery, ProjectRef
from jira_assets.warehouse.jsonb import jsonb_bytes
from jira_assets_tests.jira.scripted import FakeClock, Reply, ScriptedJira, client
from jira_assets_tests.poison.case import draw

API: Final = "/rest/api/3"
CASES: Final = 150
QUERY: Final = IssueQuery(ProjectRef("10000", "P0"), None, ("*all",))
READ: Final[dict[str, tuple[str, Callable[[JiraClient], Iterable[Any]]]]] = {
    "statuses": ("/status", lambda reader: reader.statuses()),
    "issue_types": ("/issuetype", lambda reader: reader.issue_types()),
    "fields": ("/field", lambda reader: reader.fields()),
    "projects": ("/project/search", lambda reader: reader.projects()),
    "issues": ("/search/jql", lambda reader: reader.issues([QUERY])),
}


@pytest.fixture
def jira() -> Iterable[ScriptedJira]:
    with ScriptedJira() as server:
        yield server.cloud()


@pytest.mark.parametrize("entity", READ)
def test_poisoned_answers_are_errors_of_reading_or_can_be_landed(
    jira: ScriptedJira, entity: str
) -> None:
    path, read = READ[entity]
    seen: Counter[str] = Counter()
    for seed in range(CASES):
        case = draw(seed, (entity,))
        status = random.Random(seed).choice([200] * 9 + [400, 403, 404])
        jira.on(API + path, Reply(case.bodies[0], status))
        with client(jira, FakeClock()) as reader:
            try:
                for found in read(reader):
                    _can_be_landed(found)
                seen["read"] += 1
            except JiraError:
                seen["refused"] += 1
    assert min(seen["read"], seen["refused"]) > 10


def _can_be_landed(found: Any) -> None:
    if isinstance(found, Answer):
        assert found.text is not None or jsonb_bytes(found.payload)
