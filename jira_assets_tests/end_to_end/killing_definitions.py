"""The project's code location with four trapdoors, for the tests that kill processes.

A trapdoor opens once: where a file of its name lies in ``$JIRA_ASSETS_TEST_TRAPDOORS``, the process
that comes by takes the file away and kills itself with SIGKILL. Every minute is a night, once
somebody has switched the schedule on. Everything else is the product.
"""

import os
import signal
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from jira_assets.definitions import build_definitions
from jira_assets.extract import assets as extract_assets
from jira_assets.jobs.schedules import NIGHTLY
from jira_assets.queue import broker
from jira_assets.warehouse import merge, queue_rows
from jira_assets_tests.end_to_end.trapdoors import (
    AFTER_INBOX,
    AFTER_MARKER,
    FOLDER_VARIABLE,
    MID_MERGE,
)


def fall(name: str) -> None:
    """Kill this process if the trapdoor is open."""
    try:
        (Path(os.environ[FOLDER_VARIABLE]) / name).rename(
            Path(os.environ[FOLDER_VARIABLE]) / f"{name}.fallen"
        )
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def before(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Put a trapdoor before ``function``."""

    @wraps(function)
    def trapped(*args: Any, **kwargs: Any) -> Any:
        fall(name)
        return function(*args, **kwargs)

    return trapped


setattr(extract_assets, "_publish", before(extract_assets._publish, AFTER_MARKER))  # noqa: B010
setattr(broker.Delivery, "ack", before(broker.Delivery.ack, AFTER_INBOX))  # noqa: B010
setattr(merge, "settle", before(queue_rows.settle, MID_MERGE))  # noqa: B010

defs = build_definitions(crons={NIGHTLY: "* * * * *"})
