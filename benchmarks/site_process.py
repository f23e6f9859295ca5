"""Serves a synthetic Cloud site and does what it is told, a line of JSON at a time.

Its arguments are JSON objects: the sizes of the site, and fields of a ``SandboxServer`` to set.
Each line on its standard input is an object of such fields, ``{"latency": 0.5}``, or
``{"change_issues": 0.01}``: it then changes that share of the issues, and prints how many. It ends
with its input. ``{"old_search": true}``: it answers the search that Cloud has removed, too.
``{"rendered": "changelog"}``: issues with all fields and these expansions are written before it
begins, so that a call costs its latency, and not the cores of who is measured.
"""

import json
import sys
import time
from typing import Any

import orjson

from jira_assets.sandbox.documents import Root
from jira_assets.sandbox.issue_documents import IssueDocuments
from jira_assets.sandbox.issue_fields import Selection
from jira_assets.sandbox.issue_model import Issue
from jira_assets.sandbox.rate_limit import RateLimit
from jira_assets.sandbox.server import SandboxServer
from jira_assets.sandbox.site import JiraSite
from jira_assets.sandbox.synthetic import synthetic_site


def main(sizes: str, settings: str) -> None:
    site, behaviour = synthetic_site(**json.loads(sizes)), _behaviour(settings)
    if behaviour.pop("old_search", False):
        site.keep_old_search()
    rendered = behaviour.pop("rendered", None)
    with SandboxServer(site, **behaviour) as server:
        if rendered is not None:
            render_issues(site, server.url, frozenset(rendered.split(",")))
        print(server.url, flush=True)
        for line in sys.stdin:
            told = _behaviour(line)
            if "change_issues" in told:
                print(change_issues(site, told.pop("change_issues")), flush=True)
            for name, value in told.items():
                setattr(server, name, value)


def render_issues(site: JiraSite, url: str, expand: frozenset[str]) -> None:
    """Write the issues now as they will be asked for: all fields, and ``expand``."""
    documents = IssueDocuments.of(site.state, Root(url, cloud=True, version="3"))
    original, everything = IssueDocuments.issue, Selection(everything=True)
    written = {
        issue.id: (issue, orjson.Fragment(orjson.dumps(documents.issue(issue, everything, expand))))
        for issue in site.state.issues.values()
    }

    def issue(
        self: IssueDocuments, one: Issue, asked: Selection, also: frozenset[str] = frozenset()
    ) -> Any:
        known = written.get(one.id) if (asked, also) == (everything, expand) else None
        return known[1] if known and known[0] is one else original(self, one, asked, also)

    setattr(IssueDocuments, "issue", issue)  # noqa: B010  # a cache around it, for this process


def change_issues(site: JiraSite, share: float) -> int:
    """Give every so many-th issue another summary, now; return how many."""
    chosen = list(site.state.issues)[:: round(1 / share)]
    for issue_id in chosen:
        site.change_issue(issue_id, summary="Changed", at=round(time.time() * 1000))
    return len(chosen)


def _behaviour(text: str) -> dict[str, Any]:
    settings: dict[str, Any] = json.loads(text)
    if settings.get("rate_limit"):
        settings["rate_limit"] = RateLimit(*settings["rate_limit"])
    return settings


if __name__ == "__main__":
    main(*sys.argv[1:])
