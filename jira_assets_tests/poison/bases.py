"""What is poisoned: the sandbox's answers, those of real sites, and corners of Atlassian's schemas.

Decisions this module embodies:

* A document has a few records, so that a change hits one of them and the others can be told to be
  as they were. Of an issue's hundred custom fields and its histories some are taken, for speed.
* Captures and schemas are read where they lie: ``REAL_JIRA_DIR`` and ``JIRA_OPENAPI_DIR`` name
  their folders. Without them a seed is another case.
"""

import json
import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson

from jira_assets.sandbox.captured import captured_site
from jira_assets.sandbox.model import Deployment, SiteState
from jira_assets.sandbox.synthetic import synthetic_site
from jira_assets_tests.poison.corners import corners
from jira_assets_tests.sandbox.asking import get, post, read

FOLDER: Final = "REAL_JIRA_DIR"
REAL_SITES: Final = ("apache-data-center", "cloud-site")
LISTS: Final = ("projects", "issue_types", "statuses", "fields")
_FILES: Final = {"projects": "project", "issue_types": "issuetype", "statuses": "status"}
_MOST_FIELDS: Final = 10
_MOST_HISTORIES: Final = 4
_MOST_STATUSES: Final = 3
_MOST_RECORDS: Final = {"issues": 3, "issue_samples": 3, "project_statuses": 2}
_LEFT_OUT: Final = frozenset(
    {
        *("comment", "worklog", "attachment", "subtasks", "issuelinks", "sprint"),
        *("closedSprints", "epic", "progress", "votes", "watches", "timetracking"),
        *("aggregateprogress", "creator"),
    }
)
"""Fields of an issue that are not asked for."""

Shape = str
"""``list``, ``values``, ``issues``, ``issueChangeLogs`` or ``issue``: how the records come."""


@dataclass(frozen=True)
class Base:
    """Records of one entity of one site, as JSON each."""

    site: str
    entity: str
    shape: Shape
    records: Sequence[bytes]

    def document(self, dice: random.Random) -> Any:
        """Return an answer with a few of the records."""
        count = min(len(self.records), dice.randint(1, _MOST_RECORDS.get(self.entity, 4)))
        chosen = [orjson.loads(each) for each in dice.sample(self.records, count)]
        if self.shape == "list":
            return chosen
        if self.shape == "issue":
            return chosen[0]
        more = {"startAt": 0, "maxResults": 50, "total": count, "isLast": True}
        return {**more, self.shape: chosen} if self.shape == "values" else {self.shape: chosen}


@cache
def bases() -> tuple[Base, ...]:
    """Return all there are: those of real sites only where the captures are."""
    return tuple(_all())


def _all() -> Iterator[Base]:
    deployments: tuple[Deployment, ...] = ("cloud", "data_center")
    for deployment in deployments:
        site = synthetic_site(issues=60, custom_fields=12, deployment=deployment)
        yield from _of_site(f"sandbox {deployment}", site.state)
    if FOLDER in os.environ:
        for name in REAL_SITES:
            yield from _of_captures(name, Path(os.environ[FOLDER], name))
    for found in corners():
        yield _base(*found)


def _of_site(name: str, state: SiteState) -> Iterator[Base]:
    cloud = state.deployment == "cloud"
    listed = "project/search" if cloud else "project"
    yield _listed(name, "projects", read(get(state, listed, expand="lead,description")))
    yield _listed(name, "issue_types", read(get(state, "issuetype")))
    yield _listed(name, "statuses", read(get(state, "status")))
    yield _listed(name, "fields", read(get(state, "field")))
    yield _project_statuses(name, state)
    path = "search/jql" if cloud else "search"
    expand: Any = "changelog" if cloud else ["changelog"]
    asked: dict[str, Any] = {"jql": "created > 0", "fields": ["*all"], "expand": expand}
    issues = read(post(state, path, maxResults=50, **asked))["issues"]
    yield from _of_issues(name, issues)


def _of_captures(name: str, folder: Path) -> Iterator[Base]:
    for entity, file in _FILES.items():
        path = folder / f"{file}.json"
        if path.exists():
            yield _listed(name, entity, orjson.loads(path.read_bytes()))
    yield _project_statuses(name, captured_site(folder).state)
    path = folder / "issues-with-changelog.json"
    if path.exists():
        yield from _of_issues(name, orjson.loads(path.read_bytes()))


def _listed(name: str, entity: str, answer: Any) -> Base:
    shape = "list" if isinstance(answer, list) else "values"
    return _base(name, entity, shape, answer if shape == "list" else answer["values"])


def _project_statuses(name: str, state: SiteState) -> Base:
    answers = (read(get(state, f"project/{each}/statuses")) for each in list(state.workflows)[:4])
    types = [used for answer in answers for used in answer]
    few = [{**used, "statuses": used["statuses"][:_MOST_STATUSES]} for used in types]
    return _base(name, "project_statuses", "list", few)


def _of_issues(name: str, whole: Sequence[Any]) -> Iterator[Base]:
    issues = [_smaller(each, number) for number, each in enumerate(whole)]
    yield _base(name, "issues", "issues", issues)
    yield _base(name, "issues", "issue", issues)
    yield _base(name, "issue_samples", "issues", issues)
    yield _base(name, "issue_ids", "issues", [{"id": e["id"], "key": e["key"]} for e in issues])
    logs = [{"issueId": e["id"], "changeHistories": _histories(e)} for e in issues]
    yield _base(name, "issues", "issueChangeLogs", logs)
    yield _base(name, "issues", "values", [h for each in issues for h in _histories(each)])


def _smaller(issue: Any, number: int) -> Any:
    fields = {k: v for k, v in issue["fields"].items() if k not in _LEFT_OUT}
    custom = [name for name in fields if name.startswith("customfield_")]
    filled = [name for name in custom if fields[name] is not None]
    dice = random.Random(number)
    kept = {*dice.sample(filled, min(len(filled), _MOST_FIELDS)), *custom[:2], "customfield_10016"}
    fields = {k: v for k, v in fields.items() if k not in custom or k in kept}
    histories = issue["changelog"]["histories"][:_MOST_HISTORIES]
    return {**issue, "fields": fields, "changelog": {**issue["changelog"], "histories": histories}}


def _histories(issue: Any) -> list[Any]:
    found: list[Any] = issue["changelog"]["histories"]
    return found


def _base(name: str, entity: str, shape: Shape, records: Sequence[Any]) -> Base:
    return Base(name, entity, shape, [json.dumps(each).encode() for each in records])
