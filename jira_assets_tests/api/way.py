"""A request's way from the asking to the tables, walked by the functions that runs call."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from jira_assets.warehouse import job_runs, queue_rows
from jira_assets.warehouse.contracts import Landing, Owner
from jira_assets.warehouse.integrations import Integration
from jira_assets.warehouse.landing import land
from jira_assets.warehouse.merge import merge
from jira_assets.warehouse.tables import etl_job_queue, job_requests
from jira_assets_tests.warehouse.data import page, reading, snapshot, status, uses

JOB = "jira_metadata"
TARGETS = {
    "projects": ["projects"],
    "statuses": ["statuses"],
    "project_statuses": ["projects_statuses"],
}
ROWS = {
    "projects": [{"jira_id": "10", "key": "TEN", "name": "Ten"}],
    "statuses": [status(str(number), f"Status {number}") for number in range(1, 4)],
    "project_statuses": [uses("10", "1"), uses("10", "3")],
}


@dataclass
class Way:
    """One run after the other on one integration."""

    engine: sa.Engine
    of: Integration
    landings: dict[str, Landing] = field(default_factory=dict)
    extraction_id: UUID = field(default_factory=uuid4)

    @property
    def owner(self) -> Owner:
        return Owner(self.of.tenant_id, self.of.id, self.of.partition_key)

    def begin(self, job: str = JOB) -> str:
        """Let a run claim a job, and with it the requests that wait; return its id."""
        run_id = str(uuid4())
        self.extraction_id = uuid4()
        job_runs.claim(self.engine, self.of.id, job, run_id, dead_after=60)
        return run_id

    def progress(
        self, run_id: str, percentage: float, entity: Mapping[str, Any] | None = None
    ) -> None:
        assert job_runs.report_progress(self.engine, run_id, percentage, entity)

    def backdate(self, run_id: str, seconds: int) -> None:
        """Let a run have begun so long ago."""
        began = sa.func.clock_timestamp() - sa.text(f"interval '{seconds} seconds'")
        mine = job_requests.c.run_id == run_id
        with self.engine.begin() as connection:
            connection.execute(sa.update(job_requests).where(mine).values(started_at=began))

    def land(self, run_id: str, entity: str = "statuses", pages: int = 1) -> Landing:
        """Land an entity whole."""
        items = [page(number, [{"id": "1", "name": "To Do"}]) for number in range(pages)]
        of_it = reading(
            self.owner,
            items,
            entity=entity,
            extraction_id=self.extraction_id,
            notes=lambda: {"calls": 10, "answers_429": 1, "waited_seconds": 0.5},
        )
        self.landings[entity] = land(self.engine, of_it, run_id=run_id)
        return self.landings[entity]

    def finish(self, run_id: str) -> None:
        assert job_runs.finish(self.engine, run_id)

    def fail(self, run_id: str, error: str) -> None:
        assert job_runs.fail(self.engine, run_id, error)

    def receive(self) -> None:
        self.put(state="received")

    def transform(self) -> str:
        """Let a run claim what was received; return its id."""
        run_id = str(uuid4())
        assert queue_rows.claim(self.engine, run_id, self.of.id, list(self.landings))
        return run_id

    def merge(self, entity: str = "statuses") -> None:
        """Bring an entity into its table, which settles its message."""
        table = TARGETS[entity][0]
        made = snapshot(self.owner, table, ROWS[entity], [self.landings[entity]])
        merge(self.engine, made, targets=TARGETS)

    def put(self, **values: object) -> None:
        """Write all messages of the present extraction, as the sensor does."""
        mine = etl_job_queue.c.extraction_id == self.extraction_id
        with self.engine.begin() as connection:
            connection.execute(sa.update(etl_job_queue).where(mine).values(**values))
