"""What is there, a slice at a time: integrations, extractions and their pages, statuses.

Decisions this module embodies:

* Only what has landed whole is shown, and only living rows: what counts, and nothing else.
* An order that never depends on chance, so that the slices of a list are the list.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from jira_assets.warehouse.places import is_tenant
from jira_assets.warehouse.tables import (
    integrations,
    projects,
    projects_statuses,
    raw_extraction_data,
    raw_extractions,
    statuses,
    tenants,
)

_raw: Final = raw_extraction_data.c
_marker: Final = raw_extractions.c


@dataclass(frozen=True)
class Slice:
    """Part of a list, and how long all of it is."""

    items: Sequence[dict[str, Any]]
    total: int


@dataclass(frozen=True)
class Window:
    """Which part of a list is wanted: ``limit`` items after the first ``offset``."""

    offset: int
    limit: int


@dataclass(frozen=True)
class Part:
    """Which part of what has landed is wanted; all of it, by default."""

    entity: str | None = None
    scope: str | None = None

    def conditions(self, table: sa.Table) -> list[sa.ColumnElement[bool]]:
        """Say it of a table that has ``entity`` and ``scope``."""
        given = {"entity": self.entity, "scope": self.scope}
        return [table.c[name] == value for name, value in given.items() if value is not None]


ALL_PARTS: Final = Part()


def integrations_of(
    connection: sa.Connection, window: Window, *, within: int | None, tenant: str | None = None
) -> Slice:
    """Return the integrations of one tenant (``within``: its id), or of all, by partition key."""
    query = (
        _with_key(
            integrations.c.id,
            integrations.c.tenant_id,
            integrations.c.base_url,
            integrations.c.deployment,
            integrations.c.active,
            integrations.c.max_concurrency,
            integrations.c.requests_per_second,
            integrations.c.included_projects,
            integrations.c.excluded_projects,
            integrations.c.created_at,
            integrations.c.updated_at,
        )
        .select_from(integrations)
        .join(tenants, tenants.c.id == integrations.c.tenant_id)
        .where(integrations.c.removed_at.is_(None))
        .order_by(tenants.c.slug, integrations.c.slug)
    )
    if within is not None:
        query = query.where(tenants.c.id == within)
    if tenant is not None:
        query = query.where(is_tenant(tenant))
    return _slice(connection, query, window)


def extractions_of(
    connection: sa.Connection,
    window: Window,
    *,
    within: int | None,
    integration_id: int | None = None,
    part: Part = ALL_PARTS,
) -> Slice:
    """Return what has landed whole, the newest first: one item an extraction, entity and scope."""
    unreadable = sa.select(sa.func.count()).select_from(
        sa.func.jsonb_object_keys(_marker.complete_for["unreadable"]).alias()
    )
    query = (
        _with_key(
            *(_marker[name] for name in ("extraction_id", "entity", "scope", "integration_id")),
            *(_marker[name] for name in ("pages", "items", "is_full", "run_id")),
            *(_marker[name] for name in ("started_at", "landed_at")),
            unreadable.scalar_subquery().label("unreadable_projects"),
        )
        .select_from(raw_extractions)
        .join(integrations, integrations.c.id == _marker.integration_id)
        .join(tenants, tenants.c.id == _marker.tenant_id)
        .order_by(_marker.landed_at.desc(), _marker.sequence.desc())
    )
    if within is not None:
        query = query.where(_marker.tenant_id == within)
    if integration_id is not None:
        query = query.where(_marker.integration_id == integration_id)
    query = query.where(*part.conditions(raw_extractions))
    return _slice(connection, query, window)


def pages_of(
    connection: sa.Connection,
    window: Window,
    extraction_id: UUID,
    *,
    within: int | None,
    part: Part = ALL_PARTS,
) -> Slice | None:
    """Return the pages of an extraction without their payloads; None if nothing of it landed."""
    if not _has_landed(connection, extraction_id, within):
        return None
    query = (
        _landed_pages(
            *(_raw[name] for name in ("entity", "scope", "page", "request", "http_status")),
            _raw.extracted_at,
        )
        .where(_raw.extraction_id == extraction_id)
        .order_by(_raw.entity, _raw.scope, _raw.page)
    )
    query = query.where(*part.conditions(raw_extraction_data))
    return _slice(connection, query, window)


def page_of(
    connection: sa.Connection,
    extraction_id: UUID,
    page: tuple[str, str, int],
    *,
    within: int | None,
) -> dict[str, Any] | None:
    """Return one page by (entity, scope, number), its payload as JSON text; None: none."""
    entity, scope, number = page
    query = _landed_pages(
        *(_raw[name] for name in ("entity", "scope", "page", "request", "http_status")),
        _raw.extracted_at,
        sa.cast(_raw.payload, sa.Text).label("payload"),
    ).where(
        _raw.extraction_id == extraction_id,
        _raw.entity == entity,
        _raw.scope == scope,
        _raw.page == number,
    )
    if within is not None:
        query = query.where(_raw.tenant_id == within)
    row = connection.execute(query).one_or_none()
    return None if row is None else _plain(row)


def statuses_of(connection: sa.Connection, window: Window, integration_id: int) -> Slice:
    """Return the living statuses of an integration, by Jira's id."""
    query = _statuses().where(statuses.c.integration_id == integration_id)
    return _slice(connection, query, window)


