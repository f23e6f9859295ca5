"""What the real client asks about issues, of a site that leaves histories out of its searches."""

from datetime import UTC, datetime

from jira_assets.jira.client import IssueQuery, ProjectRef
from jira_assets.sandbox.model import Deployment
from jira_assets_tests.jira.scripted import Asked, Reply, ScriptedJira, client

REFS = [ProjectRef("10", "P"), ProjectRef("20", "Q")]
SINCE = datetime(2026, 6, 1, tzinfo=UTC)
SHORT = {"id": "7", "key": "P-7", "changelog": {"total": 3, "histories": []}}
"""An issue whose changelog must be asked for."""


def _search(asked: Asked) -> Reply:
    body = asked.body
    more = "nextPageToken" not in body and "key >=" not in body["jql"]
    page = {"issues": [SHORT], "maxResults": 1, "total": 2 if more else 1}
    return Reply({**page, **({"nextPageToken": "a"} if more else {"isLast": True})})


def _bulk(asked: Asked) -> Reply:
    if "nextPageToken" not in asked.body:
        return Reply({"issueChangeLogs": [], "nextPageToken": "b"})
    return Reply({}, 404)


def asked_about_issues(deployment: Deployment) -> list[Asked]:
    """Read issues, their samples and their ids; return every request but those of who we are."""
    api = "/rest/api/3" if deployment == "cloud" else "/rest/api/2"
    with ScriptedJira() as jira:
        (jira.cloud() if deployment == "cloud" else jira.data_center()).by(f"{api}/search", _search)
        jira.by(f"{api}/search/jql", _search).by(f"{api}/changelog/bulkfetch", _bulk)
        histories = {"startAt": 0, "total": 3, "values": [{"id": "1"}]}
        jira.on(f"{api}/issue/7/changelog", Reply(histories)).on(f"{api}/issue/7", Reply(SHORT))
        with client(jira) as reader:
            for since in (None, SINCE):
                queries = [IssueQuery(ref, since, ("*all",), rendered=True) for ref in REFS]
                assert list(reader.issues(queries))
            assert list(reader.issue_ids(REFS))
            assert list(reader.issue_samples(REFS))
        return [each for each in jira.asked if "erverInfo" not in each.path]
