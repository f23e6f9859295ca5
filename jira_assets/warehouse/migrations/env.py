"""What alembic runs: the upgrade, on the connection and in the transaction of ``migrate``.

Our bookkeeping table is ``jira.alembic_version``. Dagster keeps one of the same name in the same
database, and a comparison without the filter below would propose to drop all of its tables.
"""

from typing import Any

from alembic import context

from jira_assets.warehouse.tables import SCHEMA, metadata


def _is_ours(name: str | None, kind: str, _parents: Any) -> bool:
    return kind != "schema" or name == SCHEMA


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table_schema=SCHEMA,
    include_schemas=True,
    include_name=_is_ours,
    compare_type=True,
    compare_server_default=True,
)

with context.begin_transaction():
    context.run_migrations()
