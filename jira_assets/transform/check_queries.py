"""What the asset checks ask the database: a query or two each, over the partitions of a run only.

Every function takes a connection, a table's name and partition keys, and answers for each key that
belongs to an integration. What a table holds is told by ``applied_extractions``.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by

from jira_assets.transform.records import CATEGORIES
from jira_assets.transform.verdicts import (
    SHOWN,
    Drop,
    RejectedRecords,
    UnknownCategories,
    UnknownIds,
)
from jira_assets.warehouse.tables import (
    DATA_TABLES,
    applied_extractions,
    integrations,
    projects,
    raw_extractions,
    rejected_records,
    statuses,
    tenants,
)

PROJECT_STATUSES: Final = "project_statuses"


def unknown_ids(
    connection: sa.Connection, table: str, keys: Collection[str], *, other: str, column: str
) -> Mapping[str, UnknownIds]:
    """Find living relations whose ``column`` is the id of no living row of ``other``."""
    scope, relation, named = scope_of(keys), DATA_TABLES[table], DATA_TABLES[other]
    is_known = sa.exists().where(
        named.c.integration_id == relation.c.integration_id,
        named.c.jira_id == relation.c[column],
        named.c.deleted_at.is_(None),
    )
    broken = (
        sa.select(
            relation.c.integration_id,
            relation.c[column].label("jira_id"),
            sa.func.count().label("relations"),
        )
        .join(scope, scope.c.integration_id == relation.c.integration_id)
        .where(relation.c.deleted_at.is_(None), ~is_known)
        .group_by(relation.c.integration_id, relation.c[column])
        .cte("broken")
    )
    query = (
        sa.select(
            scope.c.partition_key,
            sa.func.coalesce(sa.func.sum(broken.c.relations), 0).label("relations"),
            sa.func.count(broken.c.jira_id).label("distinct_ids"),
            first_of(broken.c.jira_id, broken.c.jira_id).label("ids"),
            sa.func.bool_and(_caught_up(scope, table, other)).label("caught_up"),
        )
        .outerjoin(broken, broken.c.integration_id == scope.c.integration_id)
        .group_by(scope.c.partition_key)
    )
    return {
        row.partition_key: UnknownIds(
            int(row.relations), row.ids or [], row.distinct_ids, row.caught_up
        )
        for row in connection.execute(query)
    }


def unknown_categories(
    connection: sa.Connection, _table: str, keys: Collection[str]
) -> Mapping[str, UnknownCategories]:
    """Find living statuses in a category that is none of Jira's."""
    scope = scope_of(keys)
    is_odd = sa.and_(
        statuses.c.integration_id == scope.c.integration_id,
        statuses.c.deleted_at.is_(None),
        statuses.c.category.not_in(CATEGORIES),
    )
    example = statuses.c.jira_id + ": " + statuses.c.category
    query = (
        sa.select(
            scope.c.partition_key,
            sa.func.count(statuses.c.jira_id).label("statuses"),
            first_of(example, statuses.c.jira_id, only=statuses.c.jira_id.is_not(None)).label(
                "found"
            ),
        )
        .outerjoin(statuses, is_odd)
        .group_by(scope.c.partition_key)
    )
    return {
        row.partition_key: UnknownCategories(row.statuses, row.found or [])
        for row in connection.execute(query)
    }


def rejected(
    connection: sa.Connection, table: str, keys: Collection[str]
) -> Mapping[str, RejectedRecords]:
    """Count what was set aside of the extractions that ``table`` holds."""
    scope, record = scope_of(keys), rejected_records.c
    applied = _applied(table)
    query = (
        sa.select(
            scope.c.partition_key,
            sa.func.count(record.id).label("records"),
            first_of(record.reason, record.id, only=record.id.is_not(None)).label("reasons"),
        )
        .outerjoin(applied, applied.c.integration_id == scope.c.integration_id)
        .outerjoin(
            rejected_records,
            sa.and_(
                record.integration_id == applied.c.integration_id,
                record.table_name == table,
                record.entity == applied.c.entity,
                record.extraction_id == applied.c.extraction_id,
            ),
        )
        .group_by(scope.c.partition_key)
    )
    return {
        row.partition_key: RejectedRecords(row.records, row.reasons or [])
        for row in connection.execute(query)
    }


