"""What a Jira answers to a request: pure functions from a site's state to status and JSON.

Decisions this module embodies:

* Cloud speaks versions 3, 2 and latest of the API, Data Center 2 and latest, as the real ones do.
* An answer is built when it is needed: its ``key`` says which answers of one state are the same, so
  the server encodes each once. ``/project/{id}/statuses`` depends on the project's workflow alone.
* Versions and dates are fixed, but for the site's clock: the same site answers the same bytes.
* What issues are asked with, GET and POST, is answered in ``issue_answers``.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from jira_assets.sandbox import permissions
from jira_assets.sandbox.answers import (
    BAD_REQUEST,
    FORBIDDEN,
    NOT_FOUND,
    OK,
    UNAUTHORIZED,
    Answer,
    error,
    not_found,
)
from jira_assets.sandbox.documents import (
    Json,
    Root,
    field_document,
    issue_type_document,
    person_document,
    project_document,
    project_statuses_document,
    status_document,
)
from jira_assets.sandbox.issue_answers import insight, issue_answer
from jira_assets.sandbox.model import Field, IssueType, Project, SiteState, Status
from jira_assets.sandbox.moments import now, stamp
from jira_assets.sandbox.people import Person

Row = TypeVar("Row", Status, IssueType, Field, Project)

MAX_PAGE: Final = 100
"""Cloud gives no more projects a page, whatever ``maxResults`` says. Source: Atlassian's spec."""
DEFAULT_PAGE: Final = 50

API_VERSIONS: Final = {"cloud": ("3", "2", "latest"), "data_center": ("2", "latest")}

READER: Final = Person("712020:5a6b-sandbox-reader", "sandbox-reader", "Sandbox Reader")
"""Who every accepted credential belongs to."""

_BUILT: Final = "2026-09-01T08:00:00.000+0000"


def answer(state: SiteState, root: Root, path: str, query: Mapping[str, str]) -> Answer:
    """Answer a GET of ``path``, which is below ``/rest/api/{version}/``."""
    if path == "serverInfo":
        return Answer(OK, lambda: server_info(state, root))
    whole_site = _WHOLE_SITE.get(path)
    if whole_site is not None:
        return Answer(OK, lambda: whole_site(state, root), path)
    match path.split("/"):
        case ["mypermissions"]:
            return _my_permissions(state, root, query)
        case ["project", *below]:
            return _projects(state, root, below, query)
    return issue_answer(state, root, path, query) or not_found(root, path)


def posted(state: SiteState, root: Root, path: str, body: Mapping[str, Any]) -> Answer:
    """Answer a POST of a JSON object to ``path``."""
    return issue_answer(state, root, path, body, posted=True) or not_found(root, path)


def anonymous_answer(
    state: SiteState,
    root: Root,
    path: str,
    query: Mapping[str, str],
    body: Mapping[str, Any] | None = None,
) -> Answer:
    """Answer as to nobody: 200 and a site with Jira's own fields alone, 401 for ``/myself``."""
    if path == "myself":
        message = "Client must be authenticated to access this resource."
        return Answer(UNAUTHORIZED, lambda: {"message": message, "status-code": UNAUTHORIZED})
    bare = SiteState(
        state.deployment,
        state.title,
        state.time_zone,
        fields={row.id: row for row in state.fields.values() if not row.custom},
        permissions=frozenset(),
    )
    found = answer(bare, root, path, query) if body is None else posted(bare, root, path, body)
    return Answer(found.status, found.build)


def server_info(state: SiteState, root: Root) -> Json:
    """``/serverInfo``: which deployment and version this is. Public."""
    shared: Json = {
        "baseUrl": root.base_url,
        "buildDate": _BUILT,
        "serverTime": stamp(now() + state.clock_ahead, state.time_zone),
        "serverTitle": state.title,
    }
    if root.cloud:
        return shared | {
            "version": "1001.0.0-SNAPSHOT",
            "versionNumbers": [1001, 0, 0],
            "deploymentType": "Cloud",
            "buildNumber": 100275,
            "scmInfo": "sandbox",
            "displayUrl": root.base_url,
            "serverTimeZone": state.time_zone,
        }
    return shared | {
        "version": "10.3.5",
        "versionNumbers": [10, 3, 5],
        "deploymentType": "Server",
        "buildNumber": 10030005,
        "databaseBuildNumber": 10030005,
        "scmInfo": "sandbox",
    }


def myself(state: SiteState, root: Root) -> Json:
    """``/myself``: who is asking, and in which time zone."""
    return person_document(READER, root) | {
        "emailAddress": f"{READER.name}@example.com",
        "timeZone": state.time_zone,
        "locale": "en_US",
        "groups": {"size": 1, "items": []},
        "applicationRoles": {"size": 1, "items": []},
        "expand": "groups,applicationRoles",
    }


def statuses(state: SiteState, root: Root) -> list[Mapping[str, Any]]:
    """``/status``: unpaged; not every status that projects use, and an id may come twice."""
    listed = [row for row in state.statuses.values() if row.listed]
    return [status_document(row, root) for row in _rows(listed)]


def issue_types(state: SiteState, root: Root) -> list[Mapping[str, Any]]:
    """``/issuetype``: unpaged; an id may come twice."""
    listed = [row for row in state.issue_types.values() if row.listed]
    return [issue_type_document(row, root) for row in _rows(listed)]


