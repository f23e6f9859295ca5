"""Which integration a path means: by id, or by slug within a tenant.

Decisions this module embodies:

* A slug is unique in its tenant only. A tenant's key says which tenant; an admin's needs
  ``tenant_id`` with a slug, even where only one tenant has it today.
* Digits alone are an id, anything else is a slug: neither can turn into the other.
* Another tenant's integration, one that was removed and one that never was get the same answer.
"""

from typing import Annotated

import sqlalchemy as sa
from fastapi import Depends, Path, Query

from jira_assets.api.problems import not_found, wrong
from jira_assets.api.service import TheCaller
from jira_assets.warehouse.api_keys import ApiKey
from jira_assets.warehouse.places import Place, find_place

IntegrationRef = Annotated[
    str, Path(description="The integration's id, or its slug (unique in its tenant).")
]
TenantRef = Annotated[
    str | None,
    Query(description="The tenant's id or slug. An admin's key needs it with a slug."),
]


def visible_place(
    connection: sa.Connection, key: ApiKey, integration: str, tenant: str | None
) -> Place:
    """Return the integration that is meant; raises a 404 if there is none that the key may see."""
    try:
        place = find_place(connection, integration, tenant=tenant, within=key.tenant_id)
    except ValueError:
        raise wrong(
            "query",
            "tenant_id",
            "An admin's key names an integration by its id, or by its slug with tenant_id.",
        ) from None
    if place is None:
        of = "" if tenant is None else f" of tenant {tenant}"
        raise not_found(f"There is no integration {integration}{of}.")
    return place


def place_of(
    integration_id: IntegrationRef, caller: TheCaller, tenant_id: TenantRef = None
) -> Place:
    """Return the integration of a path."""
    with caller.engine.connect() as connection:
        return visible_place(connection, caller.key, integration_id, tenant_id)


def place_or_none(
    caller: TheCaller,
    integration_id: Annotated[str | None, Query(description="An id or slug.")] = None,
    tenant_id: TenantRef = None,
) -> Place | None:
    """Return the integration of a query; None where none is named."""
    if integration_id is None:
        if tenant_id is not None:
            raise wrong("query", "tenant_id", "tenant_id goes with integration_id.")
        return None
    return place_of(integration_id, caller, tenant_id)


ThePlace = Annotated[Place, Depends(place_of)]
ThePlaceIfAny = Annotated[Place | None, Depends(place_or_none)]
