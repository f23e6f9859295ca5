"""The issues of acme/cloud, read and merged in a process of its own that may kill itself."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import dagster as dg

from jira_assets.extract.assets import build_raw_assets
from jira_assets.extract.readings import SiteReader
from jira_assets.transform.assets import build_transform_assets
from jira_assets.warehouse import scoped_landing
from jira_assets.warehouse.contracts import ScopeEnd, ScopePage
from jira_assets.warehouse.io_managers import TableIOManager
from jira_assets_tests.extract.runs import KEY, ephemeral_instance, resources

ENTITIES: Final = ("issues",)
_read = SiteReader.issues


def kill_at(page: int) -> None:
    """Let this process die of SIGKILL once it has read so many pages of issues."""

    def issues(reader: SiteReader, landed: frozenset[str]) -> Iterator[ScopePage | ScopeEnd]:
        pages = 0
        for event in _read(reader, landed):
            yield event
            pages += isinstance(event, ScopePage)
            if pages >= page:
                os.kill(os.getpid(), signal.SIGKILL)

    setattr(SiteReader, "issues", issues)  # noqa: B010 # for the life of this process


def read_and_merge(runtime_url: str, folder: Path) -> bool:
    """Read what is new, and merge all that has landed; say whether both went well."""
    given = resources(runtime_url, folder)
    given["table_io_manager"] = TableIOManager(warehouse=given["warehouse"])
    tables = build_transform_assets(tables=("issues", "issue_changelogs"), entities=ENTITIES)
    with ephemeral_instance() as instance:
        for assets in ([build_raw_assets(ENTITIES)], tables):
            result = dg.materialize(
                assets, partition_key=str(KEY), instance=instance, resources=given
            )
            if not result.success:
                return False
    return True


def main(runtime_url: str, folder: str, page: str) -> None:
    """Run in this process; ``page`` 0 kills nothing."""
    # Projects are small here: each counts as soon as it is whole, not together with others.
    setattr(scoped_landing, "END_SECONDS", 0.0)  # noqa: B010 # for the life of this process
    if int(page):
        kill_at(int(page))
    sys.exit(not read_and_merge(runtime_url, Path(folder)))


if __name__ == "__main__":
    main(*sys.argv[1:])
