"""How far a Dagster run is, in the words of the plan. Knows nothing of Dagster."""

from dataclasses import dataclass
from enum import Enum
from typing import Final
from uuid import UUID

_SHORT: Final = 8


class Phase(Enum):
    """How far a Dagster run is."""

    WAITING = "waits to start"
    WORKING = "is at work"
    SUCCEEDED = "succeeded"
    DONE = "has done its work, but Dagster does not know"
    FAILED = "failed"
    CANCELED = "was canceled"
    DEAD = "died: it has given no sign of life for too long"
    UNKNOWN = "is unknown to Dagster"

    @property
    def in_flight(self) -> bool:
        """Whether the run may still do something."""
        return self in {Phase.WAITING, Phase.WORKING}


@dataclass(frozen=True)
class RunState:
    """A Dagster run, as far as the plan looks at it."""

    run_id: str
    phase: Phase
    run_key: str | None = None
    partition_key: str | None = None
    covers: frozenset[UUID] = frozenset()
    """The messages that a transform run was asked for; empty for every other run."""
    error: str | None = None
    """Why it failed."""

    def __str__(self) -> str:
        error = f": {self.error}" if self.error else ""
        return f"run {self.run_id[:_SHORT]} {self.phase.value}{error}"
