"""What holds for any JSON that Jira might ever answer.

The scenario's own pages, mutated: any slot of any answer (project ids and keys of the requests,
too) may hold arbitrary JSON, or what another slot holds, or be gone.
"""

import copy
from collections.abc import Iterator
from typing import Any, Final

import pandas as pd
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from jira_assets.transform.snapshots import build_snapshot
from jira_assets.transform.values import flag, identifier
from jira_assets.warehouse.contracts import LandedEntity, RawPage, Snapshot, Sources
from jira_assets.warehouse.staging import staged_columns
from jira_assets.warehouse.tables import DATA_TABLES
from jira_assets_tests.scenario import CLOUD, SITES
from jira_assets_tests.site_scenario import landed, rows_of
from jira_assets_tests.transform.conftest import TABLES

OWNER = CLOUD.owner
GONE: Final = object()
Path = tuple[str | int, ...]
thorough = settings(max_examples=60, deadline=None)

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
anything = st.recursive(
    leaves | st.sampled_from(["", " ", "\x00", "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)


def slots(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of every slot in nested lists and objects."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in inside:
        yield (*path, key)
        if isinstance(item, dict | list):
            yield from slots(item, (*path, key))


def at(tree: Any, path: Path) -> Any:
    """Return what is at ``path``; None where earlier mutations took it away."""
    for key in path:
        try:
            tree = tree[key]
        except (LookupError, TypeError):
            return None
    return tree


TREE: Final = {
    entity: [
        {
            "id": p.request.get("project_id"),
            "key": p.request.get("project_key"),
            "answer": p.payload,
        }
        for p in pages
    ]
    for entity, pages in CLOUD.pages.items()
}
SLOTS: Final = [path for path in slots(TREE) if len(path) > 2]
mutations = st.lists(
    st.tuples(st.sampled_from(SLOTS), anything | st.just(GONE) | st.sampled_from(SLOTS)),
    max_size=12,
)


def mutated(changes: list[tuple[Path, Any]]) -> Any:
    tree = copy.deepcopy(TREE)
    for path, new in changes:
        parent: Any = at(tree, path[:-1])
        if at(tree, path) is None or isinstance(parent, str):
            continue
        if new is GONE:
            del parent[path[-1]]
        else:
            parent[path[-1]] = copy.deepcopy(at(TREE, new) if isinstance(new, tuple) else new)
    return tree


@st.composite
def any_sources(draw: st.DrawFn) -> dict[str, LandedEntity]:
    tree = draw(mutations.map(mutated))
    keys = st.lists(st.sampled_from(["DEV", "OPS", "ops"]), max_size=1)
    included, excluded = draw(keys), draw(keys)
    return {
        entity: landed(
            entity,
            [
                RawPage(
                    number,
                    {"project_id": page.get("id"), "project_key": page.get("key")},
                    CLOUD.pages[entity][number].http_status,
                    page.get("answer"),
                )
                for number, page in enumerate(pages)
            ],
            OWNER,
            included=included,
            excluded=excluded,
        )
        for entity, pages in tree.items()
    }


def snapshots(sources: Sources) -> dict[str, Snapshot]:
    return {table: build_snapshot(table, OWNER, sources) for table in TABLES}


@thorough
@given(any_sources())
def test_any_json_ends_in_rows_that_the_tables_take_or_in_rejected(sources: Sources) -> None:
    for table, snapshot in snapshots(sources).items():
        keys = [c.name for c in DATA_TABLES[table].primary_key if c.name != "integration_id"]
        assert not snapshot.frame.duplicated(keys).any()
        columns = DATA_TABLES[table].c
        required = [n for n in staged_columns(DATA_TABLES[table]) if not columns[n].nullable]
        assert not snapshot.frame[required].isna().to_numpy().any()
        assert all(rejected.reason for rejected in snapshot.rejected)


@thorough
@given(any_sources())
def test_texts_are_what_postgres_takes(sources: Sources) -> None:
    for snapshot in snapshots(sources).values():
        for text in snapshot.frame.to_numpy().ravel():
            if isinstance(text, str):
                assert "\x00" not in text
                text.encode()


@thorough
@given(any_sources())
def test_relations_name_only_what_the_same_sources_list(sources: Sources) -> None:
    made = snapshots(sources)
    known = {name: set(made[name].frame["jira_id"]) for name in ("statuses", "issue_types")}
    for table in ("projects_statuses", "projects_issue_types", "projects_issue_types_statuses"):
        frame = made[table].frame
        assert set(frame.get("status_jira_id", ())) <= known["statuses"]
        assert set(frame.get("issue_type_jira_id", ())) <= known["issue_types"]


@thorough
@given(any_sources())
def test_whatever_a_list_names_is_not_gone(sources: Sources) -> None:
    made = snapshots(sources)
    for table in ("issue_types", "statuses"):
        snapshot = made[table]
        payloads = [page.payload for page in sources[table].pages()]
        lists = [found.get("values") if isinstance(found, dict) else found for found in payloads]
        objects = [each for found in lists if isinstance(found, list) for each in found]
        ids = [identifier(each.get("id") if isinstance(each, dict) else None) for each in objects]
        known = {*snapshot.frame["jira_id"], *snapshot.kept_ids}
        if snapshot.complete:
            assert all(isinstance(found, list) for found in lists)
            assert set(ids) <= known
        assert {each for each in ids if each is not None} <= known


@thorough
@given(any_sources())
def test_only_what_is_known_to_be_of_jira_is_passed_over(sources: Sources) -> None:
    snapshot = build_snapshot("custom_fields", OWNER, sources)
    [page] = sources["fields"].pages()
    objects = page.payload if isinstance(page.payload, list) else []
    known, unknown = set(), []
    for each in objects:
        found = each if isinstance(each, dict) else {}
        jira_id, custom = identifier(found.get("id")), flag(found.get("custom"))
        if jira_id is None and custom is not False:
            unknown.append(each)
        if jira_id is not None and (custom or jira_id.startswith("customfield_")):
            known.add(jira_id)
    rows = set(snapshot.frame["jira_id"])
    assert rows <= known <= rows | snapshot.kept_ids
    if isinstance(page.payload, list):
        assert [each.payload for each in snapshot.rejected if each.jira_id is None] == unknown
        assert snapshot.complete is not bool(unknown)
    else:
        assert not snapshot.complete


@thorough
@given(any_sources())
def test_the_full_answer_agrees_with_its_projections(sources: Sources) -> None:
    made = {table: rows_of(snapshot.frame) for table, snapshot in snapshots(sources).items()}
    full = made["projects_issue_types_statuses"]
    assert {(project, type_) for project, type_, _ in full} <= made["projects_issue_types"]
    assert {(project, status) for project, _, status in full} <= made["projects_statuses"]


@thorough
@given(any_sources(), st.randoms())
def test_the_order_in_which_answers_landed_changes_no_row(sources: Sources, dice: Any) -> None:
    source = sources["project_statuses"]
    shuffled = list(source.pages())
    assume(len({str(page.request["project_id"]) for page in shuffled}) == len(shuffled))
    dice.shuffle(shuffled)
    other = {**sources, "project_statuses": LandedEntity(source.landing, lambda: iter(shuffled))}
    for table, snapshot in snapshots(sources).items():
        again = build_snapshot(table, OWNER, other)
        assert rows_of(again.frame) == rows_of(snapshot.frame)
        assert again.unreadable_projects == snapshot.unreadable_projects
        assert len(again.rejected) == len(snapshot.rejected)


@thorough
@given(any_sources())
def test_the_same_pages_make_the_same_snapshot(sources: Sources) -> None:
    for table, snapshot in snapshots(sources).items():
        again = build_snapshot(table, OWNER, sources)
        pd.testing.assert_frame_equal(again.frame, snapshot.frame)


def test_the_order_of_the_scenario_s_pages_changes_no_key() -> None:
    for site in SITES:
        turned = {
            entity: landed(entity, site.pages[entity][::-1], site.owner, excluded=site.excluded)
            for entity in site.pages
        }
        for table in TABLES:
            snapshot = build_snapshot(table, site.owner, turned)
            keys = [c.name for c in DATA_TABLES[table].primary_key if c.name != "integration_id"]
            expected = {row[: len(keys)] for row in site.rows[table]}
            assert set(snapshot.frame[keys].itertuples(index=False, name=None)) == expected
