"""What crosses the door of the warehouse: pages and readings in, landings out, snapshots in.

Plain dataclasses. No SQLAlchemy and no Dagster here: the pure functions of ``transform`` and the
reading generators of ``extract`` are written against this module alone.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid5

if TYPE_CHECKING:
    import pandas as pd

SITE_SCOPE: Final = "site"
"""The scope of entities that are read as a whole for the site."""

MAPPED_COLUMNS: Final = tuple(f"custom_field_{number:02}" for number in range(1, 21))
"""The columns of ``issues`` that an integration may map custom fields to."""

HTTP_OK: Final = 200

_MESSAGES: Final = UUID("3d1c1f0a-7a55-5c9b-9c0e-1e1f6d2b8a11")


def message_id(extraction_id: UUID, entity: str, scope: str) -> UUID:
    """Return the id of the message that says "this has landed": the same however often asked."""
    return uuid5(_MESSAGES, f"{extraction_id}/{entity}/{scope}")


@dataclass(frozen=True)
class Owner:
    """Whose data it is: the ids and the partition key of one integration."""

    tenant_id: int
    integration_id: int
    partition_key: str


@dataclass(frozen=True)
class RawPage:
    """One answer of Jira.

    ``request`` says what was asked: ``path``, ``params``, and ``project_id`` and ``project_key``
    where it was about one project. A page with another status than 200 is an object that could not
    be read (a project answering 404 or 403); its payload is the error body, or None. What lands is
    ``text`` where it is there: the whole payload, JSON in UTF-8, of which ``payload`` is a part.
    """

    page: int
    request: Mapping[str, Any]
    http_status: int
    payload: Any
    text: bytes | None = None

    @property
    def readable(self) -> bool:
        """Whether the answer is the object itself rather than the reason why it is not."""
        return self.http_status == HTTP_OK


@dataclass(frozen=True)
class Reading:
    """One entity and scope on its way in: the raw IO manager drains ``pages`` into the table.

    ``pages`` is called once, and only if the marker is not there yet, with what an earlier attempt
    of the same step left behind: the reader skips what that holds, or, where pages hang together
    (offset paging), ``resumable`` is False and it was dropped.
    """

    owner: Owner
    extraction_id: UUID
    entity: str
    pages: Callable[["LeftBehind"], Iterator[RawPage]]
    scope: str = SITE_SCOPE
    resumable: bool = False
    included_projects: tuple[str, ...] = ()
    excluded_projects: tuple[str, ...] = ()
    notes: Callable[[], Mapping[str, "Note"]] = dict
    """Called once it has landed (had landed before, too): what else to say of it, by name."""


Note = int | float | str
"""One figure or word about a reading, as Dagster shows it."""


@dataclass(frozen=True)
class MappedField:
    """A custom field that has a column of its own in ``issues``."""

    field_id: str
    type: str | None
    """``schema.type`` of the field when its project was last read in full; None: not known."""
    changed: bool = False
    """Whether the field is of another type by now: its values do not go into the column."""


@dataclass(frozen=True)
class Window:
    """Which part of a project's issues a reading asked for, and with what."""

    since: datetime | None
    """Everything that Jira changed from then on, by Jira's clock; None: everything."""
    until: datetime
    """Where the next reading goes on: its beginning less the overlap, by Jira's clock."""
    project_key: str
    fields: tuple[str, ...] = ()
    """The fields that were asked for."""
    mapped: Mapping[str, MappedField] = field(default_factory=dict)
    """Column of ``issues`` to the field that it holds."""
    idle_until: datetime | None = None
    """Nothing has changed until then, as the site's list says; None: the project was asked for.

    Kept with the watermark, and not with a landing: of an idle project nothing lands.
    """


@dataclass(frozen=True)
class ScopePage:
    """One answer about one scope."""

    scope: str
    page: RawPage


@dataclass(frozen=True)
class ScopeEnd:
    """A scope was read to its end: what came of it counts from now on, and its watermark moves.

    Where nothing came of it (an idle project), only the watermark moves. Where it could not be
    read, ``unreadable`` is the reason: its watermark stays, and what came of it does not count.
    """

    scope: str
    window: Window
    unreadable: str | None = None


@dataclass(frozen=True)
class ScopedReading:
    """Many scopes of one entity on their way in, several at a time, their pages in any order.

    ``scopes`` is called once, with the scopes that an earlier attempt of the same step has landed
    whole: the reader leaves them out. Pages of a scope are numbered from 0, each number once.
    """

    owner: Owner
    extraction_id: UUID
    entity: str
    scopes: Callable[[frozenset[str]], Iterator[ScopePage | ScopeEnd]]
    included_projects: tuple[str, ...] = ()
    excluded_projects: tuple[str, ...] = ()
    notes: Callable[[], Mapping[str, Note]] = dict
    """As of a ``Reading``."""


@dataclass(frozen=True)
class LeftBehind:
    """Pages of an unfinished reading: which projects they are about, and how many can be read."""

    project_ids: frozenset[str] = frozenset()
    next_page: int = 0
    """The next free page number."""
    readable: int = 0
    """Pages that are answers, not reasons why there is none."""


