"""A project's issues in a few lines, which change between what a search finds and what it shows.

It answers bodies of searches as the two dialects do, without HTTP, and keeps two states: the index,
which decides what is found and in which order, and the issues, which are shown.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from jira_assets.jira.errors import RefusedRequestError

URL: Final = "https://acme.example.com/search"
BEGINNING: Final = 1_800_000_000_000
"""When a reading begins, in epoch milliseconds."""


@dataclass(frozen=True)
class Issue:
    """One issue; ``version`` counts its changes."""

    number: int
    updated: int
    project: str = "10"
    key: str = ""
    version: int = 0


@dataclass(frozen=True)
class Change:
    """What happens to the issue of this number: it is touched, deleted or moved, or comes."""

    kind: str
    number: int


class ChangingSite:
    """Project 10, key P. Changes come before an answer's search, or between it and the showing.

    Args:
        moments: of each issue its number and when it was changed last.
        size: issues on a page, whatever was asked for.
        cloud: whether the index knows milliseconds, and pages have tokens.
    """

    def __init__(self, moments: Mapping[int, int], size: int, *, cloud: bool) -> None:
        self.issues = {n: Issue(n, at, key=f"P-{n}") for n, at in moments.items()}
        self.size, self.cloud = size, cloud
        self.index = dict(self.issues)
        self.asked: list[Mapping[str, Any]] = []
        self.before: Callable[[int], list[Change]] = lambda _: []
        self.between: Callable[[int], list[Change]] = lambda _: []
        self.clock = BEGINNING

    def post(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a search."""
        call = len(self.asked)
        self.asked.append(body)
        self._change(self.before(call))
        self.index = dict(self.issues)
        found = self._found(body)
        self._change(self.between(call))
        return self._by_token(found, body) if self.cloud else self._by_offset(found, body)

    def _change(self, changes: list[Change]) -> None:
        for change in changes:
            self.clock += 1000
            issue = self.issues.get(change.number)
            if change.kind == "comes" and issue is None:
                new = Issue(change.number, self.clock, key=f"P-{change.number}")
                self.issues[change.number] = new
            elif issue is not None and change.kind == "deleted":
                del self.issues[change.number]
            elif issue is not None:
                changed = replace(issue, updated=self.clock, version=issue.version + 1)
                if change.kind == "moved":
                    changed = replace(changed, project="20", key=f"Q-{issue.number}")
                self.issues[change.number] = changed

    def _found(self, body: Mapping[str, Any]) -> list[Issue]:
        jql = body["jql"]
        since = re.search(r"updated >= (\d+)", jql)
        bound = re.search(r'key >= "(\w+-\d+)"', jql)
        least = self._unit(int(since[1])) if since else 0
        found = [
            issue
            for issue in self.index.values()
            if issue.project == "10" and self._unit(issue.updated) >= least
        ]
        if bound:
            border = self._named(bound[1])
            same = border.project == "10"
            found = [issue for issue in found if same and issue.number >= border.number]
        return sorted(found, key=lambda issue: self._place(issue, body))

    def _place(self, issue: Issue, body: Mapping[str, Any]) -> tuple[int, int]:
        by_update = "ORDER BY updated ASC" in body["jql"]
        return self._unit(issue.updated) if by_update else 0, issue.number

    def _named(self, key: str) -> Issue:
        """Return the issue that has, or had, a key."""
        for issue in self.index.values():
            if issue.number == int(key.partition("-")[2]):
                return issue
        said = {"errorMessages": [f"An issue with key '{key}' does not exist for field 'key'."]}
        raise RefusedRequestError("Jira refuses the call", url=URL, status=400, body=said)

    def _by_offset(self, found: list[Issue], body: Mapping[str, Any]) -> dict[str, Any]:
        start = body["startAt"]
        return {
            "startAt": start,
            "maxResults": self.size,
            "total": len(found),
            "issues": self._shown(found[start : start + self.size]),
        }

    def _by_token(self, found: list[Issue], body: Mapping[str, Any]) -> dict[str, Any]:
        after = tuple(map(int, body.get("nextPageToken", "0 0").split()))
        left = [issue for issue in found if self._place(issue, body) > after]
        page = {"issues": self._shown(left[: self.size])}
        if len(left) <= self.size:
            return {**page, "isLast": True}
        moment, number = self._place(left[self.size - 1], body)
        return {**page, "isLast": False, "nextPageToken": f"{moment} {number}"}

    def _shown(self, found: list[Issue]) -> list[dict[str, Any]]:
        present = (self.issues.get(issue.number) for issue in found)
        return [
            {"id": str(issue.number), "key": issue.key, "version": issue.version}
            for issue in present
            if issue is not None
        ]

    def _unit(self, moment: int) -> int:
        return moment if self.cloud else moment // 1000
