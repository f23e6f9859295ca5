"""What each integration's jobs are, until somebody changes them; and what a job's settings may be.

Decisions this module embodies:

* A job is of a type, which says what it reads (``JOB_TYPES``); the jobs that every integration gets
  are named after what they do, and more of a type may be added with intervals of their own.
* A dependency is of the same integration, and no job waits for itself, however far around: that is
  checked when a row is written, since a circle would wait in silence for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypedDict

JOB_TYPES: Final[dict[str, tuple[str, ...]]] = {
    "metadata": ("projects", "issue_types", "statuses", "project_statuses"),
    "discovery": ("fields", "issue_samples"),
    "issues": ("issues",),
    "deletions": ("issue_ids",),
}
"""What a job of each type reads, in this order."""

JOB_TAG: Final = "jira_assets/job"
"""The tag of a Dagster run that says which job of its integration it is."""
RETRIES_LEFT_TAG: Final = "jira_assets/retries_left"
"""The tag that says how often its job is tried again should this run fail."""
MAX_RETRIES_TAG: Final = "jira_assets/max_retries"
"""The tag that says how often its job is tried again at most."""

LONGEST_MINUTES: Final = 366 * 24 * 60


class InvalidJobError(ValueError):
    """Settings of a job that cannot be; ``field`` is the one that is wrong."""

    def __init__(self, field: str, said: str) -> None:
        super().__init__(said)
        self.field = field


class JobSettings(TypedDict, total=False):
    """What somebody may change of a job."""

    enabled: bool
    description: str
    schedule_interval_minutes: int
    retry_interval_minutes: int
    priority: int
    max_retries: int
    depends_on: str | None


@dataclass(frozen=True)
class JobTemplate:
    """A job as every integration gets it. Intervals in minutes."""

    job_name: str
    job_type: str
    description: str
    schedule_interval_minutes: int
    retry_interval_minutes: int
    priority: int
    max_retries: int
    depends_on: str | None = None


TEMPLATES: Final = (
    JobTemplate(
        job_name="jira_metadata",
        job_type="metadata",
        description="Projects, issue types, statuses, and which project uses which.",
        schedule_interval_minutes=1440,
        retry_interval_minutes=60,
        priority=1,
        max_retries=3,
    ),
    JobTemplate(
        job_name="jira_discovery",
        job_type="discovery",
        description="Custom fields, and which project uses which.",
        schedule_interval_minutes=1440,
        retry_interval_minutes=60,
        priority=1,
        max_retries=3,
        depends_on="jira_metadata",
    ),
    JobTemplate(
        job_name="jira_issues",
        job_type="issues",
        description="What changed in issues, with their changelogs.",
        schedule_interval_minutes=60,
        retry_interval_minutes=15,
        priority=2,
        max_retries=3,
        depends_on="jira_discovery",
    ),
    JobTemplate(
        job_name="jira_deletions",
        job_type="deletions",
        description="Which issues are there: the others were deleted.",
        schedule_interval_minutes=1440,
        retry_interval_minutes=60,
        priority=3,
        max_retries=3,
        depends_on="jira_issues",
    ),
)


def check_settings(settings: JobSettings) -> None:
    """Raise ``InvalidJobError`` for the first setting that cannot be."""
    for name in ("schedule_interval_minutes", "retry_interval_minutes"):
        minutes = settings.get(name, 1)
        if not 1 <= int(str(minutes)) <= LONGEST_MINUTES:
            raise InvalidJobError(name, f"{name} is 1 up to {LONGEST_MINUTES}, not {minutes}.")
    if settings.get("priority", 1) < 1:
        raise InvalidJobError("priority", "priority is 1 or more; 1 runs first.")
    if settings.get("max_retries", 0) < 0:
        raise InvalidJobError("max_retries", "max_retries is 0 or more.")


def check_dependencies(depends_on: Mapping[str, str | None]) -> None:
    """Check the dependencies among the jobs of one integration, by job name.

    Raises ``InvalidJobError`` where one is no job of it, or where jobs wait for each other.
    """
    for job, awaited in depends_on.items():
        if awaited is not None and awaited not in depends_on:
            known = ", ".join(sorted(depends_on))
            raise InvalidJobError(
                "depends_on", f"{job} cannot wait for {awaited}: the integration has {known}."
            )
        _check_chain(depends_on, job)


def _check_chain(depends_on: Mapping[str, str | None], job: str) -> None:
    seen, following = [job], depends_on[job]
    while following is not None and following not in seen:
        seen.append(following)
        following = depends_on.get(following)
    if following is not None:
        circle = " waits for ".join([*seen[seen.index(following) :], following])
        raise InvalidJobError("depends_on", f"{circle}: none of them would ever run.")