@dataclass(frozen=True)
class Landing:
    """The marker of one (extraction, entity, scope) that landed whole. Ordered by ``order``."""

    owner: Owner
    extraction_id: UUID
    entity: str
    scope: str
    sequence: int
    pages: int
    items: int
    started_at: datetime
    landed_at: datetime
    included_projects: tuple[str, ...] = ()
    excluded_projects: tuple[str, ...] = ()
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """Project id to the reason why it could not be read."""
    is_full: bool = True
    """Whether it holds all of its scope, rather than what changed since the one before it."""
    window: Window | None = None
    """Of a project's issues: what was asked for."""

    @property
    def order(self) -> tuple[datetime, int]:
        """What decides which of two landings is newer: when its reading began, then its sequence.

        Not when it landed: of two overlapping readings the one that began later holds no datum
        older than its own beginning.
        """
        return (self.started_at, self.sequence)


@dataclass(frozen=True)
class LandedEntity:
    """A landing with its pages, read lazily, in page order, each time ``pages`` is called."""

    landing: Landing
    pages: Callable[[], Iterator[RawPage]]


Sources = Mapping[str, LandedEntity]
"""Entity name to what has landed of it, for one integration; an entity may be missing."""


@dataclass(frozen=True)
class Rejected:
    """One object that could not be transformed."""

    entity: str
    payload: Any
    reason: str
    jira_id: str | None = None
    """Its own id; None where that could not be read, or where it is no single object."""


@dataclass(frozen=True)
class Snapshot:
    """Rows of one table for one integration, and what they are complete for.

    ``frame`` has the columns ``tenant_id``, ``integration_id`` and every column of the table but
    the bookkeeping ones; a null is None/NaN/NA. Its keys are distinct. It is complete for the whole
    integration, except for two things, which stay as they are:

    * ``unreadable_projects``: their rows, and the statuses and issue types that their living
      relations name;
    * what was set aside, which is not gone: the rows of ``kept_ids``, or all that ``frame`` lacks
      where ``complete`` is False.
    """

    table: str
    owner: Owner
    frame: "pd.DataFrame"
    sources: tuple[Landing, ...]
    transform_version: str
    unreadable_projects: frozenset[str] = frozenset()
    rejected: tuple[Rejected, ...] = ()
    kept_ids: frozenset[str] = frozenset()
    """``jira_id`` of rejected objects of this table that ``frame`` has no row of."""
    complete: bool = True
    """False where something was set aside that may be any row: being absent says nothing."""


@dataclass(frozen=True)
class Snapshots:
    """The snapshots of one table for the partitions of a run, each made when it is drained.

    An item may be the exception that making one partition's snapshot raised: that partition fails,
    the others go on.
    """

    table: str
    make: Callable[[], Iterable["Snapshot | PartitionFailure"]]


@dataclass(frozen=True)
class Rows:
    """Some rows of one table, column by column, every value as Postgres reads it: text or None.

    A jsonb value is JSON, an array is an array literal, a moment is ISO 8601 with its offset. All
    columns of the table are there but the owner's and the bookkeeping ones, all equally long.
    """

    columns: Mapping[str, Sequence[str | None]]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))


@dataclass(frozen=True)
class Piece:
    """What one page of a landing says: rows by table, and what could not be used.

    The same key may come again, in the same piece or in a later one: the later one is the newer.
    """

    rows: Mapping[str, Rows]
    rejected: Sequence[Rejected] = ()


@dataclass(frozen=True)
class Changes:
    """What one landing of one scope says has changed. Merged before those after it."""

    landing: Landing
    pieces: Callable[[], Iterator[Piece]]


@dataclass(frozen=True)
class SweptPage:
    """Ids of issues that a project has, some of them; a project without any has a page, too.

    Ids of a project that cannot be swept, since not all of them could be read, have ``""``.
    """

    project_jira_id: str
    issue_jira_ids: Sequence[str]


@dataclass(frozen=True)
class Sweep:
    """Which issues there are, of the projects that could be read; the others are gone."""

    landing: Landing
    pages: Callable[[], Iterator[SweptPage]]


@dataclass(frozen=True)
class Increments:
    """What the tables of one integration have yet to take in, oldest first.

    ``steps`` are few at a time in memory; several may be merged in one transaction.
    """

    owner: Owner
    tables: tuple[str, ...]
    transform_version: str
    steps: Callable[[], Iterator[Changes | Sweep]]
    newest: Mapping[tuple[str, str], tuple[datetime, int]] = field(default_factory=dict)
    """(entity, scope) to the order of its newest landing among them.

    Where the tables hold a newer one by then, not even a replay goes back behind it. Of a scope
    that is not named here it does.
    """


@dataclass(frozen=True)
class PartitionFailure:
    """Why one partition has no snapshot."""

    partition_key: str
    error: Exception


@dataclass
class SharedIncrements:
    """The increments of the partitions of a run, of which several tables are made at once.

    Each table's output is this same object. The IO manager merges all the tables with the first
    one, and keeps what came of it here, for the others.
    """

    tables: tuple[str, ...]
    make: Callable[[], Iterable["Increments | PartitionFailure"]]
    merged: "list[Mapping[str, MergeResult] | PartitionFailure] | None" = None
    """A partition each: table to what its merge did. None: not merged yet."""


@dataclass(frozen=True)
class MergeResult:
    """What one merge did to one integration's rows of one table. Counts are rows."""

    table: str
    owner: Owner
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    rejected: int = 0
    alive: int = 0
    """Living rows after the merge."""
    alive_before: int = 0
    outcome: str = "applied"
    """``applied``; ``same`` (these extractions are applied); ``superseded`` (newer ones are)."""
    extraction_ids: Mapping[str, UUID] = field(default_factory=dict)
    """Entity to the extraction applied."""
