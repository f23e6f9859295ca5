"""One case: drawn from its seed, read as the client reads it, transformed, and judged.

Decisions this module embodies:

* A seed is a case, wherever it runs: the dice are seeded with it, and everything is drawn of them.
* What the client reads goes on as Postgres gives it back. A document that the client refuses ends
  there, and it is judged whether refusing it was right.
* Whatever the program raises is a finding, but ``JiraError`` where it reads.
"""

import random
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from jira_assets.jira.answers import payload_of
from jira_assets.jira.errors import JiraError
from jira_assets.jira.shapes import ids_of, is_list, is_page, is_search, items_of, number
from jira_assets.jira.thin_pages import ThinPage, read_search
from jira_assets.jira.transport import HttpAnswer
from jira_assets.lenient_json import read_json
from jira_assets.transform.issue_pages import CHANGELOGS, ISSUES, issue_pieces
from jira_assets.transform.snapshots import TRANSFORMS, build_snapshot
from jira_assets.transform.sweep import NO_PROJECT, swept_pages
from jira_assets.warehouse.contracts import MappedField, RawPage
from jira_assets.warehouse.jsonb import jsonb_bytes
from jira_assets_tests.poison import judge_issues, judge_lists, simple
from jira_assets_tests.poison.bases import Base, bases
from jira_assets_tests.poison.judge_lists import Page
from jira_assets_tests.poison.mutate import BYTE_CHANGES, CHANGES, KINDS
from jira_assets_tests.poison.values import written
from jira_assets_tests.site_scenario import landed
from jira_assets_tests.transform.issue_scenario import OWNER, PROJECT, landing_of, records

NOW: Final = 1_800_000_000.0
URL: Final = "https://acme.example/rest/api/3/any"
ISSUE: Final = "10042"
"""The issue that a page of one changelog is asked for."""
MAPPED: Final = {
    column: MappedField(name, kind) for column, (name, kind) in judge_issues.MAPPED.items()
}
_WEIGHT: Final = 4
"""Of a change of the document beside one of its bytes: those end with the client, mostly."""
PARSED_BY_ALL: Final = 900
"""Levels of a document that every parser takes."""
TABLES_OF: Final = {
    "fields": ("custom_fields",),
    "project_statuses": (
        *("issue_types", "statuses", "projects_issue_types", "projects_statuses"),
        "projects_issue_types_statuses",
    ),
    "issue_samples": ("projects_custom_fields",),
}


@dataclass(frozen=True)
class Case:
    """What was drawn."""

    seed: int
    base: Base
    kinds: tuple[str, ...]
    """How it was changed; nothing: not at all."""
    bodies: tuple[bytes, ...]
    """The answers: of a project each, where the entity is read of projects."""


@dataclass
class Outcome:
    """What became of it."""

    rows: int = 0
    rejected: int = 0
    refused: int = 0
    problems: list[str] = field(default_factory=list)


def draw(seed: int, only: Sequence[str] = ()) -> Case:
    """Draw a case: kinds of changes, entities and sites of ``only`` alone, where it names some."""
    dice = random.Random(seed)
    kinds = [kind for kind in KINDS if kind in only] or list(KINDS)
    weights = [1 if kind in BYTE_CHANGES else _WEIGHT for kind in kinds]
    named = [base for base in bases() if {base.site, base.entity, base.shape} & set(only)]
    base = dice.choice(named or bases())
    documents = [base.document(dice) for _ in range(1 if base.entity != "project_statuses" else 2)]
    chosen = tuple(dice.choices(kinds, weights, k=dice.choice([1, 1, 1, 2, 3])))
    root = [dice.choice(documents)]
    at = documents.index(root[0])
    for kind in chosen:
        if kind in CHANGES:
            CHANGES[kind](dice, root)
    documents[at] = root[0]
    bodies = [written(document) for document in documents]
    for kind in chosen:
        if kind in BYTE_CHANGES:
            bodies[at] = BYTE_CHANGES[kind](dice, bodies[at]) if bodies[at] else b""
    return Case(seed, base, chosen, tuple(bodies))


def play(case: Case) -> Outcome:
    """Read, transform and judge a case. Nothing is raised, but by the machine."""
    outcome = Outcome()
    try:
        _play(case, outcome)
    except Exception as error:  # noqa: BLE001 # whatever is raised is what is looked for
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{where.filename.rpartition('/')[2]}:{where.lineno}"
        outcome.problems.append(f"raised {type(error).__name__}: {str(error)[:200]} at {place}")
    return outcome


def _play(case: Case, outcome: Outcome) -> None:
    read = [_read(case, body, outcome) for body in case.bodies]
    pages: list[RawPage] = []
    simply: list[Page] = []
    for place, found in enumerate(read):
        if found is not None:
            project = str(10_000 + place)
            request = {"path": "/any", "project_id": project, "project_key": f"P{place}"}
            pages.append(RawPage(len(pages), request, 200, found[0]))
            simply.append(Page(found[1], project))
    if pages:
        judge = {"issues": _issues, "issue_ids": _sweep}.get(case.base.entity, _lists)
        judge(case, pages, simply, outcome)


