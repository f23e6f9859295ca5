"""Snapshots: what has landed of one integration, as the rows of each table. Pure functions.

Decisions this module embodies:

* Of repeated ids in a list the last complete one wins: a project that moved between two pages while
  they were read is on both, and the later page is the newer one. Of several projects that name a
  status or an issue type differently, the project with the highest id wins, so that the order in
  which concurrent answers happened to land changes no row.
* A status (or issue type) is the site's own listing of it, and what only projects name is taken
  from them: `/status` lists active workflows only, and no relation may point nowhere. The scope of
  a team-managed one is taken from wherever it is said.
* A relation is made of complete records only, by the same parsers: whatever a relation names is in
  the snapshot of `statuses` or `issue_types` of the same sources.
* What was set aside is not gone. A bad object with an id keeps its row, unless another one of the
  same id makes a row; one without an id may be any row of a list, so that list deletes nothing. In
  a project's answer it makes the project unreadable, which keeps all that the project named.
* Pages stream; what is kept is a record an id, and the ids of relations, column by column.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from jira_assets.transform.pages import (
    STATUSES,
    TYPES,
    ProjectAnswer,
    ProjectAnswers,
    Selection,
    listed,
)
from jira_assets.transform.records import (
    CustomField,
    IssueType,
    Project,
    Status,
    is_system_field,
    parse_custom_field,
    parse_issue_type,
    parse_project,
    parse_status,
)
from jira_assets.transform.samples import Samples
from jira_assets.warehouse.contracts import Owner, Rejected, Snapshot, Sources

if TYPE_CHECKING:
    import pandas as pd

TRANSFORM_VERSION: Final = "3"
"""Raise it whenever the same pages make other rows: the tables are then made anew from raw."""

Columns = Mapping[str, list[Any]]
NamedT = TypeVar("NamedT", IssueType, Status)


class NothingLandedError(LookupError):
    """None of the entities that a table is made of has ever landed whole."""

    def __init__(self, partition_key: str, table: str, entities: tuple[str, ...]) -> None:
        self.partition_key = partition_key
        self.entities = entities
        raw = " or ".join(f"raw_{entity}" for entity in entities)
        super().__init__(
            f"nothing has landed that {table} of {partition_key} is made of: "
            f"materialize {raw} for {partition_key} first."
        )


@dataclass(frozen=True)
class Rows:
    """Rows of one table, column by column, and what could not be used."""

    columns: Columns
    rejected: Sequence[Rejected] = ()
    unreadable_projects: Collection[str] = ()
    kept_ids: Collection[str] = ()
    complete: bool = True


@dataclass(frozen=True)
class Transform:
    """How one table is made, and of which landed entities (its own is the first)."""

    entities: tuple[str, ...]
    rows: Callable[[Sources], Rows]


def build_snapshot(table: str, owner: Owner, sources: Sources) -> Snapshot:
    """Make the snapshot of ``table`` from what has landed of one integration.

    Bad objects come out in ``rejected``, not as exceptions.

    Raises:
        NothingLandedError: ``sources`` has none of the entities that the table is made of.
    """
    transform = TRANSFORMS[table]
    landed = [sources[entity] for entity in transform.entities if entity in sources]
    if not landed:
        raise NothingLandedError(owner.partition_key, table, transform.entities)
    rows = transform.rows(sources)
    return Snapshot(
        table=table,
        owner=owner,
        frame=_frame(owner, rows.columns),
        sources=tuple(source.landing for source in landed),
        transform_version=TRANSFORM_VERSION,
        unreadable_projects=frozenset(rows.unreadable_projects),
        rejected=tuple(rows.rejected),
        kept_ids=frozenset(rows.kept_ids),
        complete=rows.complete,
    )


def projects(sources: Sources) -> Rows:
    """Make ``projects``: those that the landing's include and exclude lists leave."""
    source = sources["projects"]
    selection = Selection.of(source.landing)
    rejected: list[Rejected] = []
    newest = {record.jira_id: record for record in listed(source, parse_project, rejected)}
    chosen = [record for record in newest.values() if record.key in selection]
    columns = _columns(Project._fields, chosen)
    return Rows(
        columns, rejected, kept_ids=_ids(rejected) - newest.keys(), complete=_have_ids(rejected)
    )


def issue_types(sources: Sources) -> Rows:
    """Make ``issue_types``: the site's, and those that only a project's answer names."""

    def named(answer: ProjectAnswer) -> Iterator[IssueType]:
        return (used.issue_type for used in answer.types if used.issue_type is not None)

    return _listed_or_named(sources, TYPES, IssueType, parse_issue_type, named)


def statuses(sources: Sources) -> Rows:
    """Make ``statuses``: the site's, and those that only a project's answer names."""

    def named(answer: ProjectAnswer) -> Iterator[Status]:
        return (status for used in answer.types for status in used.statuses)

    return _listed_or_named(sources, STATUSES, Status, parse_status, named)


def _listed_or_named(
    sources: Sources,
    entity: str,
    record_type: type[NamedT],
    parse: Callable[[Any], NamedT],
    named_in: Callable[[ProjectAnswer], Iterator[NamedT]],
) -> Rows:
    rejected: list[Rejected] = []
    records: dict[str, NamedT] = {}
    unreadable: set[str] = set()
    complete = True
    if entity in sources:
        records = {record.jira_id: record for record in listed(sources[entity], parse, rejected)}
        complete = _have_ids(rejected)
    if "project_statuses" in sources:
        answers = ProjectAnswers(sources["project_statuses"])
        for record in _named_by_projects(answers, named_in):
            records[record.jira_id] = _united(records.get(record.jira_id), record)
        rejected += answers.rejected(entity)
        unreadable = answers.unreadable
        complete = complete and answers.complete
    columns = _columns(record_type._fields, records.values())
    return Rows(columns, rejected, unreadable, _ids(rejected) - records.keys(), complete)


