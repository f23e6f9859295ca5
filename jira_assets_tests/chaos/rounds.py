"""A round: Jira changes, runs are asked for, things break; then they must come right by themselves.

Only a job that failed is asked for again, twice at most: what it says that it landed must be in
the tables.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import sqlalchemy as sa

from jira_assets.warehouse.job_requests import request_job
from jira_assets_tests.chaos.deployment import Deployment
from jira_assets_tests.chaos.injections import Injector
from jira_assets_tests.chaos.judge import connections, going_on, judge, visibly_failed
from jira_assets_tests.chaos.plan import WINDOW_SECONDS, Changes, Job, Plan, plan_round

STUCK_SECONDS: Final = 100.0
"""How long nothing may change, until what goes on counts as stuck."""
REST_SECONDS: Final = 500.0
"""How long it may take in all to come to rest."""
POINT_SECONDS: Final = 90.0
"""How long somebody may take to come by at a point, while anything goes on."""
_POLL_SECONDS: Final = 0.5
_QUIET_LOOKS: Final = 4
"""How often in a row nothing may be going on, until that counts as rest."""
_ASKS: Final = 3
"""How often a job is asked for in all."""
_LAST_STATE: Final = """
    SELECT request.state FROM jira.job_requests AS request
    JOIN jira.integrations AS integration ON integration.id = request.integration_id
    JOIN jira.tenants AS tenant ON tenant.id = integration.tenant_id
    WHERE tenant.slug || '/' || integration.slug = :key AND request.job_name = :job
    ORDER BY request.created_at DESC LIMIT 1
"""


@dataclass
class Outcome:
    """What happened in a round, and what the judge found."""

    plan: Plan
    injected: list[str]
    differences: list[str]
    seconds: float
    restarted: list[str] = field(default_factory=list)
    asked_again: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    kept: Path | None = None
    """Where logs and data are kept, after a difference."""


class NeverAtRestError(RuntimeError):
    """Without any fault, the tables did not come to equal the site."""


def warm_up(deployment: Deployment) -> None:
    """Judge what reading the whole site once, undisturbed, has made."""
    _come_to_rest(deployment, lambda: False)
    found = judge(deployment, connections(deployment))
    if found:
        raise NeverAtRestError(f"{found}; logs are in {deployment.folder}")


def _come_to_rest(deployment: Deployment, more: Callable[[], bool]) -> None:
    """Wait, not for ever, until nothing goes on; ``more`` may then begin something more."""
    began = changed = time.monotonic()
    quiet, before = 0, [""]
    while quiet < _QUIET_LOOKS:
        deployment.supervise()
        going = going_on(deployment)
        now = time.monotonic()
        if going != before:
            changed, before = now, going
        if now - changed > STUCK_SECONDS or now - began > REST_SECONDS:
            return
        quiet = 0 if going or more() else quiet + 1
        time.sleep(_POLL_SECONDS)


def play(
    deployment: Deployment, seeds: Iterable[int], only: str | None = None
) -> Iterator[Outcome]:
    """Read the site once, then play the round of each seed; keep the logs if one differs."""
    warm_up(deployment)
    for seed in seeds:
        outcome = Round(deployment, plan_round(seed, only)).play()
        if outcome.differences:
            deployment.keep, outcome.kept = True, deployment.folder
        yield outcome


class Round:
    """One round on a deployment."""

    def __init__(self, deployment: Deployment, plan: Plan) -> None:
        self._deployment = deployment
        self._plan = plan
        self._rng = Random(plan.seed)
        self._again: list[Job] = []

    def play(self) -> Outcome:
        """Play it to its end."""
        began, deployment = time.monotonic(), self._deployment
        before, failed_before = connections(deployment), set(visibly_failed(deployment))
        deployment.died.clear()
        injector = Injector(deployment, self._rng)
        self._change(self._plan.first, "first")
        self._ask(self._plan.first_jobs)
        self._break(injector)
        _come_to_rest(deployment, self._ask_again)
        return Outcome(
            self._plan,
            injector.done,
            judge(deployment, before),
            time.monotonic() - began,
            list(deployment.died),
            [str(job) for job in self._again],
            sorted(set(visibly_failed(deployment)) - failed_before),
        )

    def _change(self, changes: Changes, wave: str) -> None:
        for key, change in changes:
            change.make(self._deployment.sites[key], self._rng, f"{self._plan.seed} {wave}")

    def _ask(self, jobs: tuple[Job, ...]) -> None:
        for job in jobs:
            request_job(self._deployment.engine, job.key, job.name, requested_by="chaos")

    def _break(self, injector: Injector) -> None:
        """Inject what is planned, ask for what is due, and end all faults."""
        began, todo = time.monotonic(), list(self._plan.injections)
        second = False
        while (
            (now := time.monotonic() - began) < WINDOW_SECONDS
            or todo
            or not second
            or (injector.waiting and now < POINT_SECONDS and going_on(self._deployment))
        ):
            if not second and now >= self._plan.second_at:
                second = True
                self._change(self._plan.second, "second")
                self._ask(self._plan.second_jobs)
            if todo and now >= todo[0].at:
                injector.inject(todo.pop(0))
            self._deployment.supervise()
            time.sleep(_POLL_SECONDS)
        injector.end()

    def _ask_again(self) -> bool:
        """Ask once more for each job whose last request failed; say whether there was one."""
        failed = [
            job
            for job in self._plan.second_jobs
            if self._last_state(job) == "failed" and self._again.count(job) < _ASKS - 1
        ]
        self._again += failed
        self._ask(tuple(failed))
        return bool(failed)

    def _last_state(self, job: Job) -> str | None:
        with self._deployment.engine.connect() as connection:
            state: str | None = connection.scalar(
                sa.text(_LAST_STATE), {"key": str(job.key), "job": job.name}
            )
        return state
