"""A row of ``applied_extractions``: which landing of a scope a table holds."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

import sqlalchemy as sa

from jira_assets.warehouse.contracts import Landing, Owner


@dataclass(frozen=True)
class Applied:
    """What a table holds of one entity and scope."""

    extraction_id: UUID
    order: tuple[datetime, int]
    transform_version: str

    @classmethod
    def of(cls, row: sa.Row[Any]) -> Self:
        """Return what a row of the table says."""
        return cls(row.extraction_id, (row.started_at, row.sequence), row.transform_version)


@dataclass(frozen=True)
class Merged:
    """What a merge says of the landings that it brings to a table."""

    owner: Owner
    table: str
    transform_version: str
    run_id: str | None
    rows_before: int
    """Living rows of the table before the merge."""
    rows_deleted: int

    def row(self, landing: Landing) -> dict[str, Any]:
        """Return the row that says so of one landing; ``applied_at`` is Postgres's."""
        return {
            "integration_id": self.owner.integration_id,
            "tenant_id": self.owner.tenant_id,
            "table_name": self.table,
            "entity": landing.entity,
            "scope": landing.scope,
            "extraction_id": landing.extraction_id,
            "started_at": landing.started_at,
            "sequence": landing.sequence,
            "transform_version": self.transform_version,
            "run_id": self.run_id,
            "rows_before": self.rows_before,
            "rows_deleted": self.rows_deleted,
        }
