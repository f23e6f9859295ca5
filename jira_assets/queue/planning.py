"""What the transform sensor would do: a pure function of queue rows and Dagster runs.

Decisions this module embodies:

* One run a partition at a time. It is asked for under the newest due message's ``run_key``, and
  covers every due message of the partition; one that comes while it runs gets the next run.
* A message waits until the run that landed it is over: with all that the extraction landed, one run
  transforms once, and a run that makes raw and tables together needs no other.
* An attempt ends with its run. If the tables have not caught up by then (failed, canceled, killed,
  unknown to Dagster, or a success that left something out), every message that run covered begins
  its next attempt after a pause that grows; after the last one it is ``failed``, with the error.
* Attempts are numbered on, never anew: Dagster knows the run keys of the first ones. A message that
  a person gives another budget goes on with the next ``MAX_ATTEMPTS``, so multiples of it are last.
* Only partitions that Dagster has are asked for: one bad request fails a whole tick.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final
from uuid import UUID

from jira_assets.queue.run_state import Phase, RunState

MAX_ATTEMPTS: Final = 5
"""Attempts of a message before it is given up; as many more each time it is retried."""
PAUSES: Final = (10, 30, 90, 270)
"""Seconds to wait after the first, second, … attempt."""
MAX_COVERED: Final = 50
"""Messages whose ids a run is given: they are a tag, and Postgres indexes 2,704 bytes of one.

A run that has so many covers the older ones of its partition, too: an extraction of issues leaves
one a project.
"""


@dataclass(frozen=True)
class QueueRow:
    """A row of ``etl_job_queue``, as far as the plan looks at it."""

    message_id: UUID
    partition_key: str
    integration_id: int
    entity: str
    state: str
    attempt: int
    created_at: datetime
    run_id: str | None = None
    extraction_run_id: str | None = None
    not_before: datetime | None = None

    @property
    def run_key(self) -> str:
        """Dagster never runs the same key twice, so each attempt has its own."""
        return f"{self.message_id}:{self.attempt}"


@dataclass(frozen=True)
class TransformRequest:
    """One run to ask for."""

    run_key: str
    partition_key: str
    tables: tuple[str, ...]
    message_ids: tuple[UUID, ...]
    """The newest of the messages that it covers, ``MAX_COVERED`` at most."""
    messages: int
    """How many it covers."""


@dataclass(frozen=True)
class Transition:
    """A change of one row, to be made only while the row is still ``before``."""

    before: QueueRow
    state: str
    attempt: int
    error: str | None = None
    not_before: datetime | None = None


@dataclass
class Plan:
    """What to do, and the same in words."""

    requests: list[TransformRequest] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    """The words about messages that are given up."""


@dataclass(frozen=True)
class World:
    """What the plan takes into account beside the rows."""

    now: datetime
    runs: Collection[RunState]
    partitions: Collection[str]
    """The partition keys that Dagster has."""
    targets: Mapping[str, Collection[str]]
    """Entity to the deployed tables that it feeds."""


def last_attempt(attempt: int) -> int:
    """Return the attempt after which a message that is at ``attempt`` is given up."""
    return -(-attempt // MAX_ATTEMPTS) * MAX_ATTEMPTS


def plan(rows: Iterable[QueueRow], world: World, *, max_requests: int = 50) -> Plan:
    """Decide what to do about the messages in ``rows`` that have been received.

    Partitions whose oldest message has waited longest come first; those beyond ``max_requests``
    are left for the next tick.
    """
    made, runs = Plan(), _Runs(world.runs)
    put_off = 0
    for group in _by_partition(rows):
        request = _PartitionPlan(group, world, runs, made).make()
        if request is None:
            continue
        if len(made.requests) < max_requests:
            made.requests.append(request)
            made.words.append(_asking(request))
        else:
            put_off += 1
    if put_off:
        made.words.append(f"{put_off} more partitions are left for the next tick")
    return made


def _by_partition(rows: Iterable[QueueRow]) -> list[list[QueueRow]]:
    """Group the received messages by partition; oldest first, within and among the groups."""
    received = sorted(
        (row for row in rows if row.state in {"received", "launched"}),
        key=lambda row: (row.partition_key, row.created_at, row.message_id),
    )
    groups = [list(group) for _, group in groupby(received, key=lambda row: row.partition_key)]
    return sorted(groups, key=lambda group: group[0].created_at)


class _Runs:
    """The runs, by what the plan asks for."""

    def __init__(self, runs: Iterable[RunState]) -> None:
        # Of several with one key or partition, the one that is in flight counts.
        ordered = sorted(runs, key=lambda run: run.phase.in_flight)
        self.by_id = {run.run_id: run for run in ordered}
        self._by_key = {run.run_key: run for run in ordered if run.run_key}
        self.transforming = {
            run.partition_key: run for run in ordered if run.covers and run.phase.in_flight
        }
        """Partition key to the transform run in flight that was asked for it."""

    def of(self, row: QueueRow) -> RunState | None:
        """Return the run of the row's present attempt: it claimed the row, or is still to do so."""
        if row.state == "launched":
            run_id = str(row.run_id)
            return self.by_id.get(run_id, RunState(run_id, Phase.UNKNOWN))
        return self._by_key.get(row.run_key)


