"""Jira's JSON objects, as its two deployments dress them; captured ones are served as they came.

Their shapes follow Atlassian's OpenAPI specs of Cloud v3 and Data Center v2; the contract test
holds them to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from jira_assets.sandbox.model import (
    Category,
    Field,
    IssueType,
    Project,
    ProjectCategory,
    SiteState,
    Status,
)
from jira_assets.sandbox.people import Person

Json = dict[str, Any]

EXPANDABLE: Final = {
    True: "description,lead,issueTypes,url,projectKeys,permissions,insight",
    False: "description,lead,url,projectKeys",
}
_AVATAR_SIZES: Final = {"48x48": "large", "32x32": "medium", "24x24": "small", "16x16": "xsmall"}


@dataclass(frozen=True, slots=True)
class Root:
    """Where a site is reached: its base URL, no slash at the end, and the version of its API."""

    base_url: str
    cloud: bool
    version: str

    @property
    def api(self) -> str:
        """The URL that REST paths are below."""
        return f"{self.base_url}/rest/api/{self.version}"


def category_document(category: Category, root: Root) -> Json:
    """Return a status category; its id is a number, unlike other ids."""
    return {
        "self": f"{root.api}/statuscategory/{category.id}",
        "id": category.id,
        "key": category.key,
        "colorName": category.color_name,
        "name": category.name,
    }


def status_document(status: Status, root: Root) -> Mapping[str, Any]:
    """Return a status, as ``/status`` and the answers of projects hold it."""
    if status.document is not None:
        return status.document
    document: Json = {
        "self": f"{root.api}/status/{status.id}",
        "description": status.description,
        "iconUrl": f"{root.base_url}/images/icons/statuses/generic.png",
        "name": status.name,
        "id": status.id,
    }
    if status.category is not None:
        document["statusCategory"] = category_document(status.category, root)
    if root.cloud:
        document |= {"untranslatedName": status.name, **_scope(status.project_id)}
    return document


def issue_type_document(issue_type: IssueType, root: Root) -> Mapping[str, Any]:
    """Return an issue type, as ``/issuetype`` holds it."""
    if issue_type.document is not None:
        return issue_type.document
    document: Json = {
        "self": f"{root.api}/issuetype/{issue_type.id}",
        "id": issue_type.id,
        "description": issue_type.description,
        "iconUrl": f"{root.base_url}/images/icons/issuetypes/generic.png",
        "name": issue_type.name,
        "subtask": issue_type.subtask,
        "avatarId": 10300,
    }
    if root.cloud:
        document["hierarchyLevel"] = issue_type.hierarchy_level
        document |= _scope(issue_type.project_id)
    return document


def field_document(field: Field, root: Root) -> Mapping[str, Any]:
    """Return a field, as ``/field`` holds it. Cloud translates the names of custom ones."""
    if field.document is not None:
        return field.document
    clause = f"cf[{_number(field)}]" if field.custom else field.id
    document: Json = {
        "id": field.id,
        "name": field.name,
        "custom": field.custom,
        "orderable": True,
        "navigable": True,
        "searchable": True,
        "clauseNames": list(dict.fromkeys((clause, field.name))),
    }
    if field.type is not None:
        document["schema"] = field_schema(field)
    if root.cloud:
        document |= {"key": field.id, **_scope(field.project_id)}
        if field.custom:
            document["untranslatedName"] = field.untranslated_name or field.name
    return document


def project_document(
    project: Project, state: SiteState, root: Root, expand: frozenset[str]
) -> Mapping[str, Any]:
    """Return a project. ``expand`` names what Jira leaves out unless asked.

    It knows ``description``, ``lead`` and ``issueTypes``; what a captured document holds stays as
    it came.
    """
    document = _made_project(project, root) if project.document is None else project.document
    expanded: Json = {}
    if "description" in expand:
        expanded["description"] = project.description
    if "lead" in expand and project.lead is not None:
        expanded["lead"] = person_document(project.lead, root)
    if "issueTypes" in expand:
        expanded["issueTypes"] = [
            issue_type_document(state.issue_types[type_id], root)
            for type_id, _ in state.workflows.get(project.id, ())
        ]
    return {**expanded, **document} if expanded else document


def project_statuses_document(project: Project, state: SiteState, root: Root) -> list[Json]:
    """Return a project's issue types, each with the statuses it uses."""
    return [
        {
            "self": f"{root.api}/issuetype/{type_id}",
            "id": type_id,
            "name": state.issue_types[type_id].name,
            "subtask": state.issue_types[type_id].subtask,
            "statuses": [status_document(state.statuses[one], root) for one in used],
        }
        for type_id, used in state.workflows.get(project.id, ())
    ]


def person_document(person: Person, root: Root) -> Json:
    """Return a user in short: by ``accountId`` on Cloud, by ``key`` and ``name`` on Data Center."""
    if root.cloud:
        return {
            "self": f"{root.api}/user?accountId={person.account_id}",
            "accountId": person.account_id,
            "accountType": "atlassian",
            **_display_name(person),
            "avatarUrls": avatars(f"{root.base_url}/secure/useravatar?ownerId={person.name}"),
            "active": True,
        }
    return {
        "self": f"{root.api}/user?username={person.name}",
        "key": person.name,
        "name": person.name,
        **_display_name(person),
        "avatarUrls": avatars(f"{root.base_url}/secure/useravatar?ownerId={person.name}"),
        "active": True,
    }


def _display_name(person: Person) -> Json:
    return {"displayName": person.display_name} if person.display_name else {}


def _made_project(project: Project, root: Root) -> Json:
    document: Json = {
        "expand": EXPANDABLE[root.cloud],
        "self": f"{root.api}/project/{project.id}",
        "id": project.id,
        "key": project.key,
        "name": project.name,
        "avatarUrls": avatars(f"{root.base_url}/secure/projectavatar?pid={project.id}"),
        "projectTypeKey": project.type_key,
        "archived": project.archived,
    }
    if project.category is not None:
        document["projectCategory"] = _project_category(project.category, root)
    if root.cloud:
        document |= {
            "simplified": project.style == "next-gen",
            "style": project.style,
            "isPrivate": False,
            "properties": {},
        }
    return document


def _project_category(category: ProjectCategory, root: Root) -> Json:
    return {
        "self": f"{root.api}/projectCategory/{category.id}",
        "id": category.id,
        "name": category.name,
        "description": category.description,
    }


def field_schema(field: Field) -> Json:
    """Return what a field's values are; a field without a type has no schema."""
    schema: Json = {"type": field.type}
    if field.item_type is not None:
        schema["items"] = field.item_type
    if not field.custom:
        return {**schema, "system": field.id}
    return {**schema, "custom": field.custom_type, "customId": _number(field)}


def _number(field: Field) -> int:
    return int(field.id.removeprefix("customfield_"))


def _scope(project_id: str | None) -> Json:
    if project_id is None:
        return {}
    return {"scope": {"type": "PROJECT", "project": {"id": project_id}}}


def avatars(url: str) -> Json:
    """Return the URLs of a picture, by its size."""
    return {size: f"{url}&size={name}" for size, name in _AVATAR_SIZES.items()}
