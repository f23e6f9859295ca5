"""``/mypermissions``: what the account that asks may do on a site, in the words of its deployment.

Sources: Atlassian's documentation of the endpoint. Cloud requires the query parameter
``permissions`` and answers 400 without it, or when it names one that Jira does not have; Data
Center answers every permission.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

REQUIRED: Final = "The 'permissions' query parameter is required."


@dataclass(frozen=True, slots=True)
class Permission:
    """A permission; ``id`` is Jira's own number, ``type`` is ``GLOBAL`` or ``PROJECT``."""

    id: str
    key: str
    name: str
    type: str
    description: str


PERMISSIONS: Final = {
    permission.key: permission
    for permission in (
        Permission("0", "ADMINISTER", "Administer Jira", "GLOBAL", "Perform most administration."),
        Permission("10", "BROWSE_PROJECTS", "Browse Projects", "PROJECT", "See a project."),
        Permission(
            "23", "ADMINISTER_PROJECTS", "Administer Projects", "PROJECT", "Change a project."
        ),
        Permission("11", "CREATE_ISSUES", "Create Issues", "PROJECT", "Create issues."),
        Permission("12", "EDIT_ISSUES", "Edit Issues", "PROJECT", "Edit issues."),
    )
}
"""Key to permission. Jira has some forty more, which nobody asks a sandbox for."""


def asked(query: Mapping[str, str], *, cloud: bool) -> list[str]:
    """Return the keys of the permissions that a query is about.

    Raises ``ValueError`` with Jira's words for a query that Cloud refuses.
    """
    if not cloud:
        return list(PERMISSIONS)
    keys = [key.strip() for key in query.get("permissions", "").split(",") if key.strip()]
    if not keys:
        raise ValueError(REQUIRED)
    unknown = [key for key in keys if key not in PERMISSIONS]
    if unknown:
        raise ValueError(f"Unrecognized permission: {unknown[0]}")
    return keys


def document(keys: Collection[str], held: Collection[str]) -> dict[str, Any]:
    """Return the answer about these permissions to an account that holds some of them."""
    return {"permissions": {key: _document(PERMISSIONS[key], held) for key in keys}}


def _document(permission: Permission, held: Collection[str]) -> dict[str, Any]:
    return {
        "id": permission.id,
        "key": permission.key,
        "name": permission.name,
        "type": permission.type,
        "description": permission.description,
        "havePermission": permission.key in held,
    }
