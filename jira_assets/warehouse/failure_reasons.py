"""What an exception says of the failure of a partition, and whether trying again may help."""

from typing import Final

import dagster as dg
import psycopg
import sqlalchemy.exc

_MAX_REASON: Final = 500


def reason_of_failure(error: Exception) -> str:
    """Return what an exception says, without the statement and parameters of a database error."""
    if isinstance(error, dg.Failure):
        return error.description or "failed without a reason"
    said = str(error.orig) if isinstance(error, sqlalchemy.exc.DBAPIError) else str(error)
    return (" ".join(said.split()) or type(error).__name__)[:_MAX_REASON]


def may_pass(error: Exception) -> bool:
    """Whether trying again may help: the server was away or busy, rather than the input wrong."""
    if isinstance(error, dg.Failure):
        return error.allow_retries
    return isinstance(error, _TRANSIENT)


_TRANSIENT: Final = (
    OSError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    sqlalchemy.exc.OperationalError,
    sqlalchemy.exc.InterfaceError,
    sqlalchemy.exc.TimeoutError,
)