def statuses_of_project(
    connection: sa.Connection, window: Window, integration_id: int, project: str
) -> Slice | None:
    """Return the living statuses that a project, by key or Jira's id, uses; None: no project.

    A key begins with a letter and an id is digits: neither can be taken for the other.
    """
    if "\x00" in project:  # no text of Postgres holds it, and none may be compared with it
        return None
    of_it = sa.and_(
        projects.c.integration_id == integration_id,
        sa.or_(projects.c.jira_id == project, projects.c.key == project),
        projects.c.deleted_at.is_(None),
    )
    jira_id = connection.execute(sa.select(projects.c.jira_id).where(of_it)).scalars().first()
    if jira_id is None:
        return None
    uses = projects_statuses.c
    query = _statuses().join(
        projects_statuses,
        sa.and_(
            uses.integration_id == statuses.c.integration_id,
            uses.status_jira_id == statuses.c.jira_id,
            uses.project_jira_id == jira_id,
            uses.deleted_at.is_(None),
        ),
    )
    return _slice(connection, query.where(statuses.c.integration_id == integration_id), window)


def _statuses() -> sa.Select[Any]:
    names = ("jira_id", "name", "untranslated_name", "description", "category", "category_name")
    columns = [statuses.c[name] for name in (*names, "project_jira_id", "updated_at")]
    living = sa.select(*columns).where(statuses.c.deleted_at.is_(None))
    return living.order_by(sa.func.length(statuses.c.jira_id), statuses.c.jira_id)


def _landed_pages(*columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    of_it = (_marker[name] == _raw[name] for name in ("extraction_id", "entity", "scope"))
    return sa.select(*columns).join(raw_extractions, sa.and_(*of_it))


def _has_landed(connection: sa.Connection, extraction_id: UUID, within: int | None) -> bool:
    query = sa.select(_marker.entity).where(_marker.extraction_id == extraction_id)
    if within is not None:
        query = query.where(_marker.tenant_id == within)
    return connection.execute(query.limit(1)).first() is not None


def _with_key(*columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    return sa.select(
        *columns,
        tenants.c.slug.label("tenant"),
        integrations.c.slug.label("slug"),
        sa.func.concat(tenants.c.slug, "/", integrations.c.slug).label("integration"),
    )


def _slice(connection: sa.Connection, query: sa.Select[Any], window: Window) -> Slice:
    counted = query.order_by(None).subquery()
    total = connection.execute(sa.select(sa.func.count()).select_from(counted)).scalar_one()
    rows = connection.execute(query.offset(window.offset).limit(window.limit))
    return Slice([_plain(row) for row in rows], total)


def _plain(row: sa.Row[Any]) -> dict[str, Any]:
    """Return a row by names that are plain texts: those of SQLAlchemy's are their own kind of."""
    return {str(name): value for name, value in row._asdict().items()}
