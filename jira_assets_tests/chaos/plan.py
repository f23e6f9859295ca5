"""What happens in a round: drawn from its seed alone, so that the seed says it all."""

from dataclasses import dataclass
from random import Random
from typing import Final

from jira_assets.partitions import PartitionKey
from jira_assets_tests.chaos.changes import CHANGES, JOBS, METADATA, Change
from jira_assets_tests.chaos.points import MID_PAGE, POINTS

KEYS: Final = (PartitionKey("acme", "cloud"), PartitionKey("globex", "cloud"))
"""Two tenants, whose sites give the same ids to other things."""
WINDOW_SECONDS: Final = 14.0
"""How long faults are injected; what waits for a point waits longer."""
KILLS: Final = (
    "kill a run",
    "kill a sync by hand",
    "kill the daemon",
    "kill the code server",
    "kill everything of Dagster",
)
SERVER_FAULTS: Final = (
    "Postgres stops",
    "Postgres crashes",
    "Postgres's connections are cut",
    "Postgres does not answer",
    "RabbitMQ stops",
    "RabbitMQ's connections are cut",
    "RabbitMQ does not answer",
    "a message that nobody can read",
)
JIRA_FAULTS: Final = (
    "Jira: http_429",
    "Jira: http_503_html",
    "Jira: http_500",
    "Jira: hang",
    "Jira: cut_json",
    "Jira: early_close",
)
KINDS: Final = (*POINTS, *KILLS, *SERVER_FAULTS, *JIRA_FAULTS)


@dataclass(frozen=True)
class Injection:
    """One fault, at so many seconds of its round. A point is armed then."""

    at: float
    kind: str
    seconds: float = 0.0
    """How long it lasts, where it lasts."""
    passes: int = 0
    """How often a point is passed before."""
    share: float = 0.0
    """The share of calls that a fault of Jira hits."""


@dataclass(frozen=True)
class Job:
    """A job of an integration."""

    key: PartitionKey
    name: str

    def __str__(self) -> str:
        return f"{self.key} {self.name}"


Changes = tuple[tuple[PartitionKey, Change], ...]
"""What changes at which integration's site."""


@dataclass(frozen=True)
class Plan:
    """A round. The first changes come before its start, the second ones at ``second_at``."""

    seed: int
    first: Changes
    second: Changes
    second_at: float
    injections: tuple[Injection, ...]

    @property
    def first_jobs(self) -> tuple[Job, ...]:
        """What is asked for at the start."""
        return _jobs(self.first)

    @property
    def second_jobs(self) -> tuple[Job, ...]:
        """What is asked for after the last change: all that sees one of them."""
        return _jobs(self.first + self.second)


def plan_round(seed: int, only: str | None = None) -> Plan:
    """Draw the round of a seed; ``only`` one kind of fault, if it is named."""
    rng = Random(seed)
    first = _changes(rng, rng.randint(1, 2))
    second = _changes(rng, rng.randint(1, 3))
    kinds = [only] if only else _kinds(rng)
    injections = sorted((_injection(kind, rng) for kind in kinds), key=lambda one: one.at)
    return Plan(seed, first, second, round(rng.uniform(2, 7), 1), tuple(injections))


def _kinds(rng: Random) -> list[str]:
    """Draw two points, or one and a kill; a fault of a server, and one of Jira, but not always."""
    kinds = rng.sample(POINTS, 2)
    if rng.random() < 0.5:
        kinds[1] = rng.choice(KILLS)
    if rng.random() < 0.75:
        kinds.append(rng.choice(SERVER_FAULTS))
    if rng.random() < 0.6:
        kinds.append(rng.choice(JIRA_FAULTS))
    return kinds


def _injection(kind: str, rng: Random) -> Injection:
    at = round(rng.uniform(0, WINDOW_SECONDS), 1)
    seconds, share = round(rng.uniform(1, 5), 1), round(rng.uniform(0.1, 0.4), 2)
    if kind in POINTS:
        # Early, since it takes seconds until somebody comes by.
        return Injection(0.0, kind, passes=rng.randint(0, 9 if kind == MID_PAGE else 1))
    if kind in JIRA_FAULTS:
        return Injection(round(at / 3, 1), kind, seconds=seconds * 3, share=share)
    return Injection(at, kind, seconds=seconds)


def _changes(rng: Random, how_many: int) -> Changes:
    """Draw changes, three of four at the first site."""
    drawn = rng.sample(CHANGES, how_many)
    return tuple((KEYS[0] if rng.random() < 0.75 else KEYS[1], change) for change in drawn)


def _jobs(changes: Changes) -> tuple[Job, ...]:
    wanted = {Job(key, job) for key, change in changes for job in change.jobs}
    wanted.add(Job(KEYS[0], METADATA))
    return tuple(job for key in KEYS for name in JOBS if (job := Job(key, name)) in wanted)
