"""How far a long reading is: one line of log now and then, and a listener for a progress bar.

One line a call would drown a run's log (10,000 projects are 10,000 calls); one line every ten
seconds is what people read. The command line's bar listens to every step.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

LOG_EVERY_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Progress:
    """A moment of one entity's reading. ``done`` and ``total`` count projects; wall seconds."""

    partition_key: str
    entity: str
    done: int
    total: int
    seconds: float

    @property
    def rate(self) -> float:
        """Projects a second so far."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the end at the present rate; None before the first is done."""
        return (self.total - self.done) / self.rate if self.rate else None

    def as_json(self) -> dict[str, Any]:
        """Return it as it is kept beside its job; rates and seconds to one decimal."""
        left = self.seconds_left
        return {
            "entity": self.entity,
            "done": self.done,
            "total": self.total,
            "per_second": round(self.rate, 1),
            "seconds_left": None if left is None else round(left, 1),
        }

    def __str__(self) -> str:
        text = f"{self.entity}: {self.done:,}/{self.total:,} projects"
        if not self.rate:
            return text
        left = self.seconds_left if self.done < self.total else None
        ahead = "" if left is None else f", about {left:.0f} s left"
        return f"{text} ({self.rate:.1f}/s{ahead})"


Listener = Callable[[Progress], None]
_listeners: list[Listener] = []


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Call ``listener`` with every step of every reading in this process, until the block ends."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


@dataclass
class ProgressLog:
    """Counts the projects of one reading; writes to ``log`` at most every ``every`` seconds."""

    partition_key: str
    entity: str
    total: int
    log: Callable[[str], None]
    tell: Listener = lambda _: None
    """Hears every step."""
    every: float = LOG_EVERY_SECONDS
    clock: Callable[[], float] = time.monotonic
    done: int = 0
    _began: float = field(init=False)
    _logged: float = field(init=False)

    def __post_init__(self) -> None:
        self._began = self._logged = self.clock()
        self._tell(self._now())

    def step(self) -> None:
        """Count one project that has been read."""
        self.done += 1
        now = self._now()
        self._tell(now)
        if self.clock() - self._logged >= self.every:
            self._logged = self.clock()
            self.log(str(now))

    def _now(self) -> Progress:
        seconds = self.clock() - self._began
        return Progress(self.partition_key, self.entity, self.done, self.total, seconds)

    def _tell(self, progress: Progress) -> None:
        for listener in (self.tell, *_listeners):
            listener(progress)
