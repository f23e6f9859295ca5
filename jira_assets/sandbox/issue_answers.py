"""What a Jira answers to requests about issues, GET or POST: pure, from a site's state.

Decisions this module embodies:

* Cloud pages a search by tokens that stand for a place in the order of the results, so issues that
  change meanwhile come later, and none is lost. Data Center pages by offsets, and they are.
* Cloud gives up to 5,000 issues a page where only ids and keys are asked for, else 100.
* Bulk changelogs are ordered by the moment of the change over all the issues asked for, as
  Atlassian says: an issue's histories may be spread over several pages.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from jira_assets.sandbox import issue_requests as asked
from jira_assets.sandbox.answers import BAD_REQUEST, NOT_FOUND, OK, Answer, error
from jira_assets.sandbox.documents import Json, Root, field_schema
from jira_assets.sandbox.issue_documents import IssueDocuments
from jira_assets.sandbox.issue_fields import Selection
from jira_assets.sandbox.issue_model import History, Issue
from jira_assets.sandbox.issue_requests import Parameters, RefusedError
from jira_assets.sandbox.issue_search import find
from jira_assets.sandbox.jql import JqlError
from jira_assets.sandbox.model import SiteState
from jira_assets.sandbox.moments import stamp

DEFAULT_PAGE: Final = 50
MAX_PAGE: Final = 100
"""Cloud's, with fields. Measured on real sites."""
MAX_IDS: Final = 5000
MAX_BULK_ISSUES: Final = 1000
MAX_BULK_HISTORIES: Final = 10_000

GONE: Final = 410
_GONE_WORDS: Final = (
    "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. "
    "A full migration guideline is available at "
    "https://developer.atlassian.com/changelog/#CHANGE-2046"
)
_SERVER_ERROR: Final = 500
_NO_ISSUE: Final = "Issue does not exist or you do not have permission to see it."
_GET: Final = ("GET",)
_POST: Final = ("POST",)

_SEARCH_BODY: Final = {
    True: frozenset(
        (
            "expand",
            "fields",
            "fieldsByKeys",
            "jql",
            "maxResults",
            "nextPageToken",
            "properties",
            "reconcileIssues",
        )
    ),
    False: frozenset(("expand", "fields", "jql", "maxResults", "startAt", "validateQuery")),
}
_BULK_BODY: Final = frozenset(("issueIdsOrKeys", "fieldIds", "maxResults", "nextPageToken"))

Handler = Callable[[SiteState, Root, Parameters, bool], Answer]


def methods(path: str, *, cloud: bool) -> tuple[str, ...]:
    """Return the HTTP methods that a path below ``/rest/api/{version}/`` has."""
    return _ENDPOINTS.get((cloud, path), (_GET, None))[0]


def issue_answer(
    state: SiteState, root: Root, path: str, parameters: Parameters, *, posted: bool = False
) -> Answer | None:
    """Answer a request of ``path``; None where that is not about issues.

    ``posted``: the parameters are those of a body, which is read strictly.
    """
    _, handler = _ENDPOINTS.get((root.cloud, path), (_GET, None))
    try:
        if handler is not None:
            return handler(state, root, parameters, posted)
        match path.split("/"):
            case ["issue", id_or_key]:
                return _issue(state, root, id_or_key, parameters)
            case ["issue", id_or_key, "changelog"] if root.cloud:
                return _issue_changelog(state, root, id_or_key, parameters)
    except (RefusedError, JqlError) as refused:
        return error(BAD_REQUEST, str(refused))
    return None


def insight(state: SiteState, project_id: str) -> Json:
    """Return what ``expand=insight`` adds to a project on Cloud."""
    found = state.derived.get("insight")
    if found is None:
        found = state.derived["insight"] = {
            one: {
                "totalIssueCount": len(issues),
                "lastIssueUpdateTime": stamp(max(issue.updated for issue in issues), "UTC"),
            }
            for one, issues in state.issues_by_project.items()
        }
    told: Json = found.get(project_id, {"totalIssueCount": 0})
    return told


def _search_as_it_was(state: SiteState, root: Root, given: Parameters, strict: bool) -> Answer:
    if not state.old_search:
        return error(GONE, _GONE_WORDS)
    return _search_by_offset(state, root, given, strict)


def _search_by_token(state: SiteState, root: Root, given: Parameters, strict: bool) -> Answer:
    asked.known(given, _SEARCH_BODY[True], strict=strict)
    jql = asked.text(given, "jql")
    selection = asked.selection(given, "id")
    expand = frozenset(asked.words(given, "expand", lists=False))
    most = MAX_IDS if selection.only_identity and not expand else MAX_PAGE
    size = min(most, asked.number(given, "maxResults", DEFAULT_PAGE, 1))
    token = asked.text(given, "nextPageToken")
    found = find(state, jql)
    start = found.after(asked.place(token, jql)) if token else 0
    end = min(start + size, len(found.issues))
    page: Json = {"isLast": end >= len(found.issues)}
    if not page["isLast"]:
        page["nextPageToken"] = asked.token(found.places[end - 1], jql)
    issues = found.issues[start:end]

    def build() -> Json:
        return {**_issues(state, root, issues, selection, expand), **page}

    return Answer(OK, build)


def _search_by_offset(state: SiteState, root: Root, given: Parameters, strict: bool) -> Answer:
    asked.known(given, _SEARCH_BODY[False], strict=strict)
    selection = asked.selection(given, "*navigable")
    expand = frozenset(asked.words(given, "expand"))
    start = asked.number(given, "startAt", 0, 0)
    size = min(state.search_page, asked.number(given, "maxResults", DEFAULT_PAGE, 0))
    if state.search_depth is not None and start >= state.search_depth:
        return error(_SERVER_ERROR, "Search limit exceeded")
    found = find(state, asked.text(given, "jql"))
    issues = found.issues[start : start + size]
    page = {
        "expand": "schema,names",
        "startAt": start,
        "maxResults": size,
        "total": len(found.issues),
    }

    def build() -> Json:
        return {**page, **_issues(state, root, issues, selection, expand)}

    return Answer(OK, build)


