"""What crosses the door of the warehouse: pages and readings in, landings out, snapshots in.

Plain dataclasses. No SQLAlchemy and no Dagster here: the pure functions of ``transform`` and the
reading generators of ``extract`` are written against this module alone.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid5

if TYPE_CHECKING:
    import pandas as pd

SITE_SCOPE: Final = "site"
"""The scope of entities that are read as a whole for the site."""

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
    be read (a project answering 404 or 403); its payload is the error body, or None.
    """

    page: int
    request: Mapping[str, Any]
    http_status: int
    payload: Any

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
class PartitionFailure:
    """Why one partition has no snapshot."""

    partition_key: str
    error: Exception


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
