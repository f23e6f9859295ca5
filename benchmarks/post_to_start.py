"""From a POST to the extraction's start, part by part, on a deployment left at its defaults."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

import requests
import sqlalchemy as sa

from benchmarks.deployment import Deployment, deployed
from benchmarks.section import Section
from jira_assets.partitions import PartitionKey
from jira_assets.warehouse.jobs import update_job
from jira_assets.warehouse.tables import job_requests

PARTITION = "acme/cloud"
ROUNDS = 8
_PATIENCE_SECONDS = 120.0


def run() -> Section:
    with deployed([PARTITION]) as deployment:
        key = PartitionKey.parse(PARTITION)
        for name in ("jira_metadata", "jira_discovery"):
            update_job(deployment.engine, key, name, enabled=False)
        with _served(deployment) as (url, bearer):
            rounds = [_one_round(deployment, url, bearer, number) for number in range(ROUNDS)]
    parts = {part: [each[part] for each in rounds] for part in rounds[0]}
    rows = [
        [part, f"{median(seconds):.2f}", f"{max(seconds):.2f}"] for part, seconds in parts.items()
    ]
    return Section(
        title="From POST to the extraction's start",
        question=(
            f"{ROUNDS} requests, one after another, as `jira-assets dev` is set: the jobs "
            "sensor every 5 s, Dagster's dequeue interval 2 s. Seconds."
        ),
        command="python -m benchmarks post_to_start",
        columns=["part", "median", "most"],
        rows=rows,
    )


@contextmanager
def _served(deployment: Deployment) -> Iterator[tuple[str, str]]:
    """Run the HTTP service; yields its address and an admin's key."""
    program = [sys.executable, "-m", "jira_assets"]
    made = subprocess.run(
        [*program, "key", "create", "--admin", "--name", "benchmark"],
        env=deployment.environment,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with subprocess.Popen(
        [*program, "api", "--port", "0"],
        env=deployment.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as service:
        try:
            if service.stdout is None:
                raise RuntimeError("the service has no output")
            found = re.search(r"http://[\d.:]+", service.stdout.readline())
            if found is None:
                raise RuntimeError("the service does not say where it is")
            yield found[0], made.stdout.strip()
        finally:
            service.terminate()


def _one_round(deployment: Deployment, url: str, bearer: str, number: int) -> dict[str, float]:
    began = time.time()
    answer = requests.post(
        f"{url}/jira/extract/statuses-and-relationships/cloud?tenant_id=acme",
        headers={"Authorization": f"Bearer {bearer}", "Idempotency-Key": f"round-{number}"},
        timeout=30,
    )
    answer.raise_for_status()
    answered = time.time()
    request_id = answer.json()["request_id"]
    reading = _claimed_at(deployment, request_id)
    made = next(each for each in deployment.job_runs() if request_id in each.run_key)
    if made.dequeued is None or made.started is None:
        raise RuntimeError(f"run {made.run_id} read without having started: {made}")
    return {
        "POST, until it is answered": answered - began,
        "until the sensor asks for a run": made.requested - answered,
        "until Dagster takes it off its queue": made.dequeued - made.requested,
        "until its process runs": made.started - made.dequeued,
        "until it begins to read": reading - made.started,
        "in all, until its process runs (at most 15)": made.started - began,
    }


def _claimed_at(deployment: Deployment, request_id: str) -> float:
    """Wait until the request's run is over; return when that claimed it."""
    columns = job_requests.c
    query = sa.select(columns.state, columns.started_at).where(columns.request_id == request_id)
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        with deployment.engine.connect() as connection:
            state, started_at = connection.execute(query).one()
        if state == "failed":
            raise RuntimeError(f"request {request_id} failed")
        if state == "landed":
            return float(started_at.timestamp())
        time.sleep(0.5)
    raise RuntimeError(f"request {request_id} was not served in {_PATIENCE_SECONDS:.0f} s")