def fields(state: SiteState, root: Root) -> list[Mapping[str, Any]]:
    """``/field``: unpaged, Jira's own and custom ones; an id may come twice."""
    return [field_document(row, root) for row in _rows(list(state.fields.values()))]


def project_list(state: SiteState, root: Root, query: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """``/project``: unpaged; archived ones with ``includeArchived``. Deprecated on Cloud."""
    with_archived = query.get("includeArchived", "").lower() == "true"
    expand = _expand(query)
    found = [row for row in state.projects_in_key_order if with_archived or not row.archived]
    return [project_document(row, state, root, expand) for row in _rows(found)]


def project_page(
    state: SiteState, root: Root, query: Mapping[str, str], start_at: int, max_results: int
) -> Json:
    """``/project/search`` of Cloud: one page, ordered by key; ``status`` is ``live`` by default."""
    found = _rows(_searched(state, query))
    page = found[start_at : start_at + max_results]
    end = start_at + len(page)
    expand = _expand(query)

    def link(offset: int) -> str:
        parameters = {**query, "startAt": offset, "maxResults": max_results}
        return f"{root.api}/project/search?{urlencode(parameters)}"

    document: Json = {
        "self": link(start_at),
        "maxResults": max_results,
        "startAt": start_at,
        "total": len(found),
        "isLast": end >= len(found),
        "values": [_found_project(row, state, root, expand) for row in page],
    }
    if not document["isLast"]:
        document["nextPage"] = link(end)
    return document


def _found_project(
    project: Project, state: SiteState, root: Root, expand: frozenset[str]
) -> Mapping[str, Any]:
    document = project_document(project, state, root, expand)
    if "insight" not in expand:
        return document
    return {**document, "insight": insight(state, project.id)}


def _my_permissions(state: SiteState, root: Root, query: Mapping[str, str]) -> Answer:
    """``/mypermissions``: what the caller may do, on the site as a whole."""
    try:
        keys = permissions.asked(query, cloud=root.cloud)
    except ValueError as refused:
        return error(BAD_REQUEST, str(refused))
    return Answer(OK, lambda: permissions.document(keys, state.permissions))


def _projects(state: SiteState, root: Root, below: list[str], query: Mapping[str, str]) -> Answer:
    match below:
        case []:
            key = ("project", *sorted(query.items()))
            return Answer(OK, lambda: project_list(state, root, query), key)
        case ["search"] if root.cloud:
            return _project_search(state, root, query)
        case [id_or_key]:
            return _project(state, root, id_or_key)
        case [id_or_key, "statuses"]:
            return _project_statuses(state, root, id_or_key)
    return not_found(root, "/".join(("project", *below)))


def _project_search(state: SiteState, root: Root, query: Mapping[str, str]) -> Answer:
    try:
        start_at = int(query.get("startAt", "0"))
        max_results = int(query.get("maxResults", str(DEFAULT_PAGE)))
    except ValueError:
        return error(BAD_REQUEST, "startAt and maxResults must be whole numbers.")
    if start_at < 0 or max_results < 1:
        return error(BAD_REQUEST, "startAt must not be negative, maxResults must be positive.")
    size = min(max_results, MAX_PAGE)
    key = ("search", *sorted(query.items()))
    return Answer(OK, lambda: project_page(state, root, query, start_at, size), key)


def _searched(state: SiteState, query: Mapping[str, str]) -> list[Project]:
    wanted = {one.strip() for one in query.get("status", "live").split(",")}
    return [
        project
        for project in state.projects_in_key_order
        if ("archived" if project.archived else "live") in wanted
    ]


def _rows(found: list[Row]) -> list[Row]:
    """Return what a list holds: its repeated rows too, and these first."""
    repeats = [replace(row, document=document) for row in found for document in row.repeats]
    return repeats + found


def _project(state: SiteState, root: Root, id_or_key: str) -> Answer:
    project = state.find_project(id_or_key)
    if project is None or project.id in state.unreadable:
        return _no_project(state, project, id_or_key)
    everything = frozenset({"description", "lead", "issueTypes"})
    return Answer(OK, lambda: project_document(project, state, root, everything))


def _project_statuses(state: SiteState, root: Root, id_or_key: str) -> Answer:
    project = state.find_project(id_or_key)
    if project is None or project.id in state.unreadable:
        return _no_project(state, project, id_or_key)
    key = ("statuses", state.workflows.get(project.id, ()))
    return Answer(OK, lambda: project_statuses_document(project, state, root), key)


def _no_project(state: SiteState, project: Project | None, id_or_key: str) -> Answer:
    """404 both for "no such project" and for "no permission", unless the site was told 403."""
    if project is not None and state.unreadable[project.id] == FORBIDDEN:
        return error(FORBIDDEN, "You do not have permission to view this project.")
    kind = "id" if id_or_key.isdecimal() else "key"
    return error(NOT_FOUND, f"No project could be found with {kind} '{id_or_key}'.")


def _expand(query: Mapping[str, str]) -> frozenset[str]:
    return frozenset(one.strip() for one in query.get("expand", "").split(",") if one)


_WHOLE_SITE: Final[dict[str, Callable[[SiteState, Root], Any]]] = {
    "myself": myself,
    "status": statuses,
    "issuetype": issue_types,
    "field": fields,
}
