"""A row of every table, for one integration: whatever the columns are."""

from typing import Any, Final
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from jira_assets.warehouse.integrations import Integration
from jira_assets.warehouse.policies import WITHOUT_POLICY
from jira_assets.warehouse.tables import metadata

PROTECTED: Final = tuple(t.name for t in metadata.sorted_tables if t.name not in WITHOUT_POLICY)
"""Names of the tables that have a policy."""
_MADE_WITH_AN_INTEGRATION: Final = ("tenants", "integrations")
_VALUES: Final = {
    "state": "pending",
    "status": "READY",
    "kind": "other",
    "job_name": "filled",
    "depends_on": None,
}


def a_row(table: sa.Table, of: Integration) -> dict[str, Any]:
    """Return a row of ``table`` that the integration owns, with all that is required."""
    owner = {
        "tenant_id": of.tenant_id,
        "integration_id": of.id,
        "partition_key": of.partition_key,
    }
    return {
        column.name: owner.get(column.name, _VALUES.get(column.name, _value(column)))
        for column in table.columns
        if column.identity is None
        and (column.name in owner or (not column.nullable and column.server_default is None))
    }


def fill(engine: sa.Engine, of: Integration) -> None:
    """Put one row into every protected table, beside those that came with the integration."""
    with engine.begin() as connection:
        for name in PROTECTED:
            if name not in _MADE_WITH_AN_INTEGRATION:
                table = metadata.tables[f"jira.{name}"]
                connection.execute(sa.insert(table).values(a_row(table, of)))


def _value(column: sa.Column[Any]) -> Any:
    values: dict[type, Any] = {
        UUID: uuid4(),
        sa.Boolean: True,
        sa.Integer: 1,
        sa.Double: 1,
        sa.DateTime: sa.func.now(),
        JSONB: {},
        sa.LargeBinary: b"",
        ARRAY: [],
    }
    for kind, value in values.items():
        if isinstance(column.type, kind):
            return value
    return uuid4().hex
