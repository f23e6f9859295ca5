"""The sweep: which issues are gone, as the ids of those that there are tell.

Decisions this module embodies:

* Only what the sweep looked at can be gone: issues of projects that it has a page of, and that Jira
  had last changed some minutes before it began (its index lags). An issue that moved is on its new
  project's page.
* A project that Jira has no more (its row is deleted) has no issues any more either: they are gone
  all at once, which is the next rule's case.
* Half a project gone at once is an account that lost its permissions rather than half a project:
  nothing of it is deleted, and how many there were is kept where people see it.
* What is deleted and on a page is there after all. It lives again: nobody changed it meanwhile, so
  no increment would bring it.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa

from jira_assets.warehouse.connect import driver_of
from jira_assets.warehouse.contracts import Owner, Sweep, SweptPage
from jira_assets.warehouse.copying import copy_rows
from jira_assets.warehouse.increment_stage import Tally

LAG: Final = timedelta(minutes=5)
"""How far what a search finds may be behind what was changed."""

_CREATE: Final = (
    "CREATE TEMPORARY TABLE swept_issues (jira_id text) ON COMMIT DROP",
    "CREATE TEMPORARY TABLE swept_projects (jira_id text) ON COMMIT DROP",
    "CREATE TEMPORARY TABLE gone_issues (jira_id text, project_jira_id text) ON COMMIT DROP",
)
_ADD_DELETED_PROJECTS: Final = sa.text(
    """
    INSERT INTO swept_projects
    SELECT jira_id FROM jira.projects WHERE integration_id = :integration_id
    AND deleted_at IS NOT NULL AND jira_id NOT IN (SELECT jira_id FROM swept_projects)
    """
)
_FIND_GONE: Final = sa.text(
    """
    INSERT INTO gone_issues
    SELECT issue.jira_id, issue.project_jira_id FROM jira.issues AS issue
    WHERE issue.integration_id = :integration_id AND issue.deleted_at IS NULL
    AND coalesce(issue.jira_updated_at, '-infinity') < :before
    AND EXISTS (SELECT FROM swept_projects AS swept WHERE swept.jira_id = issue.project_jira_id)
    AND NOT EXISTS (SELECT FROM swept_issues AS swept WHERE swept.jira_id = issue.jira_id)
    """
)
_WITHHOLD: Final = sa.text(
    """
    WITH gone AS (
        SELECT project_jira_id, count(*)::int AS issues FROM gone_issues GROUP BY project_jira_id
    ),
    too_many AS (
        SELECT gone.* FROM gone JOIN (
            SELECT project_jira_id, count(*) AS issues FROM jira.issues
            WHERE integration_id = :integration_id AND deleted_at IS NULL
            AND project_jira_id IN (SELECT project_jira_id FROM gone)
            GROUP BY project_jira_id
        ) AS living USING (project_jira_id)
        WHERE 2 * gone.issues >= living.issues AND NOT :accept
    ),
    marked AS (
        UPDATE jira.issue_watermarks AS mark
        SET withheld_deletions = coalesce(too_many.issues, 0), updated_at = now()
        FROM (SELECT DISTINCT jira_id FROM swept_projects) AS swept
        LEFT JOIN too_many ON too_many.project_jira_id = swept.jira_id
        WHERE mark.integration_id = :integration_id AND mark.project_jira_id = swept.jira_id
        AND mark.withheld_deletions <> coalesce(too_many.issues, 0)
    )
    DELETE FROM gone_issues USING too_many
    WHERE gone_issues.project_jira_id = too_many.project_jira_id
    """
)
_DELETE_ISSUES: Final = sa.text(
    """
    UPDATE jira.issues AS issue SET deleted_at = now(), updated_at = now() FROM gone_issues AS gone
    WHERE issue.integration_id = :integration_id AND issue.jira_id = gone.jira_id
    """
)
_DELETE_CHANGES: Final = sa.text(
    """
    UPDATE jira.issue_changelogs AS change SET deleted_at = now(), updated_at = now()
    FROM gone_issues AS gone
    WHERE change.integration_id = :integration_id AND change.issue_jira_id = gone.jira_id
    AND change.deleted_at IS NULL
    """
)
_REVIVE: Final = sa.text(
    """
    WITH issue AS (
        UPDATE jira.issues AS issue SET deleted_at = NULL, updated_at = now()
        FROM (SELECT DISTINCT jira_id FROM swept_issues) AS swept
        WHERE issue.integration_id = :integration_id AND issue.jira_id = swept.jira_id
        AND issue.deleted_at IS NOT NULL
        RETURNING issue.jira_id
    ),
    change AS (
        UPDATE jira.issue_changelogs AS change SET deleted_at = NULL, updated_at = now() FROM issue
        WHERE change.integration_id = :integration_id AND change.issue_jira_id = issue.jira_id
        AND change.deleted_at IS NOT NULL
        RETURNING change.history_jira_id
    )
    SELECT (SELECT count(*) FROM issue) AS issues, (SELECT count(*) FROM change) AS changes
    """
)


class SweepStage:
    """The ids of a sweep, until the transaction ends."""

    def __init__(self, connection: sa.Connection, owner: Owner) -> None:
        self._connection = connection
        self._owner = owner
        for name, value in (("work_mem", "128MB"), ("jit", "off"), ("enable_mergejoin", "off")):
            connection.execute(sa.select(sa.func.set_config(name, value, True)))
        for statement in _CREATE:
            connection.exec_driver_sql(statement)

    def load(self, pages: Iterator[SweptPage]) -> None:
        """Copy the ids; only those of the page at hand are in memory."""
        driver = driver_of(self._connection)
        projects: dict[str, None] = {}
        with driver.cursor() as cursor:
            with cursor.copy("COPY swept_issues FROM STDIN") as to:
                for page in pages:
                    projects[page.project_jira_id] = None
                    to.write(copy_rows([page.issue_jira_ids]))
            with cursor.copy("COPY swept_projects FROM STDIN") as to:
                to.write(copy_rows([list(projects)]))
        for table in ("swept_issues", "swept_projects"):
            self._connection.exec_driver_sql(f"ANALYZE {table}")

    def merge(self, sweep: Sweep, *, accept: bool) -> dict[str, Tally]:
        """Delete what is gone, bring back what is there; return what that took, by table."""
        asked = {
            "integration_id": self._owner.integration_id,
            "before": sweep.landing.started_at - LAG,
            "accept": accept,
        }
        self._connection.execute(sa.select(sa.func.set_config("enable_nestloop", "off", True)))
        self._execute(_ADD_DELETED_PROJECTS, asked)
        found = self._execute(_FIND_GONE, asked).rowcount
        self._execute(_WITHHOLD, asked)
        issues, changes = Tally(), Tally()
        if found:
            self._connection.exec_driver_sql("ANALYZE gone_issues")
            self._connection.execute(sa.select(sa.func.set_config("enable_nestloop", "on", True)))
            issues.deleted = self._execute(_DELETE_ISSUES, asked).rowcount
            changes.deleted = self._execute(_DELETE_CHANGES, asked).rowcount
        revived = self._execute(_REVIVE, asked).one()
        issues.staged = issues.updated = revived.issues
        changes.staged = changes.updated = revived.changes
        issues.alive = revived.issues - issues.deleted
        changes.alive = revived.changes - changes.deleted
        return {"issues": issues, "issue_changelogs": changes}

    def _execute(self, statement: sa.TextClause, asked: dict[str, Any]) -> sa.CursorResult[Any]:
        named = {name: asked[name] for name in statement.compile().params}
        options = {"preserve_rowcount": True}
        return self._connection.execute(statement, named, execution_options=options)
