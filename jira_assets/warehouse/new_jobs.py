"""The jobs that every integration gets: with it, and later those that are new in a release."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from jira_assets.warehouse.job_settings import TEMPLATES, JobTemplate
from jira_assets.warehouse.tables import etl_jobs, integrations

_jobs: Final = etl_jobs.c
_COLUMNS: Final = tuple(JobTemplate.__annotations__)


def ensure_jobs(connection: sa.Connection, templates: Sequence[JobTemplate] = TEMPLATES) -> int:
    """Give every integration that is not removed the jobs that it lacks; return how many."""
    template = sa.values(
        *(sa.column(name, etl_jobs.c[name].type) for name in _COLUMNS), name="template"
    ).data([tuple(asdict(each).values()) for each in templates])
    lacking = (
        sa.select(
            integrations.c.id, integrations.c.tenant_id, *template.c, sa.func.clock_timestamp()
        )
        .select_from(integrations.join(template, sa.true()))
        .where(
            integrations.c.removed_at.is_(None),
            ~sa.exists().where(
                _jobs.integration_id == integrations.c.id, _jobs.job_name == template.c.job_name
            ),
        )
    )
    columns = ["integration_id", "tenant_id", *_COLUMNS, "next_run_at"]
    added = insert(etl_jobs).from_select(columns, lacking).on_conflict_do_nothing()
    return connection.execute(added.execution_options(preserve_rowcount=True)).rowcount
