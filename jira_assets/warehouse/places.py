"""Which integration is meant by an id or a slug, and by whom: within one tenant, or among all."""

import re
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from jira_assets.partitions import SLUG_PATTERN, PartitionKey
from jira_assets.warehouse.tables import integrations, tenants

_ID: Final = re.compile(r"[0-9]{1,18}")
_SLUG: Final = re.compile(SLUG_PATTERN)


@dataclass(frozen=True)
class Place:
    """An integration that is not removed."""

    integration_id: int
    tenant_id: int
    key: PartitionKey
    active: bool


def is_id(ref: str) -> bool:
    """Whether ``ref`` is an id; else it is a slug. Digits alone are always an id."""
    return ref.isascii() and ref.isdigit()


def find_place(
    connection: sa.Connection, integration: str, *, tenant: str | None, within: int | None
) -> Place | None:
    """Return the integration that is meant; None if there is none.

    Args:
        connection: to the warehouse.
        integration: its id or slug.
        tenant: the tenant's id or slug, where one is given.
        within: the id of the only tenant that it may be of; None: any.

    Raises:
        ValueError: a slug without a tenant: several tenants may have it.
    """
    if tenant is None and within is None and not is_id(integration):
        raise ValueError("a slug is one of a tenant's: the tenant must be given, too")
    query = (
        sa.select(
            integrations.c.id, integrations.c.tenant_id, integrations.c.slug, integrations.c.active
        )
        .add_columns(tenants.c.slug.label("tenant"))
        .join(tenants, tenants.c.id == integrations.c.tenant_id)
        .where(_is(integrations, integration), integrations.c.removed_at.is_(None))
    )
    if tenant is not None:
        query = query.where(_is(tenants, tenant))
    if within is not None:
        query = query.where(tenants.c.id == within)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return Place(row.id, row.tenant_id, PartitionKey(row.tenant, row.slug), row.active)


def is_tenant(ref: str) -> sa.ColumnElement[bool]:
    """Return the condition on ``tenants`` that an id or slug means."""
    return _is(tenants, ref)


def _is(table: sa.Table, ref: str) -> sa.ColumnElement[bool]:
    """Return the condition that an id or slug means; false for what can be neither."""
    if _ID.fullmatch(ref):
        return table.c.id == int(ref)
    return table.c.slug == ref if _SLUG.fullmatch(ref) and not is_id(ref) else sa.false()
