"""Pages of many landings: in turn, out of turn, left in the middle, and gone."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest
import sqlalchemy as sa

from jira_assets.warehouse import stored_pages
from jira_assets.warehouse.contracts import LandedEntity, Landing, Owner
from jira_assets.warehouse.landing import land
from jira_assets.warehouse.pages_in_turn import PrunedExtractionError, with_pages
from jira_assets_tests.warehouse.data import add_owner, page, reading

COUNTS = [0, 1, 1, 0, 7, 1, 3, 0, 0, 2]


@pytest.fixture
def owner(warehouse: sa.Engine) -> Owner:
    return add_owner(warehouse)


@pytest.fixture
def landings(warehouse: sa.Engine, owner: Owner) -> list[Landing]:
    """Landings with as many pages as ``COUNTS`` says."""
    return [land_pages(warehouse, owner, number, count) for number, count in enumerate(COUNTS)]


def land_pages(warehouse: sa.Engine, owner: Owner, number: int, count: int) -> Landing:
    pages = [page(place, [f"{number}/{place}"], project=str(place)) for place in range(count)]
    new = reading(owner, pages, entity="project_statuses")
    return land(warehouse, new, run_id=None)


def texts(landed: LandedEntity) -> list[Any]:
    return [text for each in landed.pages() for text in each.payload]


def expected(number: int) -> list[str]:
    return [f"{number}/{place}" for place in range(COUNTS[number])]


@contextmanager
def queries_of(warehouse: sa.Engine) -> Iterator[list[None]]:
    """Count the connections that are taken meanwhile."""
    taken: list[None] = []

    def take(*_: object) -> None:
        taken.append(None)

    sa.event.listen(warehouse, "checkout", take)
    try:
        yield taken
    finally:
        sa.event.remove(warehouse, "checkout", take)


@pytest.mark.parametrize("size", [1, 30, 3_000_000])
@pytest.mark.parametrize("at_once", [1, 2, 3, 100])
def test_each_landing_has_its_own_pages_in_any_order(
    warehouse: sa.Engine,
    landings: list[Landing],
    monkeypatch: pytest.MonkeyPatch,
    at_once: int,
    size: int,
) -> None:
    monkeypatch.setattr(stored_pages, "BYTES_AT_ONCE", size)
    monkeypatch.setattr(stored_pages, "PAGES_AT_ONCE", at_once)
    landed = with_pages(warehouse, landings)
    assert [each.landing for each in landed] == landings
    numbers = range(len(COUNTS))
    for order in (list(numbers), list(reversed(numbers)), [4, 4, 5, 2, 3, 4, 9, 9]):
        assert [texts(landed[number]) for number in order] == [expected(each) for each in order]


def test_one_that_is_left_in_the_middle_begins_anew(
    warehouse: sa.Engine, landings: list[Landing]
) -> None:
    landed = with_pages(warehouse, landings)
    started = landed[4].pages()
    assert [each.payload for each in islice(started, 3)] == [["4/0"], ["4/1"], ["4/2"]]
    assert texts(landed[4]) == expected(4)
    assert [each.payload for each in islice(landed[4].pages(), 7)][-1] == ["4/6"]
    assert texts(landed[5]) == expected(5)


def test_small_landings_are_fetched_together(warehouse: sa.Engine, owner: Owner) -> None:
    landed = with_pages(
        warehouse, [land_pages(warehouse, owner, number, 1) for number in range(250)]
    )
    with queries_of(warehouse) as queries:
        assert [texts(each) for each in landed] == [[f"{number}/0"] for number in range(250)]
    # A hundred at once; each full hundred may have been the last one.
    assert len(queries) <= 5


def test_pages_that_are_gone_are_told_of_their_landing_alone(
    warehouse: sa.Engine, landings: list[Landing]
) -> None:
    promised = [
        replace(each, pages=each.pages + (number == 5)) for number, each in enumerate(landings)
    ]
    landed = with_pages(warehouse, promised)
    assert texts(landed[4]) == expected(4)
    with pytest.raises(PrunedExtractionError, match=str(landings[5].extraction_id)):
        texts(landed[5])
    assert texts(landed[6]) == expected(6)


def test_few_of_large_pages_are_held_at_once(
    warehouse: sa.Engine, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_pages, "BYTES_AT_ONCE", 100)
    small = [page(number, [], project=str(number)) for number in range(3)]
    large = [page(number, ["x" * 1000], project=str(number)) for number in range(3, 6)]
    new = reading(owner, [*small, *large], entity="project_statuses")
    landing = land(warehouse, new, run_id=None)
    sizes: list[int] = []
    original = stored_pages._read

    def read(*place: Any) -> Any:
        rows = original(*place)
        sizes.append(len(rows))
        return rows

    monkeypatch.setattr(stored_pages, "_read", read)
    [landed] = with_pages(warehouse, [landing])
    assert list(landed.pages()) == [*small, *large]
    assert sizes == [4, 1, 1]