class _PartitionPlan:
    """The plan for the messages of one partition, oldest first."""

    def __init__(self, rows: list[QueueRow], world: World, runs: _Runs, made: Plan) -> None:
        self._key = rows[0].partition_key
        self._rows = rows
        self._world = world
        self._runs = runs
        self._made = made

    def make(self) -> TransformRequest | None:
        """Add transitions and words to the plan; return the run to ask for, if there is one."""
        open_rows = self._without_target(self._rows)
        open_rows = self._without_ended(open_rows)
        busy = self._busy(open_rows)
        if busy is not None:
            self._say(str(busy))
            return None
        due = self._due([row for row in open_rows if row.state == "received"])
        return self._request(due) if due else None

    def _say(self, words: str) -> None:
        self._made.words.append(f"{self._key}: {words}")

    def _without_target(self, rows: list[QueueRow]) -> list[QueueRow]:
        """Complete messages about entities that nothing here is made of."""
        useless = [row for row in rows if not self._world.targets.get(row.entity)]
        self._made.transitions += [Transition(row, "completed", row.attempt) for row in useless]
        for entity in dict.fromkeys(row.entity for row in useless):
            self._say(f"{entity} feeds no table deployed here, completed")
        return [row for row in rows if self._world.targets.get(row.entity)]

    def _without_ended(self, rows: list[QueueRow]) -> list[QueueRow]:
        """Begin the next attempt of messages whose run is over."""
        theirs: dict[RunState, list[QueueRow]] = {}
        for row in rows:
            run = self._runs.of(row)
            if run is not None and not run.phase.in_flight:
                theirs.setdefault(run, []).append(row)
        ended: dict[UUID, RunState] = {}
        for run, own in theirs.items():
            ended |= {row.message_id: run for row in (*own, *_covered(run, own, rows))}
        for run in dict.fromkeys(ended.values()):
            self._end_attempt(run, [row for row in rows if ended.get(row.message_id) == run])
        return [row for row in rows if row.message_id not in ended]

    def _end_attempt(self, run: RunState, rows: list[QueueRow]) -> None:
        why = str(run)
        if run.phase is Phase.SUCCEEDED:
            why += ", but the tables have not caught up with the message"
        for attempt, same in groupby(sorted(rows, key=_by_attempt), key=_by_attempt):
            covered = list(same)
            if attempt >= last_attempt(attempt):
                self._give_up(why, covered, attempt)
            else:
                self._try_again(why, covered, attempt)

    def _try_again(self, why: str, rows: list[QueueRow], attempt: int) -> None:
        pause = PAUSES[(attempt - 1) % MAX_ATTEMPTS]
        not_before = self._world.now + timedelta(seconds=pause)
        self._made.transitions += [
            Transition(row, "received", attempt + 1, why, not_before) for row in rows
        ]
        self._say(f"{why}; attempt {attempt + 1} of {last_attempt(attempt)} in {pause} s")

    def _give_up(self, why: str, rows: list[QueueRow], attempt: int) -> None:
        self._made.transitions += [Transition(row, "failed", row.attempt, why) for row in rows]
        entities = ", ".join(dict.fromkeys(row.entity for row in rows))
        words = f"{why}; {entities}: failed after {attempt} attempts"
        self._say(words)
        self._made.failures.append(f"{self._key}: {words}")

    def _busy(self, rows: list[QueueRow]) -> RunState | None:
        """Return a transform run of this partition that is in flight."""
        runs = [*map(self._runs.of, rows), self._runs.transforming.get(self._key)]
        return next((run for run in runs if run is not None and run.phase.in_flight), None)

    def _due(self, rows: list[QueueRow]) -> list[QueueRow]:
        """Return the messages that a run can be asked for now; say why the others wait."""
        waiting: dict[str, list[QueueRow]] = {}
        due: list[QueueRow] = []
        for row in rows:
            reason = self._reason_to_wait(row)
            (due if reason is None else waiting.setdefault(reason, [])).append(row)
        for reason, held in waiting.items():
            entities = ", ".join(dict.fromkeys(row.entity for row in held))
            self._say(f"{entities}: {reason}")
        return due

    def _reason_to_wait(self, row: QueueRow) -> str | None:
        if self._key not in self._world.partitions:
            return "received, but Dagster has no such partition"
        if row.not_before is not None and row.not_before > self._world.now:
            seconds = (row.not_before - self._world.now).total_seconds()
            return f"attempt {row.attempt} of {last_attempt(row.attempt)} in {seconds:.0f} s"
        extraction = self._runs.by_id.get(str(row.extraction_run_id))
        if extraction is not None and extraction.phase.in_flight:
            return f"received; the extraction goes on, {extraction}"
        return None

    def _request(self, due: list[QueueRow]) -> TransformRequest:
        tables = (table for row in due for table in self._world.targets[row.entity])
        return TransformRequest(
            run_key=due[-1].run_key,
            partition_key=self._key,
            tables=tuple(dict.fromkeys(tables)),
            message_ids=tuple(row.message_id for row in due[-MAX_COVERED:]),
            messages=len(due),
        )


def _covered(run: RunState, own: list[QueueRow], rows: list[QueueRow]) -> Iterator[QueueRow]:
    """Yield what ``run`` was asked to cover beside its ``own`` rows, if nobody has claimed it.

    Of a run that was given as many ids as it can be, that is all that is older, too, and was as
    often tried.
    """
    received = [row for row in rows if row.state == "received"]
    yield from (row for row in received if row.message_id in run.covers)
    if len(run.covers) >= MAX_COVERED:
        newest = {row.attempt: (row.created_at, row.message_id) for row in own}
        yield from (
            row
            for row in received
            if row.attempt in newest and (row.created_at, row.message_id) < newest[row.attempt]
        )


def _by_attempt(row: QueueRow) -> int:
    return row.attempt


def _asking(request: TransformRequest) -> str:
    attempt = request.run_key.rpartition(":")[2]
    return (
        f"{request.partition_key}: asks for a run of {', '.join(request.tables)} "
        f"({_count(request.messages)}, attempt {attempt})"
    )


def _count(messages: int) -> str:
    return f"{messages:,} message{'' if messages == 1 else 's'}"
