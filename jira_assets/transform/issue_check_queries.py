"""What the checks of issues ask the database: one or two queries each, as ``check_queries``.

None looks at every issue: a check costs as much on a site of a million issues as on a small one,
unless it finds something. A project that Jira has no more is nobody's trouble any more.
"""

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa

from jira_assets.transform.check_queries import first_of, scope_of
from jira_assets.transform.verdicts import Mistyped, RejectedRecords
from jira_assets.warehouse.issue_projects import is_in_no_sweep, project_is
from jira_assets.warehouse.tables import (
    custom_fields,
    integrations,
    issue_watermarks,
    issues,
    projects,
    rejected_records,
)


def rejected(
    connection: sa.Connection, table: str, keys: Collection[str]
) -> Mapping[str, RejectedRecords]:
    """Count all that was set aside and has not been read whole since, of any extraction."""
    scope, record = scope_of(keys), rejected_records.c
    is_ours = sa.and_(record.integration_id == scope.c.integration_id, record.table_name == table)
    query = (
        sa.select(
            scope.c.partition_key,
            sa.func.count(record.id).label("records"),
            first_of(record.reason, record.id, only=record.id.is_not(None)).label("reasons"),
        )
        .outerjoin(rejected_records, is_ours)
        .group_by(scope.c.partition_key)
    )
    return {
        row.partition_key: RejectedRecords(row.records, row.reasons or [])
        for row in connection.execute(query)
    }


def unreadable_projects(
    connection: sa.Connection, _table: str, keys: Collection[str]
) -> Mapping[str, Mapping[str, str]]:
    """Return the keys of the projects whose issues could not be read, with reasons."""
    is_gone = project_is(projects.c.deleted_at.is_not(None))
    return _of_watermarks(connection, keys, issue_watermarks.c.unreadable, but=is_gone)


def withheld_deletions(
    connection: sa.Connection, _table: str, keys: Collection[str]
) -> Mapping[str, Mapping[str, int]]:
    """Return the keys of the projects whose issues the last sweep did not find and kept.

    One that was archived since is in no sweep: nobody's word could settle it. Those of a project
    that Jira has no more wait for a word all the same.
    """
    withheld = sa.func.nullif(issue_watermarks.c.withheld_deletions, 0)
    return _of_watermarks(connection, keys, withheld, but=is_in_no_sweep())


def _of_watermarks(
    connection: sa.Connection,
    keys: Collection[str],
    value: sa.ColumnElement[Any],
    *,
    but: sa.ColumnElement[bool],
) -> dict[str, dict[str, Any]]:
    """Return project key to ``value`` of the watermarks that have one, by partition key.

    ``but``: which do not count.
    """
    scope, mark = scope_of(keys), issue_watermarks.c
    is_marked = sa.and_(mark.integration_id == scope.c.integration_id, value.is_not(None), ~but)
    query = sa.select(
        scope.c.partition_key, mark.project_key.label("name"), value.label("value")
    ).select_from(scope.outerjoin(issue_watermarks, is_marked))
    found: dict[str, dict[str, Any]] = {}
    for row in connection.execute(query):
        of_partition = found.setdefault(row.partition_key, {})
        if row.name is not None:
            of_partition[row.name] = row.value
    return found


def mistyped(
    connection: sa.Connection, _table: str, keys: Collection[str]
) -> Mapping[str, Mistyped]:
    """Count the living issues with values in mapped fields that do not fit, by column."""
    scope = scope_of(keys)
    is_ours = sa.and_(
        issues.c.integration_id == scope.c.integration_id,
        issues.c.mistyped_fields.is_not(None),
        issues.c.deleted_at.is_(None),
    )
    counted = (
        sa.select(scope.c.partition_key, sa.func.count(issues.c.jira_id).label("issues"))
        .select_from(scope.outerjoin(issues, is_ours))
        .group_by(scope.c.partition_key)
    )
    named = (
        sa.select(scope.c.partition_key, sa.func.unnest(issues.c.mistyped_fields).label("name"))
        .select_from(scope.join(issues, is_ours))
        .subquery("named")
    )
    by_column = sa.select(
        named.c.partition_key, named.c.name, sa.func.count().label("issues")
    ).group_by(named.c.partition_key, named.c.name)
    columns: dict[str, dict[str, int]] = {}
    for row in connection.execute(by_column):
        columns.setdefault(row.partition_key, {})[row.name] = row.issues
    return {
        row.partition_key: Mistyped(row.issues, columns.get(row.partition_key, {}))
        for row in connection.execute(counted)
    }


def missing_fields(
    connection: sa.Connection, _table: str, keys: Collection[str]
) -> Mapping[str, Mapping[str, str]]:
    """Return the mapped fields that no living custom field is; none where none is known at all."""
    scope, ours = scope_of(keys), custom_fields.c
    is_living = sa.and_(ours.integration_id == scope.c.integration_id, ours.deleted_at.is_(None))
    mapped = sa.func.jsonb_each_text(integrations.c.custom_field_mappings).table_valued(
        "key", "value", name="mapped"
    )
    is_missing = (
        sa.select(mapped.c.key, mapped.c.value)
        .select_from(mapped)
        .where(
            sa.exists().where(is_living).correlate(scope),
            ~sa.exists().where(is_living, ours.jira_id == mapped.c.value).correlate(scope, mapped),
        )
        .lateral("missing")
    )
    query = sa.select(scope.c.partition_key, is_missing.c.key, is_missing.c.value).select_from(
        scope.join(integrations, integrations.c.id == scope.c.integration_id).outerjoin(
            is_missing, sa.true()
        )
    )
    found: dict[str, dict[str, str]] = {}
    for row in connection.execute(query):
        of_partition = found.setdefault(row.partition_key, {})
        if row.key is not None:
            of_partition[row.key] = row.value
    return found
