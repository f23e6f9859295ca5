"""Odd content, edit by edit: the one thing changes, everything else stays as it was."""

from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from jira_assets.sandbox.faults import KINDS
from jira_assets.sandbox.hit import Hit
from jira_assets.sandbox.model import Deployment
from jira_assets.sandbox.mount import Mount
from jira_assets.sandbox.site import JiraSite
from jira_assets.sandbox.synthetic import synthetic_site
from jira_assets.sandbox.wire import Call

MODEL = synthetic_site(projects=7)
LEADS = "project/search?expand=lead"


def hit(path: str, model: JiraSite = MODEL) -> Hit:
    """Return a call of a site, as the server makes it."""
    mount = Mount(model, "", "http://127.0.0.1:1")
    path, _, query = f"/rest/api/latest/{path}".partition("?")
    call = Call("GET", path, query.encode())
    return Hit(
        call=call,
        base_url=mount.base_url,
        cloud=mount.cloud,
        seconds=1,
        location=None,
        answer=mount.reply,
        anonymous=lambda: mount.reply(call, anonymous=True),
    )


def sent(kind: str, path: str, model: JiraSite = MODEL) -> Any:
    _, make = KINDS[kind]
    return orjson.loads(make(hit(path, model)).body)


def objects(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a document, wherever it is."""
    if isinstance(node, dict):
        yield node
    for item in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from objects(item)


def values(name: str, node: Any) -> list[Any]:
    return [found[name] for found in objects(node) if name in found]


@pytest.mark.parametrize("path", ["status", "project/NA/statuses"])
@pytest.mark.parametrize(
    ("kind", "holds"),
    [
        ("category_undefined", lambda found: all(one["key"] == "undefined" for one in found)),
        ("category_missing", lambda found: not found),
        ("category_null", lambda found: found and set(found) == {None}),
        ("category_keyless", lambda found: all(one["id"] and "key" not in one for one in found)),
        ("category_translated", lambda found: all(one["name"] != "In Progress" for one in found)),
        ("text_ids", lambda found: all(isinstance(one["id"], str) for one in found)),
    ],
)
def test_categories(path: str, kind: str, holds: Callable[[Any], bool]) -> None:
    odd, right = sent(kind, path), orjson.loads(hit(path).healthy().body)
    assert holds(values("statusCategory", odd))
    ids = [row.get("id") for row in objects(right) if "iconUrl" in row]
    assert [row.get("id") for row in objects(odd) if "iconUrl" in row] == ids


@pytest.mark.parametrize(
    ("kind", "deployment", "lead"),
    [
        ("lead_null", "cloud", [None]),
        ("lead_missing", "cloud", []),
        ("lead_deleted", "cloud", [("accountId", "unknown"), ("emailAddress", "")]),
        ("lead_deleted", "data_center", [("key", "JIRAUSER10100"), ("emailAddress", "")]),
        ("lead_by_name", "data_center", [("name", "lead-one")]),
    ],
)
def test_leads(kind: str, deployment: Deployment, lead: list[Any]) -> None:
    model = synthetic_site(projects=7, deployment=deployment)
    path = LEADS if deployment == "cloud" else LEADS.replace("/search", "")
    found = values("lead", sent(kind, path, model))
    match lead:
        case []:
            assert found == []
        case [None]:
            assert set(found) == {None}
        case _:
            assert any(dict(lead).items() <= one.items() for one in found)
            assert "accountId" in found[0] or deployment == "data_center"


def test_ids_as_numbers() -> None:
    page = sent("numeric_ids", "project/search")
    assert all(isinstance(row["id"], int) for row in page["values"])


def test_nul_is_in_texts_or_in_names_of_fields() -> None:
    assert all("\0" in name for name in values("name", sent("nul_in_strings", "status")))
    odd = sent("nul_in_keys", "status")
    assert values("name", odd) == []
    assert values("na\0me", odd) == values("name", orjson.loads(hit("status").healthy().body))
    assert set(values("custom\0field", odd)) == {"\0"}


def test_the_first_item_has_no_name() -> None:
    assert ["name" in row for row in sent("nameless_first", "issuetype")][:2] == [False, True]
    page = sent("nameless_first", "project/search?maxResults=2")
    assert ["name" in row for row in page["values"]] == [False, True]
    assert sent("nameless_first", "myself") == orjson.loads(hit("myself").healthy().body)


def test_what_comes_twice_comes_first_under_its_older_name() -> None:
    right = orjson.loads(hit("status").healthy().body)
    odd = sent("repeated_older", "status")
    assert odd[len(right) :] == right
    assert {row["name"] for row in odd[: len(right)]} == {"Before it was renamed"}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_errors_stay_errors(kind: str) -> None:
    """An oddity of content leaves a 404 what it is."""
    _, make = KINDS[kind]
    call = hit("project/nix/statuses")
    if make(call).status == 404 and kind != "html_404":
        assert b"errorMessages" in make(call).body or kind in {"cut_json", "early_close"}


def page(kind: str, start: int, *, size: int = 3) -> tuple[list[str], int, bool]:
    """Return the ids, the total and the end of a page of seven projects."""
    query = f"startAt={start}&maxResults={size}&status=live,archived"
    found = sent(kind, f"project/search?{query}")
    return [row["id"] for row in found["values"]], found["total"], found["isLast"]


def test_pages_that_do_not_hang_together() -> None:
    right = [page("hang", start) for start in (0, 3, 6)]
    ids = [one for found, _, _ in right for one in found]
    assert [page("same_page_again", start) for start in (0, 3, 6)] == [right[0]] * 3
    assert [page("page_overlap", start)[0] for start in (0, 3, 6)] == [
        ids[:3],
        ids[2:5],
        ids[5:],
    ]
    assert [page("page_overlap", start)[2] for start in (0, 3, 6)] == [False, False, True]
    assert page("total_shrinks", 0) == ([ids[0], *ids[:2]], 8, False)
    assert page("total_shrinks", 3) == right[1]
    assert page("total_shrinks", 0, size=10) == ([ids[0], *ids], 8, True)
    assert [page("total_grows", start)[1] for start in (0, 3)] == [6, 7]
    assert [page("empty_page_in_the_middle", start) for start in (0, 3, 6, 9)] == [
        right[0],
        ([], 7, False),
        ([], 7, False),
        ([], 7, True),
    ]
