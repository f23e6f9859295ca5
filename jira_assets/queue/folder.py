"""The embedded broker: kombu's ``filesystem://`` transport, held so that the same code runs on it.

Decisions this module embodies:

* It serves the demo and a laptop. It may lose a message (a reader killed between read and ack) and
  shuffles them; the rows of ``etl_job_queue`` make up for both.
* One process at a time has the folder, by a lock: kombu writes its files in place, and a reader
  that comes by in the middle would throw away half a message.
"""

import fcntl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from kombu import Connection
from kombu.transport.virtual import BrokerState
from kombu.utils.json import loads

_POLL_SECONDS: Final = 0.02


@dataclass(frozen=True)
class WaitingFile:
    """A message in its file, with as much of kombu's messages as is needed of one."""

    path: Path
    body: bytes | str
    headers: Mapping[str, Any] = field(default_factory=dict)

    def ack(self) -> None:
        """Take it off its queue for good."""
        self.path.unlink(missing_ok=True)


def waiting_in(folder: Path, queue: str, read: Callable[[Any], Any]) -> list[WaitingFile]:
    """Return what waits in ``queue``, in the order in which kombu would take it. All of it stays.

    Args:
        folder: the broker's.
        queue: its name.
        read: makes kombu's message of what its file holds.
    """
    files = sorted((folder / "messages").glob("*.msg"))
    return [_waiting(file, read) for file in files if file.name.partition(".")[2] == f"{queue}.msg"]


def _waiting(path: Path, read: Callable[[Any], Any]) -> WaitingFile:
    content = path.read_bytes()
    try:
        message = read(loads(content.decode()))
    except (ValueError, KeyError, TypeError, AttributeError):
        return WaitingFile(path, content)  # half a file, or no message of kombu's
    return WaitingFile(path, message.body or b"", message.headers or {})


def folder_connection(folder: Path) -> Connection:
    """Return a connection to the broker in ``folder``, which is made where it is missing."""
    messages, control, taken = folder / "messages", folder / "control", folder / "taken"
    for made in (messages, control, taken):
        made.mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = {
        "data_folder_in": str(messages),
        "data_folder_out": str(messages),
        "control_folder": str(control),
        # A message passes through here; by default through the machine's common temporary folder.
        "processed_folder": str(taken),
    }
    connection = Connection("filesystem://", transport_options=options)
    # kombu keeps the bindings of all folders of a process in one place: a second folder with queues
    # of the same names would not be bound, and what is published there would vanish.
    connection.transport.state = BrokerState()
    return connection


@contextmanager
def folder_lock(folder: Path, seconds: float) -> Iterator[None]:
    """Have the folder alone; raises ``TimeoutError`` where another process keeps it that long."""
    folder.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + seconds
    with (folder / "lock").open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"another process keeps it for {seconds:.0f} s") from None
                time.sleep(_POLL_SECONDS)
        yield
