"""Jobs for tests: an integration with its jobs, and rows as a test wants them."""

from typing import Any

import sqlalchemy as sa

from jira_assets.partitions import PartitionKey
from jira_assets.warehouse.integrations import Integration, add_integration
from jira_assets.warehouse.job_settings import JobTemplate
from jira_assets.warehouse.jobs import Job, get_job
from jira_assets.warehouse.new_jobs import ensure_jobs
from jira_assets.warehouse.tables import etl_jobs, job_requests

METADATA = JobTemplate("jira_metadata", "metadata", "Statuses.", 1440, 60, 1, 3)
ISSUES = JobTemplate("jira_issues", "issues", "Issues.", 360, 15, 5, 5, "jira_metadata")


def add_jobs(engine: sa.Engine, key: str = "acme/cloud") -> Integration:
    """Add an integration with a metadata job, and an issues job that waits for it; no others."""
    added = add_integration(
        engine, PartitionKey.parse(key), base_url="https://acme.example.com", auth="none"
    )
    with engine.begin() as connection:
        connection.execute(sa.delete(etl_jobs).where(etl_jobs.c.integration_id == added.id))
        ensure_jobs(connection, [METADATA, ISSUES])
    return added


def job(engine: sa.Engine, name: str = "jira_metadata", key: str = "acme/cloud") -> Job:
    with engine.connect() as connection:
        return get_job(connection, PartitionKey.parse(key), name)


def write(engine: sa.Engine, name: str = "jira_metadata", **values: Any) -> None:
    """Write a job's row; texts with a sign are minutes from now, as ``-5``."""
    with engine.begin() as connection:
        changed = {column: moment(value) for column, value in values.items()}
        connection.execute(sa.update(etl_jobs).where(etl_jobs.c.job_name == name).values(changed))


def moment(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in "+-" and value[1:].isdigit():
        return sa.func.clock_timestamp() + sa.text(f"interval '{int(value)} minutes'")
    return value


def minutes_from_now(engine: sa.Engine, column: str, name: str = "jira_metadata") -> float:
    """Return how many minutes a moment of a job's row is away."""
    away = sa.extract("epoch", etl_jobs.c[column] - sa.func.clock_timestamp()) / 60
    with engine.connect() as connection:
        query = sa.select(away).where(etl_jobs.c.job_name == name)
        return float(connection.execute(query).scalar_one())


def ask(engine: sa.Engine, of: Integration, name: str = "jira_metadata") -> Any:
    """Ask for a run; returns the request's id."""
    row = {
        "request_id": sa.func.gen_random_uuid(),
        "tenant_id": of.tenant_id,
        "integration_id": of.id,
        "job_name": name,
    }
    with engine.begin() as connection:
        asked = sa.insert(job_requests).values(row).returning(job_requests.c.request_id)
        return connection.execute(asked).scalar_one()


def requests(engine: sa.Engine) -> dict[Any, tuple[str, str | None, str | None]]:
    """Return state, run and error of every request, by its id."""
    columns = job_requests.c
    query = sa.select(columns.request_id, columns.state, columns.run_id, columns.error)
    with engine.connect() as connection:
        return {row[0]: tuple(row[1:]) for row in connection.execute(query)}
