"""Where runs of ours end, and the sensor that tells of failures looks at them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import dagster as dg
import sqlalchemy as sa

from jira_assets.definitions import EXTRACT_JOB, defs
from jira_assets.jobs.ended_runs import Cursor
from jira_assets.jobs.failure_sensor import SENSOR_NAME
from jira_assets.warehouse.resource import WarehouseResource
from jira_assets.warehouse.tables import failure_reports

KEY = "acme/cloud"


@dataclass
class Place:
    """A Dagster with our code location, a warehouse, a site, and the sensor's cursor."""

    instance: dg.DagsterInstance
    engine: sa.Engine
    warehouse: WarehouseResource
    cursor: str | None = None
    said: list[str] = field(default_factory=list)

    def tick(self) -> str:
        """Evaluate the sensor; what it says."""
        context = dg.build_sensor_context(
            instance=self.instance, resources={"warehouse": self.warehouse}, cursor=self.cursor
        )
        data = defs.get_repository_def().get_sensor_def(SENSOR_NAME).evaluate_tick(context)
        self.cursor = data.cursor or self.cursor
        self.said.append(f"{data.skip_message} {data.cursor}")
        return str(data.skip_message)

    def ends(self, status: str = "failure", partition: str = KEY, **more: Any) -> str:
        """Let a run of a job of ours end; returns its id."""
        tags = {"dagster/partition": partition, **more.pop("tags", {})}
        run_id, job_name = str(uuid4()), more.pop("job_name", EXTRACT_JOB)
        started = dg.DagsterRunStatus.STARTED
        self.instance.add_run(
            dg.DagsterRun(job_name=job_name, run_id=run_id, status=started, tags=tags)
        )
        kind = {
            "failure": dg.DagsterEventType.RUN_FAILURE,
            "success": dg.DagsterEventType.RUN_SUCCESS,
        }[status]
        message = more.pop("message", "It went wrong.")
        self.instance.report_dagster_event(
            dg.DagsterEvent(event_type_value=kind.value, job_name=job_name, message=message),
            run_id=run_id,
        )
        return run_id

    def rows(self) -> list[Any]:
        with self.engine.connect() as connection:
            query = sa.select(failure_reports).order_by(failure_reports.c.partition_key)
            return list(connection.execute(query))

    def patience_is_over(self) -> None:
        """Let the time pass for which the webhook is left alone."""
        cursor = Cursor.read(self.cursor, datetime.now(UTC))
        assert cursor.silent_until is not None
        past = {"silent_until": datetime.now(UTC) - timedelta(seconds=1)}
        self.cursor = cursor.model_copy(update=past).model_dump_json()
