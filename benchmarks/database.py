"""A Postgres for a benchmark."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jira_assets.sandbox.postgres import EmbeddedPostgres
from jira_assets.warehouse.connect import close_engines
from jira_assets.warehouse.migrate import migrate


@contextmanager
def migrated_postgres() -> Iterator[str]:
    """Run an embedded Postgres with its durability on; yields the runtime role's URL."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder)) as postgres:
        migrate(postgres.owner_url, postgres.runtime_url)
        yield postgres.runtime_url
        close_engines()
