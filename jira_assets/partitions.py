"""Partition keys: ``tenant/integration``, e.g. ``acme/cloud``. Made, read and checked here only.

One dynamic dimension with composite keys, not two dimensions: a ``MultiPartitionsDefinition`` of
tenants and integrations is their full cross product, in which most pairs mean nothing and all of
them can be materialized. Dagster does not validate dynamic keys (it accepts ``...``, its own range
syntax, and control characters, and breaks later), so a key is checked before it is added.
"""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagster import DynamicPartitionsDefinition

PARTITIONS_NAME = "jira_integrations"
"""The name of the dynamic partitions definition. Code locations that use it share its keys."""

SLUG_PATTERN = r"[a-z0-9][a-z0-9_-]*"
_SLUG = re.compile(SLUG_PATTERN)
_MAX_SLUG = 63


class InvalidPartitionKeyError(ValueError):
    """A text that is no ``tenant/integration``."""


@dataclass(frozen=True, order=True)
class PartitionKey:
    """One integration (a Jira site) of one tenant (a customer), by their slugs."""

    tenant: str
    integration: str

    def __post_init__(self) -> None:
        for what, slug in (("tenant", self.tenant), ("integration", self.integration)):
            if len(slug) > _MAX_SLUG or not _SLUG.fullmatch(slug):
                raise InvalidPartitionKeyError(
                    f"{slug!r} is no {what} slug: use 1 to {_MAX_SLUG} of a-z, 0-9, _ and -, "
                    "beginning with a letter or digit."
                )

    def __str__(self) -> str:
        return f"{self.tenant}/{self.integration}"

    @classmethod
    def parse(cls, text: str) -> "PartitionKey":
        """Read ``tenant/integration``; raises ``InvalidPartitionKeyError`` for anything else."""
        tenant, slash, integration = text.partition("/")
        if not slash:
            raise InvalidPartitionKeyError(
                f"{text!r} is no partition key: it is tenant/integration, e.g. acme/cloud."
            )
        return cls(tenant, integration)

    def tags(self) -> dict[str, str]:
        """The run tags that every step of a run on this partition sets."""
        return {"tenant": self.tenant, "integration": self.integration}


def nearest(text: str, known: Iterable[str], limit: int = 3) -> list[str]:
    """Return the known keys that look most like ``text``, best first."""
    return difflib.get_close_matches(text, list(known), n=limit, cutoff=0.4)


def partitions_definition() -> "DynamicPartitionsDefinition":
    """Build the partitions definition that every asset shares."""
    from dagster import DynamicPartitionsDefinition

    return DynamicPartitionsDefinition(name=PARTITIONS_NAME)
