"""The warehouse that the settings name, for the verbs that read and write its rows."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlalchemy as sa


def warehouse_engine() -> "sa.Engine":
    """Return the engine of the runtime role; starts the embedded Postgres where none is named."""
    from jira_assets.services import connect_services
    from jira_assets.settings import Settings
    from jira_assets.warehouse.connect import engine_for
    from jira_assets.warehouse.scope import everything

    engine = engine_for(connect_services(Settings.from_environment()).database_url)
    return everything(engine, "an operator looks at, and after, all tenants")
