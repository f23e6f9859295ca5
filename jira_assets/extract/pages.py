"""Answers of Jira as numbered pages, each with the request that it answers."""

from collections.abc import Iterable, Iterator
from typing import Any

from jira_assets.jira.client import Answer
from jira_assets.warehouse.contracts import RawPage


def numbered(answers: Iterable[Answer], first: int = 0) -> Iterator[RawPage]:
    """Number answers into pages."""
    for number, answer in enumerate(answers, start=first):
        yield page_of(answer, number)


def page_of(answer: Answer, number: int) -> RawPage:
    """Make a page of one answer."""
    request: dict[str, Any] = {"path": answer.path, "params": dict(answer.params)}
    if answer.method != "GET":
        request["method"] = answer.method
    if answer.project is not None:
        request |= {"project_id": answer.project.id, "project_key": answer.project.key}
    if answer.issue_id is not None:
        request["issue_id"] = answer.issue_id
    return RawPage(number, request, answer.status, answer.payload, answer.text)
