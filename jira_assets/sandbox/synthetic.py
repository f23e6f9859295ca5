"""A made-up Jira site of any size, the same for the same arguments, and awkward on purpose.

What is awkward, each because a real site sent it or a tool broke on it: names that repeat under
other ids and in other categories, other scripts, quotes, emoji, leading spaces, text that looks
like SQL or like a missing value (``NA``, ``NULL``, ``nan``), NUL in a description, team-managed
projects with statuses and issue types of their own, projects without issue types, archived
projects, a category ``undefined``, a status without its category, and a status and an issue type
that projects use but the site's lists do not name. Its fields are made in ``fields``, its issues in
``synthetic_issues``.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from typing import Final, TypedDict, Unpack

from jira_assets.sandbox.draws import pick, shuffled
from jira_assets.sandbox.fields import make_fields
from jira_assets.sandbox.model import (
    DONE,
    IN_PROGRESS,
    TO_DO,
    UNDEFINED,
    Category,
    Deployment,
    IssueType,
    Project,
    ProjectCategory,
    SiteState,
    Status,
    Workflow,
)
from jira_assets.sandbox.people import Person
from jira_assets.sandbox.schemes import make_schemes
from jira_assets.sandbox.site import JiraSite
from jira_assets.sandbox.synthetic_issues import make_issues

_STATUS_NAMES: Final[tuple[tuple[str, Category | None], ...]] = (
    ("To Do", TO_DO),
    ("In Progress", IN_PROGRESS),
    ("Done", DONE),
    ("In Progress", TO_DO),
    ("Legacy", UNDEFINED),
    ("Imported", None),
    ("Hidden", IN_PROGRESS),
    ("进行中", IN_PROGRESS),
    ("Готово", DONE),
    ("قيد التنفيذ", IN_PROGRESS),
    ("Won't do", DONE),
    ('Said "done"', DONE),
    (" Leading space", TO_DO),
    ("🚀 Shipped", DONE),
    ("Robert'); DROP TABLE statuses;--", TO_DO),
    ("nan", TO_DO),
    ("100 % \\ done\t{}", DONE),
    ("Abgeschloßen", DONE),
    ("cafe\u0301", IN_PROGRESS),
    ("caf\u00e9", IN_PROGRESS),
)
_UNLISTED_STATUS: Final = "Hidden"
_TYPE_NAMES: Final = (
    "Task",
    "Sub-task",
    "Bug",
    "Task",
    "Epic",
    "Unlisted request",
    "ストーリー",
    "Неисправность",
    "Quote \" and ' both",
    "🐛",
)
_UNLISTED_TYPE: Final = "Unlisted request"
_EPIC: Final = "Epic"
_SUBTASK: Final = "Sub-task"
_PROJECT_NAMES: Final = (
    "Website",
    " Leading space",
    "Website",
    "Проект",
    "電子商務",
    'O\'Brien & "Sons" <b>',
    "NULL",
    "🦊 Fox",
    "'; DELETE FROM projects; --",
    "مشروع",
)
_PROJECT_KEYS: Final = ("NA", "NULL", "TRUE", "A1_B", "NONE")
_CATEGORIES: Final = (
    ProjectCategory("10000", "Retired", "Read-only"),
    ProjectCategory("10001", 'Category "two"'),
    None,
)
_PEOPLE: Final = (
    Person("712020:0f1e-lead-one", "lead-one", "Zoë O'Lead"),
    Person("712020:2d3c-lead-two", "lead-two", "负责人"),
)
_SCOPED_STATUSES: Final = (("To Do", TO_DO), ("In Progress", IN_PROGRESS), ("Done", DONE))
_FIRST_ID: Final = 10000
_EMPTY_PLACE: Final = 6
_TEAM_MANAGED_PLACE: Final = 3
_ARCHIVED_PLACE: Final = 5
_NUL_PLACE: Final = 8
_FIRST_STATUS_IDS: Final = ("1", "3", "4", "5", "6")
_NUL: Final = "Pasted from an old form:\0"


class Sizes(TypedDict, total=False):
    """How many objects of each kind a site has; ``USUAL`` where it is not said."""

    projects: int
    statuses: int
    issue_types: int
    custom_fields: int
    issues: int


USUAL: Final[Sizes] = {
    "projects": 10,
    "statuses": 24,
    "issue_types": 8,
    "custom_fields": 20,
    "issues": 0,
}


@dataclass(frozen=True)
class _Size:
    """How many objects of each kind, team-managed ones included."""

    projects: int
    statuses: int
    issue_types: int
    custom_fields: int
    issues: int
    team_managed: int

    @classmethod
    def of(cls, sizes: Sizes, *, cloud: bool) -> "_Size":
        asked: Sizes = {**USUAL, **sizes}
        affordable = min(
            asked["projects"] // 4,
            asked["statuses"] // (3 * len(_SCOPED_STATUSES)),
            asked["issue_types"] // 3,
        )
        size = cls(**asked, team_managed=affordable if cloud else 0)
        if min(astuple(size)) < 0:
            raise ValueError(f"A site has no negative number of {', '.join(USUAL)}.")
        return size

    @property
    def shared_statuses(self) -> int:
        return self.statuses - self.team_managed * len(_SCOPED_STATUSES)

    @property
    def shared_types(self) -> int:
        return self.issue_types - self.team_managed


def synthetic_site(
    *,
    seed: int = 1,
    deployment: Deployment = "cloud",
    time_zone: str = "Europe/Berlin",
    **sizes: Unpack[Sizes],
) -> JiraSite:
    """Make a site with exactly so many objects of each kind; see ``Sizes``.

    The counts include what is team-managed (Cloud only), archived or unlisted. ``time_zone`` is
    the site's, an IANA name. Raises ``ValueError`` for a negative number, and for issues that no
    project can hold.
    """
    size = _Size.of(sizes, cloud=deployment == "cloud")
    made = [_project(place, size, seed) for place in range(size.projects)]
    types = [_issue_type(place) for place in range(size.shared_types)]
    used = [_status(place) for place in range(size.shared_statuses)]
    schemes = make_schemes(_order(types, seed), _order(used, seed))
    workflows = {
        project.id: _workflow(place, schemes, seed)
        for place, project in enumerate(made)
        if project.style == "classic"
    }
    team_managed = [project for project in made if project.style == "next-gen"]
    for place, project in enumerate(team_managed):
        own_type, own_statuses = _team_managed(place, project.id, size)
        types.append(own_type)
        used.extend(own_statuses)
        workflows[project.id] = ((own_type.id, tuple(row.id for row in own_statuses)),)
    state = SiteState(
        deployment,
        title=f"Sandbox {seed}",
        time_zone=time_zone,
        projects={row.id: row for row in made},
        issue_types={row.id: row for row in types},
        statuses={row.id: row for row in used},
        fields=make_fields(size.custom_fields, seed, deployment, [row.id for row in team_managed]),
        workflows=workflows,
    )
    with_issues = make_issues(state, size.issues, seed)
    return JiraSite(replace(state, issues=with_issues.issues, moved_keys=with_issues.moved_keys))


def _order(rows: Sequence[Status] | Sequence[IssueType], seed: int) -> list[str]:
    """Shuffle ids, but unlisted ones first: what is dealt first is in every scheme."""
    listed = {row.id: row.listed for row in rows}
    return sorted(shuffled(list(listed), seed), key=lambda row_id: listed[row_id])


def _workflow(place: int, schemes: Sequence[Workflow], seed: int) -> Workflow:
    return () if place % 10 == _EMPTY_PLACE else pick(schemes, seed, "scheme", place)


def _status(place: int) -> Status:
    lap, index = divmod(place, len(_STATUS_NAMES))
    name, category = _STATUS_NAMES[index]
    first = place < len(_FIRST_STATUS_IDS)
    return Status(
        _FIRST_STATUS_IDS[place] if first else str(_FIRST_ID + place),
        _numbered(name, lap),
        category,
        description=_NUL if index == _NUL_PLACE else f"{name} is where work stands.",
        listed=name != _UNLISTED_STATUS or lap > 0,
    )


def _issue_type(place: int) -> IssueType:
    lap, index = divmod(place, len(_TYPE_NAMES))
    name = _TYPE_NAMES[index]
    return IssueType(
        str(_FIRST_ID + place),
        _numbered(name, lap),
        subtask=name == _SUBTASK,
        hierarchy_level={_EPIC: 1, _SUBTASK: -1}.get(name, 0),
        listed=name != _UNLISTED_TYPE or lap > 0,
    )


def _project(place: int, size: _Size, seed: int) -> Project:
    lap, index = divmod(place, len(_PROJECT_NAMES))
    team_managed = place % 4 == _TEAM_MANAGED_PLACE and place // 4 < size.team_managed
    return Project(
        str(_FIRST_ID + 7 * place),
        _PROJECT_KEYS[place] if place < len(_PROJECT_KEYS) else f"P{place}",
        _numbered(_PROJECT_NAMES[index], lap),
        description=_NUL if index == _NUL_PLACE else "",
        type_key=pick(("software", "business", "service_desk"), seed, "type", place),
        style="next-gen" if team_managed else "classic",
        archived=place % 25 == _ARCHIVED_PLACE,
        category=pick(_CATEGORIES, seed, "category", place),
        lead=pick(_PEOPLE, seed, "lead", place),
    )


def _team_managed(place: int, project_id: str, size: _Size) -> tuple[IssueType, list[Status]]:
    """Return the issue type and the statuses that one team-managed project has to itself."""
    own_type = IssueType(str(_FIRST_ID + size.shared_types + place), "Task", project_id=project_id)
    first_id = _FIRST_ID + size.shared_statuses + place * len(_SCOPED_STATUSES)
    own_statuses = [
        Status(str(first_id + offset), name, category, project_id=project_id)
        for offset, (name, category) in enumerate(_SCOPED_STATUSES)
    ]
    return own_type, own_statuses


def _numbered(name: str, lap: int) -> str:
    return f"{name} {lap + 1}" if lap else name
