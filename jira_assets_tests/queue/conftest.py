"""Landings to send messages about."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from jira_assets.queue.broker import Broker
from jira_assets.queue.message import VERSION, Message
from jira_assets.warehouse.contracts import Landing, Owner, RawPage, Reading, message_id
from jira_assets.warehouse.integrations import Integration
from jira_assets.warehouse.landing import land
from jira_assets.warehouse.tables import etl_job_queue
from jira_assets_tests.conftest import AddIntegration


@dataclass
class Queue:
    """``acme/cloud`` in a warehouse, with the means to land, to look and to move time."""

    engine: sa.Engine
    integration: Integration

    def land(
        self,
        entity: str = "statuses",
        *,
        extraction_id: UUID | None = None,
        run_id: str | None = None,
    ) -> Landing:
        """Land an entity: its marker and its outbox row are there afterwards."""
        owner = Owner(
            self.integration.tenant_id, self.integration.id, self.integration.partition_key
        )
        page = RawPage(0, {"path": entity, "params": {}}, 200, [])
        reading = Reading(owner, extraction_id or uuid4(), entity, lambda _: iter([page]))
        return land(self.engine, reading, run_id=run_id)

    def rows(self) -> list[sa.Row[Any]]:
        """Every row of the queue, oldest first."""
        with self.engine.connect() as connection:
            query = sa.select(etl_job_queue).order_by(etl_job_queue.c.created_at)
            return list(connection.execute(query))

    def states(self) -> list[str]:
        return [row.state for row in self.rows()]

    def change(self, **values: Any) -> None:
        """Set columns of every row."""
        with self.engine.begin() as connection:
            connection.execute(sa.update(etl_job_queue).values(**values))


def message_of(landing: Landing, **changes: Any) -> Message:
    """The message about a landing."""
    fields: dict[str, Any] = {
        "version": VERSION,
        "message_id": message_id(landing.extraction_id, landing.entity, landing.scope),
        "partition_key": landing.owner.partition_key,
        "tenant_id": landing.owner.tenant_id,
        "integration_id": landing.owner.integration_id,
        "extraction_id": landing.extraction_id,
        "entity": landing.entity,
        "scope": landing.scope,
        "landed_at": landing.landed_at,
    }
    return Message(**{**fields, **changes})


@pytest.fixture
def queue(warehouse: sa.Engine, integration: AddIntegration) -> Queue:
    return Queue(warehouse, integration())


@pytest.fixture(params=["rabbitmq", "folder"])
def any_broker(request: pytest.FixtureRequest, tmp_path: Path) -> Broker:
    """The real RabbitMQ, and the embedded broker, each with queues of this test's own."""
    if request.param == "folder":
        return Broker((tmp_path / "broker").as_uri().replace("file:", "filesystem:"))
    broker: Broker = request.getfixturevalue("broker")
    return broker


class Put:
    """Puts bodies as they are into the transform queue: what somebody else may send."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def __call__(self, bodies: Sequence[bytes]) -> None:
        with self._broker._channel() as channel:
            for body in bodies:
                channel.send(self._broker.names.transform, body, {})
