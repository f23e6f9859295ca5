"""The points at which a process may be killed, by name, and how one is armed.

A point is armed by a file of its name in ``$JIRA_ASSETS_CHAOS_POINTS``; the number in it says how
often it is passed before. The process that comes by then takes the file away and kills itself with
SIGKILL.
"""

import os
import signal
from pathlib import Path
from typing import Final

CODE_SERVER: Final = "jira_assets_tests.chaos.code_server"
LOCATION_MODULE: Final = "jira_assets_tests.chaos.location"
DAEMON_MODULE: Final = "jira_assets_tests.chaos.daemon_parts"
"""Named, not imported: to import them is to have the points in one's own process."""
FOLDER_VARIABLE: Final = "JIRA_ASSETS_CHAOS_POINTS"
SABOTAGE_VARIABLE: Final = "JIRA_ASSETS_CHAOS_SABOTAGE"

MID_PAGE: Final = "mid-page"
AFTER_MARKER: Final = "after-the-marker-before-the-message"
BEFORE_CONFIRM: Final = "after-the-message-before-its-confirm"
BEFORE_INBOX: Final = "after-the-take-before-the-inbox-commit"
AFTER_INBOX: Final = "after-the-inbox-commit-before-the-ack"
AFTER_REQUEST: Final = "after-the-run-request-before-the-queue"
AFTER_QUEUE: Final = "after-the-queue-before-the-run"
MID_MERGE: Final = "mid-merge"
AFTER_MERGE: Final = "after-the-merge-before-the-event"

POINTS: Final = (
    MID_PAGE,
    AFTER_MARKER,
    BEFORE_CONFIRM,
    BEFORE_INBOX,
    AFTER_INBOX,
    AFTER_REQUEST,
    AFTER_QUEUE,
    MID_MERGE,
    AFTER_MERGE,
)


def arm(folder: Path, name: str, passes: int = 0) -> None:
    """Let the process that passes the point after ``passes`` others kill itself."""
    (folder / f"{name}.fallen").unlink(missing_ok=True)
    (folder / name).write_text(str(passes))


def disarm(folder: Path, name: str) -> bool:
    """Take the point away; say whether a process was killed at it."""
    (folder / name).unlink(missing_ok=True)
    return fallen(folder, name)


def fallen(folder: Path, name: str) -> bool:
    """Say whether a process was killed at the point since it was armed."""
    return (folder / f"{name}.fallen").exists()


def fall(name: str) -> None:
    """Kill this process if the point is armed and its turn has come."""
    armed = Path(os.environ[FOLDER_VARIABLE]) / name
    try:
        left = int(armed.read_text() or "0")
        if left:
            armed.write_text(str(left - 1))
            return
        armed.rename(armed.with_name(f"{name}.fallen"))
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)
