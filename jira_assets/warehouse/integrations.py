"""Who is served: the rows of ``tenants`` and ``integrations``, and what ``remove`` leaves of them.

Decisions this module embodies:

* Slugs are for ever. ``remove`` marks the row and keeps every datum; adding the slug again brings
  the same integration back, with its tables. Only ``purge`` deletes rows, raw ones included.
* A row is never half valid: what is given is laid over what is there, and the whole is checked.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Unpack

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from jira_assets.partitions import PartitionKey, nearest
from jira_assets.warehouse.connect import lock_integration
from jira_assets.warehouse.integration_settings import DEFAULTS, IntegrationSettings, validated
from jira_assets.warehouse.new_jobs import ensure_jobs
from jira_assets.warehouse.scope import sees_everything
from jira_assets.warehouse.tables import (
    api_keys,
    integrations,
    metadata,
    run_heartbeats,
    tenants,
)

_SETTING_NAMES: Final = tuple(IntegrationSettings.__annotations__)
_now = sa.func.clock_timestamp


class UnknownIntegrationError(LookupError):
    """There is no such integration (any more)."""


class DisabledIntegrationError(LookupError):
    """The integration is there, but must not be read."""


class IntegrationExistsError(ValueError):
    """An integration is added that is there already."""


@dataclass(frozen=True)
class Integration:
    """One Jira site of one tenant, as its row says."""

    id: int
    tenant_id: int
    tenant: str
    slug: str
    base_url: str
    deployment: str
    auth: str
    username: str | None
    secret_ref: str | None
    custom_field_mappings: Mapping[str, str]
    max_concurrency: int
    requests_per_second: float | None
    """Calls a second; None: no limit of our own."""
    included_projects: tuple[str, ...]
    """Project keys; empty: all."""
    excluded_projects: tuple[str, ...]
    active: bool
    removed_at: datetime | None
    created_at: datetime
    updated_at: datetime
    ca_bundle: str | None = None
    """Path of a PEM file, on the machine that reads the site, of a private CA."""

    @property
    def key(self) -> PartitionKey:
        """The integration's partition key."""
        return PartitionKey(self.tenant, self.slug)

    @property
    def partition_key(self) -> str:
        """The integration's partition key as Dagster knows it, ``tenant/integration``."""
        return str(self.key)


def list_integrations(
    engine: sa.Engine, *, active_only: bool = False, removed: bool = False
) -> list[Integration]:
    """Return the integrations by partition key; removed ones only if asked for."""
    query = _select().order_by(tenants.c.slug, integrations.c.slug)
    if active_only:
        query = query.where(integrations.c.active)
    if not removed:
        query = query.where(integrations.c.removed_at.is_(None))
    with engine.connect() as connection:
        return [_integration(row) for row in connection.execute(query)]


def get_integration(engine: sa.Engine, key: PartitionKey) -> Integration:
    """Return the integration that may be read under ``key``.

    Raises:
        UnknownIntegrationError: there is none; names the keys nearest to it.
        DisabledIntegrationError: it is disabled.
    """
    with engine.connect() as connection:
        found = find_integration(connection, key)
    if not found.active:
        raise DisabledIntegrationError(
            f"{key} is disabled: run `jira-assets integration enable {key}` if it is to be read."
        )
    return found


def find_integration(
    connection: sa.Connection, key: PartitionKey, *, lock: bool = False, removed: bool = False
) -> Integration:
    """Return an integration, active or not.

    Args:
        connection: to the warehouse.
        key: its partition key.
        lock: hold its row until the transaction ends.
        removed: also find one that was removed.

    Raises:
        UnknownIntegrationError: there is none; names the keys nearest to it.
    """
    query = _select().where(tenants.c.slug == key.tenant, integrations.c.slug == key.integration)
    if lock:
        query = query.with_for_update(of=integrations)
    row = connection.execute(query).one_or_none()
    if row is None or (row.removed_at is not None and not removed):
        raise UnknownIntegrationError(_unknown(connection, key, was_removed=row is not None))
    return _integration(row)


def require_integration(connection: sa.Connection, integration_id: int) -> None:
    """Hold the integration's row until the transaction ends: a purge waits for it, or was first.

    Without this, a run that goes on during a purge would write rows that nobody can remove.

    Raises:
        UnknownIntegrationError: it was purged.
    """
    row = sa.select(integrations.c.id).where(integrations.c.id == integration_id)
    if connection.execute(row.with_for_update(read=True, key_share=True)).first() is None:
        raise UnknownIntegrationError(
            f"integration {integration_id} was purged meanwhile, or is not one of this run's: "
            "nothing is written for it."
        )


def add_integration(
    engine: sa.Engine, key: PartitionKey, **settings: Unpack[IntegrationSettings]
) -> Integration:
    """Add an integration with its jobs, and its tenant if that is new; a removed one comes back.

    Raises:
        InvalidIntegrationError: the settings cannot be.
        IntegrationExistsError: it is there already.
    """
    values = validated({"base_url": "", **DEFAULTS, **settings})
    with engine.begin() as connection:
        row = {"tenant_id": _tenant_id(connection, key.tenant), "slug": key.integration, **values}
        added = connection.execute(
            insert(integrations)
            .values(row)
            .on_conflict_do_update(
                index_elements=["tenant_id", "slug"],
                set_={**values, "active": True, "removed_at": None, "updated_at": _now()},
                where=integrations.c.removed_at.is_not(None),
            )
            .returning(integrations.c.id)
        ).first()
        if added is None:
            raise IntegrationExistsError(
                f"{key} is there already: change it with `jira-assets integration update {key}`."
            )
        ensure_jobs(connection)
        return find_integration(connection, key)