def unreadable_projects(
    connection: sa.Connection, table: str, keys: Collection[str]
) -> Mapping[str, Mapping[str, str]]:
    """Return the keys of the projects that ``table``'s extraction could not read, with reasons."""
    scope, marker = scope_of(keys), raw_extractions.c
    applied = _applied(table)
    query = (
        sa.select(scope.c.partition_key, marker.complete_for["unreadable"].label("unreadable"))
        .outerjoin(
            applied,
            sa.and_(
                applied.c.integration_id == scope.c.integration_id,
                applied.c.entity == PROJECT_STATUSES,
            ),
        )
        .outerjoin(
            raw_extractions,
            sa.and_(
                marker.extraction_id == applied.c.extraction_id,
                marker.entity == applied.c.entity,
                marker.scope == applied.c.scope,
            ),
        )
    )
    found = {row.partition_key: row.unreadable or {} for row in connection.execute(query)}
    names = _keys_of_projects(
        connection, scope, {each for by_id in found.values() for each in by_id}
    )
    return {
        key: {names.get((key, project), project): why for project, why in by_id.items()}
        for key, by_id in found.items()
    }


def _keys_of_projects(
    connection: sa.Connection, scope: sa.CTE, project_ids: Collection[str]
) -> dict[tuple[str, str], str]:
    """Return partition key and project id to the project's key, of those that are known."""
    if not project_ids:
        return {}
    query = (
        sa.select(scope.c.partition_key, projects.c.jira_id, projects.c.key)
        .join(scope, scope.c.integration_id == projects.c.integration_id)
        .where(projects.c.jira_id.in_(list(project_ids)))
    )
    return {(row.partition_key, row.jira_id): row.key for row in connection.execute(query)}


def drop(connection: sa.Connection, table: str, keys: Collection[str]) -> Mapping[str, Drop]:
    """Read what the last merge counted: afterwards a row that came back looks like one that stayed.

    The rows of a table's several sources are written by the same merge, hence equal.
    """
    scope, applied = scope_of(keys), _applied(table)
    deleted = sa.func.coalesce(sa.func.max(applied.c.rows_deleted), 0)
    before = sa.func.coalesce(sa.func.max(applied.c.rows_before), 0)
    query = (
        sa.select(scope.c.partition_key, deleted.label("deleted"), (before - deleted).label("kept"))
        .outerjoin(applied, applied.c.integration_id == scope.c.integration_id)
        .group_by(scope.c.partition_key)
    )
    return {row.partition_key: Drop(row.deleted, row.kept) for row in connection.execute(query)}


def scope_of(keys: Collection[str]) -> sa.CTE:
    """Select the integrations behind partition keys; keys of nobody select nothing."""
    key = (tenants.c.slug + "/" + integrations.c.slug).label("partition_key")
    return (
        sa.select(integrations.c.id.label("integration_id"), key)
        .join(tenants, tenants.c.id == integrations.c.tenant_id)
        .where(key.in_(list(keys)))
        .cte("scope")
    )


def _applied(table: str) -> sa.Subquery:
    """Select what is applied to ``table``: one row an integration, entity and scope."""
    applied = sa.select(applied_extractions).where(applied_extractions.c.table_name == table)
    return applied.subquery(f"applied_to_{table}")


def _caught_up(scope: sa.CTE, table: str, other: str) -> sa.ColumnElement[bool]:
    """Whether ``other`` holds project answers at least as new as those that ``table`` holds."""
    ours, theirs = _applied(table), _applied(other)
    pair = sa.and_(
        theirs.c.integration_id == ours.c.integration_id,
        theirs.c.entity == ours.c.entity,
        theirs.c.scope == ours.c.scope,
        sa.tuple_(theirs.c.started_at, theirs.c.sequence)
        >= sa.tuple_(ours.c.started_at, ours.c.sequence),
    )
    return (
        sa.select(sa.literal(1))
        .select_from(ours.join(theirs, pair))
        .where(ours.c.integration_id == scope.c.integration_id, ours.c.entity == PROJECT_STATUSES)
        .exists()
    )


def first_of(
    value: sa.ColumnElement[Any],
    order: sa.ColumnElement[Any],
    *,
    only: sa.ColumnElement[bool] | None = None,
) -> sa.ColumnElement[Any]:
    """Aggregate the first ``SHOWN`` values, those of rows that an outer join did not make up."""
    wanted = value.is_not(None) if only is None else only
    values = sa.func.array_agg(aggregate_order_by(value, order)).filter(wanted)
    return sa.type_coerce(values, sa.ARRAY(sa.Text))[1:SHOWN]