def answer_of(case: Case, body: bytes) -> Any:
    """Return an answer as the client reads it; raises ``JiraError``, and nothing else."""
    thin = case.base.shape == "issues" and case.base.entity == "issues"
    parse = read_search if thin else read_json
    return payload_of(HttpAnswer(URL, 200, {}, body), anonymous=False, now=NOW, parse=parse)


def _read(case: Case, body: bytes, outcome: Outcome) -> tuple[Any, Any] | None:
    """Return an answer as the client and Postgres give it, and as it is read simply.

    None where the client refuses it, which must be for a reason.
    """
    try:
        found = answer_of(case, body)
    except JiraError:
        outcome.refused += 1
        if (why := _needlessly_refused(body)) is not None:
            outcome.problems.append(f"refused, and it is {why}")
        return None
    if isinstance(found, ThinPage):
        thin_page, found = found, read_json(found.text)
        outcome.problems += _seen_otherwise(thin_page, found)
    _look_at(found)
    with simple.deep_stack():
        simply = simple.kept(body)
    return read_json(jsonb_bytes(found)), simply


def _needlessly_refused(body: bytes) -> str | None:
    with simple.deep_stack():
        try:
            document = simple.parsed(body)
        except (ValueError, RecursionError):
            return None
        return "JSON" if simple.depth_of(document) <= PARSED_BY_ALL else None


def _seen_otherwise(thin: Any, whole: Any) -> list[str]:
    """Return where the reading would go by something that the whole page does not say."""
    if is_search(thin) != is_search(whole):
        return ["a thin page is a search, the whole one is none, or the other way round"]
    if not is_search(whole):
        return []
    names = ("isLast", "nextPageToken", "total", "startAt", "maxResults")
    seen = [name for name in names if not simple.same(thin.get(name), whole.get(name))]
    if ids_of(thin) != ids_of(whole) or len(items_of(thin)) != len(items_of(whole)):
        seen.append("ids")
    return [f"a thin page says otherwise: {', '.join(seen)}"] if seen else []


def _look_at(payload: Any) -> None:
    """Look at an answer as paging does; it may say anything, but raises nothing."""
    if is_list(payload) or is_page(payload) or is_search(payload):
        assert len(ids_of(payload)) <= len(items_of(payload))
    assert (number(payload, "total") or 0) >= 0


def _lists(case: Case, pages: list[RawPage], simply: list[Page], outcome: Outcome) -> None:
    entity = case.base.entity
    sources = {entity: landed(entity, pages, OWNER)}
    for table in TABLES_OF.get(entity, (entity,)):
        made = TRANSFORMS[table].rows(sources)
        names = list(made.columns)
        rows = dict.fromkeys(zip(*made.columns.values(), strict=True))
        with simple.deep_stack():
            expected = expected_of(table, entity, simply)
            problems = judge_lists.differences(
                expected,
                [dict(zip(names, row, strict=True)) for row in rows],
                [each.reason for each in made.rejected],
            )
        outcome.problems += [f"{table}: {each}" for each in problems]
        outcome.rows += len(rows)
        outcome.rejected += len(made.rejected)
        for each in made.rejected:
            jsonb_bytes(each.payload)
        if case.seed % 50 == 0:
            assert len(build_snapshot(table, OWNER, sources).frame) == len(rows)


def expected_of(table: str, entity: str, simply: Iterable[Page]) -> judge_lists.Expected:
    """Return what a table must hold that is made of these answers alone."""
    if entity == "project_statuses":
        return judge_lists.of_projects(table, *judge_lists.used(simply))
    if entity == "issue_samples":
        return judge_lists.samples(simply)
    return judge_lists.listed(table, simply)


def _issues(case: Case, pages: list[RawPage], simply: list[Page], outcome: Outcome) -> None:
    pages = [replace(page, request={**page.request, "issue_id": ISSUE}) for page in pages]
    pieces = list(issue_pieces(landing_of(*pages, mapped=MAPPED)))
    issues, changes = records(pieces, ISSUES), records(pieces, CHANGELOGS)
    rejected = [each for piece in pieces for each in piece.rejected]
    with simple.deep_stack():
        told = judge_issues.told([each.document for each in simply], PROJECT, ISSUE)
        reasons = [each.reason for each in rejected]
        outcome.problems += judge_issues.differences(told, issues, changes, reasons)
    outcome.rows += len(issues) + len(changes)
    outcome.rejected += len(rejected)
    for each in rejected:
        jsonb_bytes(each.payload)


def _sweep(case: Case, pages: list[RawPage], simply: list[Page], outcome: Outcome) -> None:
    [swept] = swept_pages(landed("issue_ids", pages, OWNER)) if pages else [None]
    assert swept is not None
    issues = simple.part(simply[0].document, "issues")
    listed = issues if isinstance(issues, list) else []
    ids = [simple.identifier(simple.part(each, "id")) for each in listed]
    is_whole = isinstance(issues, list) and None not in ids
    project = simply[0].project if is_whole else NO_PROJECT
    known = [each for each in ids if each is not None]
    if (swept.project_jira_id, list(swept.issue_jira_ids)) != (project, known):
        outcome.problems.append(f"swept {swept}, expected {project} and {known}")
    outcome.rows += len(known)