def update_integration(
    engine: sa.Engine,
    key: PartitionKey,
    check: Callable[[Mapping[str, Any]], None] | None = None,
    **settings: Unpack[IntegrationSettings],
) -> Integration:
    """Change what is given, keep the rest; ``check`` may refuse the row as it would be then.

    Raises:
        InvalidIntegrationError: the row as a whole could not be.
        UnknownIntegrationError: there is no such integration.
    """
    with engine.begin() as connection:
        found = find_integration(connection, key, lock=True)
        before = {name: getattr(found, name) for name in _SETTING_NAMES}
        after = validated({**before, **settings})
        if check is not None:
            check(after)
        _change(connection, found, after)
        return find_integration(connection, key)


def set_active(engine: sa.Engine, key: PartitionKey, *, active: bool) -> Integration:
    """Enable or disable an integration; raises UnknownIntegrationError if there is none."""
    with engine.begin() as connection:
        _change(connection, find_integration(connection, key, lock=True), {"active": active})
        return find_integration(connection, key)


def remove_integration(
    engine: sa.Engine, key: PartitionKey, *, purge: bool = False
) -> dict[str, int]:
    """Take an integration out of service; with ``purge``, delete every row of it, raw included.

    Returns:
        Rows deleted, by table name: empty without ``purge``. Tables without a row are left out.

    Raises:
        UnknownIntegrationError: there is none. A removed one can still be purged.
    """
    with engine.begin() as connection:
        found = find_integration(connection, key, lock=True, removed=purge)
        if purge:
            return _purge(connection, found)
        _change(connection, found, {"active": False, "removed_at": _now()})
        return {}


def _select() -> sa.Select[Any]:
    query = sa.select(integrations, tenants.c.slug.label("tenant"))
    return query.join(tenants, tenants.c.id == integrations.c.tenant_id)


def _integration(row: sa.Row[Any]) -> Integration:
    values = row._asdict()
    for name in ("included_projects", "excluded_projects"):
        values[name] = tuple(values[name])
    return Integration(**values)


def _unknown(connection: sa.Connection, key: PartitionKey, *, was_removed: bool) -> str:
    if was_removed:
        return f"{key} was removed: `jira-assets integration add {key}` brings it back."
    rows = connection.execute(_select().where(integrations.c.removed_at.is_(None)))
    known = [str(_integration(row).key) for row in rows]
    if not known and sees_everything(connection):
        return f"There is no integration {key}, nor any other: `jira-assets integration add` one."
    near = nearest(str(key), known)
    if near:
        return f"There is no integration {key}. Near to it: {', '.join(near)}."
    return f"There is no integration {key}: `jira-assets integration list` shows those there are."


def _tenant_id(connection: sa.Connection, slug: str) -> int:
    """Return the tenant's id, creating it; its row stays locked, so that no purge takes it away."""
    upsert = insert(tenants).values(slug=slug)
    upsert = upsert.on_conflict_do_update(index_elements=["slug"], set_={"slug": slug})
    return int(connection.execute(upsert.returning(tenants.c.id)).scalar_one())


def _change(connection: sa.Connection, found: Integration, values: Mapping[str, Any]) -> None:
    """Write ``values`` if any of them is another than the row's."""
    before = {name: getattr(found, name) for name in values}
    if any(_plain(values[name]) != _plain(before[name]) for name in values):
        row = integrations.c.id == found.id
        connection.execute(
            integrations.update().where(row).values({**values, "updated_at": _now()})
        )


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _purge(connection: sa.Connection, found: Integration) -> dict[str, int]:
    """Delete the rows of one integration, and its tenant if that has no other."""
    lock_integration(connection, found.id)
    deleted = {
        run_heartbeats.name: _delete(
            connection, run_heartbeats, run_heartbeats.c.partition_key == found.partition_key
        )
    }
    for table in reversed(metadata.sorted_tables):
        if "integration_id" in table.c:
            of_it = table.c.integration_id == found.id
            deleted[table.name] = _delete(connection, table, of_it)
    deleted["integrations"] = _delete(connection, integrations, integrations.c.id == found.id)
    others = sa.exists().where(integrations.c.tenant_id == tenants.c.id)
    unserved = sa.and_(tenants.c.id == found.tenant_id, ~others)
    without_a_tenant = sa.select(tenants.c.id).where(unserved)
    deleted["api_keys"] = _delete(connection, api_keys, api_keys.c.tenant_id.in_(without_a_tenant))
    deleted["tenants"] = _delete(connection, tenants, unserved)
    return {table: count for table, count in deleted.items() if count}


def _delete(connection: sa.Connection, table: sa.Table, rows: sa.ColumnElement[bool]) -> int:
    return connection.execute(table.delete().where(rows)).rowcount
