"""What the project of a row of ``issue_watermarks`` is: one way to ask, for checks and status."""

from datetime import datetime

import sqlalchemy as sa

from jira_assets.warehouse.tables import issue_watermarks, projects


def project_is(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Return that the watermark's project is known, and meets all conditions."""
    marks = issue_watermarks.c
    mine = projects.c.integration_id == marks.integration_id
    same = projects.c.jira_id == marks.project_jira_id
    return sa.exists().where(mine, same, *conditions).correlate(issue_watermarks)


def is_in_no_sweep() -> sa.ColumnElement[bool]:
    """Return that it is archived, and not deleted: sweeps pass over it."""
    return project_is(projects.c.archived.is_(True), projects.c.deleted_at.is_(None))


def known_until() -> sa.ColumnElement[datetime]:
    """Return until when the watermark's project is known: it was read, or nothing had changed."""
    marks = issue_watermarks.c
    return sa.func.greatest(marks.read_until, marks.idle_until)