def _ids(rejected: Iterable[Rejected]) -> set[str]:
    return {each.jira_id for each in rejected if each.jira_id is not None}


def _have_ids(rejected: Iterable[Rejected]) -> bool:
    return all(each.jira_id is not None for each in rejected)


def _named_by_projects(
    answers: Iterable[ProjectAnswer], named_in: Callable[[ProjectAnswer], Iterator[NamedT]]
) -> list[NamedT]:
    """Return one record an id: that of the highest project id, compared as numbers are."""
    found: dict[str, tuple[tuple[int, str], NamedT]] = {}
    for answer in answers:
        rank = (len(answer.project_id), answer.project_id)
        for record in named_in(answer):
            known = found.get(record.jira_id)
            if known is None or rank >= known[0]:
                found[record.jira_id] = (rank, record)
    return [record for _, record in found.values()]


def _united(listed_by_site: NamedT | None, named: NamedT) -> NamedT:
    if listed_by_site is None:
        return named
    if listed_by_site.project_jira_id is None and named.project_jira_id is not None:
        return listed_by_site._replace(project_jira_id=named.project_jira_id)
    return listed_by_site


def projects_issue_types(sources: Sources) -> Rows:
    """Make ``projects_issue_types``: which issue types each project has."""
    answers = ProjectAnswers(sources["project_statuses"])
    columns = _relation("project_jira_id", "issue_type_jira_id")
    project_ids, type_ids = columns.values()
    for answer in answers:
        ids = [used.issue_type.jira_id for used in answer.types if used.issue_type is not None]
        type_ids += ids
        project_ids += [answer.project_id] * len(ids)
    return _related(columns, answers, TYPES)


def projects_statuses(sources: Sources) -> Rows:
    """Make ``projects_statuses``: which statuses each project uses, in any of its issue types."""
    answers = ProjectAnswers(sources["project_statuses"])
    columns = _relation("project_jira_id", "status_jira_id")
    project_ids, status_ids = columns.values()
    for answer in answers:
        ids = {status.jira_id: None for used in answer.types for status in used.statuses}
        status_ids += ids
        project_ids += [answer.project_id] * len(ids)
    return _related(columns, answers, STATUSES)


def projects_issue_types_statuses(sources: Sources) -> Rows:
    """Make ``projects_issue_types_statuses``: the statuses of each issue type of each project."""
    answers = ProjectAnswers(sources["project_statuses"])
    columns = _relation("project_jira_id", "issue_type_jira_id", "status_jira_id")
    project_ids, type_ids, status_ids = columns.values()
    for answer in answers:
        for used in answer.types:
            if used.issue_type is not None:
                status_ids += [status.jira_id for status in used.statuses]
                type_ids += [used.issue_type.jira_id] * len(used.statuses)
                project_ids += [answer.project_id] * len(used.statuses)
    return _related(columns, answers, TYPES, STATUSES)


def custom_fields(sources: Sources) -> Rows:
    """Make ``custom_fields``: the site's, less the fields that Jira brings."""
    rejected: list[Rejected] = []
    found = listed(sources["fields"], parse_custom_field, rejected, passed_over=is_system_field)
    newest = {record.jira_id: record for record in found}
    columns = _columns(CustomField._fields, newest.values())
    return Rows(
        columns, rejected, kept_ids=_ids(rejected) - newest.keys(), complete=_have_ids(rejected)
    )


def projects_custom_fields(sources: Sources) -> Rows:
    """Make ``projects_custom_fields``: how often each project's newest issues fill a field."""
    samples = Samples(sources["issue_samples"])
    records = [
        (project_id, field_id, filled, samples.sampled[project_id])
        for project_id, fields in samples.filled.items()
        for field_id, filled in fields.items()
    ]
    columns = _columns(("project_jira_id", "custom_field_jira_id", "filled", "sampled"), records)
    return Rows(columns, samples.rejected, samples.unreadable, complete=samples.complete)


def _relation(*names: str) -> dict[str, list[str]]:
    return {name: [] for name in names}


def _related(columns: Columns, answers: ProjectAnswers, *told: str) -> Rows:
    rejected = answers.rejected(*told)
    return Rows(columns, rejected, answers.unreadable, complete=answers.complete)


def _columns(names: Sequence[str], records: Collection[tuple[Any, ...]]) -> Columns:
    return {name: [record[i] for record in records] for i, name in enumerate(names)}


def _frame(owner: Owner, columns: Columns) -> "pd.DataFrame":
    """Put columns beside their owner's ids. Values stay Python's own; a repeated row is dropped."""
    import pandas as pd

    frame = pd.DataFrame(
        {name: pd.Series(column, dtype=object) for name, column in columns.items()}
    )
    frame = frame.drop_duplicates(ignore_index=True)
    frame.insert(0, "tenant_id", owner.tenant_id)
    frame.insert(1, "integration_id", owner.integration_id)
    return frame


TRANSFORMS: Final[Mapping[str, Transform]] = {
    "projects": Transform(("projects",), projects),
    "issue_types": Transform(("issue_types", "project_statuses"), issue_types),
    "statuses": Transform(("statuses", "project_statuses"), statuses),
    "projects_issue_types": Transform(("project_statuses",), projects_issue_types),
    "projects_statuses": Transform(("project_statuses",), projects_statuses),
    "projects_issue_types_statuses": Transform(
        ("project_statuses",), projects_issue_types_statuses
    ),
    "custom_fields": Transform(("fields",), custom_fields),
    "projects_custom_fields": Transform(("issue_samples",), projects_custom_fields),
}
"""How each table that is a snapshot is made, by its name. Issues are not: see ``issue_pages``."""
