"""What a Jira failure means to Dagster: a step that is tried again, or one that is not.

A failure carries as metadata what kind it is, whether it is permanent, and who must act: by these
the sensor that tells people decides whom to tell what, and when.

Dagster's retry policy tries every exception again but a ``Failure(allow_retries=False)``; a public
project once retried a permanent 405 some 5,363 times. The split itself is made in ``jira.errors``.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from jira_assets.jira.errors import JiraError, PermanentJiraError
from jira_assets.warehouse.integrations import DisabledIntegrationError, UnknownIntegrationError


@contextmanager
def as_dagster_failures(partition_key: str) -> Iterator[None]:
    """Turn what reading Jira raises into ``dagster.Failure``, permanent ones without retries."""
    try:
        yield
    except (UnknownIntegrationError, DisabledIntegrationError) as error:
        raise dg.Failure(
            str(error),
            metadata={"failure": type(error).__name__, "permanent": True},
            allow_retries=False,
        ) from error
    except JiraError as error:
        raise dg.Failure(
            f"{partition_key}: {error}",
            metadata={
                "failure": type(error).__name__,
                "permanent": _permanent(error),
                "must_act": error.must_act,
            },
            allow_retries=not _permanent(error),
        ) from error


def _permanent(error: JiraError) -> bool:
    return isinstance(error, PermanentJiraError)
