"""The pages of landings that are taken in one after the other, read ahead over their borders."""

from collections.abc import Iterable, Iterator
from functools import partial

import sqlalchemy as sa

from jira_assets.warehouse.contracts import LandedEntity, Landing, RawPage
from jira_assets.warehouse.stored_pages import PagesKey, stored_pages


class PrunedExtractionError(LookupError):
    """An extraction was removed by retention while it was being read, or before it was merged."""

    def __init__(self, landing: Landing) -> None:
        super().__init__(
            f"{landing.entity} of extraction {landing.extraction_id} "
            f"({landing.owner.partition_key}) was pruned meanwhile; nothing was changed. Use a "
            "newer one: the materializations of its raw asset show which there are."
        )


def with_pages(engine: sa.Engine, landings: Iterable[Landing]) -> list[LandedEntity]:
    """Return landings together with the doors to their pages.

    To walk them in this order is fast, in any other order possible; by one thread at a time.
    """
    in_turn = _PagesInTurn(engine, tuple(landings))
    return [
        LandedEntity(landing, partial(in_turn.pages, number))
        for number, landing in enumerate(in_turn.landings)
    ]


class _PagesInTurn:
    """Reads the pages of landings, and goes on into the next one while one is worked on."""

    def __init__(self, engine: sa.Engine, landings: tuple[Landing, ...]) -> None:
        self.landings = landings
        self._engine = engine
        self._keys = [PagesKey(each.extraction_id, each.entity, each.scope) for each in landings]
        self._coming: Iterator[tuple[PagesKey, RawPage]] = iter(())
        self._next: tuple[PagesKey, RawPage] | None = None
        self._turn: int | None = None
        """Whose first page comes next; None: nobody's, or somebody is in the middle."""

    def pages(self, number: int) -> Iterator[RawPage]:
        """Yield the pages of one landing, all of them: else raise at the end."""
        landing, key, count = self.landings[number], self._keys[number], 0
        if self._turn != number:
            self._coming = stored_pages(self._engine, self._keys[number:])
            self._advance()
        self._turn = None
        while self._next is not None and self._next[0] == key:
            yield self._next[1]
            count += 1
            self._advance()
        self._turn = number + 1
        if count != landing.pages:
            raise PrunedExtractionError(landing)

    def _advance(self) -> None:
        self._next = next(self._coming, None)
