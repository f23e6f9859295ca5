"""Whose partition a key is, whether or not the integration is active: rows outlive its activity."""

from collections.abc import Collection

import sqlalchemy as sa

from jira_assets.partitions import PartitionKey
from jira_assets.warehouse.contracts import Owner
from jira_assets.warehouse.tables import integrations, tenants


def find_owners(engine: sa.Engine, partition_keys: Collection[str]) -> list[Owner]:
    """Return the owners of ``partition_keys``, in that order.

    Raises:
        InvalidPartitionKeyError: one of them is no ``tenant/integration``.
        LookupError: there is no such integration.
    """
    keys = [PartitionKey.parse(text) for text in partition_keys]
    query = sa.select(
        integrations.c.tenant_id,
        integrations.c.id,
        tenants.c.slug.label("tenant"),
        integrations.c.slug.label("integration"),
    ).join(tenants)
    slugs = sa.tuple_(tenants.c.slug, integrations.c.slug)
    with engine.connect() as connection:
        rows = connection.execute(
            query.where(slugs.in_([(key.tenant, key.integration) for key in keys]))
        ).all()
    found = {
        PartitionKey(row.tenant, row.integration): Owner(
            row.tenant_id, row.id, f"{row.tenant}/{row.integration}"
        )
        for row in rows
    }
    unknown = [str(key) for key in keys if key not in found]
    if unknown:
        raise LookupError(
            f"no integration {', '.join(unknown)}: see `jira-assets integration list`."
        )
    return [found[key] for key in keys]
