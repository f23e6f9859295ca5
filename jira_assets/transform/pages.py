"""Walking landed pages: the objects of a list, and each project's answer, one page at a time.

Decisions this module embodies:

* What cannot be read is set aside where it is found, as small as possible: one bad status costs
  that status, one bad issue type its own rows and not those of its statuses.
* The id of what was set aside is kept wherever it can be read: what was set aside is not gone.
* A project of whose answer something was set aside counts as unreadable, like those that answered
  403 or 404: it keeps the relations it had, since nobody can tell which of them were in that part.
* A page of a project that the landing's include and exclude lists leave out is passed over.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from jira_assets.transform.records import (
    BadRecordError,
    CustomField,
    IssueType,
    Project,
    Status,
    parse_issue_type,
    parse_status,
    remembering,
)
from jira_assets.transform.values import identifier, member, text
from jira_assets.warehouse.contracts import LandedEntity, Landing, RawPage, Rejected

RecordT = TypeVar("RecordT", Project, IssueType, Status, CustomField)


@dataclass(frozen=True)
class Selection:
    """The include and exclude lists of a landing. Keys compare case-sensitively."""

    included: frozenset[str]
    excluded: frozenset[str]

    @classmethod
    def of(cls, landing: Landing) -> "Selection":
        """Return what the marker recorded, whatever the integration says by now."""
        return cls(frozenset(landing.included_projects), frozenset(landing.excluded_projects))

    def __contains__(self, key: object) -> bool:
        return (not self.included or key in self.included) and key not in self.excluded


def listed(
    source: LandedEntity,
    parse: Callable[[Any], RecordT],
    rejected: list[Rejected],
    passed_over: Callable[[Any], bool] = lambda _: False,
) -> Iterator[RecordT]:
    """Yield the records of a list entity in page order; a repeated id comes again.

    What makes no record is added to ``rejected``, less the objects that are ``passed_over``.
    """
    for page in source.pages():
        for raw in _objects(source.landing.entity, page, rejected):
            if passed_over(raw):
                continue
            try:
                yield parse(raw)
            except BadRecordError as error:
                rejected.append(Rejected(source.landing.entity, raw, str(error), _id(raw)))


def _objects(entity: str, page: RawPage, rejected: list[Rejected]) -> list[Any]:
    """Return the objects of a page: the array itself, or the ``values`` of a paged answer."""
    found = page.payload.get("values") if isinstance(page.payload, dict) else page.payload
    if page.readable and isinstance(found, list):
        return found
    reason = f"page {page.page} (status {page.http_status}) is no list of objects"
    rejected.append(Rejected(entity, page.payload, reason))
    return []


def _id(raw: Any) -> str | None:
    return identifier(member(raw, "id"))


@dataclass(frozen=True)
class UsedType:
    """One issue type of a project and the statuses it uses; None where the type was set aside."""

    issue_type: IssueType | None
    statuses: list[Status]


@dataclass(frozen=True)
class ProjectAnswer:
    """What one project says that it uses."""

    project_id: str
    types: list[UsedType]


TYPES: Final = "issue_types"
STATUSES: Final = "statuses"


class ProjectAnswers:
    """The readable answers of the selected projects, in page order.

    ``unreadable``, ``rejected`` and ``complete`` are whole once the answers have been walked to
    their end. ``complete`` is False where a page does not say which project it is about.
    """

    def __init__(self, source: LandedEntity) -> None:
        self._source = source
        self._parse_type = remembering(parse_issue_type)
        self._parse_status = remembering(parse_status)
        self._rejected: list[tuple[tuple[str, ...], Rejected]] = []
        self.unreadable: set[str] = set()
        self.complete = True

    def __iter__(self) -> Iterator[ProjectAnswer]:
        selection = Selection.of(self._source.landing)
        for page in self._source.pages():
            if text(page.request.get("project_key")) in selection:
                yield from self._answer(page)

    def rejected(self, *wanted: str) -> list[Rejected]:
        """Return what was set aside that would have told ``TYPES`` or ``STATUSES``, or both."""
        return [rejected for tells, rejected in self._rejected if set(tells) & set(wanted)]

    def _answer(self, page: RawPage) -> Iterator[ProjectAnswer]:
        project_id = identifier(page.request.get("project_id"))
        if project_id is None:
            self._reject(None, page.payload, f"page {page.page} is about no project")
        elif not page.readable:
            self.unreadable.add(project_id)
        elif not isinstance(page.payload, list):
            self._reject(project_id, page.payload, f"project {project_id}: answer is no list")
        else:
            yield ProjectAnswer(project_id, [self._type(project_id, raw) for raw in page.payload])

    def _type(self, project_id: str, raw: Any) -> UsedType:
        where = f"project {project_id}"
        issue_type = None
        try:
            issue_type = self._parse_type(raw)
            where = f"{where}, issue type {issue_type.jira_id}"
        except BadRecordError as error:
            self._reject(project_id, raw, f"{where}: {error}", TYPES, jira_id=_id(raw))
        return UsedType(issue_type, list(self._statuses(project_id, where, raw)))

    def _statuses(self, project_id: str, where: str, raw: Any) -> Iterator[Status]:
        found = raw.get("statuses") if isinstance(raw, dict) else None
        if not isinstance(found, list):
            self._reject(project_id, raw, f"{where}: it has no list of statuses", STATUSES)
            return
        for status in found:
            try:
                yield self._parse_status(status)
            except BadRecordError as error:
                self._reject(project_id, status, f"{where}: {error}", STATUSES, jira_id=_id(status))

    def _reject(
        self,
        project_id: str | None,
        payload: Any,
        reason: str,
        *tells: str,
        jira_id: str | None = None,
    ) -> None:
        rejected = Rejected(self._source.landing.entity, payload, reason, jira_id)
        self._rejected.append((tells or (TYPES, STATUSES), rejected))
        if project_id is None:
            self.complete = False
        else:
            self.unreadable.add(project_id)
