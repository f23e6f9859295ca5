"""A person's desk: a shell, a Jira, and a look into the tables."""

from dataclasses import dataclass, field
from typing import Self

import sqlalchemy as sa

from jira_assets.partitions import PartitionKey
from jira_assets.sandbox.comparison import compare
from jira_assets.sandbox.server import SandboxServer
from jira_assets.sandbox.site import JiraSite
from jira_assets.warehouse.integrations import add_integration
from jira_assets_tests.commands.shell import KEY, Shell, Typed


@dataclass
class Desk:
    """``site`` is served by ``server``, and is the integration acme/cloud in ``engine``."""

    shell: Shell
    site: JiraSite
    server: SandboxServer
    engine: sa.Engine
    first: Typed = field(default=Typed(0, "", ""), init=False)
    """What the first command said, where a fixture has typed one."""

    def added(self) -> Self:
        """Add the integration."""
        base_url = self.server.url
        add_integration(self.engine, PartitionKey.parse(KEY), base_url=base_url, auth="none")
        return self

    def sync(self, *arguments: str, **variables: str) -> Typed:
        """Type ``jira-assets sync acme/cloud ARGUMENTS``."""
        return self.shell("sync", KEY, *arguments, **variables)

    def differences(self, *, unreadable_too: bool = False) -> list[str]:
        """Hold the tables against the site's own truth."""
        return compare(self.engine, KEY, self.site.truth(unreadable_too=unreadable_too))
