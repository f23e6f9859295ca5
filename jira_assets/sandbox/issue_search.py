"""Which issues of a site a JQL query finds, and in which order. Pure; no JSON here.

Decisions this module embodies:

* Where an account may not see a project, its issues are not there: naming it is an error.
* Data Center's index knows seconds, Cloud's milliseconds: comparisons and order follow it.
* Issues are in a total order, the key being the last word, and a place in it can be written down:
  it stays right while other issues come, go and change.
* ``key`` and ``id`` compare as Jira's do: the named issue must exist, and the result is the issues
  of its project with smaller or greater numbers.
"""

import operator
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jira_assets.sandbox.issue_model import Issue
from jira_assets.sandbox.jql import Clause, JqlError, Operand, Query, parse
from jira_assets.sandbox.model import Project, SiteState
from jira_assets.sandbox.moments import SECOND, read_jql

Place = tuple[Any, ...]
"""Where an issue stands in an order. Compares with others of the same order; is JSON but tuples."""

Test = Callable[[Issue], bool]

_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_UNBOUNDED: Final = (
    "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
)
_FORMS: Final = "'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd'"
_AFTER_ALL: Final = 1
"""Greater than every letter of a descending text, so that it ends after its continuations."""


@dataclass(frozen=True)
class Found:
    """The issues that a query finds, in its order, and the place of each."""

    issues: list[Issue]
    places: list[Place]

    def after(self, place: Place) -> int:
        """Return the index of the first issue behind a place."""
        return bisect_right(self.places, place)


def find(state: SiteState, jql: str) -> Found:
    """Return what a query finds; the same object again while the site stays as it is.

    Raises ``JqlError`` with Jira's words.
    """
    found = state.derived.get(("jql", jql))
    if not isinstance(found, Found):
        found = state.derived["jql", jql] = _found(state, parse(jql))
    return found


def newest(state: SiteState, project_id: str, count: int) -> list[Issue]:
    """Return the issues of a project that were changed last, the latest first."""
    unit = _unit(state)
    issues = state.issues_by_project.get(project_id, [])
    return sorted(issues, key=lambda issue: (-(issue.updated // unit), issue.number))[:count]


def _found(state: SiteState, query: Query) -> Found:
    if not query.clauses and state.deployment == "cloud":
        raise JqlError(_UNBOUNDED)
    candidates: Iterable[Issue] | None = None
    tests: list[Test] = []
    for clause in query.clauses:
        if clause.field == "project" and candidates is None:
            candidates = _of_projects(state, clause)
        elif clause.field == "project":
            tests.append(_project_test(state, clause))
        elif clause.field == "key":
            tests.append(_key_test(state, clause))
        else:
            tests.append(_moment_test(state, clause))
    hidden = state.unreadable
    issues = [
        issue
        for issue in (state.issues.values() if candidates is None else candidates)
        if issue.project_id not in hidden and all(test(issue) for test in tests)
    ]
    place_of = _places(state, query.order)
    placed = sorted((place_of(issue), issue.id) for issue in issues)
    return Found([state.issues[one] for _, one in placed], [place for place, _ in placed])


def _of_projects(state: SiteState, clause: Clause) -> list[Issue]:
    projects = dict.fromkeys(_project(state, one).id for one in clause.operands)
    return [issue for one in projects for issue in state.issues_by_project.get(one, [])]


def _project_test(state: SiteState, clause: Clause) -> Test:
    wanted = {_project(state, one).id for one in clause.operands}
    return lambda issue: issue.project_id in wanted


def _project(state: SiteState, operand: Operand) -> Project:
    project = state.find_project(operand.text)
    if project is None or project.id in state.unreadable:
        raise JqlError(f"The value '{operand.text}' does not exist for the field 'project'.")
    return project


def _key_test(state: SiteState, clause: Clause) -> Test:
    named = [_issue(state, clause, one) for one in clause.operands]
    if clause.operator in {"in", "="}:
        ids = {issue.id for issue in named}
        return lambda issue: issue.id in ids
    [bound] = named
    compare = _COMPARE[clause.operator]
    return lambda issue: (
        issue.project_id == bound.project_id and compare(issue.number, bound.number)
    )


def _issue(state: SiteState, clause: Clause, operand: Operand) -> Issue:
    issue = state.find_issue(operand.text)
    if issue is None or issue.project_id in state.unreadable:
        raise JqlError(
            f"An issue with key '{operand.text}' does not exist for field '{clause.said}'."
        )
    return issue


def _moment_test(state: SiteState, clause: Clause) -> Test:
    [value] = clause.operands
    moment = read_jql(value.text, state.time_zone, quoted=value.quoted)
    if moment is None:
        raise JqlError(
            f"Date value '{value.text}' for field '{clause.said}' is invalid. "
            f"Valid formats include: {_FORMS}."
        )
    compare, unit = _COMPARE[clause.operator], _unit(state)
    bound = moment // unit
    if clause.field == "created":
        return lambda issue: compare(issue.created // unit, bound)
    return lambda issue: compare(issue.updated // unit, bound)


def _places(state: SiteState, order: tuple[tuple[str, bool], ...]) -> Callable[[Issue], Place]:
    """Return what tells an issue's place; without any order, new keys come first."""
    unit = _unit(state)
    order = order or (("key", True),)
    if not any(field == "key" for field, _ in order):
        order = (*order, ("key", False))
    keys = {project.id: project.key for project in state.projects.values()}

    def one(issue: Issue, field: str, *, descends: bool) -> Any:
        if field == "key":
            key = keys.get(issue.project_id, "")
            if descends:
                return (*(-ord(letter) for letter in key), _AFTER_ALL), -issue.number
            return key, issue.number
        moment = (issue.updated if field == "updated" else issue.created) // unit
        return -moment if descends else moment

    return lambda issue: tuple(one(issue, field, descends=down) for field, down in order)


def _unit(state: SiteState) -> int:
    """Return how exact the site's index is, in milliseconds."""
    return 1 if state.deployment == "cloud" else SECOND
