"""Integrations, their jobs and their statuses; and a job's settings, the one thing to change here.

Credentials, and where they are found, are not shown.
"""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, with_config
from typing_extensions import TypedDict

from jira_assets.api.answers import json_answer
from jira_assets.api.paging import Page, TheWindow, page_response
from jira_assets.api.places import TenantRef, ThePlace
from jira_assets.api.problems import not_found, wrong
from jira_assets.api.requests import JobName
from jira_assets.api.service import TheCaller
from jira_assets.warehouse.catalogue import (
    Slice,
    Window,
    integrations_of,
    statuses_of,
    statuses_of_project,
)
from jira_assets.warehouse.job_settings import LONGEST_MINUTES
from jira_assets.warehouse.jobs import Job, list_jobs, update_job

router: Final = APIRouter(tags=["integrations"])
_LARGEST: Final = 2**31 - 1

Minutes = Annotated[StrictInt, Field(ge=1, le=LONGEST_MINUTES)]


class IntegrationView(BaseModel):
    """A Jira site of a tenant."""

    id: int
    tenant_id: int
    tenant: str = Field(description="the tenant's slug")
    slug: str
    integration: str = Field(description="tenant/integration: its partition in Dagster")
    base_url: str
    deployment: str
    active: bool
    max_concurrency: int
    requests_per_second: float | None
    included_projects: list[str]
    excluded_projects: list[str]
    created_at: datetime
    updated_at: datetime


class JobView(BaseModel):
    """A job of an integration, and how its last run went. Intervals in minutes."""

    integration: str
    integration_id: int
    job_name: str
    job_type: str
    description: str | None
    enabled: bool
    schedule_interval_minutes: int
    retry_interval_minutes: int
    priority: int
    max_retries: int
    attempt: int
    depends_on: str | None
    status: Literal["READY", "RUNNING", "COMPLETED", "FAILED"]
    progress_percentage: float
    run_id: str | None
    error_message: str | None
    last_run_started_at: datetime | None
    last_run_finished_at: datetime | None
    next_run_at: datetime | None


class StatusView(BaseModel):
    """A status, as Jira has it."""

    jira_id: str
    name: str
    untranslated_name: str | None
    description: str | None
    category: str = Field(description="the key: new, indeterminate, done, undefined")
    category_name: str | None
    project_jira_id: str | None = Field(description="of a team-managed status")
    updated_at: datetime


@with_config(ConfigDict(extra="forbid"))
class JobChanges(TypedDict, total=False):
    """What is to change of a job; what is not given stays."""

    enabled: StrictBool
    description: Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")]
    schedule_interval_minutes: Minutes
    retry_interval_minutes: Minutes
    priority: Annotated[StrictInt, Field(ge=1, le=_LARGEST)]
    max_retries: Annotated[StrictInt, Field(ge=0, le=_LARGEST)]
    # Bounded, so that it is checked as text: half a character could be repeated to nobody.
    depends_on: Annotated[str, Field(max_length=200)] | None


@router.get("/integrations", response_model=Page[IntegrationView], summary="The integrations")
def get_integrations(
    request: Request,
    caller: TheCaller,
    wanted: TheWindow,
    tenant_id: TenantRef = None,
) -> Response:
    """Return the integrations that the key may see, by tenant and slug."""
    with caller.engine.connect() as connection:
        found = integrations_of(connection, wanted, within=caller.key.tenant_id, tenant=tenant_id)
    return page_response(request, found, wanted)


@router.get("/integrations/{integration_id}/jobs", response_model=Page[JobView], summary="Its jobs")
def get_jobs(
    request: Request,
    place: ThePlace,
    caller: TheCaller,
    wanted: TheWindow,
) -> Response:
    """Return the jobs of an integration: when each runs, and how it went last."""
    with caller.engine.connect() as connection:
        jobs = [_job(job) for job in list_jobs(connection, place.key)]
    return page_response(request, _part(jobs, wanted), wanted)


@router.patch(
    "/integrations/{integration_id}/jobs/{job_name}",
    response_model=JobView,
    summary="Change when a job runs",
)
def change_job(
    place: ThePlace,
    job_name: JobName,
    changes: Annotated[JobChanges, Body()],
    caller: TheCaller,
) -> Response:
    """Change what is given of a job, and keep the rest."""
    if not changes:
        raise wrong("body", "body", "Give at least one thing to change.")
    return json_answer(_job(update_job(caller.engine, place.key, job_name, **changes)))


@router.get(
    "/integrations/{integration_id}/statuses",
    response_model=Page[StatusView],
    summary="Its statuses",
)
def get_statuses(
    request: Request,
    place: ThePlace,
    caller: TheCaller,
    wanted: TheWindow,
) -> Response:
    """Return the statuses that the site has now."""
    with caller.engine.connect() as connection:
        found = statuses_of(connection, wanted, place.integration_id)
    return page_response(request, found, wanted)


@router.get(
    "/integrations/{integration_id}/projects/{project}/statuses",
    response_model=Page[StatusView],
    summary="A project's statuses",
)
def get_project_statuses(
    request: Request,
    place: ThePlace,
    project: str,
    caller: TheCaller,
    wanted: TheWindow,
) -> Response:
    """Return the statuses that a project, named by its key or Jira's id, uses now."""
    with caller.engine.connect() as connection:
        found = statuses_of_project(connection, wanted, place.integration_id, project)
    if found is None:
        raise not_found(f"{place.key} has no project {project}.")
    return page_response(request, found, wanted)


def _job(job: Job) -> dict[str, Any]:
    names = [name for name in JobView.model_fields if name != "integration"]
    return {"integration": job.partition_key, **{name: getattr(job, name) for name in names}}


def _part(items: list[dict[str, Any]], wanted: Window) -> Slice:
    return Slice(items[wanted.offset : wanted.offset + wanted.limit], len(items))
