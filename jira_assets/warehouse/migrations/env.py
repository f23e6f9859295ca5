"""What alembic runs: the upgrade, on the connection and in the transaction of ``migrate``."""

from alembic import context

from jira_assets.warehouse.migrate import CONTEXT_OPTIONS

context.configure(connection=context.config.attributes["connection"], **CONTEXT_OPTIONS)

with context.begin_transaction():
    context.run_migrations()
