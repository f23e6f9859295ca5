"""The views: what people ask of the tables so often that it has a name.

Decisions this module embodies:

* A view is code, not structure: `migrate` writes it where it is another one, as it does comments,
  and needs no revision. A column may be added at its end; nothing else of it may change. What is
  there already is left alone: to write it would wait for whoever reads it just now.
* A view lets nobody see more than the tables do. From Postgres 15 on it runs with the rights of
  whoever asks. On 14 it runs as its owner, whom no policy holds back, so there the view itself
  has the policy's condition.
* Each issue's changes are read once, and found by the issue: who asks for one issue waits for one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from jira_assets.warehouse.issue_tables import issues
from jira_assets.warehouse.policies import in_scope, made_from
from jira_assets.warehouse.schema import SCHEMA

_SECURITY_INVOKER_SINCE: Final = 150000
_MARK: Final = sa.text(
    """
    SELECT obj_description(oid, 'pg_rewrite') AS mark, md5(pg_get_viewdef(ev_class)) AS definition
    FROM pg_rewrite WHERE ev_class = to_regclass(:view) AND rulename = '_RETURN'
    """
)
"""What a view was made from, and as what Postgres read it: in the comment of its rule."""
_ASKED: Final = "SELECT asked.* FROM ({definition}) AS asked WHERE {condition}"


@dataclass(frozen=True)
class View:
    """A view of the schema, with what it and its columns mean."""

    name: str
    definition: str
    comment: str
    columns: Mapping[str, tuple[str, str]]
    """Name to type and meaning."""


STATUS_HISTORY: Final = View(
    name="status_history",
    comment=(
        "How long each issue stayed in each status: one row an issue and stay, living issues only."
    ),
    columns={
        "integration_id": ("bigint", "integrations.id"),
        "tenant_id": ("bigint", "tenants.id"),
        "issue_jira_id": ("text", "issues.jira_id"),
        "key": ("text", "issues.key"),
        "project_jira_id": ("text", "projects.jira_id"),
        "status_jira_id": ("text", "statuses.jira_id"),
        "status_name": ("text", "of statuses; of one that is in no list any more: as it was then"),
        "category": ("text", "statuses.category; null where the status is in no list any more"),
        "entered_at": ("timestamp with time zone", "when the stay began"),
        "left_at": ("timestamp with time zone", "when it ended; null: it is still in it"),
        "seconds": ("numeric", "how long it stayed; where it is still in it: until now"),
    },
    definition="""
        SELECT issue.integration_id, issue.tenant_id, issue.jira_id AS issue_jira_id, issue.key,
            issue.project_jira_id, stay.status_jira_id,
            coalesce(status.name, stay.words) AS status_name, status.category,
            stay.entered_at, stay.left_at,
            extract(epoch FROM coalesce(stay.left_at, now()) - stay.entered_at) AS seconds
        FROM jira.issues AS issue
        LEFT JOIN (
            SELECT integration_id, issue_jira_id, changed_at,
                from_value, from_string, to_value, to_string,
                row_number() OVER in_time AS place, lead(changed_at) OVER in_time AS next_at
            FROM jira.issue_changelogs
            WHERE deleted_at IS NULL AND coalesce(field_id, field) = 'status'
            AND field_type IS DISTINCT FROM 'custom'
            WINDOW in_time AS (
                PARTITION BY integration_id, issue_jira_id
                ORDER BY changed_at, length(history_jira_id), history_jira_id, item
            )
        ) AS change
        ON change.integration_id = issue.integration_id AND change.issue_jira_id = issue.jira_id
        CROSS JOIN LATERAL (
            -- Before the first change; and where nothing was changed, the present status.
            SELECT coalesce(change.from_value, issue.status_jira_id) AS status_jira_id,
                change.from_string AS words,
                -- What was imported may have been changed before it was created.
                least(issue.jira_created_at, change.changed_at) AS entered_at,
                change.changed_at AS left_at
            WHERE coalesce(change.place, 1) = 1
            UNION ALL
            SELECT change.to_value, change.to_string, change.changed_at, change.next_at
            WHERE change.place IS NOT NULL
        ) AS stay
        LEFT JOIN jira.statuses AS status
        ON status.integration_id = issue.integration_id AND status.jira_id = stay.status_jira_id
        WHERE issue.deleted_at IS NULL
    """,
)

VIEWS: Final = (STATUS_HISTORY,)


def write_views(connection: sa.Connection) -> None:
    """Create the views, or bring them up to date, with their comments."""
    version = int(connection.execute(sa.text("SHOW server_version_num")).scalar_one())
    for view in VIEWS:
        statements = list(_statements(view, version))
        there = connection.execute(_MARK, {"view": _name(view)}).one_or_none()
        if there is None or there.mark != made_from(*statements, there.definition):
            for statement in statements:
                connection.exec_driver_sql(statement)
            made = connection.execute(_MARK, {"view": _name(view)}).one()
            mark = _quoted(made_from(*statements, made.definition))
            connection.exec_driver_sql(f'COMMENT ON RULE "_RETURN" ON {_name(view)} IS {mark}')


def _statements(view: View, version: int) -> Iterator[str]:
    if version >= _SECURITY_INVOKER_SINCE:
        body = f"WITH (security_invoker = true) AS {view.definition}"
    else:
        # Every view has the two columns that say whose a row is, as its first table has them.
        asked = _ASKED.format(definition=view.definition, condition=in_scope(issues, "asked."))
        body = f"WITH (security_barrier = true) AS {asked}"
    yield f"CREATE OR REPLACE VIEW {_name(view)} {body}"
    yield f"COMMENT ON VIEW {_name(view)} IS {_quoted(view.comment)}"
    for column, (_, meaning) in view.columns.items():
        yield f"COMMENT ON COLUMN {_name(view)}.{column} IS {_quoted(meaning)}"


def _name(view: View) -> str:
    return f"{SCHEMA}.{view.name}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
