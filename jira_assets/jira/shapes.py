"""What an answer must look like at the least, to be taken for what was asked for.

Only as much as the reader itself needs: one bad object among good ones is landed as it came, and
the transforms set it aside. Repeated ids and unknown fields are none of this module's business.
"""

from typing import Any, TypeGuard

from jira_assets.lenient_json import INTEGERS


def is_list(payload: Any) -> bool:
    """Whether it is a list of objects with ids: empty, or with at least one such object in it."""
    return isinstance(payload, list) and (not payload or any(map(_has_id, payload)))


def is_page(payload: Any) -> bool:
    """Whether it is one page of a list, as Cloud sends it."""
    return isinstance(payload, dict) and is_list(payload.get("values"))


def is_search(payload: Any) -> bool:
    """Whether it is one page of a search for issues, which may be empty."""
    return isinstance(payload, dict) and is_list(payload.get("issues"))


def is_issue(payload: Any) -> bool:
    """Whether it is one issue."""
    return _has_id(payload)


def is_changelog_page(payload: Any) -> bool:
    """Whether it is one page of an issue's changelog, which may be empty."""
    return isinstance(payload, dict) and isinstance(payload.get("values"), list)


def is_bulk_of_changelogs(payload: Any) -> bool:
    """Whether it is one page of the changelogs of many issues."""
    return isinstance(payload, dict) and isinstance(payload.get("issueChangeLogs"), list)


def is_server_info(payload: Any) -> bool:
    """Whether it is an answer of ``/serverInfo``."""
    return isinstance(payload, dict) and bool({"version", "deploymentType"} & payload.keys())


def is_account(payload: Any) -> bool:
    """Whether it is an answer of ``/myself``: Cloud names ``accountId``, Data Center the others."""
    return isinstance(payload, dict) and account_id(payload) != ""


def is_permissions(payload: Any) -> bool:
    """Whether it is an answer of ``/mypermissions``."""
    return isinstance(payload, dict) and isinstance(payload.get("permissions"), dict)


def account_id(account: dict[str, Any]) -> str:
    """Return what identifies an account on its site, '' if nothing does."""
    told = (account.get(name) for name in ("accountId", "key", "name"))
    return next((str(name) for name in told if name and isinstance(name, str | int)), "")


def items_of(payload: Any) -> list[Any]:
    """Return the objects of a list, of a page, or of a page of a search."""
    if isinstance(payload, dict):
        found = payload.get("issues")
        return list(found if isinstance(found, list) else payload["values"])
    return list(payload)


def number(payload: Any, name: str) -> int | None:
    """Return a count or an offset that a page states; None where it states none."""
    value = payload.get(name) if isinstance(payload, dict) else None
    return value if _is_integer(value) and value >= 0 else None


def ids_of(payload: Any) -> set[str]:
    """Return the distinct ids of the objects of ``items_of``."""
    return {str(item["id"]) for item in items_of(payload) if _has_id(item)}


def _has_id(item: Any) -> bool:
    if not isinstance(item, dict):
        return False
    found = item.get("id")
    return bool(found) and (isinstance(found, str) or _is_integer(found))


def _is_integer(value: Any) -> TypeGuard[int]:
    """Whether it is an integer of 64 bits: what is larger, only some parsers keep as one."""
    return isinstance(value, int) and not isinstance(value, bool) and value in INTEGERS
