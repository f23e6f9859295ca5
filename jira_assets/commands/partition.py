"""The argument PARTITION of the verbs, and the process-local runs on it."""

from typing import Any

import click

from jira_assets.partitions import InvalidPartitionKeyError, PartitionKey


class PartitionType(click.ParamType[PartitionKey]):
    """Reads ``tenant/integration``; anything else is a usage error."""

    name = "tenant/integration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> PartitionKey:
        """Parse the argument, or fail with what is wrong with it."""
        if isinstance(value, PartitionKey):
            return value
        try:
            return PartitionKey.parse(value)
        except InvalidPartitionKeyError as error:
            self.fail(str(error), param, ctx)


PARTITION = PartitionType()
