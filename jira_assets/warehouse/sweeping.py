"""The sweep: issues that are nowhere any more are marked as deleted, unless too many are.

Decisions this module embodies:

* What is gone is told by ids over all swept projects: a moved issue is on its new project's page.
* An issue that changed since the sweep began, or shortly before, says nothing by being absent: it
  may have been created or moved meanwhile. The next sweep decides.
* Half of a project gone at once is lost access until somebody says otherwise. How many were kept is
  on the project's watermark, for all to see.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import psycopg
import sqlalchemy as sa

from jira_assets.warehouse.contracts import Owner, Sweep, SweptPage
from jira_assets.warehouse.issue_stage import SETTINGS, copy_rows

MARGIN: Final = timedelta(minutes=5)
"""As long as the overlap of windows: so far the clocks of Jira and Postgres may differ."""
_IDS_A_COPY: Final = 50_000


@dataclass(frozen=True)
class Swept:
    """What a sweep did. Rows."""

    issues: int
    changelogs: int
    withheld: int


def apply_sweep(
    connection: sa.Connection, owner: Owner, sweep: Sweep, *, accept_deletions: bool
) -> Swept:
    """Mark as deleted what the sweep did not find; see this module.

    Args:
        connection: in the transaction that records the sweep as applied.
        owner: whose issues.
        sweep: what is there.
        accept_deletions: delete half a project and more, too.
    """
    settings = (sa.func.set_config(name, value, True) for name, value in SETTINGS.items())
    connection.execute(sa.select(*settings))
    _stage(connection, sweep.pages())
    parameters: dict[str, Any] = {
        "integration": owner.integration_id,
        "until": sweep.landing.started_at - MARGIN,
        "accept": accept_deletions,
    }
    for statement in (_FIND_GONE, "ANALYZE gone_issues", _WITHHOLD):
        connection.exec_driver_sql(statement, parameters)
    options = {"preserve_rowcount": True}

    def run(statement: str) -> int:
        return connection.exec_driver_sql(statement, parameters, execution_options=options).rowcount

    withheld = connection.exec_driver_sql(_COUNT_WITHHELD).scalar_one()
    return Swept(run(_DELETE_ISSUES), run(_DELETE_CHANGELOGS), int(withheld))


def _stage(connection: sa.Connection, pages: Iterable[SweptPage]) -> None:
    connection.exec_driver_sql(
        "CREATE TEMPORARY TABLE seen_issues (jira_id text NOT NULL) ON COMMIT DROP"
    )
    connection.exec_driver_sql(
        "CREATE TEMPORARY TABLE swept_projects (project_jira_id text NOT NULL) ON COMMIT DROP"
    )
    projects: set[str] = set()
    ids: list[str | None] = []
    for page in pages:
        if page.project_jira_id:  # ids of projects that could not be swept are alive, no more
            projects.add(page.project_jira_id)
        ids += page.issue_jira_ids
        if len(ids) >= _IDS_A_COPY:
            _copy(connection, "seen_issues", ids)
            ids = []
    _copy(connection, "seen_issues", ids)
    _copy(connection, "swept_projects", list(projects))
    connection.exec_driver_sql("ANALYZE seen_issues, swept_projects")


def _copy(connection: sa.Connection, table: str, values: list[Any]) -> None:
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise TypeError("the warehouse needs the driver psycopg 3: postgresql+psycopg://")
    if values:
        with driver.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as to:
            to.write(copy_rows([values]))


_FIND_GONE: Final = """
    CREATE TEMPORARY TABLE gone_issues ON COMMIT DROP AS
    SELECT issue.jira_id, issue.project_jira_id
    FROM jira.issues AS issue JOIN swept_projects USING (project_jira_id)
    WHERE issue.integration_id = %(integration)s AND issue.deleted_at IS NULL
    AND coalesce(issue.jira_updated_at < %(until)s, true)
    AND NOT EXISTS (SELECT FROM seen_issues AS seen WHERE seen.jira_id = issue.jira_id)
"""
_WITHHOLD: Final = """
    WITH counted AS (
        SELECT issue.project_jira_id, count(*) AS alive,
            (
                SELECT count(*) FROM gone_issues AS gone
                WHERE gone.project_jira_id = issue.project_jira_id
            ) AS gone
        FROM jira.issues AS issue
        WHERE issue.integration_id = %(integration)s AND issue.deleted_at IS NULL
        AND issue.project_jira_id IN (SELECT project_jira_id FROM gone_issues)
        GROUP BY issue.project_jira_id
    ),
    withheld AS (
        SELECT project_jira_id, gone FROM counted WHERE 2 * gone >= alive AND NOT %(accept)s
    ),
    told AS (
        UPDATE jira.issue_watermarks AS mark
        SET withheld_deletions = coalesce(
                (SELECT gone FROM withheld WHERE project_jira_id = mark.project_jira_id), 0
            ),
            updated_at = clock_timestamp()
        WHERE mark.integration_id = %(integration)s
        AND mark.project_jira_id IN (SELECT project_jira_id FROM swept_projects)
        AND mark.withheld_deletions <> coalesce(
            (SELECT gone FROM withheld WHERE project_jira_id = mark.project_jira_id), 0
        )
    )
    UPDATE gone_issues AS gone SET jira_id = NULL
    WHERE gone.project_jira_id IN (SELECT project_jira_id FROM withheld)
"""
_COUNT_WITHHELD: Final = "SELECT count(*) FROM gone_issues WHERE jira_id IS NULL"
_DELETE_ISSUES: Final = """
    UPDATE jira.issues AS issue SET deleted_at = now(), updated_at = now()
    FROM gone_issues AS gone
    WHERE issue.integration_id = %(integration)s AND issue.jira_id = gone.jira_id
"""
_DELETE_CHANGELOGS: Final = """
    UPDATE jira.issue_changelogs AS change SET deleted_at = now(), updated_at = now()
    FROM gone_issues AS gone
    WHERE change.integration_id = %(integration)s AND change.issue_jira_id = gone.jira_id
    AND change.deleted_at IS NULL
"""
