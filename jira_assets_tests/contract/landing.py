"""Answers on their way to the transforms: read as the client reads them, landed as pages."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from jira_assets.jira.answers import payload_of
from jira_assets.jira.errors import JiraError
from jira_assets.jira.shapes import ids_of, is_list, is_page, items_of
from jira_assets.jira.transport import HttpAnswer
from jira_assets.sandbox.model import Deployment
from jira_assets.warehouse.contracts import LandedEntity, Owner, RawPage
from jira_assets_tests.contract.spec import PROJECT_STATUSES
from jira_assets_tests.site_scenario import answer, landed, listing

OWNER: Final = Owner(1, 1, "acme/cloud")
NOW: Final = 1_800_000_000.0
PROJECT_IDS: Final = ("10", "9", "10000")
PROJECTS: Final[Mapping[Deployment, str]] = {"cloud": "/project/search", "data_center": "/project"}


def endpoints(deployment: Deployment) -> dict[str, str]:
    """Return the path below the API that each entity is read from."""
    return {
        "projects": PROJECTS[deployment],
        "issue_types": "/issuetype",
        "statuses": "/status",
        "project_statuses": PROJECT_STATUSES,
        "fields": "/field",
    }


def parsed(body: bytes, status: int = 200) -> Any:
    """Return what the client makes of an answer; raises ``JiraError``, and nothing else."""
    sent = HttpAnswer("https://acme.example", status, {}, body)
    return payload_of(sent, anonymous=False, now=NOW)


def believed(payload: Any, *, paged: bool) -> bool:
    """Whether the client takes a payload for what it asked for."""
    fits = is_page(payload) if paged else is_list(payload)
    if fits:
        assert isinstance(items_of(payload), list)
        assert ids_of(payload) or not items_of(payload)
    return fits


@dataclass(frozen=True)
class Sent:
    """One answer as it goes over the wire."""

    body: bytes
    status: int = 200


def read(sent: Mapping[str, Sequence[Sent]]) -> tuple[dict[str, LandedEntity], Counter[str]]:
    """Read answers as the client does, and land all that it can parse, believed or not.

    What it does not believe may lie in the landing table all the same, from an earlier version.
    """
    seen: Counter[str] = Counter()
    sources = {}
    for entity, answers in sent.items():
        payloads = []
        for each in answers:
            seen["answers"] += 1
            try:
                payload = parsed(each.body)
            except JiraError:
                seen["refused"] += 1
                continue
            payloads.append((payload, each.status))
            paged = isinstance(payload, dict)
            seen["believed"] += believed(payload, paged=paged)
        sources[entity] = landed(entity, list(_pages(entity, payloads)), OWNER)
    return sources, seen


def _pages(entity: str, payloads: Sequence[tuple[Any, int]]) -> Iterator[RawPage]:
    for number, (payload, status) in enumerate(payloads):
        if entity == "project_statuses":
            yield answer(number, PROJECT_IDS[number], f"P{number}", payload, status)
        else:
            [page] = listing(payload)
            yield replace(page, page=number, http_status=status)