def _issues(
    state: SiteState,
    root: Root,
    issues: Sequence[Issue],
    selection: Selection,
    expand: frozenset[str],
) -> Json:
    made = IssueDocuments.of(state, root)
    page: Json = {"issues": [made.issue(issue, selection, expand) for issue in issues]}
    rows = [row for row in state.fields.values() if selection.wants(row.id)]
    if "names" in expand:
        page["names"] = {row.id: row.name for row in rows}
    if "schema" in expand:
        page["schema"] = {row.id: field_schema(row) for row in rows if row.type is not None}
    return page


def _count(state: SiteState, root: Root, given: Parameters, strict: bool) -> Answer:
    del root
    asked.known(given, frozenset(("jql",)), strict=strict)
    count = len(find(state, asked.text(given, "jql")).issues)
    return Answer(OK, lambda: {"count": count})


def _bulk_changelogs(state: SiteState, root: Root, given: Parameters, strict: bool) -> Answer:
    asked.known(given, _BULK_BODY, strict=strict)
    named = asked.words(given, "issueIdsOrKeys", texts=False)
    if not 1 <= len(named) <= MAX_BULK_ISSUES:
        raise RefusedError(f"issueIdsOrKeys must name between 1 and {MAX_BULK_ISSUES} issues.")
    size = asked.number(given, "maxResults", MAX_BULK_ISSUES, 1)
    if size > MAX_BULK_HISTORIES:
        raise RefusedError(f"maxResults must be {MAX_BULK_HISTORIES} or less.")
    wanted = frozenset(asked.words(given, "fieldIds", texts=False))
    placed = _histories(state, named, wanted)
    request = (*named, "\n", *sorted(wanted))
    token = asked.text(given, "nextPageToken")
    last = asked.place(token, *request) if token else None
    start = 0 if last is None else bisect_right(placed, last, key=lambda one: one[0])
    page = placed[start : start + size]
    more = start + size < len(placed)

    def build() -> Json:
        made = IssueDocuments.of(state, root)
        logs: dict[str, list[Mapping[str, Any]]] = {}
        for _, issue_id, history in page:
            logs.setdefault(issue_id, []).append(made.history_in_bulk(history))
        found: Json = {
            "issueChangeLogs": [
                {"issueId": issue_id, "changeHistories": log} for issue_id, log in logs.items()
            ]
        }
        return found | ({"nextPageToken": asked.token(page[-1][0], *request)} if more else {})

    return Answer(OK, build)


def _histories(
    state: SiteState, named: Sequence[str], wanted: frozenset[str]
) -> list[tuple[tuple[Any, ...], str, History]]:
    """Return the histories of issues in the order of their moments, with their places."""
    issues = {issue.id: issue for issue in map(state.find_issue, named) if issue is not None}
    return sorted(
        (
            ((history.created, *_in_order(issue.id), *_in_order(history.id)), issue.id, history)
            for issue in issues.values()
            if issue.project_id not in state.unreadable
            for history in issue.histories
            if not wanted or any(item.field_id in wanted for item in history.items)
        ),
        key=lambda one: one[0],
    )


def _in_order(number: str) -> tuple[int, str]:
    """Return what orders numbers that are texts."""
    return len(number), number


def _issue_changelog(state: SiteState, root: Root, id_or_key: str, given: Parameters) -> Answer:
    issue = _readable(state, id_or_key)
    if issue is None:
        return error(NOT_FOUND, _NO_ISSUE)
    start = asked.number(given, "startAt", 0, 0)
    size = min(MAX_PAGE, asked.number(given, "maxResults", MAX_PAGE, 1))
    page = issue.histories[start : start + size]
    url = f"{root.api}/issue/{id_or_key}/changelog?maxResults={size}&startAt="
    total = len(issue.histories)
    document: Json = {
        "self": f"{url}{start}",
        "maxResults": size,
        "startAt": start,
        "total": total,
        "isLast": start + len(page) >= total,
    }
    if not document["isLast"]:
        document["nextPage"] = f"{url}{start + len(page)}"

    def build() -> Json:
        return {**document, "values": IssueDocuments.of(state, root).histories(page)}

    return Answer(OK, build)


def _issue(state: SiteState, root: Root, id_or_key: str, given: Parameters) -> Answer:
    issue = _readable(state, id_or_key)
    if issue is None:
        return error(NOT_FOUND, _NO_ISSUE)
    selection = asked.selection(given, "*all")
    expand = frozenset(asked.words(given, "expand"))

    def build() -> Json:
        [document] = (page := _issues(state, root, [issue], selection, expand)).pop("issues")
        return {**document, **page}

    return Answer(OK, build)


def _readable(state: SiteState, id_or_key: str) -> Issue | None:
    issue = state.find_issue(id_or_key)
    return None if issue is None or issue.project_id in state.unreadable else issue


_ENDPOINTS: Final[Mapping[tuple[bool, str], tuple[tuple[str, ...], Handler | None]]] = {
    (True, "search"): (_GET + _POST, _search_as_it_was),
    (True, "search/jql"): (_GET + _POST, _search_by_token),
    (True, "search/approximate-count"): (_POST, _count),
    (True, "changelog/bulkfetch"): (_POST, _bulk_changelogs),
    (False, "search"): (_GET + _POST, _search_by_offset),
}
"""Whether it is Cloud, and the path: which methods it has, and what answers."""
